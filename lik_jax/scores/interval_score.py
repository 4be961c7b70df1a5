"""Interval scores: narrow is good, and a miss costs by how far."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from .. import supports
from .._arrays import as_floats
from ..distribution import Distribution, require
from ..objectives.likelihood import average
from ..objectives.losses import Kernel
from ..objectives.reduction import Reduction
from ._levels import central, probabilities, quantile, quantiles
from .quantile_score import mean_pinball

# with the median these are the 23 quantiles of Bracher et al.
LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)


class Bounds(NamedTuple):
    """``low`` and ``high``: of an interval, ``[...]`` or, with several levels, ``[..., k]``. ``median``: ``[...]``."""

    low: ArrayLike
    high: ArrayLike
    median: ArrayLike | None = None


def interval_score(
    distribution: Distribution,
    params: Any,
    y: ArrayLike,
    *,
    level: float = 0.9,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """Winkler's score of the central interval: ``high - low``, plus ``2 / (1 - level)`` times what a miss is short.

    In the units of ``y``; proper for the two quantiles. The interval leaves ``(1 - level) / 2`` on either side.

    Args:
        distribution: with ``icdf``.
        params: its parameters; their example axes are those of ``y``, or none.
        y: observations, ``[*examples]``.
        level: probability of the interval, in (0, 1).
        mask: see `lik_jax.nll`.
        weights: see `lik_jax.nll`.
        reduction: see `lik_jax.nll`.

    Returns:
        A scalar, ``[*examples]`` or a `Total`.

    Raises:
        ValueError: shapes that do not fit, or a ``level`` outside (0, 1).
        TypeError: a distribution without ``icdf``.

    Source: Winkler (1972); Gneiting and Raftery (2007), "Strictly proper scoring rules", section 6.2.

    >>> from lik_jax import normal
    >>> round(float(interval_score(normal, normal.Params(0.0, 1.0), 2.0, level=0.9)), 4)
    10.3926
    """
    require(distribution, ("icdf",), "interval_score")
    known = _one(level, "interval_score")

    def loss(params: Any, y: ArrayLike) -> Array:
        low, high = (quantile(distribution, params, p, y) for p in central(known))
        return winkler(low, high, y, known)

    return average(loss, distribution, params, y, mask, weights, reduction, "interval_score")


def interval_score_from_bounds(
    low: ArrayLike,
    high: ArrayLike,
    y: ArrayLike,
    *,
    level: float,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """`interval_score` of an interval that is given. Bounds that cross cost what their quantiles' pinball losses do.

    Args:
        low: lower ends, ``[*examples]``, or a scalar shared by all.
        high: upper ends, the same.
        y: observations, ``[*examples]``.
        level: what probability the interval claims, in (0, 1).
        mask: see `lik_jax.nll`.
        weights: see `lik_jax.nll`.
        reduction: see `lik_jax.nll`.

    Returns:
        A scalar, ``[*examples]`` or a `Total`.

    Raises:
        ValueError: shapes that do not fit, or a ``level`` outside (0, 1).

    >>> float(interval_score_from_bounds(0.0, 1.0, 1.5, level=0.5))
    3.0
    """
    name = "interval_score_from_bounds"
    known = _one(level, name)

    def loss(bounds: Bounds, y: ArrayLike) -> Array:
        return winkler(bounds.low, bounds.high, y, known)

    kernel = _kernel(name, loss, Bounds(supports.extended_real, supports.extended_real))  # type: ignore[arg-type]
    return average(loss, kernel, Bounds(low, high), y, mask, weights, reduction, name)


def weighted_interval_score(
    distribution: Distribution,
    params: Any,
    y: ArrayLike,
    *,
    levels: ArrayLike | tuple[float, ...] = LEVELS,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """Weighted interval score of the median and several central intervals, in the units of ``y``.

    ``(|y - median| / 2 + sum_k (1 - level_k) / 2 * interval_score_k) / (K + 1/2)``: twice the mean pinball loss of the
    2 K + 1 quantiles, which approaches the CRPS as levels are added.

    Args:
        distribution: with ``icdf``.
        params: its parameters; their example axes are those of ``y``, or none.
        y: observations, ``[*examples]``.
        levels: probabilities of the intervals, in (0, 1), ``[K]``.
        mask: see `lik_jax.nll`.
        weights: see `lik_jax.nll`.
        reduction: see `lik_jax.nll`.

    Returns:
        A scalar, ``[*examples]`` or a `Total`.

    Raises:
        ValueError: shapes that do not fit, or a level outside (0, 1).
        TypeError: a distribution without ``icdf``.

    Source: Bracher, Ray, Gneiting and Reich (2021), "Evaluating epidemic forecasts in an interval format".

    >>> from lik_jax import normal
    >>> round(float(weighted_interval_score(normal, normal.Params(0.0, 1.0), 2.0, levels=(0.5, 0.9))), 4)
    1.273
    """
    require(distribution, ("icdf",), "weighted_interval_score")
    known = probabilities(levels, "weighted_interval_score")
    low, high = central(known)

    def loss(params: Any, y: ArrayLike) -> Array:
        return 2 * mean_pinball(*quantiles(distribution, params, [low, 0.5, high], y), y)

    return average(loss, distribution, params, y, mask, weights, reduction, "weighted_interval_score")


def weighted_interval_score_from_bounds(
    median: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    y: ArrayLike,
    *,
    levels: ArrayLike | tuple[float, ...],
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """`weighted_interval_score` of a median and intervals that are given.

    Args:
        median: ``[*examples]``, or a scalar shared by all.
        low: lower ends, one a level, ``[*examples, K]``, or ``[K]`` shared by all.
        high: upper ends, the same.
        y: observations, ``[*examples]``.
        levels: what probabilities the intervals claim, in (0, 1), ``[K]``.
        mask: see `lik_jax.nll`.
        weights: see `lik_jax.nll`.
        reduction: see `lik_jax.nll`.

    Returns:
        A scalar, ``[*examples]`` or a `Total`.

    Raises:
        ValueError: shapes that do not fit, or a level outside (0, 1).

    >>> low, high = jnp.array([-1.0, -2.0]), jnp.array([1.0, 2.0])
    >>> round(float(weighted_interval_score_from_bounds(0.0, low, high, 2.0, levels=(0.5, 0.75))), 4)
    1.2
    """
    name = "weighted_interval_score_from_bounds"
    known = probabilities(levels, name)
    for word, end in (("low", low), ("high", high)):
        if jnp.ndim(known) != 1 or jnp.ndim(end) == 0 or jnp.shape(end)[-1:] != jnp.shape(known):
            raise ValueError(
                f"{name}: {word} has shape {jnp.shape(end)} and levels {jnp.shape(known)}; want [*examples, K] and [K]."
            )

    def loss(bounds: Bounds, y: ArrayLike) -> Array:
        y, median = as_floats(y, bounds.median)  # type: ignore[arg-type]
        each = winkler(bounds.low, bounds.high, y[..., None], known)
        outside = jnp.asarray((1 - known) / 2, each.dtype).reshape((1,) * (each.ndim - 1) + (-1,))
        return (jnp.abs(y - median) / 2 + (outside * each).sum(-1)) / (outside.size + 0.5)

    ends = supports.stacked(supports.extended_real)
    kernel = _kernel(name, loss, Bounds(ends, ends, supports.extended_real))  # type: ignore[arg-type]
    return average(loss, kernel, Bounds(low, high, median), y, mask, weights, reduction, name)


def winkler(low: ArrayLike, high: ArrayLike, y: ArrayLike, level: Any) -> Array:
    """Winkler's score of intervals, ``[...]``; ``level`` is one number, or one for each place of the last axis."""
    low, high, y = as_floats(low, high, y)
    slope = jnp.asarray(2 / (1 - level), y.dtype)
    rank = max(low.ndim, high.ndim, y.ndim)
    slope = slope.reshape((1,) * (rank - slope.ndim) + slope.shape) if slope.ndim else slope
    return (high - low) + slope * (jnp.maximum(low - y, 0) + jnp.maximum(y - high, 0))


def _one(level: Any, asker: str) -> Any:
    if np.ndim(level) != 0:
        raise ValueError(f"{asker}: level has shape {np.shape(level)}; want one number. See weighted_interval_score.")
    return probabilities(level, asker, "level")


def _kernel(name: str, loss: Any, param_supports: Bounds) -> Any:
    return Kernel(name, lambda bounds, y: -loss(bounds, y), param_supports)
