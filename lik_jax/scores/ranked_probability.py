"""The ranked probability score: the Brier score of classes that have an order."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from ..distribution import Distribution
from ..objectives.likelihood import average
from ..objectives.reduction import Reduction
from ._outcomes import outcomes, score_outcomes


def ranked_probability(
    distribution: Distribution,
    params: Any,
    y: ArrayLike,
    *,
    normalised: bool = False,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """Ranked probability score ``sum_j (P(Y <= j) - [y <= j])^2`` over all classes ``j`` but the last.

    Strictly proper, and it knows how far off a class is: mass next to ``y`` costs less than mass far away. It is the
    CRPS of whole numbers.

    Args:
        distribution: of ordered labels: `categorical`, `bernoulli`, mixtures of them, or a discrete one with both
            bounds (`discretized`, `truncated`).
        params: its parameters; their example axes are those of ``y``, or none.
        y: labels, ``[*examples]``.
        normalised: divide by the number of thresholds, one less than the number of classes: from 0 to 1.
        mask: see `lik_jax.nll`.
        weights: see `lik_jax.nll`.
        reduction: see `lik_jax.nll`.

    Returns:
        A scalar, ``[*examples]`` or a `Total`; inf, with gradient zero, where ``y`` is no class.

    Raises:
        ValueError: shapes that do not fit.
        TypeError: a distribution without an end to its outcomes.

    Source: Epstein (1969), "A scoring system for probability forecasts of ranked categories".

    >>> from lik_jax import categorical
    >>> probs = categorical.from_probs(jnp.array([0.5, 0.3, 0.2]))
    >>> round(float(ranked_probability(categorical, probs, 0)), 4)
    0.29
    >>> round(float(ranked_probability(categorical, probs, 0, normalised=True)), 4)
    0.145
    """
    low, high = outcomes(distribution, params, "ranked_probability")
    thresholds = max(high - low, 1) if normalised else 1

    def loss(params: Any, y: ArrayLike) -> Array:
        return score_outcomes(_of_ranks, distribution, params, y, "ranked_probability") / thresholds

    return average(loss, distribution, params, y, mask, weights, reduction, "ranked_probability")


def _of_ranks(p: Array, index: Array) -> Array:
    # at each threshold the mass on its other side: sums from either end, nothing is taken from 1. As products with
    # triangles of ones, which are several times as fast as cumulative sums
    k = p.shape[-1]
    at_most = jnp.asarray(np.triu(np.ones((k, k - 1))), p.dtype)
    lower, upper = (jnp.matmul(p, sides, precision="highest") for sides in (at_most, 1 - at_most))
    threshold = jax.lax.broadcasted_iota(jnp.int32, lower.shape, lower.ndim - 1)
    return (jnp.where(threshold < index[..., None], lower, upper) ** 2).sum(-1)
