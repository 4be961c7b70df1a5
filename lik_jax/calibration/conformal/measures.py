"""How often sets and intervals hold the truth, and how large they are.

>>> import jax.numpy as jnp
>>> sets = jnp.array([[True, False, False], [True, True, False], [False, True, True]])
>>> labels = jnp.array([0, 2, 1])
>>> round(float(set_coverage(sets, labels)), 4), round(float(set_size(sets)), 4)
(0.6667, 1.6667)
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ..._arrays import as_floats, float_dtype
from ...objectives.reduction import Reduction, example_weights, finish
from ._labels import at_label


def set_coverage(
    sets: ArrayLike,
    labels: ArrayLike,
    *,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """The share of examples whose label is in the set.

    Args:
        sets: which classes are in, bool ``[*examples, k]``.
        labels: 0 to k - 1, ``[*examples]``; one out of range is in no set.
        mask: as for `lik_jax.nll`; ``weights`` and ``reduction`` too ("none": 1 or 0 for each example).
        weights: by how much an example counts.
        reduction: how.

    Raises:
        ValueError: shapes that do not fit.
    """
    sets = _checked("set_coverage", sets, labels)
    covered = at_label(sets, labels, False).astype(float_dtype())
    return _finished("set_coverage", covered, mask, weights, reduction)


def set_size(
    sets: ArrayLike,
    *,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """How many classes are in a set, on average; arguments as in `set_coverage`."""
    size = jnp.asarray(sets).astype(float_dtype()).sum(-1)
    return _finished("set_size", size, mask, weights, reduction)


class SizeStrata(NamedTuple):
    """By size of the set, 0 to k: ``coverage``, NaN where no set has this size, and how many ``examples``, ``[k + 1]``
    each."""

    coverage: Array
    examples: Array


def size_stratified_coverage(sets: ArrayLike, labels: ArrayLike) -> SizeStrata:
    """Coverage among the examples whose sets have the same size.

    Sets that hold their level on average may do so by too many small ones that miss and too many large ones that never
    do. An honest summary is the coverage of the worst size with enough examples.

    Args:
        sets: which classes are in, bool ``[n, k]``.
        labels: 0 to k - 1, ``[n]``.

    Raises:
        ValueError: shapes that do not fit.

    Source: Angelopoulos, Bates, Malik and Jordan (2021), "Uncertainty sets for image classifiers using conformal
    prediction".

    >>> sets = jnp.array([[True, False], [True, False], [True, True]])
    >>> size_stratified_coverage(sets, jnp.array([0, 1, 1])).coverage.tolist()
    [nan, 0.5, 1.0]
    """
    sets = _checked("size_stratified_coverage", sets, labels)
    covered = at_label(sets, labels, False).astype(float_dtype())
    size = sets.sum(-1).ravel()
    zero = jnp.zeros(sets.shape[-1] + 1, covered.dtype)
    examples = zero.at[size].add(1.0)
    hits = zero.at[size].add(covered.ravel())
    return SizeStrata(jnp.where(examples > 0, hits / jnp.where(examples > 0, examples, 1), jnp.nan), examples)


def interval_coverage(
    low: ArrayLike,
    high: ArrayLike,
    y: ArrayLike,
    *,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """The share of ``y`` with ``low <= y <= high``; NaN where one of the three is.

    Args:
        low: lower ends, ``[*examples]``, or one shared by all.
        high: upper ends.
        y: ``[*examples]``.
        mask: as for `lik_jax.nll`; ``weights`` and ``reduction`` too.
        weights: by how much an example counts.
        reduction: how.

    Raises:
        ValueError: shapes that do not fit.

    >>> float(interval_coverage(-1.0, 1.0, jnp.array([0.0, 3.0])))
    0.5
    """
    for word, end in (("low", low), ("high", high)):
        if jnp.shape(end) not in ((), jnp.shape(y)):
            raise ValueError(
                f"interval_coverage: {word} has shape {jnp.shape(end)} and y {jnp.shape(y)}; want the same, or ()."
            )
    low, high, y = as_floats(low, high, y)
    known = ~(jnp.isnan(low) | jnp.isnan(high) | jnp.isnan(y))
    covered = jnp.where(known, ((low <= y) & (y <= high)).astype(y.dtype), jnp.nan)
    return _finished("interval_coverage", covered, mask, weights, reduction)


def _checked(name: str, sets: ArrayLike, labels: ArrayLike) -> Array:
    if jnp.ndim(sets) < 1 or jnp.shape(labels) != jnp.shape(sets)[:-1]:
        raise ValueError(
            f"{name}: sets have shape {jnp.shape(sets)} and labels {jnp.shape(labels)}; want [*examples, k] and "
            f"[*examples]."
        )
    return jnp.asarray(sets).astype(bool)


def _finished(name: str, values: Array, mask: ArrayLike | None, weights: ArrayLike | None, reduction: Reduction) -> Any:
    keep, w = example_weights(mask, weights, values.shape, name)
    return finish(values, keep, w, reduction)
