"""Values and gradients against arbitrary precision, in single and in double precision.

The error allowed is 100 eps (max(|truth|, 1) + conditioning), where the conditioning is how much the truth changes when
each input moves by its own relative eps: ``sum_i |x_i df/dx_i|``. Inputs are rounded to single precision first.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from accuracy_grid import GRIDS, Grid
from mpmath import mp, mpf

LIMIT = 100.0


def truth(fn, row: tuple[float, ...], fixed: frozenset[int]) -> tuple[float, np.ndarray, float, np.ndarray]:
    """Value, gradient, and the conditioning of each, by forward differences with steps of 1e-18 at 60 digits.

    ``fixed`` inputs, such as counts, have no slope and are not moved.
    """
    zero = any(v == 0 and i not in fixed for i, v in enumerate(row))
    # a step from 0 must be small beside a scale of 1e-20, and its square not too small for the digits
    with mp.workdps(200 if zero else 60):
        x = [mpf(v) for v in row]
        h = [abs(v) * mpf(10) ** -18 if v != 0 else mpf(10) ** -75 for v in x]
        n = len(x)

        def at(*moved: int):
            return fn(*[v + h[i] * moved.count(i) for i, v in enumerate(x)])

        f = at()
        if not mp.isfinite(f):
            return float(f), np.full(n, np.nan), 0.0, np.zeros(n)
        one = [f if i in fixed else at(i) for i in range(n)]
        slope = [(one[i] - f) / h[i] for i in range(n)]
        scale = [mpf(v) for v in np.abs(row)]
        bend = [[mpf(0)] * n for _ in range(n)]
        for i in range(n):
            for j in range(i, n):
                if {i, j} & fixed:
                    continue
                bend[i][j] = bend[j][i] = (at(i, j) - one[i] - one[j] + f) / (h[i] * h[j])
        cond = mp.fsum(abs(slope[i]) * scale[i] for i in range(n))
        cond_slope = [mp.fsum(abs(bend[j][i]) * scale[i] for i in range(n)) for j in range(n)]
        return float(f), np.array([float(s) for s in slope]), float(cond), np.array([float(c) for c in cond_slope])


@functools.cache
def truths(name: str, which: str) -> tuple[np.ndarray, ...]:
    """The truth of a grid's function at its points rounded to single precision."""
    grid = next(g for g in GRIDS if g.name == name)
    fn = {
        "log_prob": grid.truth,
        "log_cdf": lambda *x: grid.tails(*x)[0],
        "log_sf": lambda *x: grid.tails(*x)[1],
    }[which]
    points = [truth(fn, tuple(map(float, r)), grid.fixed) for r in rounded(grid, which)]
    return tuple(np.stack(part) for part in zip(*points, strict=True))


def rounded(grid: Grid, which: str) -> np.ndarray:
    """The points in single precision; of a large grid every third for the tails, whose truth takes long."""
    points = grid.points[::3] if which != "log_prob" and len(grid.points) > 200 else grid.points
    return np.array(points, np.float32).astype(np.float64)


def errors(got: np.ndarray, want: np.ndarray, cond: np.ndarray, dtype) -> np.ndarray:
    """How many eps of what is allowed once; inf where something is not finite that should be."""
    info = np.finfo(dtype)
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.abs(got - want) / (float(info.eps) * (np.maximum(np.abs(want), 1) + cond))
        error = np.where(got == want, 0, error)
    error = np.where(np.isnan(error), np.inf, error)
    too_large = (np.abs(want) > 0.5 * float(info.max)) | (cond > 0.01 * float(info.max)) | np.isnan(want)
    return np.where(too_large, 0, error)


SLOW = ("student_t", "gamma", "beta", "binomial", "poisson", "negative_binomial")
FUNCTIONS = [pytest.param(g, "log_prob", id=f"{g.name}-log_prob") for g in GRIDS] + [
    pytest.param(g, f, id=f"{g.name}-{f}", marks=[pytest.mark.slow] * (g.name in SLOW))
    for g in GRIDS
    if g.tails
    for f in ("log_cdf", "log_sf")
]


def measure(grid: Grid, which: str, dtype) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Errors of value ``[n]`` and of gradient ``[n, inputs]``, and which gradients exist, in eps."""
    want, slope, cond, cond_slope = truths(grid.name, which)
    with jax.enable_x64(dtype == np.float64):
        columns = [jnp.asarray(c, dtype) for c in rounded(grid, which).T]
        fn = getattr(grid.distribution, which)

        def total(*columns):
            params, y = grid.pack(*columns)
            value = fn(params, y)
            return value.sum(), value

        inputs = tuple(range(len(columns)))
        slopes, value = jax.jit(jax.grad(total, inputs, has_aux=True))(*columns)
    value_error = errors(np.asarray(value, np.float64), want, cond, dtype)
    got = np.stack([np.asarray(s, np.float64) for s in slopes], -1)
    slope_error = errors(got, slope, cond_slope, dtype)
    slope_error[:, list(grid.fixed)] = 0
    return value_error, slope_error, got


@pytest.mark.parametrize(("grid", "which"), FUNCTIONS)
def test_accuracy(grid: Grid, which: str):
    rows, failures = rounded(grid, which), []
    for dtype in (np.float32, np.float64):
        value_error, slope_error, _ = measure(grid, which, dtype)
        for name, error in (("value", value_error[:, None]), ("gradient", slope_error)):
            for i, j in np.argwhere(error > LIMIT):
                failures.append(f"{np.dtype(dtype)} {name}[{j}] at {tuple(rows[i])}: {error[i, j]:.3g} eps")
    assert not failures, f"{len(failures)} failures\n" + "\n".join(failures[:40])
