"""What the methods for classes have in common."""

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike


def check_shapes(name: str, logits: ArrayLike, labels: ArrayLike) -> None:
    """Raise unless ``logits`` are ``[n, k]`` and ``labels`` ``[n]``."""
    if jnp.ndim(logits) != 2 or jnp.shape(labels) != jnp.shape(logits)[:1]:
        raise ValueError(
            f"{name}: logits have shape {jnp.shape(logits)} and labels {jnp.shape(labels)}; want [n, k] and [n]."
        )


def at_label(values: Array, labels: ArrayLike, outside: float) -> Array:
    """``values[..., label]`` of ``[..., k]``, and ``outside`` for a label that is not there."""
    labels = jnp.asarray(labels)
    there = (labels >= 0) & (labels < values.shape[-1])
    index = jnp.where(there, labels, 0)
    found = jnp.take_along_axis(values, index[..., None], -1)[..., 0]
    return jnp.where(there, found, outside)
