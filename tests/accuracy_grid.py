"""The points at which `test_accuracy.py` asks for accuracy: ordinary, extreme and at the edge of what fits."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
import references

import lik_jax as lj
from lik_jax.distributions import logistic, normal, poisson, weibull


@dataclass(frozen=True, eq=False)
class Grid:
    """Points of a distribution.

    Attributes:
        name: of the row; `references` has its truth under the same name unless `truth` says otherwise.
        distribution: the module or composed distribution.
        points: rows of numbers, observation first.
        truth, tails: functions of such a row in arbitrary precision.
        pack: columns of numbers -> ``(params, y)``.
        fixed: which of the numbers have no slope: counts and labels.
    """

    name: str
    distribution: Any
    points: list[tuple[float, ...]]
    truth: Callable[..., Any]
    tails: Callable[..., Any] | None
    pack: Callable[..., tuple[Any, Any]]
    fixed: frozenset[int] = frozenset()


GRIDS: list[Grid] = []


def grid(points: list[tuple[float, ...]], name: str, fixed: int = 0) -> None:
    """Register the points of a module that takes its parameters as columns."""
    module = getattr(lj.distributions, name)
    GRIDS.append(
        Grid(
            name,
            module,
            points,
            getattr(references, name),
            getattr(references, name + "_tails", None),
            lambda y, *columns: (module.Params(*columns), y),
            frozenset(range(fixed)),
        )
    )


def location_scale(*more: tuple[float, ...]) -> list[tuple[float, ...]]:
    """``(y, loc, scale, ...)`` from near to 200 scales away."""
    places = [(0, 1), (3, 0.5), (-100, 2), (0, 1e-20), (0, 1e20), (1e5, 0.25), (1, 1e6), (-0.3, 1e-3)]
    z = [0.0, 1e-6, 0.1, -0.7, 1, -3, 10, -40, 200, -1e4]
    shapes = list(itertools.product(*more)) or [()]
    return [
        (np.float32(loc) + s * zi, loc, s, *shape) for (loc, s), zi in itertools.product(places, z) for shape in shapes
    ]


def around(mean: float, sd: float) -> list[float]:
    """Values near a mean, and far from it on both sides."""
    return [mean * k for k in (1e-8, 0.01, 0.5, 1, 1.1, 3, 30)] + [mean + k * sd for k in (-3, -1, 2, 8)]


def positive(rows: list[tuple[float, ...]]) -> list[tuple[float, ...]]:
    return [r for r in rows if r[0] > 0]


grid(location_scale(), "normal")
grid([r for r in location_scale() if r[0] != r[1]], "laplace")
grid(location_scale(), "logistic")
grid([r for r in location_scale((0.01, 0.5, 0.9)) if r[0] != r[1]], "asymmetric_laplace")
grid(
    [
        (np.float32(loc) + s * z, df, loc, s)
        for df in (0.1, 1, 2.5, 30, 1e3, 1e5, 1e8)
        for loc, s in ((0, 1), (3, 0.5), (0, 1e-20), (1e5, 0.25))
        for z in (0.0, 0.1, -1, 3, -40, 1e4, 1e12)
    ],
    "student_t",
)
grid(
    [
        (np.float32(loc) + s * z, loc, s, c)
        for c in (0, 1e-30, 1e-6, 1e-3, 0.2, 0.9, 3, -1e-6, -1e-3, -0.3, -0.9, -2)
        for loc, s in ((0, 1), (3, 0.5), (-100, 2), (0, 1e-20), (0, 1e20))
        for z in (0.0, 1e-6, 0.1, -0.3, 1, -2, 8, 40, 1e4)
        if 1 + c * z > 1e-3
    ],
    "generalized_extreme_value",
)
grid(
    [(k / rate, rate) for rate in (1e-20, 0.3, 1, 50, 1e10) for k in (1e-10, 1e-3, 0.5, 1, 3, 40, 1e3)],
    "exponential",
)
grid(
    positive(
        [
            (y, a, rate)
            for a in (0.01, 0.5, 1, 1.5, 3, 20, 300, 1e4, 1e6)
            for rate in (1e-10, 1, 50)
            for y in around(a / rate, a**0.5 / rate)
        ]
    ),
    "gamma",
)
grid(
    [
        (np.exp(np.clip(loc + s * z, -80, 80)), loc, s)
        for loc, s in ((0, 1), (3, 0.5), (-40, 1), (0.1, 1e-3), (0, 10))
        for z in (0.0, 0.1, -1, 3, -6, 20)
    ],
    "log_normal",
)
grid(
    [
        (scale * q, scale, k)
        for scale in (1e-10, 0.3, 1, 1e6)
        for k in (0.1, 0.7, 1, 2, 20)
        for q in (1e-3, 0.2, 0.9, 1.0, 1.2, 4)
    ],
    "weibull",
)
grid(
    [
        (y, a, b)
        for a, b in itertools.product((0.01, 0.5, 1, 3, 50, 1e4, 1e6), repeat=2)
        for m, s in [(a / (a + b), (a * b / (a + b + 1)) ** 0.5 / (a + b))]
        for y in (m, m + s, m - s, m - 4 * s, m + 4 * s, 1e-10, 0.5, 1 - 1e-5)
        if 1e-30 < y < 1 - 1e-7
    ],
    "beta",
)
grid([(y, x) for x in (-200, -20, -1, -1e-3, 0, 0.5, 3, 50, 150) for y in (0, 1)], "bernoulli", fixed=1)
grid(
    [
        (y, n, x)
        for n in (1, 10, 1e3, 1e6)
        for x in (-30, -5, -1, 0, 0.1, 3, 20)
        for y in sorted({0, 1, n // 2, n - 1, n, round(n / (1 + np.exp(-x)))})
    ],
    "binomial",
    fixed=2,
)
grid(
    [
        (y, x)
        for x in (-70, -5, 0, 1, 5, 10, 13.8)
        for m in [np.exp(x)]
        for y in sorted({0, 1, 3, round(m), round(m + 6 * m**0.5), round(0.9 * m), round(10 * m)})
    ],
    "poisson",
    fixed=1,
)
grid(
    [
        (y, x, r)
        for x in (-20, -3, 0, 2, 7, 13)
        for r in (1e-3, 0.3, 1, 20, 1e4, 1e8)
        for y in sorted({0, 1, 5, round(np.exp(x)), round(3 * np.exp(x)), 1000})
    ],
    "negative_binomial",
    fixed=1,
)
GRIDS.append(
    Grid(
        "categorical",
        lj.distributions.categorical,
        [
            (y, *x)
            for x in ((0, 0, 0), (1, 2, 3), (100, 0, -100), (1e4, 1e4, 0), (-5, 88.8, 90), (0, 1e-3, -1e-3))
            for y in (0, 1, 2)
        ],
        references.categorical,
        None,
        lambda y, *x: (lj.distributions.categorical.Params(jnp.stack(x, -1)), y),
        frozenset([0]),
    )
)
GRIDS.append(
    Grid(
        "plackett_luce",
        lj.distributions.plackett_luce,
        [
            (*y, *x)
            for x in (
                (0, 0, 0, 0),
                (1, 2, 3, 4),
                (100, 0, -100, 3),
                (1e4, 1e4, 0, -1e4),
                (-5, 88.8, 90, 1e-3),
                (1e6, 1e6 + 1, 1e6 - 1, 1e6),
            )
            for y in ((0, 1, 2), (3, 2, 1), (2, 0, 3))
        ],
        references.plackett_luce,
        None,
        lambda a, b, c, *x: (lj.distributions.plackett_luce.Params(jnp.stack(x, -1)), jnp.stack([a, b, c], -1)),
        frozenset([0, 1, 2]),
    )
)
GRIDS.append(
    Grid(
        "multivariate_normal",
        lj.distributions.multivariate_normal,
        [
            (m0 + z0 * a, m1 + z1 * c, m0, m1, a, b, c)
            for m0, m1 in ((0, 0), (100, -3))
            for a, b, c in ((1, 0, 1), (2, -1, 0.5), (1e-3, 1, 1e-3), (1e10, 1e5, 1))
            for z0, z1 in ((0, 0.5), (1, -2), (30, 40))
        ],
        references.multivariate_normal,
        None,
        lambda y0, y1, m0, m1, a, b, c: (
            lj.distributions.multivariate_normal.Params(
                jnp.stack([m0, m1], -1), jnp.stack([jnp.stack([a, 0 * a], -1), jnp.stack([b, c], -1)], -2)
            ),
            jnp.stack([y0, y1], -1),
        ),
    )
)


def compose(name: str, distribution: Any, points: list[tuple[float, ...]], pack: Callable[..., Any], fixed: int = 0):
    """Register the points of a composed distribution."""
    GRIDS.append(Grid(name, distribution, points, getattr(references, name), None, pack, frozenset(range(fixed))))


pair = lj.mixture(normal, 2)
compose(
    "mixture",
    pair,
    [
        (y, l0, 0.5, m0, m1, s0, s1)
        for l0 in (0, 3, -100)
        for m0, m1 in ((0, 1), (-50, 50), (1e3, 1e3))
        for s0, s1 in ((1, 2), (1e-3, 10))
        for y in (0, 0.7, -49, 1e3, 1e5)
    ],
    lambda y, l0, l1, m0, m1, s0, s1: (
        pair.Params(jnp.stack([l0, l1], -1), normal.Params(jnp.stack([m0, m1], -1), jnp.stack([s0, s1], -1))),
        y,
    ),
)
compose(
    "truncated",
    lj.truncated(normal, low=-1.0, high=2.0),
    [
        (y, loc, scale)
        for loc in (-100, -3, -1, 0, 0.5, 2, 30)
        for scale in (0.01, 0.3, 1, 50, 1e6)
        for y in (-1, -0.9, 0, 0.7, 1.99)
    ],
    lambda y, *columns: (normal.Params(*columns), y),
)
compose(
    "discretized",
    lj.discretized(logistic, low=0, high=255),
    [
        (y, loc, scale)
        for loc in (-50, 0, 0.3, 127, 255, 1e3)
        for scale in (1e-2, 0.3, 5, 1e3, 1e7)
        for y in (0, 1, 127, 254, 255)
    ],
    lambda y, *columns: (logistic.Params(*columns), y),
    fixed=1,
)
visits = lj.zero_inflated(poisson)
compose(
    "zero_inflated",
    visits,
    [(y, g, x) for g in (-100, -2, 0, 3, 50) for x in (-70, -3, 0, 2, 6, 12) for y in (0, 1, 7, 400)],
    lambda y, g, x: (visits.Params(g, poisson.Params(x)), y),
    fixed=1,
)
compose(
    "censored",
    lj.censored(weibull),
    [(t, s, k) for s in (1e-3, 1, 50) for k in (0.3, 1, 4) for t in (1e-6, 0.3, 1, 20, 300)],
    lambda t, *columns: (weibull.Params(*columns), lj.Censored(t, jnp.zeros(t.shape, bool))),
)
