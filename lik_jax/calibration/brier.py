"""The Brier score of binned forecasts split up, with the terms that close it.

>>> import jax.numpy as jnp
>>> split = brier_decomposition(jnp.array([-1.0, 0.0, 1.0, 2.0]), jnp.array([0, 1, 0, 1]), bins=2)
>>> total = split.reliability - split.resolution + split.uncertainty + split.within_variance - split.within_covariance
>>> round(float(split.score), 4), round(float(total), 4)
(0.2177, 0.2177)
"""

from functools import partial
from typing import NamedTuple

import jax
from jax import Array
from jax.typing import ArrayLike

from ._events import Closed, Edges, bin_means, bin_of, checked, confidence, cuts, logit, outcome


class BrierDecomposition(NamedTuple):
    """``score`` = ``reliability`` - ``resolution`` + ``uncertainty`` + ``within_variance`` - ``within_covariance``."""

    score: Array
    reliability: Array
    resolution: Array
    uncertainty: Array
    within_variance: Array
    within_covariance: Array


@partial(jax.jit, static_argnames=("bins", "edges", "closed"))
def brier_decomposition(
    logits: ArrayLike, labels: ArrayLike, *, bins: int = 10, edges: Edges = "uniform", closed: Closed = "right"
) -> BrierDecomposition:
    """The mean of ``(p - y)^2`` over examples as a sum of five terms.

    Reliability is the mean squared gap between mean forecast and share that came of a bin, resolution that between
    this share and the base rate, uncertainty the variance of the outcomes. Without the last two terms, the variance
    of forecasts and twice their covariance with outcomes within bins, the sum is not the score.

    Args:
        logits: ``[n]``, log-odds of a binary event; or ``[n, k]``, then the event is that the top label is right.
        labels: ``[n]``: 0 and 1, or 0 to k - 1.
        bins: as for `reliability`; ``edges`` and ``closed`` too.
        edges: where.
        closed: on which side.

    Returns:
        Each ().

    Raises:
        ValueError: shapes that do not fit, or another option.

    Source: Stephenson, Coelho and Jolliffe (2008), "Two extra components in the Brier score decomposition", Weather
    and Forecasting 23.
    """
    z = checked(logits, labels, "brier_decomposition")
    p, y = confidence(z), outcome(z, labels)
    where = bin_of(p, cuts(p, bins, edges, "brier_decomposition"), closed, "brier_decomposition")
    mean, came = (bin_means(x, where, bins)[0][where] for x in (p, y))
    rate = y.mean()
    event = logit(z)
    # from the log-odds of what came, so that a forecast near 1 keeps its digits
    score = (jax.nn.sigmoid((1 - 2 * y) * event) ** 2).mean()
    return BrierDecomposition(
        score,
        ((mean - came) ** 2).mean(),
        ((came - rate) ** 2).mean(),
        rate * (1 - rate),
        ((p - mean) ** 2).mean(),
        2 * ((y - came) * (p - mean)).mean(),
    )
