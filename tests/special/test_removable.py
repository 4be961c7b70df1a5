"""Quotients with a filled hole: values and derivatives of two orders against arbitrary precision, through the hole."""

import jax
import numpy as np
import pytest
from mpmath import mp, mpf

from lik_jax import generalized_extreme_value as gev
from lik_jax import special

SHAPES = (0.0, 1e-30, 1e-8, -1e-8, 1e-3, -1e-3, 0.2, -0.2, 0.35, -0.35, 0.9, 3.0)


def growth(z, c):
    return z if c == 0 else mp.log1p(c * z) / c


def power(w, c):
    return w if c == 0 else mp.expm1(c * w) / c


def log_gamma_over(x):
    return -mp.euler if x == 0 else mp.loggamma(1 + x) / x


def atan_over(x):
    return mpf(1) if x == 0 else mp.atan(x) / x


def slopes(fn, *x):
    """Value, and derivatives of the first and second order towards the last argument, by differences at 150 digits."""
    with mp.workdps(150):
        *first, last = map(mpf, x)
        h = mpf(10) ** -40
        at = [fn(*first, last + k * h) for k in (-2, -1, 0, 1, 2)]
        slope = (at[3] - at[1]) / (2 * h)
        bend = (at[3] - 2 * at[2] + at[1]) / h**2
        return [float(f) for f in (at[2], slope, bend)]


@pytest.mark.parametrize(
    ("fn", "truth", "others"),
    [
        (special.log1p_ratio, growth, (0.3, -0.25, 1e-6)),
        (special.expm1_ratio, power, (0.3, -4.0, 2.5)),
        (lambda x: special.log_gamma_1p_ratio(x), log_gamma_over, None),
        (lambda x: special.atan_ratio(x), atan_over, None),
    ],
    ids=["log1p_ratio", "expm1_ratio", "log_gamma_1p_ratio", "atan_ratio"],
)
def test_against_arbitrary_precision(fn, truth, others, x64):
    points = [(c,) for c in SHAPES] if others is None else [(z, c) for z in others for c in SHAPES]
    got = jax.jit(jax.vmap(lambda x: jax.numpy.stack(derivatives(fn, x))))(np.array(points))
    want = np.array([slopes(truth, *x) for x in points])
    np.testing.assert_allclose(got[:, 0], want[:, 0], rtol=1e-14)
    np.testing.assert_allclose(got[:, 1], want[:, 1], rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(got[:, 2], want[:, 2], rtol=1e-9, atol=1e-11)


def derivatives(fn, x):
    """Value and two derivatives of ``fn`` of the numbers in ``x`` towards the last."""

    def last(c):
        return fn(*x[:-1], c)

    first = jax.grad(last)
    return last(x[-1]), first(x[-1]), jax.grad(first)(x[-1])


def test_moments_of_maxima_are_smooth_where_they_are_gumbels(x64):
    def mean(c):
        return -mp.digamma(1) if c == 0 else (mp.gamma(1 - c) - 1) / c

    def variance(c):
        return mp.zeta(2) if c == 0 else (mp.gamma(1 - 2 * c) - mp.gamma(1 - c) ** 2) / c**2

    shapes = [c for c in SHAPES if c < 0.5] + [0.45, -3.0]
    for ours_, truth in ((gev.mean, mean), (gev.variance, variance)):
        got = jax.vmap(jax.value_and_grad(lambda c, f=ours_: f(gev.Params(0.0, 1.0, c))))(np.array(shapes))
        want = np.array([slopes(truth, c)[:2] for c in shapes])
        np.testing.assert_allclose(got[0], want[:, 0], rtol=1e-12)
        np.testing.assert_allclose(got[1], want[:, 1], rtol=1e-9)
