"""One row a combinator, bases and nestings that differ."""

import numpy as np
import scipy.stats as st
from case import Case, Edge, expit, inf, v
from frozen import (
    Carried,
    CensoredTimes,
    Independent,
    Mixture,
    Rounded,
    Truncated,
    ZeroInflated,
    bent,
    segment,
)

import lik_jax as lj
from lik_jax import bijectors
from lik_jax.compose import LeftCensored
from lik_jax.distributions import logistic, normal, poisson, weibull

COMPOSED: list[Case] = []


def add(name, distribution, params, reference, **about) -> None:
    COMPOSED.append(Case(name, distribution, params, reference, **about))


def row_of(*xs) -> np.ndarray:
    """``[m]`` observations, the same for each of a batch of 3."""
    return v(*xs)[:, None] * np.ones(3)


# Mixtures

pair = lj.mixture(normal, 2)
add(
    "mixture",
    pair,
    pair.Params(
        v([0.0, 0.0], [1.0, -2.0], [-3.0, 0.0]),
        normal.Params(v([-1.0, 1.0], [0.0, 5.0], [2.0, 2.5]), v([1.0, 0.5], [0.3, 4.0], [1.0, 2.0])),
    ),
    lambda p: Mixture(p.logits, st.norm(p.components.loc, p.components.scale)),
    y=row_of(-2.0, -0.5, 0.2, 1.7, 6.0),
    total="real",
    outside=(-inf, inf),
    invalid=(pair.Params(v(0.0, 0.0), normal.Params(v(0.0, 1.0), v(0.0, 1.0))),),
    edges=(
        Edge(
            pair.Params(v(0.0, -inf), normal.Params(v(0.0, 1.0), v(1.0, 1.0))),
            0.0,
            -0.9189385332046727,
            (v(0.0, 0.0), v(0.0, 0.0), v(-1.0, 0.0)),
        ),
        Edge(
            pair.Params(v(0.0, 0.0), normal.Params(v(-1e3, 1e3), v(1.0, 1.0))),
            0.0,
            -500000.0 - 0.9189385332046727,
            None,
        ),
    ),
    overparametrised=True,
)

pixels = lj.mixture(lj.discretized(logistic, low=0, high=255), 10)
add(
    "mixture_of_discretized_logistics",
    pixels,
    pixels.Params(
        np.sin(np.arange(30.0)).reshape(3, 10),
        logistic.Params(
            127 + 150 * np.cos(np.arange(30.0)).reshape(3, 10), 1.5 + np.sin(np.arange(30.0)).reshape(3, 10) ** 2 * 20
        ),
    ),
    lambda p: Mixture(p.logits, Rounded(st.logistic(p.components.loc, p.components.scale), 0, 255)),
    y=row_of(0.0, 3.0, 127.0, 200.0, 255.0),
    total=256,
    outside=(-1.0, 0.5, 256.0, inf, -inf),
    overparametrised=True,
    rtol=1e-8,
    heavy=True,
)

# Bounds and bins

window = lj.truncated(normal, low=-1.0, high=2.0)
add(
    "truncated",
    window,
    normal.Params(v(0.0, -1.5, 3.0), v(1.0, 0.8, 20.0)),
    lambda p: Truncated(st.norm(p.loc, p.scale), -1.0, 2.0),
    y=row_of(-0.9, -0.2, 0.3, 1.1, 1.95),
    outside=(-1.1, 2.1, inf, -inf),
    invalid=(normal.Params(0.0, 0.0), normal.Params(0.0, -1.0)),
    edges=(Edge(normal.Params(0.0, 1e10), 0.5, -np.log(3.0), (0.0, 0.0)),),
    total=lambda case: segment(case, -1.0, 2.0),
    heavy=True,
)

some = lj.truncated(poisson, low=1)
add(
    "truncated_counts",
    some,
    poisson.Params(v(0.0, -2.0, 3.0)),
    lambda p: Truncated(st.poisson(np.exp(p.log_rate)), 1, np.inf),
    y=row_of(1.0, 2.0, 5.0, 20.0),
    total=200,
    outside=(0.0, -1.0, 1.5, inf, -inf),
    rtol=1e-8,
    heavy=True,
)

eight_bits = lj.discretized(logistic, low=0, high=255)
add(
    "discretized",
    eight_bits,
    logistic.Params(v(127.0, -3.0, 254.0), v(10.0, 2.0, 4.0)),
    lambda p: Rounded(st.logistic(p.loc, p.scale), 0, 255),
    y=row_of(0.0, 3.0, 127.0, 253.0, 255.0),
    total=256,
    outside=(-1.0, 0.5, 256.0, inf, -inf),
    invalid=(logistic.Params(0.0, 0.0), logistic.Params(0.0, -1.0)),
    edges=(Edge(logistic.Params(128.0, 1.0), 128.0, float(np.log(np.tanh(0.25))), (0.0, None)),),
    rtol=1e-7,
)

# Zeros

