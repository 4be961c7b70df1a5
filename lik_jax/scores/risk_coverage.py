"""Risk against coverage: what is lost if only the surest predictions are kept."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .._arrays import as_floats
from ..objectives.reduction import example_weights


class RiskCoverage(NamedTuple):
    """``coverage``: share of examples that are kept, rising to 1, ``[n]``. ``risk``: their mean loss, ``[n]``.
    ``area``: under the curve, the mean risk over all coverages, ()."""

    coverage: Array
    risk: Array
    area: Array


@jax.jit
def risk_coverage(
    confidence: ArrayLike, loss: ArrayLike, *, mask: ArrayLike | None = None, weights: ArrayLike | None = None
) -> RiskCoverage:
    """The risk-coverage curve of a selective predictor and the area under it (AURC).

    Examples are kept from the most confident down. Those of equal confidence come in no order: each counts with the
    mean loss of its group, which is the expectation over all orders.

    Args:
        confidence: any number that is higher for surer predictions, ``[n]``.
        loss: 0 or 1 for right or wrong, or any other loss, ``[n]``.
        mask: True where an example counts, ``[n]``; others come last, with nothing.
        weights: not negative, ``[n]``.

    Returns:
        A `RiskCoverage`; NaN where a confidence that counts is.

    Raises:
        ValueError: shapes that do not fit.

    Source: Geifman, Uziel and El-Yaniv (2019), "Bias-reduced uncertainty estimation for deep neural classifiers".

    >>> curve = risk_coverage(jnp.array([0.9, 0.6, 0.8, 0.7]), jnp.array([0.0, 1.0, 0.0, 1.0]))
    >>> curve.coverage.tolist(), [round(r, 4) for r in curve.risk.tolist()], round(float(curve.area), 4)
    ([0.25, 0.5, 0.75, 1.0], [0.0, 0.0, 0.3333, 0.5], 0.2083)
    """
    if jnp.ndim(loss) != 1 or jnp.shape(loss) != jnp.shape(confidence):
        raise ValueError(
            f"risk_coverage: confidence has shape {jnp.shape(confidence)} and loss {jnp.shape(loss)}; want [n] both."
        )
    confidence, loss = as_floats(confidence, loss)
    keep, w = example_weights(mask, weights, loss.shape, "risk_coverage")
    w = jnp.ones_like(loss) if w is None else w.astype(loss.dtype)
    if keep is not None:
        confidence, loss = jnp.where(keep, confidence, -jnp.inf), jnp.where(keep, loss, 0)
    loss = jnp.where(jnp.isnan(confidence), jnp.nan, loss)
    order = jnp.argsort(-confidence)
    confidence, loss, w = confidence[order], loss[order], w[order]
    group = jnp.concatenate([jnp.zeros(1, bool), confidence[1:] != confidence[:-1]])[: loss.size].cumsum()
    sums, weight = (jax.ops.segment_sum(x, group, loss.size, indices_are_sorted=True)[group] for x in (w * loss, w))
    loss = sums / jnp.where(weight > 0, weight, 1)
    kept = w.cumsum()
    risk = (w * loss).cumsum() / jnp.where(kept > 0, kept, 1)
    total = w.sum()
    total = jnp.where(total > 0, total, 1)
    return RiskCoverage(kept / total, risk, (w * risk).sum() / total)
