"""Soft groups of neighbouring observations: where the components of a mixture start."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .._arrays import as_floats


def group_weights(y: Any, weights: ArrayLike | None, k: int, event_ndim: int, others: float = 0.05) -> Array:
    """Weights that pick out each of ``k`` groups of equal total weight, neighbours along the widest direction of ``y``.

    Args:
        y: observations ``[*examples, *event]``; of a pytree the first leaf decides.
        weights: non-negative, broadcastable to ``[*examples]``, or None.
        k: how many groups.
        event_ndim: rank of one observation.
        others: how much an observation counts in groups that are not its own.

    Returns:
        ``[k, *examples]``.
    """
    (x,) = as_floats(jax.tree.leaves(y)[0])
    examples = x.shape[: x.ndim - event_ndim]
    place = _along_widest(x.reshape((-1, *x.shape[len(examples) :]))) if event_ndim else x.reshape(-1)
    w = jnp.ones_like(place)
    if weights is not None:
        w = jnp.broadcast_to(as_floats(weights)[0].astype(x.dtype), examples).reshape(-1)
    order = jnp.argsort(place)
    below = jnp.cumsum(w[order]) - 0.5 * w[order]
    rank = jnp.zeros_like(place).at[order].set(below / w.sum())
    group = jnp.clip(jnp.floor(rank * k), 0, k - 1)
    own = group[None, :] == jnp.arange(k, dtype=group.dtype)[:, None]
    return (jnp.where(own, 1.0, others) * w[None, :]).reshape((k, *examples))


def _along_widest(x: Array) -> Array:
    """Coordinates ``[n]`` of ``x`` ``[n, *event]`` along its first principal axis, by power iteration."""
    x = x.reshape((x.shape[0], -1))
    x = x - x.mean(0, keepdims=True)
    start = jnp.cos(jnp.arange(x.shape[1], dtype=x.dtype))  # no symmetry that data could be orthogonal to

    def step(_: int, v: Array) -> Array:
        v = x.T @ (x @ v)
        return v / (jnp.abs(v).max() + jnp.finfo(x.dtype).tiny)

    return x @ jax.lax.fori_loop(0, 20, step, start)
