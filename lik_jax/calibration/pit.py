"""Probability integral transforms: where observations fall in their predictive distributions.

>>> import jax.numpy as jnp
>>> from lik_jax import normal
>>> [round(u, 4) for u in pit(normal, normal.Params(0.0, 1.0), jnp.array([-1.0, 0.0])).tolist()]
[0.1587, 0.5]
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from .._arrays import as_floats
from ..distribution import Univariate, name_of, require
from ..objectives.likelihood import check_shapes, observation_axes
from ._resampling import check_level


class PitHistogram(NamedTuple):
    """``density``: of the bins of [0, 1], 1 on average, ``[bins]``. ``low`` and ``high``: between which the density of
    each bin lies if the forecasts are right, ()."""

    density: Array
    low: Array
    high: Array


class RankHistogram(NamedTuple):
    """``counts``: observations of each rank, ``[m + 1]``. ``low`` and ``high``: between which each count lies if the
    forecasts are right, ()."""

    counts: Array
    low: Array
    high: Array


@partial(jax.jit, static_argnames=("distribution",))
def pit(distribution: Univariate, params: Any, y: ArrayLike, *, key: Array | None = None) -> Array:
    """``P(Y <= y)`` under the forecast: spread evenly over [0, 1] if the forecasts are right.

    For counts and labels the step of the cdf at ``y`` is filled at random, so that the same holds.

    Args:
        distribution: with ``log_cdf``.
        params: its parameters; example axes as for `lik_jax.nll`.
        y: observations, ``[...]``.
        key: PRNG key, if the distribution is discrete.

    Returns:
        ``[...]``.

    Raises:
        TypeError: a distribution without ``log_cdf``.
        ValueError: shapes that do not fit, or a discrete distribution and no ``key``.

    Source: Dawid (1984), "Statistical theory: the prequential approach", JRSS A 147; Czado, Gneiting and Held (2009),
    "Predictive model assessment for count data", Biometrics 65.
    """
    below, upto = _steps(distribution, params, y, "pit")
    if not distribution.support.discrete:
        return upto
    if key is None:
        raise ValueError(
            f"pit: {name_of(distribution)} is discrete; give key=, or use pit_histogram, which needs none."
        )
    return below + jax.random.uniform(key, upto.shape, upto.dtype) * (upto - below)


def pit_histogram(
    distribution: Univariate, params: Any, y: ArrayLike, *, bins: int = 10, level: float = 0.95
) -> PitHistogram:
    """The histogram of `pit`, flat if the forecasts are right: a U says too narrow, a hump too wide, a slope biased.

    For counts and labels nothing is drawn: each observation is spread evenly over the step of its cdf.

    Args:
        distribution: with ``log_cdf``.
        params: its parameters; example axes as for `lik_jax.nll`.
        y: observations, any example axes.
        bins: of equal width, closed on the right.
        level: of the band of each bin by itself, in (0, 1): central quantiles of the binomial. Spread over steps,
            observations of a discrete distribution stay well within it.

    Raises:
        TypeError: a distribution without ``log_cdf``.
        ValueError: shapes that do not fit, ``bins`` below 1, or a ``level`` outside (0, 1).

    Source: Czado, Gneiting and Held (2009), "Predictive model assessment for count data", Biometrics 65, section 2.
    """
    check_level(level, "pit_histogram")
    if bins < 1:
        raise ValueError(f"pit_histogram: bins={bins}; want 1 or more.")
    density = _density(distribution, params, y, bins)
    low, high = (jnp.asarray(end * bins / jnp.size(y), density.dtype) for end in _band(jnp.size(y), bins, level))
    return PitHistogram(density, low, high)


@partial(jax.jit, static_argnames=("distribution", "bins"))
def _density(distribution: Univariate, params: Any, y: ArrayLike, bins: int) -> Array:
    below, upto = (x.reshape(1, -1) for x in _steps(distribution, params, y, "pit_histogram"))
    edges = jnp.asarray(np.arange(bins + 1)[:, None] / bins, upto.dtype)
    wide = upto > below
    # a step is filled evenly; without one, the transform lies at its upper end
    filled = jnp.clip((edges - below) / jnp.where(wide, upto - below, 1), 0, 1)
    share = jnp.where(wide, filled, (edges >= upto).astype(upto.dtype)).at[0].set(0)
    return jnp.diff(share, axis=0).mean(1) * bins


def rank_histogram(samples: ArrayLike, y: ArrayLike, *, key: Array, level: float = 0.95) -> RankHistogram:
    """How many draws of its forecast lie below each observation: every rank is as likely if the forecasts are right.

    Args:
        samples: ``[m, ...]``: m draws for each observation.
        y: ``[...]``.
        key: PRNG key, by which an observation equal to some draws takes its place among them.
        level: of the band of each rank by itself, in (0, 1): central quantiles of the binomial.

    Raises:
        ValueError: shapes that do not fit, or a ``level`` outside (0, 1).

    Source: Hamill (2001), "Interpretation of rank histograms for verifying ensemble forecasts", Monthly Weather Review
    129.
    """
    check_level(level, "rank_histogram")
    if jnp.ndim(samples) != jnp.ndim(y) + 1 or jnp.shape(samples)[1:] != jnp.shape(y):
        raise ValueError(
            f"rank_histogram: samples have shape {jnp.shape(samples)} and y {jnp.shape(y)}; want [m, ...] and [...]."
        )
    counts = _ranked(samples, y, key)
    low, high = (jnp.asarray(end, counts.dtype) for end in _band(jnp.size(y), counts.size, level))
    return RankHistogram(counts, low, high)


@jax.jit
def _ranked(samples: ArrayLike, y: ArrayLike, key: Array) -> Array:
    draws, y = as_floats(samples, y)
    draws, y = draws.reshape(draws.shape[0], -1), y.reshape(1, -1)
    ties = (draws == y).sum(0)
    rank = (draws < y).sum(0) + jax.random.randint(key, ties.shape, 0, ties + 1)
    return jnp.zeros(draws.shape[0] + 1, y.dtype).at[rank].add(1)


def _steps(distribution: Univariate, params: Any, y: ArrayLike, name: str) -> tuple[Array, Array]:
    """``P(Y < y)`` and ``P(Y <= y)``, ``[...]`` each: the same, if the distribution is continuous."""
    check_univariate(distribution, params, y, ("log_cdf",), name)
    upto = jnp.exp(distribution.log_cdf(params, y))
    return (jnp.exp(distribution.log_cdf(params, before(y))) if distribution.support.discrete else upto), upto


def check_univariate(distribution: Univariate, params: Any, y: ArrayLike, names: tuple[str, ...], name: str) -> None:
    """
    Raises:
        TypeError: what the distribution lacks.
        ValueError: shapes that do not fit, or no observation at all.
    """
    require(distribution, names, name)
    check_shapes(distribution, params, observation_axes(distribution, y))
    if jnp.size(y) == 0:
        raise ValueError(f"{name}: y has shape {jnp.shape(y)}; want one observation at least.")


def before(y: ArrayLike) -> Array:
    """The number before a whole one."""
    return as_floats(y)[0] - 1


def _band(n: int, bins: int, level: float) -> tuple[int, int]:
    """Central quantiles of the count of one of ``bins`` equally likely bins among ``n``: plain numbers, so by NumPy."""
    if bins == 1:
        return n, n
    k = np.arange(1, n + 1)
    log_ratio = np.log((n - k + 1) / k) - np.log(bins - 1)
    below = np.cumsum(np.exp(n * np.log1p(-1 / bins) + np.concatenate([[0.0], np.cumsum(log_ratio)])))
    low, high = np.searchsorted(below, [(1 - level) / 2, (1 + level) / 2])
    return int(low), int(high)
