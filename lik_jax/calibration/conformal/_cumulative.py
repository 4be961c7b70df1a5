"""The score of adaptive prediction sets: the probability of the classes ahead of a class, and a share of its own."""

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ..._arrays import as_floats


def scores(logits: ArrayLike, penalty: ArrayLike, k_reg: ArrayLike, key: Array | None) -> Array:
    """One score a class, ``[..., k]``: ``sum of p over likelier classes + u p + penalty max(place - k_reg, 0)``.

    Args:
        logits: ``[..., k]``.
        penalty: not negative, ().
        k_reg: how many places are free of it, ().
        key: of ``u``, uniform on [0, 1), one an example; 1 without.
    """
    z, penalty, k_reg = as_floats(logits, penalty, k_reg)
    order = jnp.argsort(z, axis=-1, descending=True)
    p = jnp.take_along_axis(jax.nn.softmax(z, axis=-1), order, -1)
    ahead = jnp.concatenate([jnp.zeros_like(p[..., :1]), jnp.cumsum(p, -1)[..., :-1]], -1)
    shape = (*z.shape[:-1], 1)
    u = jnp.ones(shape, z.dtype) if key is None else jax.random.uniform(key, shape, z.dtype)
    place = jnp.arange(1, z.shape[-1] + 1, dtype=z.dtype)
    late = penalty * jnp.maximum(place - k_reg, 0)
    sorted_scores = ahead + u * p + late.reshape((1,) * (z.ndim - 1) + late.shape)
    return jnp.put_along_axis(jnp.zeros_like(z), order, sorted_scores, -1, inplace=False)


def check_key(name: str, randomised: bool, key: Array | None) -> None:
    """Raise unless a bound is applied as it was fitted: a set that does not draw is too small for one that did."""
    if randomised and key is None:
        raise ValueError(f"{name}: the bound was fitted with a key; give apply a key too, another one.")
    if not randomised and key is not None:
        raise ValueError(f"{name}: the bound was fitted without a key; apply it without, or fit with a key.")
