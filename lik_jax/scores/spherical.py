"""The spherical score: the angle between probabilities and what came."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ..distribution import Distribution
from ..objectives.likelihood import average
from ..objectives.reduction import Reduction
from ._outcomes import outcomes, score_outcomes


def spherical(
    distribution: Distribution,
    params: Any,
    y: ArrayLike,
    *,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """Spherical score ``1 - p_y / |p|``, ``|p|`` the length of the vector of class probabilities: from 0 to 1.

    Strictly proper; 1 less the score of the literature, which is better where it is higher.

    Args:
        distribution: with finitely many outcomes, as for `brier`.
        params: its parameters; their example axes are those of ``y``, or none.
        y: labels, ``[*examples]``.
        mask: see `lik_jax.nll`.
        weights: see `lik_jax.nll`.
        reduction: see `lik_jax.nll`.

    Returns:
        A scalar, ``[*examples]`` or a `Total`; inf, with gradient zero, where ``y`` is no class.

    Raises:
        ValueError: shapes that do not fit.
        TypeError: a distribution without an end to its outcomes.

    Source: Gneiting and Raftery (2007), "Strictly proper scoring rules, prediction, and estimation", section 3.

    >>> from lik_jax import categorical
    >>> round(float(spherical(categorical, categorical.from_probs(jnp.array([0.6, 0.8])), 0)), 4)
    0.4
    """
    outcomes(distribution, params, "spherical")
    return average(
        lambda params, y: score_outcomes(_of_angle, distribution, params, y, "spherical"),
        distribution,
        params,
        y,
        mask,
        weights,
        reduction,
        "spherical",
    )


def _of_angle(p: Array, index: Array) -> Array:
    hit = jax.lax.broadcasted_iota(jnp.int32, p.shape, p.ndim - 1) == index[..., None]
    right = jnp.where(hit, p, 0).sum(-1)
    wrong = (jnp.where(hit, 0, p) ** 2).sum(-1)
    length = jnp.sqrt(right**2 + wrong)
    # (length - right) / length, without the difference
    return wrong / (length * (length + right))
