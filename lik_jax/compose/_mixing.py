"""Sums of weighted densities in logarithms, with exact zeros for components that have no share."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from .._arrays import as_floats


def log_weights(logits: Array) -> Array:
    """Log-softmax over the last axis; -inf is a weight of 0, +inf shares all weight among its like."""
    top = jax.lax.stop_gradient(logits.max(-1, keepdims=True))
    certain = jnp.where(logits == jnp.inf, 0.0, -jnp.inf).astype(logits.dtype)
    shifted = jnp.where(top == jnp.inf, certain, logits - jnp.where(top == jnp.inf, 0.0, top))
    return shifted - jnp.log(jnp.exp(shifted).sum(-1, keepdims=True))


def _joint(log_weight: Array, log_part: Array) -> Array:
    # a weight of 0 wins over a pole of the density (inf), but not over NaN
    nothing = jnp.isneginf(log_weight) & ~jnp.isnan(log_part)
    return jnp.where(nothing, -jnp.inf, log_weight + log_part)


def _shares(joint: Array) -> tuple[Array, Array]:
    top = jax.lax.stop_gradient(joint.max(-1, keepdims=True))
    top = jnp.where(jnp.isfinite(top), top, 0.0)
    return jnp.exp(joint - top), top[..., 0]


def log_mix(log_weight: Array, log_part: Array) -> Array:
    """``log sum_k exp(log_weight_k + log_part_k)`` over the last axis; -inf, gradient 0, where nothing is left."""
    share, top = _shares(_joint(log_weight, log_part))
    total = share.sum(-1)
    empty = total == 0
    return jnp.where(empty, -jnp.inf, jnp.log(jnp.where(empty, 1.0, total)) + top)


def responsibilities(log_weight: Array, log_part: Array) -> Array:
    """The share of each component in `log_mix`, ``[..., k]``; all 0 where nothing is left."""
    share, _ = _shares(_joint(log_weight, log_part))
    total = share.sum(-1, keepdims=True)
    return share / jnp.where(total == 0, 1.0, total)


def without_share(log_weight: Array, log_part: Array) -> Array:
    """True for each component whose share is exactly 0, ``[..., k]``."""
    return _shares(_joint(log_weight, log_part))[0] == 0


@jax.custom_jvp
def _slope_of(value: Array, like: Array) -> Array:
    return value


_slope_of.defjvp(lambda primals, tangents: (_slope_of(*primals), tangents[1]))


def parts_with_safe_slopes(
    part: Callable[[Any, Any], Array],
    log_weight: Array,
    params: Any,
    y: Any,
    make_safe: Callable[[Array, Any, Any], tuple[Any, Any]],
) -> tuple[Array, Array]:
    """``part(params, y)`` whose slopes are finite wherever the component has no share.

    A slope may be infinite where the component is dead (a pole, an overflow), and 0 times infinity is NaN. So the
    value comes from ``params`` and ``y`` as they are, and the slope from ``make_safe(dead, params, y)``. Compiled, a
    value alone costs one evaluation, and value and gradient one value and one slope.

    Returns:
        ``log_weight`` and ``log_part``, of one dtype and rank.
    """
    fixed_params, fixed_y = jax.lax.stop_gradient((params, y))
    value, log_weight = as_floats(part(fixed_params, fixed_y), log_weight)
    dead = without_share(jax.lax.stop_gradient(log_weight), value)
    like = part(*make_safe(dead, params, y)).astype(value.dtype)
    value, like = jnp.broadcast_arrays(value, like)
    return log_weight, _slope_of(value, like)
