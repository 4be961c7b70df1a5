"""How often central intervals hold the observation, and how wide they are.

>>> import jax.numpy as jnp
>>> from lik_jax import normal
>>> y = jnp.array([-2.0, -0.5, 0.1, 0.9])
>>> found = coverage(normal, normal.Params(0.0, 1.0), y, jnp.array([0.5, 0.9]))
>>> found.covered.tolist()
[0.5, 0.75]
>>> round(float(sharpness(normal, normal.Params(0.0, 2.0), level=0.9).width), 4)
6.5794
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.scipy.special import ndtri
from jax.typing import ArrayLike

from .._arrays import as_floats, float_dtype
from ..distribution import Univariate, require
from ._resampling import check_level
from .pit import before, check_univariate


class Coverage(NamedTuple):
    """``levels`` that were promised, shares ``covered``, and ``low`` and ``high`` ends of what they may be of a larger
    sample, ``[m]`` each."""

    levels: Array
    covered: Array
    low: Array
    high: Array


class Sharpness(NamedTuple):
    """Means over examples, (): ``width`` of the central interval, ``standard_deviation`` of the forecast."""

    width: Array
    standard_deviation: Array


@partial(jax.jit, static_argnames=("distribution", "confidence"))
def coverage(
    distribution: Univariate, params: Any, y: ArrayLike, levels: ArrayLike, *, confidence: float = 0.95
) -> Coverage:
    """The share of observations within the central intervals of their forecasts.

    The interval of level ``c`` goes from the quantile of ``(1 - c) / 2`` to that of ``(1 + c) / 2``, both included:
    for a discrete distribution it holds ``c`` or more. Nothing is inverted: ``log_cdf`` and ``log_sf`` of ``y`` tell.

    Args:
        distribution: with ``log_cdf`` and ``log_sf``.
        params: its parameters; example axes as for `lik_jax.nll`.
        y: observations, any example axes.
        levels: in (0, 1), ``[m]``.
        confidence: of Wilson's interval for each share, in (0, 1).

    Raises:
        TypeError: a distribution without tails.
        ValueError: shapes that do not fit, or ``confidence`` outside (0, 1).

    Source: Wilson (1927), "Probable inference, the law of succession, and statistical inference", JASA 22.
    """
    check_level(confidence, "coverage")
    check_univariate(distribution, params, y, ("log_cdf", "log_sf"), "coverage")
    if jnp.ndim(levels) != 1:
        raise ValueError(f"coverage: levels have shape {jnp.shape(levels)}; want [m].")
    below = distribution.log_cdf(params, y).reshape(-1)
    discrete = distribution.support.discrete
    above = distribution.log_sf(params, before(y) if discrete else y).reshape(-1)
    levels = as_floats(levels)[0].astype(below.dtype)
    tail = jnp.log((1 - levels) / 2)[:, None]
    within = (below[None] >= tail) & (above[None] > tail if discrete else above[None] >= tail)
    share, n = within.astype(below.dtype).mean(1), below.size
    q = ndtri(jnp.asarray((1 + confidence) / 2, below.dtype))
    centre = (share + q**2 / (2 * n)) / (1 + q**2 / n)
    reach = q * jnp.sqrt(share * (1 - share) / n + (q / (2 * n)) ** 2) / (1 + q**2 / n)
    return Coverage(levels, share, centre - reach, centre + reach)


@partial(jax.jit, static_argnames=("distribution", "level"))
def sharpness(distribution: Univariate, params: Any, *, level: float = 0.9) -> Sharpness:
    """How narrow the forecasts are, whatever came: the best forecast is the sharpest of those that are calibrated.

    Args:
        distribution: with ``icdf`` and ``variance``.
        params: its parameters, with their example axes.
        level: of the central interval, in (0, 1).

    Raises:
        TypeError: a distribution that lacks one of them.
        ValueError: a ``level`` outside (0, 1).

    Source: Gneiting, Balabdaoui and Raftery (2007), "Probabilistic forecasts, calibration and sharpness", JRSS B 69.
    """
    require(distribution, ("icdf", "variance"), "sharpness")
    check_level(level, "sharpness")
    dtype = float_dtype(*jax.tree.leaves(params))
    low, high = (distribution.icdf(params, jnp.asarray(p, dtype)) for p in ((1 - level) / 2, (1 + level) / 2))
    return Sharpness((high - low).mean(), jnp.sqrt(distribution.variance(params)).mean())  # type: ignore[attr-defined]
