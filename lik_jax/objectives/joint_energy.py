"""Joint energy model: a classifier's logits are minus an energy, ``p(x, y) = exp(logits(x)[y]) / Z``.

So ``p(y | x)`` is the classifier's softmax as ever, and ``p(x)`` has the energy ``-logsumexp(logits(x))``: one network
is a classifier and a density. ``log p(x, y) = log p(y | x) + log p(x)`` is learned term by term, the first as
cross-entropy, the second by contrast with negatives drawn from ``p(x)``, by Langevin chains say.

>>> import jax.numpy as jnp
>>> classify = lambda x: jnp.concatenate([0 * x, x], -1)
>>> parts = decompose(classify, jnp.ones((1, 1)), jnp.array([1]), jnp.zeros((4, 1)))
>>> [round(float(part[0]), 4) for part in parts]
[0.3133, -0.6201, -0.3069]

Source: Grathwohl et al. (2020), "Your classifier is secretly an energy based model and you should treat it like one".
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .._arrays import as_floats
from ..distributions import categorical
from . import contrastive_divergence
from ._batch import examples
from .energy import Energy
from .likelihood import nll
from .reduction import Reduction, finish

Classifier = Callable[[Array], Array]


class JointEnergy(NamedTuple):
    """``-log p(x, y)`` taken apart, each ``[B]``.

    Attributes:
        classification: ``-log p(y | x)``, in nats: a likelihood.
        contrast: stands in for ``-log p(x)``: its gradient estimates that one's, its value means nothing.
        objective: ``classification + weight contrast``. Minimise this.
    """

    classification: Array
    contrast: Array
    objective: Array


def energy(classify: Classifier) -> Energy:
    """``-logsumexp(logits)``: the energy of ``x`` alone, ``[B, ...]`` to ``[B]``, for samplers and scores.

    >>> energy(lambda x: jnp.zeros((2, 4)))(jnp.ones((2, 3))).shape
    (2,)
    """
    return lambda x: -jax.nn.logsumexp(_logits(classify, x), -1)


def joint_energy(classify: Classifier, labels: ArrayLike) -> Energy:
    """``-logits[label]``: the energy of ``x`` and its label, ``[B, ...]`` to ``[B]``."""

    def of_inputs(x: Array) -> Array:
        logits = _logits(classify, x)
        chosen = jnp.asarray(labels)[:, None] == jnp.arange(logits.shape[-1])[None]
        return -jnp.where(chosen, logits, 0).sum(-1)

    return of_inputs


def decompose(
    classify: Classifier, x: ArrayLike, labels: ArrayLike, negatives: ArrayLike, *, weight: float = 1.0
) -> JointEnergy:
    """Both terms of ``-log p(x, y)``, each ``[B]``.

    Args:
        classify: ``classify(x)``, ``[n, ...]`` to logits ``[n, k]``, its params closed over.
        x: inputs, ``[B, ...]``.
        labels: whole numbers 0 to k - 1, ``[B]``.
        negatives: inputs drawn from the model, ``[N, ...]``, constants to the gradient.
        weight: of the contrast in the objective; 0 leaves a classifier, 1 the joint likelihood.

    Raises:
        ValueError: shapes that do not fit.
    """
    (x,) = as_floats(x)
    logits = _logits(classify, x)
    classification = nll(categorical, categorical.Params(logits), labels, reduction="none")
    contrast = contrastive_divergence.surrogate(energy(classify), x, negatives, reduction="none")
    return JointEnergy(classification, contrast, classification + weight * contrast)


def loss(
    classify: Classifier,
    x: ArrayLike,
    labels: ArrayLike,
    negatives: ArrayLike,
    *,
    weight: float = 1.0,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """The objective of `decompose`, reduced: its gradient estimates that of ``-log p(x, y)``; its value means nothing.

    Args:
        classify: ``classify(x)``, ``[n, ...]`` to logits ``[n, k]``, its params closed over.
        x: inputs, ``[B, ...]``.
        labels: whole numbers 0 to k - 1, ``[B]``.
        negatives: inputs drawn from the model, ``[N, ...]``.
        weight: of the contrast.
        mask: True where an example counts, ``[B]``.
        weights: non-negative, ``[B]``.
        reduction: see `lik_jax.nll`.
    """
    x, keep, w = examples(as_floats(x)[0], mask, weights, "joint_energy")
    labels = jnp.asarray(labels) if keep is None else jnp.where(keep, jnp.asarray(labels), 0)
    return finish(decompose(classify, x, labels, negatives, weight=weight).objective, keep, w, reduction)


def _logits(classify: Classifier, x: Array) -> Array:
    logits = classify(x)
    if jnp.ndim(logits) != 2 or jnp.shape(logits)[0] != x.shape[0]:
        raise ValueError(
            f"classify gave the shape {jnp.shape(logits)} for inputs of shape {x.shape}; want {(x.shape[0], 'k')}: "
            "one row of logits an input."
        )
    return jnp.asarray(logits)
