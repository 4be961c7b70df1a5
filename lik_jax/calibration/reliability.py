"""Confidence against what came: the numbers of a reliability diagram, and where a perfect forecaster's would lie.

>>> import jax.numpy as jnp
>>> logits = jnp.array([[2.0, 0.0], [2.0, 0.0], [0.0, 2.0]])
>>> bins = reliability(logits, jnp.array([0, 1, 1]), bins=2)
>>> bins.examples.tolist(), round(float(bins.confidence[1]), 4), round(float(bins.correct[1]), 4)
([0.0, 3.0], 0.8808, 0.6667)
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ._events import Closed, Edges, bin_means, bin_of, checked, confidence, cuts, outcome
from ._resampling import central, check_level, replicates


class Reliability(NamedTuple):
    """A reliability diagram's numbers. One a bin, ``[bins]``: mean ``confidence``, share ``correct``, ``examples``; 0
    if empty. ``edges``: of the bins, ``[bins + 1]``."""

    confidence: Array
    correct: Array
    examples: Array
    edges: Array


class Band(NamedTuple):
    """Pointwise ``low`` and ``high`` ends of where a perfect forecaster's numbers lie."""

    low: Array
    high: Array


@partial(jax.jit, static_argnames=("bins", "edges", "closed"))
def reliability(
    logits: ArrayLike, labels: ArrayLike, *, bins: int = 15, edges: Edges = "uniform", closed: Closed = "right"
) -> Reliability:
    """Confidence against the share that came true.

    Args:
        logits: ``[n, k]``, then the event is that the top label (the first of equals) is right; or ``[n]``, log-odds
            of a binary event.
        labels: ``[n]``: 0 to k - 1, or 0 and 1.
        bins: how many.
        edges: "uniform" cuts [0, 1] at ``i / bins``, "mass" at the quantiles of the confidences (linear
            interpolation), so that bins hold equal counts.
        closed: the side of a bin that belongs to it, "right" or "left"; the outermost edges belong to the outermost
            bins anyhow.

    Raises:
        ValueError: shapes that do not fit, or another option.
    """
    z = checked(logits, labels, "reliability")
    p = confidence(z)
    at = cuts(p, bins, edges, "reliability")
    where = bin_of(p, at, closed, "reliability")
    mean, count = bin_means(p, where, bins)
    return Reliability(mean, bin_means(outcome(z, labels), where, bins)[0], count, at)


@partial(jax.jit, static_argnames=("bins", "edges", "closed", "level", "num_resamples"))
def consistency_band(
    logits: ArrayLike,
    *,
    key: Array,
    bins: int = 15,
    edges: Edges = "uniform",
    closed: Closed = "right",
    level: float = 0.9,
    num_resamples: int = 1000,
) -> Band:
    """Where the share correct of each bin lies if the forecasts are right: labels are drawn from them again and again.

    The forecasts stay as they are, so the band belongs to the points of `reliability` with the same options.

    Args:
        logits: ``[n, k]`` or ``[n]``, as for `reliability`; ``bins``, ``edges`` and ``closed`` too.
        key: PRNG key.
        bins: how many.
        edges: where.
        closed: on which side.
        level: of each bin's interval by itself, in (0, 1).
        num_resamples: sets of labels.

    Returns:
        ``[bins]`` each; NaN where a bin is empty.

    Raises:
        ValueError: as `reliability`, or a ``level`` outside (0, 1).

    Source: Bröcker and Smith (2007), "Increasing the reliability of reliability diagrams", Weather and Forecasting 22
    (who draw the forecasts again as well).
    """
    check_level(level, "consistency_band")
    p = confidence(checked(logits, None, "consistency_band"))
    where = bin_of(p, cuts(p, bins, edges, "consistency_band"), closed, "consistency_band")
    count = bin_means(p, where, bins)[1]

    def shares(key: Array) -> Array:
        return bin_means(jax.random.bernoulli(key, p).astype(p.dtype), where, bins)[0]

    draws = replicates(shares, key, num_resamples, p.size, None, "consistency_band")
    low, high = (jnp.where(count > 0, end, jnp.nan) for end in central(draws, level))
    return Band(low, high)
