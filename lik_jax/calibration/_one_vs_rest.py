"""A binary map for each class against the rest, and what they say made to sum to 1."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .. import special
from .._arrays import as_floats
from ._data import Data


def log_odds(logits: Array) -> Array:
    """``log(p / (1 - p))`` of each class, ``[..., k]``, accurate where ``p`` is close to 0 or 1."""
    log_p = jax.nn.log_softmax(logits)
    top = logits.argmax(-1, keepdims=True)
    is_top = jnp.arange(logits.shape[-1]).reshape((1,) * (logits.ndim - 1) + (-1,)) == top
    others = jax.nn.logsumexp(jnp.where(is_top, -jnp.inf, log_p), axis=-1, keepdims=True)
    return log_p - jnp.where(is_top, others, special.log1mexp(-jnp.where(is_top, -1.0, log_p)))


def fit_each(fit: Callable[[Data], Any], data: Data) -> Any:
    """``fit`` of binary data; of data of ``k`` classes what it gives for each against the rest, stacked in front."""
    if data.logits.ndim == 1:
        return fit(data)
    k = data.logits.shape[1]
    each = jax.nn.one_hot(data.labels, k, dtype=jnp.int32).T
    return jax.vmap(lambda z, y: fit(data._replace(logits=z, labels=y)))(log_odds(data.logits).T, each)


def apply_each(
    name: str,
    log_probs: Callable[[Any, Array], tuple[Array, Array]],
    params: tuple[ArrayLike, ...],
    logits: ArrayLike,
) -> Array:
    """``log p - log(1 - p)`` of a binary map, like ``logits``; ``log p`` of each of ``k`` maps, ``[..., k]``.

    Args:
        name: of the map, for messages.
        log_probs: ``log_probs(params, z)`` gives both logarithms for a vector ``z``.
        params: of one map, the first of them a vector; or of ``k``, along an axis in front.
        logits: ``[...]`` for a single map, else ``[..., k]``. Where all ``p`` are 0 all classes get 0: equal parts.

    Raises:
        ValueError: another number of classes.
    """
    *params_, z = as_floats(*params, logits, ndims=tuple(jnp.ndim(x) for x in (*params, logits)))
    if params_[0].ndim == 1:
        yes, no = log_probs(tuple(params_), z.ravel())
        return (yes - no).reshape(z.shape)
    k = params_[0].shape[0]
    if z.ndim == 0 or z.shape[-1] != k:
        raise ValueError(f"{name}.apply: logits have shape {z.shape}, and the map is of {k} classes; want [..., {k}].")
    yes, _ = jax.vmap(log_probs)(tuple(params_), log_odds(z).reshape(-1, k).T)
    yes = yes.T.reshape(z.shape)
    return jnp.where((yes == -jnp.inf).all(-1, keepdims=True), 0.0, yes)
