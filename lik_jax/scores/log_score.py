"""The logarithmic score."""

from typing import Any

from jax.typing import ArrayLike

from ..distribution import Distribution
from ..objectives.likelihood import average
from ..objectives.reduction import Reduction


def log_score(
    distribution: Distribution,
    params: Any,
    y: Any,
    *,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """Logarithmic score ``-log p(y)`` in nats: `lik_jax.nll` under the name that forecasters use.

    Strictly proper, and the only such score that looks at nothing but the density at ``y``; without upper bound.

    Args:
        distribution: any.
        params: its parameters; their example axes are those of ``y``, or none.
        y: observations, ``[*examples, *event]``.
        mask: True where an example counts; see `lik_jax.nll`.
        weights: by how much; see `lik_jax.nll`.
        reduction: "mean", "sum", "none" or "total"; see `lik_jax.nll`.

    Returns:
        A scalar, ``[*examples]`` or a `Total`; inf where ``y`` is outside the support.

    Raises:
        ValueError: shapes that do not fit.

    Source: Good (1952), "Rational decisions"; Gneiting and Raftery (2007), section 4.

    >>> from lik_jax import normal
    >>> round(float(log_score(normal, normal.Params(0.0, 1.0), 0.3)), 4)
    0.9639
    """
    return average(
        lambda params, y: -distribution.log_prob(params, y),
        distribution,
        params,
        y,
        mask,
        weights,
        reduction,
        "log_score",
    )