visits = lj.zero_inflated(poisson)
add(
    "zero_inflated",
    visits,
    visits.Params(v(0.0, -3.0, 2.0), poisson.Params(v(0.0, -2.0, 3.0))),
    lambda p: ZeroInflated(expit(p.logits), st.poisson(np.exp(p.base.log_rate))),
    y=row_of(0.0, 1.0, 5.0, 20.0),
    total=200,
    outside=(-1.0, 1.5, inf, -inf),
    edges=(
        Edge(visits.Params(-inf, poisson.Params(0.0)), 0.0, -1.0, (0.0, -1.0)),
        Edge(visits.Params(inf, poisson.Params(0.0)), 0.0, 0.0, (0.0, 0.0)),
        Edge(visits.Params(0.0, poisson.Params(-inf)), 0.0, 0.0, (0.0, 0.0)),
        Edge(visits.Params(0.0, poisson.Params(np.log(200.0))), 0.0, -float(np.log(2.0)), (0.5, 0.0)),
    ),
)

# Censoring

times = row_of(0.1, 0.6, 1.5, 4.0)
seen = np.array([[True], [False], [True], [False]]) & np.array([True, True, True])
duration = weibull.Params(v(1.0, 5.0, 0.3), v(2.0, 0.7, 1.0))
add(
    "censored",
    lj.censored(weibull),
    duration,
    lambda p: CensoredTimes(st.weibull_min(p.concentration, scale=p.scale)),
    y=lj.Censored(times, seen),
    outside=(lj.Censored(-1.0, np.array(True)), lj.Censored(inf, np.array(True))),
    invalid=(weibull.Params(0.0, 1.0), weibull.Params(1.0, -1.0)),
    edges=(
        Edge(weibull.Params(1.0, 10.0), lj.Censored(2.0, np.array(False)), -1024.0, (10240.0, -709.782712893384)),
        Edge(weibull.Params(1.0, 1.0), lj.Censored(0.0, np.array(False)), 0.0, (0.0, 0.0)),
    ),
)
add(
    "left_censored",
    lj.censored(normal),
    normal.Params(v(0.0, -1.5, 3.0), v(1.0, 0.3, 20.0)),
    lambda p: CensoredTimes(st.norm(p.loc, p.scale), left=True),
    y=LeftCensored(row_of(-1.1, 0.6, 0.2, 2.0), seen),
)
blend = lj.censored(lj.mixture(weibull, 2))
add(
    "censored_mixture",
    blend,
    blend.Params(
        v([0.0, 0.0], [1.0, -2.0], [-3.0, 0.0]),
        weibull.Params(v([1.0, 3.0], [0.5, 5.0], [2.0, 2.5]), v([1.0, 2.0], [0.7, 4.0], [1.5, 1.0])),
    ),
    lambda p: CensoredTimes(Mixture(p.logits, st.weibull_min(p.components.concentration, scale=p.components.scale))),
    y=lj.Censored(times, seen),
    overparametrised=True,
)

# Carried through bijectors

logistic_of = lj.transformed(normal, bijectors.inverted(bijectors.logit()))
add(
    "transformed",
    logistic_of,
    logistic_of.Params(normal.Params(v(0.0, -1.5, 0.7), v(1.0, 0.3, 2.0)), ()),
    lambda p: Carried(
        st.norm(p.base.loc, p.base.scale),
        expit,
        lambda y: np.log(y) - np.log1p(-y),
        lambda x: -np.abs(x) - 2 * np.log1p(np.exp(-np.abs(x))),
    ),
    total="unit",
    outside=(0.0, 1.0, -0.1, 1.1, inf, -inf),
    invalid=(logistic_of.Params(normal.Params(0.0, -1.0), ()),),
    edges=(Edge(logistic_of.Params(normal.Params(0.0, 1.0), ()), 0.5, -0.9189385332046727 + 2 * np.log(2.0), None),),
)

spline = lj.transformed(normal, bijectors.rational_quadratic_spline(num_bins=3, bound=2.5))
add(
    "transformed_spline",
    spline,
    spline.Params(
        normal.Params(v(0.0, -0.5, 0.4), v(1.0, 0.8, 2.0)),
        spline.bijector.Params(
            v([1.0, 2.0, 1.5], [0.5, 1.0, 3.0], [1.0, 1.0, 1.0]),
            v([2.0, 1.0, 1.0], [1.0, 1.5, 0.8], [0.8, 2.0, 1.0]),
            v([0.5, 2.0], [1.5, 0.7], [1.0, 1.0]),
        ),
    ),
    lambda p: bent(st.norm(p.base.loc, p.base.scale), *p.bijector, bound=2.5, min_share=1e-3),
    total="real",
    outside=(inf, -inf),
    invalid=(
        spline.Params(normal.Params(0.0, 1.0), spline.bijector.Params(v(1.0, 1.0, 0.0), v(1.0, 1.0, 1.0), v(1.0, 1.0))),
    ),
    overparametrised=True,
    heavy=True,
)

# Vectors

triple = lj.independent(normal, 1)
add(
    "independent",
    triple,
    normal.Params(v([0.0, 1.0], [-1.5, 0.0], [3.0, 2.0]), v([1.0, 2.0], [0.3, 1.0], [20.0, 5.0])),
    lambda p: Independent(st.norm(p.loc, p.scale)),
    y=np.linspace(-2.0, 3.0, 24).reshape(4, 3, 2),
    outside=(v(inf, -inf), v(0.3, inf)),
    invalid=(normal.Params(v(0.0, 0.0), v(1.0, 0.0)),),
    edges=(
        Edge(normal.Params(v(1.0, 2.0), v(1.0, 1.0)), v(1.0, 2.0), -1.8378770664093453, (v(0.0, 0.0), v(-1.0, -1.0))),
    ),
)
