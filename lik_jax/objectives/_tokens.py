"""Tokens, some of them hidden: what the bounds and the samplers of masked diffusion share."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

Denoiser = Callable[[Array, Array], Array]


def random_order(key: Array, shape: tuple[int, ...]) -> Array:
    """A random rank for each token of each example: ``[B, ...]``, each example a permutation of 0 .. D - 1.

    >>> sorted(random_order(jax.random.key(0), (1, 2, 2)).ravel().tolist())
    [0, 1, 2, 3]
    """
    u = jax.random.uniform(key, (shape[0], math.prod(shape[1:])))
    return jnp.argsort(jnp.argsort(u, -1), -1).reshape(shape)


def logits_of(denoise: Denoiser, x: Array, t: Array, mask_token: int) -> Array:
    """What ``denoise`` says, ``[B, ..., k]``; the mask is never predicted.

    Raises:
        ValueError: logits of another shape.
    """
    logits = jnp.asarray(denoise(x, t))
    if logits.ndim != x.ndim + 1 or logits.shape[:-1] != x.shape:
        raise ValueError(f"denoise gave the shape {logits.shape} for tokens of shape {x.shape}; want {x.shape} + (k,).")
    if mask_token < logits.shape[-1]:
        logits = logits.at[..., mask_token].set(-jnp.inf)
    return logits


def tokens_of(y: ArrayLike, name: str) -> Array:
    """A batch of whole numbers.

    Raises:
        ValueError: ``y`` is no such batch.
    """
    y = jnp.asarray(y)
    if not jnp.issubdtype(y.dtype, jnp.integer):
        raise ValueError(f"{name}: y is {y.dtype}; want whole numbers, the tokens 0 .. k - 1: y.astype(int).")
    if y.ndim < 2:
        raise ValueError(f"{name}: y has shape {y.shape}; want a batch of sequences, [B, ...].")
    return y


def mask_of(hidden: ArrayLike, y: Array, name: str) -> Array:
    """Which tokens are hidden, bool.

    Raises:
        ValueError: not bool, or not of the shape of ``y``.
    """
    hidden = jnp.asarray(hidden)
    if hidden.shape != y.shape or hidden.dtype != bool:
        raise ValueError(f"{name}: hidden is {hidden.dtype} {hidden.shape}; want bool of the shape of y, {y.shape}.")
    return hidden
