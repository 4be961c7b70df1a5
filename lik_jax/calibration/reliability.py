"""Confidence against accuracy: the numbers of a reliability diagram, and the calibration error.

>>> import jax.numpy as jnp
>>> logits = jnp.array([[2.0, 0.0], [2.0, 0.0], [0.0, 2.0]])
>>> round(float(calibration_error(logits, jnp.array([0, 1, 1]))), 4)
0.2141
"""

from functools import partial
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .._arrays import as_floats


class Reliability(NamedTuple):
    """A reliability diagram's numbers, one a bin: mean ``confidence``, share ``correct``, ``examples``; 0 if empty."""

    confidence: Array
    correct: Array
    examples: Array


@partial(jax.jit, static_argnames=("bins", "edges"))
def reliability(
    logits: ArrayLike, labels: ArrayLike, *, bins: int = 15, edges: Literal["uniform", "mass"] = "uniform"
) -> Reliability:
    """Confidence against accuracy of the top label.

    Args:
        logits: ``[n, k]``.
        labels: ``[n]``.
        bins: how many.
        edges: "uniform" cuts (0, 1] into bins of equal width, "mass" cuts at the quantiles of the confidences
            (linear interpolation), so that bins hold equal counts. Both are closed on the right.

    Returns:
        Arrays ``[bins]``.
    """
    (z,) = as_floats(logits)
    p = jax.nn.softmax(z, axis=-1)
    confidence = p.max(-1)
    correct = (p.argmax(-1) == jnp.asarray(labels)).astype(z.dtype)
    if edges == "uniform":
        bin_of = jnp.clip(jnp.ceil(confidence * bins).astype(jnp.int32) - 1, 0, bins - 1)
    elif edges == "mass":
        cuts = jnp.quantile(confidence, jnp.linspace(0, 1, bins + 1, dtype=z.dtype))
        bin_of = jnp.clip(jnp.searchsorted(cuts, confidence, side="left").astype(jnp.int32) - 1, 0, bins - 1)
    else:
        raise ValueError(f"reliability: edges={edges!r}; want 'uniform' or 'mass'.")
    count = jnp.zeros(bins, z.dtype).at[bin_of].add(1.0)
    per = jnp.where(count > 0, count, 1)
    return Reliability(
        jnp.zeros(bins, z.dtype).at[bin_of].add(confidence) / per,
        jnp.zeros(bins, z.dtype).at[bin_of].add(correct) / per,
        count,
    )


def calibration_error(
    logits: ArrayLike, labels: ArrayLike, *, bins: int = 15, edges: Literal["uniform", "mass"] = "uniform"
) -> Array:
    """Expected calibration error of the top label: mean over examples of |confidence - accuracy| of their bin.

    Conventions as in `reliability`. The estimate is biased upwards: a perfect forecaster of 10 classes with 15 bins
    averages about 0.04 at n = 1000.
    """
    bin_values = reliability(logits, labels, bins=bins, edges=edges)
    gaps = jnp.abs(bin_values.confidence - bin_values.correct)
    return (gaps * bin_values.examples).sum() / bin_values.examples.sum()
