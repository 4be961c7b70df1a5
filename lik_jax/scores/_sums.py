"""Threshold-weighted CRPS of any distribution of whole numbers: a sum over its support.

Between whole numbers the cdf is constant. A support between two bounds is summed whole; else the sum goes from a
quantile to another beyond which nothing is left, as long as that takes, and its derivatives are computed in forward
mode.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from .. import supports
from .._derivatives import by_forward_mode
from ..compose import discretized, mixture, truncated, zero_inflated
from ..compose._trees import with_axis
from ..supports import example_axes

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
    if distribution.support == supports.boolean:
        return 0, 1
    return (0, math.inf) if distribution.support == supports.count else (-math.inf, math.inf)


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
    wide = with_axis(kinds, params)
    below, above = _lengths(k, y[..., None], low[..., None], high[..., None])
    lower, upper = jnp.exp(2 * distribution.log_cdf(wide, k)), jnp.exp(2 * distribution.log_sf(wide, k))
    inside = (below * lower + above * upper).sum(-1)
    ends = [jnp.full_like(y, end) for end in (first, last)]
    return inside + _outside(y, low, high, *ends)


def _unbounded(distribution: Any, params: Any, y: Array, low: Array, high: Array) -> Array:
    columns, rebuilt = _columns(distribution.param_supports, params, y)
    first, last, usable = _window(distribution, jax.lax.stop_gradient(rebuilt(tuple(columns))), y)
    split = jnp.clip(jnp.floor(y), first, last - 1)

    @by_forward_mode
    def total(*columns: Array) -> Array:
        params = rebuilt(columns)

        def mass(k: Array) -> Array:
            return jnp.exp(distribution.log_prob(params, k))

        # both tails grow from their ends, so that each is a sum of positive terms
        def rise(state: tuple[Array, ...]) -> tuple[Array, ...]:
            k, tail, value = state
            tail = tail + jnp.where(k <= split, mass(k), 0.0)
            return k + 1, tail, value + _lengths(k, y, low, high)[0] * jnp.where(k <= split, tail, 0.0) ** 2

        def fall(state: tuple[Array, ...]) -> tuple[Array, ...]:
            k, tail, value = state
            tail = tail + jnp.where(k >= split, mass(k + 1), 0.0)
            return k - 1, tail, value + _lengths(k, y, low, high)[1] * jnp.where(k >= split, tail, 0.0) ** 2

        zero = jnp.zeros_like(y)
        up = jax.lax.while_loop(lambda state: (state[0] <= split).any(), rise, (first, zero, zero))
        return jax.lax.while_loop(lambda state: (state[0] >= split).any(), fall, (last - 1, zero, up[2]))[2]

    value = total(*columns) + _outside(y, low, high, first, last)
    return value * jnp.where(usable, 1.0, jnp.nan)


def _columns(kinds: Any, params: Any, y: Array) -> tuple[list[Array], Callable[[tuple[Array, ...]], Any]]:
    """One array of the shape of ``y`` for each number of the params, and what makes params of them again."""
    supports_, treedef = jax.tree.flatten(kinds)
    columns, events = [], []
    for support, leaf in zip(supports_, treedef.flatten_up_to(params), strict=True):
        leaf = jnp.asarray(leaf).astype(y.dtype)
        examples = len(example_axes(support, leaf))
        # a leaf that all components share has an axis less than its event
        events.append((1,) * (support.event_ndim - leaf.ndim + examples) + leaf.shape[examples:])
        flat = leaf.reshape((*leaf.shape[:examples], -1))
        columns += [jnp.broadcast_to(flat[..., i], y.shape) for i in range(flat.shape[-1])]

    def rebuilt(columns: tuple[Array, ...]) -> Any:
        rest = iter(columns)
        parts = [jnp.stack([next(rest) for _ in range(math.prod(event))], -1) for event in events]
        return treedef.unflatten([x.reshape((*y.shape, *event)) for x, event in zip(parts, events, strict=True)])

    return columns, rebuilt


def _window(distribution: Any, params: Any, y: Array) -> tuple[Array, Array, Array]:
    """Two whole numbers below and above which next to nothing is left, and where there are such."""
    eps = float(jnp.finfo(y.dtype).eps)
    p = jnp.stack([jnp.full_like(y, eps**2), jnp.full_like(y, 1 - eps)])
    ends = distribution.icdf(params, p).astype(y.dtype) + jnp.array([-1, 1], y.dtype).reshape((2,) + (1,) * y.ndim)
    usable = jnp.isfinite(ends).all(0)
    low, high = bounds(distribution)
    first, last = jnp.clip(jnp.where(usable, ends, 0.0), low, high)
    return first, jnp.maximum(last, first + 1), usable
