"""Held-out forecasts and what came: what every classifier's map does at the door."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .._arrays import as_floats, not_integer


class Data(NamedTuple):
    """Logits ``[n, k]`` or ``[n]``, labels (int32), weights and their sum; all logits NaN if the data are invalid."""

    logits: Array
    labels: Array
    weights: Array
    total: Array


def classes(name: str, logits: ArrayLike, labels: ArrayLike, weights: ArrayLike | None) -> Data:
    """Data of ``k`` classes.

    Invalid are: no weight at all, a negative weight, and logits that are not finite or labels that are no class in
    an example of weight not 0. An example of weight 0 may hold anything.

    Raises:
        ValueError: shapes that do not fit.
    """
    shape = jnp.shape(logits)
    if len(shape) != 2 or shape[1] < 2 or jnp.shape(labels) != shape[:1]:
        raise ValueError(
            f"{name}.fit: logits have shape {shape} and labels {jnp.shape(labels)}; want [n, k] and [n], k at least 2. "
            "A single logit is of two classes: jnp.stack([0 * z, z], 1)."
        )
    return _data(name, logits, labels, weights, shape[1])


def binary(name: str, logits: ArrayLike, labels: ArrayLike, weights: ArrayLike | None) -> Data:
    """Data of yes (1) and no (0), one logit each, that of a Bernoulli; invalid are those of `classes`.

    Raises:
        ValueError: shapes that do not fit.
    """
    shape = jnp.shape(logits)
    if len(shape) != 1 or jnp.shape(labels) != shape:
        raise ValueError(
            f"{name}.fit: logits have shape {shape} and labels {jnp.shape(labels)}; want [n] and [n], logits of a 1: "
            "from two classes it is z[:, 1] - z[:, 0]."
        )
    return _data(name, logits, labels, weights, 2)


def binary_or_classes(name: str, logits: ArrayLike, labels: ArrayLike, weights: ArrayLike | None) -> Data:
    """`binary` for logits ``[n]``, `classes` for ``[n, k]``."""
    return (binary if len(jnp.shape(logits)) == 1 else classes)(name, logits, labels, weights)


def _data(name: str, logits: ArrayLike, labels: ArrayLike, weights: ArrayLike | None, num_classes: int) -> Data:
    shape = jnp.shape(labels)
    if weights is not None and jnp.shape(weights) != shape:
        raise ValueError(f"{name}.fit: weights have shape {jnp.shape(weights)}; want {shape}, one an example.")
    given = jnp.ones(shape, jnp.float32) if weights is None else weights
    z, w = as_floats(logits, given, ndims=(jnp.ndim(logits) - 1, 0))
    y = jnp.asarray(labels)
    if not shape[0]:
        # an example of no weight in place of none: then what follows needs no case of its own
        z, w, y = (jnp.zeros((1, *x.shape[1:]), x.dtype) for x in (z, w, y))
    if not jnp.issubdtype(y.dtype, jnp.floating) and y.dtype.itemsize < 8:
        y = y.astype(jnp.int32)
    legal = (y >= 0) & (y < num_classes)
    if jnp.issubdtype(y.dtype, jnp.floating):
        legal = legal & ~not_integer(y)
    finite = jnp.isfinite(z) if z.ndim == 1 else jnp.isfinite(z).all(1)
    counts = w != 0
    valid = (w.sum() > 0) & (~counts | (legal & finite & (w > 0) & jnp.isfinite(w))).all()
    z = jnp.where(counts if z.ndim == 1 else counts[:, None], z, 0.0)
    w = jnp.where(valid, w, 1.0)
    return Data(jnp.where(valid, z, jnp.nan), jnp.where(counts & legal, y, 0).astype(jnp.int32), w, w.sum())


def standardised(x: Array, data: Data) -> tuple[Array, Array, Array]:
    """Columns of mean 0 and variance 1 by weight, the means and the scales; a column that is constant is 0, scale 1."""
    # the params that are found do not depend on these, so their derivatives are not missed
    w, fixed = jax.lax.stop_gradient((data.weights[:, None] / data.total, x))
    mean = (w * fixed).sum(0)
    scale = jnp.sqrt((w * (fixed - mean[None]) ** 2).sum(0))
    varies = ~(scale <= 8 * jnp.finfo(x.dtype).eps * jnp.abs(fixed).max(0))
    scale = jnp.where(varies, scale, 1)
    return jnp.where(varies[None], (x - mean[None]) / scale[None], 0), mean, scale


def by_logit(data: Data) -> tuple[Array, Array, Array]:
    """Logits, labels (floats; NaN if the data are invalid) and weights in the order of the logits, ``[n]`` each.

    Of equal logits the ones come first, so that regression that must rise gives all of them one value. Examples that
    do not count are put to the very front, as if their logit were the least of the others.
    """
    z, w = data.logits, data.weights
    counts = w > 0
    z = jnp.where(counts, z, jnp.where(counts, z, jnp.inf).min())
    y = jnp.where(jnp.isnan(z), z, data.labels.astype(z.dtype))
    order = jnp.lexsort((-y, counts, z))
    return z[order], y[order], w[order]
