"""The Brier score: squared error of probabilities."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .. import special
from .._arrays import as_floats, guard
from .._derivatives import with_partials
from ..distribution import Distribution
from ..distributions import bernoulli
from ..objectives.likelihood import average
from ..objectives.reduction import Reduction
from ._outcomes import outcomes, score_outcomes


def brier(
    distribution: Distribution,
    params: Any,
    y: ArrayLike,
    *,
    halved: bool | None = None,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """Brier score ``sum_k (p_k - [k = y])^2`` of class probabilities, from 0 to 2. Strictly proper.

    Two conventions are in use: the sum over all classes (Brier's own), and for yes or no ``(p_1 - y)^2``, the square of
    one class's error alone, which is half of it. The second is the default for `bernoulli`, the first for all else.
    Nothing is clipped, and nothing cancels: 1 less the probability of ``y`` is the sum of the others.

    Args:
        distribution: with finitely many outcomes: `categorical`, `bernoulli`, mixtures of them, or a discrete one with
            both bounds (`discretized`, `truncated`).
        params: its parameters; their example axes are those of ``y``, or none.
        y: labels, ``[*examples]``.
        halved: half the sum over classes, from 0 to 1; None for True with `bernoulli` and False with all else.
        mask: see `lik_jax.nll`.
        weights: see `lik_jax.nll`.
        reduction: see `lik_jax.nll`.

    Returns:
        A scalar, ``[*examples]`` or a `Total`; inf, with gradient zero, where ``y`` is no class: as with the log score,
        it can't pass for a good one.

    Raises:
        ValueError: shapes that do not fit.
        TypeError: a distribution without an end to its outcomes.

    Source: Brier (1950), "Verification of forecasts expressed in terms of probability".

    >>> from lik_jax import bernoulli, categorical
    >>> probs = categorical.from_probs(jnp.array([0.7, 0.2, 0.1]))
    >>> round(float(brier(categorical, probs, 0)), 4)
    0.14
    >>> yes = bernoulli.from_probs(0.7)
    >>> round(float(brier(bernoulli, yes, 1)), 4), round(float(brier(bernoulli, yes, 1, halved=False)), 4)
    (0.09, 0.18)
    """
    outcomes(distribution, params, "brier")
    binary = distribution is bernoulli
    factor = 0.5 if (binary if halved is None else halved) else 1.0

    def loss(params: Any, y: ArrayLike) -> Array:
        if binary:
            return 2 * factor * _of_yes_or_no(params, y)
        return factor * score_outcomes(_of_classes, distribution, params, y, "brier")

    return average(loss, distribution, params, y, mask, weights, reduction, "brier")


def _of_classes(p: Array, index: Array) -> Array:
    missed = jnp.where(jax.lax.broadcasted_iota(jnp.int32, p.shape, p.ndim - 1) == index[..., None], 0, p)
    return missed.sum(-1) ** 2 + (missed**2).sum(-1)


def _squared_miss_slope(sign: Array, logits: Array) -> Array:
    odds = jnp.exp(sign * logits)
    miss = 1 / (1 + odds)
    return -2 * sign * miss**2 / (1 + 1 / odds)


# sign is 1 for yes and -1 for no: the probability of what did not come is sigmoid(-sign * logits)
_squared_miss = with_partials(
    lambda sign, logits: special.sigmoid(-sign * logits) ** 2,
    lambda sign, logits: jnp.zeros_like(sign),
    _squared_miss_slope,
)


def _of_yes_or_no(params: Any, y: ArrayLike) -> Array:
    y, logits = as_floats(y, *params)
    outside = jnp.abs(y * (1 - y)) > 0
    sign = jnp.where(outside, 1.0, 2 * y - 1)
    return -guard(-_squared_miss(sign, logits), outside=outside)
