"""Forecasts of one event an example: what every measure of a classifier looks at."""

from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from .._arrays import as_floats

Edges = Literal["uniform", "mass"]
Closed = Literal["right", "left"]


def checked(logits: ArrayLike, labels: ArrayLike | None, name: str, ndims: tuple[int, ...] = (1, 2)) -> Array:
    """The logits as floats, ``[n]`` or ``[n, k]``.

    Raises:
        ValueError: shapes that do not fit.
    """
    (z,) = as_floats(logits)
    labels_fit = labels is None or jnp.shape(labels) == z.shape[:1]
    if z.ndim not in ndims or not labels_fit or z.shape[0] == 0:
        want = " or ".join({1: "[n] (of a binary event)", 2: "[n, k]"}[n] for n in ndims)
        given = "" if labels is None else f" and labels {jnp.shape(labels)}"
        raise ValueError(f"{name}: logits have shape {z.shape}{given}; want {want}, and labels [n], n at least 1.")
    return z


def confidence(z: Array) -> Array:
    """Probability of the event, ``[n]``: a binary logit's own, or that of the top label."""
    return jax.nn.sigmoid(z) if z.ndim == 1 else jax.nn.softmax(z, axis=-1).max(-1)


def logit(z: Array) -> Array:
    """Log-odds of the event, ``[n]``."""
    if z.ndim == 1:
        return z
    top = jnp.arange(z.shape[1])[None] == z.argmax(-1)[:, None]
    return z.max(-1) - jax.nn.logsumexp(jnp.where(top, -jnp.inf, z), axis=-1)


def outcome(z: Array, labels: ArrayLike) -> Array:
    """1 where the event came, else 0, ``[n]``."""
    y = jnp.asarray(labels)
    return (y if z.ndim == 1 else z.argmax(-1) == y).astype(z.dtype)


def cuts(p: Array, bins: int, edges: Edges, name: str) -> Array:
    """The edges of the bins, ``[bins + 1]``.

    Raises:
        ValueError: ``bins`` is no positive whole number, or another ``edges``.
    """
    if bins != int(bins) or bins < 1:
        raise ValueError(f"{name}: bins={bins!r}; want a whole number, 1 or more.")
    if edges not in ("uniform", "mass"):
        raise ValueError(f"{name}: edges={edges!r}; want 'uniform' or 'mass'.")
    i = np.arange(bins + 1)
    if edges == "mass":
        # by whole numbers, so that an edge that is one of the confidences is exactly this one
        below, rest = np.divmod(i * (p.size - 1), bins)
        ordered = jnp.sort(p)
        low, high = ordered[below], ordered[np.minimum(below + 1, p.size - 1)]
        return low + jnp.asarray(rest / bins, p.dtype) * (high - low)
    # by NumPy: XLA would multiply by 1 / bins, and 3 / 10 would not be the 0.3 that is asked for
    return jnp.asarray(i / bins, p.dtype)


def bin_of(p: Array, edges: Array, closed: Closed, name: str) -> Array:
    """Which bin each number lies in, ``[n]``; the outermost edges belong to the outermost bins.

    Raises:
        ValueError: another ``closed``.
    """
    if closed not in ("right", "left"):
        raise ValueError(f"{name}: closed={closed!r}; want 'right' or 'left'.")
    index = jnp.searchsorted(edges, p, side="left" if closed == "right" else "right")
    return jnp.clip(index.astype(jnp.int32) - 1, 0, edges.size - 2)


def bin_sums(values: Array, bins: Array, num: int) -> Array:
    """Sum of the values in each bin, ``[num]``."""
    return jax.ops.segment_sum(values, bins, num)


def bin_means(values: Array, bins: Array, num: int) -> tuple[Array, Array]:
    """Mean of the values in each bin, 0 if it is empty, and how many there are, ``[num]`` each."""
    count = bin_sums(jnp.ones_like(values), bins, num)
    return bin_sums(values, bins, num) / jnp.where(count > 0, count, 1), count
