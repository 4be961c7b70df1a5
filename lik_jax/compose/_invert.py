"""Quantiles of any univariate distribution, from its two log-tails."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .._arrays import as_floats


def _ordinal(x: Array) -> Array:
    """The place of each float among all floats of its dtype."""
    kind = jnp.int64 if x.dtype == jnp.float64 else jnp.int32
    bits = jax.lax.bitcast_convert_type(x, kind)
    return jnp.where(bits < 0, jnp.iinfo(kind).min - bits, bits)


def _float(place: Array, dtype: Any) -> Array:
    """Inverse of `_ordinal`."""
    bits = jnp.where(place < 0, jnp.iinfo(place.dtype).min - place, place)
    return jax.lax.bitcast_convert_type(bits, dtype)


def _bisect(distribution: Any, params: Any, p: Array) -> Array:
    """The smallest float whose cdf is at least ``p``: halving the floats themselves takes as many steps as they have
    bits, wherever the quantile lies."""
    lower = p < 0.5
    target = jnp.where(lower, jnp.log(p), jnp.log1p(-p))
    # a step of a discrete cdf may end on p itself, up to rounding
    slack = 8 * jnp.finfo(p.dtype).eps * jnp.maximum(jnp.abs(target), 1) if distribution.support.discrete else 0.0

    def step(_: int, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        middle = (low >> 1) + (high >> 1) + (low & high & 1)
        x = _float(middle, p.dtype)
        enough = jnp.where(
            lower,
            distribution.log_cdf(params, x) >= target - slack,
            distribution.log_sf(params, x) <= target + slack,
        )
        return jnp.where(enough, low, middle), jnp.where(enough, middle, high)

    largest = jnp.full_like(p, jnp.finfo(p.dtype).max)
    ends = (_ordinal(-largest), _ordinal(largest))
    return _float(jax.lax.fori_loop(0, jnp.finfo(p.dtype).bits, step, ends)[1], p.dtype)


def invert(distribution: Any, params: Any, p: ArrayLike, example_shape: tuple[int, ...]) -> Array:
    """The quantile at ``p`` strictly between 0 and 1, with its first derivatives if the distribution is continuous.

    Args:
        distribution: one with ``log_prob``, ``log_cdf`` and ``log_sf``.
        params: its parameters.
        p: probabilities, ``[...]``; NaN gives NaN, as does anything that is not inside (0, 1).
        example_shape: the example axes of ``params``.

    Returns:
        ``[...]``.
    """
    (p,) = as_floats(p)
    dtype = as_floats(p, *jax.tree.leaves(params))[0].dtype
    shape = jnp.broadcast_shapes(p.shape, example_shape)
    p = jnp.broadcast_to(p.astype(dtype).reshape((1,) * (len(shape) - p.ndim) + p.shape), shape)
    inside = (p > 0) & (p < 1)
    safe = jnp.where(inside, p, 0.5)
    x = _bisect(distribution, *jax.lax.stop_gradient((params, safe)))
    lower = safe < 0.5
    log_tail = jnp.where(lower, distribution.log_cdf(params, x), distribution.log_sf(params, x))
    nan = jnp.where(inside & ~jnp.isnan(jax.lax.stop_gradient(log_tail)), 0.0, jnp.nan).astype(dtype)
    if distribution.support.discrete:
        return x + nan
    # what remains is 0 up to rounding; its slope is that of the quantile, by the implicit function theorem
    miss = jnp.where(lower, jnp.log(safe) - log_tail, log_tail - jnp.log1p(-safe))
    hazard = jax.lax.stop_gradient(jnp.exp(distribution.log_prob(params, x) - log_tail))
    usable = jnp.isfinite(hazard) & (hazard > 0) & jnp.isfinite(jax.lax.stop_gradient(miss))
    miss = jnp.where(usable, miss, 0.0)
    return x + (miss - jax.lax.stop_gradient(miss)) / jnp.where(usable, hazard, 1.0) + nan
