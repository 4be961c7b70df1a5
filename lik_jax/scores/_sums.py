"""Threshold-weighted CRPS of any distribution of whole numbers: a sum over its support.

Between whole numbers the cdf is constant. A support between two bounds is summed whole; else the sum goes from a
quantile to another beyond which nothing is left, as long as that takes, and its derivatives are computed in forward
mode.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from .. import supports
from .._derivatives import by_forward_mode
from ..compose import discretized, mixture, truncated, zero_inflated
from ..compose._trees import spread, with_axis

_MOST_TERMS = 4096


def bounds(distribution: Any) -> tuple[float, float]:
    """The least and the greatest value of a discrete distribution, as far as they are known before tracing."""
    low, high = bounds(distribution.base) if hasattr(distribution, "base") else (-math.inf, math.inf)
    if isinstance(distribution, truncated | discretized):
        own_low = -math.inf if distribution.low is None else math.ceil(distribution.low)
        own_high = math.inf if distribution.high is None else math.floor(distribution.high)
        return max(low, own_low), min(high, own_high)
    if isinstance(distribution, zero_inflated):
        return min(low, 0), max(high, 0)
    if isinstance(distribution, mixture):
        return low, high
    return (0, 1) if distribution.support == supports.boolean else (-math.inf, math.inf)


def integral(distribution: Any, params: Any, y: Array, low: Array, high: Array) -> Array:
    """The integral from ``low`` to ``high`` of ``(F(x) - 1{y <= x})^2``, without a derivative towards ``y``.

    Args:
        distribution: of whole numbers, with ``log_cdf``, ``log_sf`` and, if its support is not bounded, ``icdf``.
        params: ``[...]``.
        y: finite, of the shape of the result.
        low: of the shape of the result, -inf allowed.
        high: of the shape of the result, inf allowed.
    """
    first, last = bounds(distribution)
    if last - first <= _MOST_TERMS:
        return _bounded(distribution, params, y, low, high, int(first), int(last))
    return _unbounded(distribution, params, y, low, high)


def _lengths(k: Array, y: Array, low: Array, high: Array) -> tuple[Array, Array]:
    """How much of ``[k, k + 1]`` between the thresholds lies below ``y``, and how much above."""
    start, stop = jnp.clip(k, low, high), jnp.clip(k + 1, low, high)
    at = jnp.clip(y, start, stop)
    return at - start, stop - at


def _outside(y: Array, low: Array, high: Array, first: Array, last: Array) -> Array:
    """The part beyond the support, where the cdf is 0 or 1: how much lies between it and ``y``."""
    below = jnp.minimum(first, high) - jnp.maximum(y, low)
    above = jnp.minimum(y, high) - jnp.maximum(last, low)
    return jnp.maximum(below, 0) + jnp.maximum(above, 0)


def _bounded(distribution: Any, params: Any, y: Array, low: Array, high: Array, first: int, last: int) -> Array:
    kinds = distribution.param_supports
    k = jnp.arange(first, last, dtype=y.dtype).reshape((1,) * y.ndim + (-1,))
    wide = with_axis(kinds, spread(y.shape, kinds, params))
    below, above = _lengths(k, y[..., None], low[..., None], high[..., None])
    lower, upper = jnp.exp(2 * distribution.log_cdf(wide, k)), jnp.exp(2 * distribution.log_sf(wide, k))
    inside = (below * lower + above * upper).sum(-1)
    ends = [jnp.full_like(y, end) for end in (first, last)]
    return inside + _outside(y, low, high, *ends)


def _unbounded(distribution: Any, params: Any, y: Array, low: Array, high: Array) -> Array:
    kinds = distribution.param_supports
    dtype = y.dtype
    leaves, treedef = jax.tree.flatten(spread(y.shape, kinds, params))
    # one column a number, so that a derivative is one column's
    events = [leaf.shape[y.ndim :] for leaf in leaves]
    columns = [
        leaf.reshape((*y.shape, -1))[..., i].astype(dtype)
        for leaf, event in zip(leaves, events, strict=True)
        for i in range(math.prod(event))
    ]

    def rebuilt(columns: tuple[Array, ...]) -> Any:
        parts, at = [], 0
        for event in events:
            size = math.prod(event)
            parts.append(jnp.stack(columns[at : at + size], -1).reshape((*y.shape, *event)))
            at += size
        return treedef.unflatten(parts)

    eps = float(jnp.finfo(dtype).eps)
    fixed = jax.lax.stop_gradient(rebuilt(tuple(columns)))
    first = distribution.icdf(fixed, jnp.full_like(y, eps)) - 1
    last = distribution.icdf(fixed, jnp.full_like(y, 1 - eps)) + 1
    first, last = jnp.maximum(first, bounds(distribution)[0]), jnp.minimum(last, bounds(distribution)[1])
    usable = jnp.isfinite(first) & jnp.isfinite(last)
    first, last = jnp.where(usable, first, 0.0).astype(dtype), jnp.where(usable, last, 1.0).astype(dtype)

    @by_forward_mode
    def total(*columns: Array) -> Array:
        params = rebuilt(columns)

        def more(state: tuple[Array, Array]) -> Array:
            return (state[0] < last).any()

        def add(state: tuple[Array, Array]) -> tuple[Array, Array]:
            k, sum_ = state
            below, above = _lengths(k, y, low, high)
            term = below * jnp.exp(2 * distribution.log_cdf(params, k))
            term = term + above * jnp.exp(2 * distribution.log_sf(params, k))
            return k + 1, sum_ + jnp.where(k < last, term, 0.0)

        return jax.lax.while_loop(more, add, (first, jnp.zeros_like(y)))[1]

    value = total(*columns) + _outside(y, low, high, first, last)
    return value * jnp.where(usable, 1.0, jnp.nan)
