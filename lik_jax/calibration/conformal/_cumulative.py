"""The score of adaptive prediction sets: the probability of the classes ahead of a class, and a share of its own."""

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ..._arrays import as_floats


def scores(logits: ArrayLike, penalty: ArrayLike, k_reg: ArrayLike, key: Array | None) -> Array:
    """One score a class, ``[..., k]``: ``sum of p over likelier classes + u p - 1 + penalty max(place - k_reg, 0)``.

    Less 1, and from the probability that is left, so that it keeps its digits where a classifier is sure: what is
    gathered is then 1 but for rounding, whichever class comes last.

    Args:
        logits: ``[..., k]``.
        penalty: not negative, ().
        k_reg: how many places are free of it, ().
        key: of ``u``, uniform on [0, 1), one an example; 1 without.
    """
    z, penalty, k_reg = as_floats(logits, penalty, k_reg)
    order = jnp.argsort(z, axis=-1, descending=True)
    p = jnp.take_along_axis(jax.nn.softmax(z, axis=-1), order, -1)
    from_here = jax.lax.cumsum(p, axis=p.ndim - 1, reverse=True)
    # after the last class nothing is left, but NaN where p is
    left = jnp.concatenate([from_here[..., 1:], 0 * p[..., :1]], -1)
    if key is not None:
        left = left + (1 - jax.random.uniform(key, (*z.shape[:-1], 1), z.dtype)) * p
    place = jnp.arange(1, z.shape[-1] + 1, dtype=z.dtype)
    late = (penalty * jnp.maximum(place - k_reg, 0)).reshape((1,) * (z.ndim - 1) + place.shape)
    return jnp.put_along_axis(jnp.zeros_like(z), order, late - left, -1, inplace=False)


def check_key(name: str, randomised: bool, key: Array | None) -> None:
    """Raise unless a bound is applied as it was fitted: a set that does not draw is too small for one that did."""
    if randomised and key is None:
        raise ValueError(f"{name}: the bound was fitted with a key; give apply a key too, another one.")
    if not randomised and key is not None:
        raise ValueError(f"{name}: the bound was fitted without a key; apply it without, or fit with a key.")
