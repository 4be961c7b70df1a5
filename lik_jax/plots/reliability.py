"""Are the probabilities right? Confidence against what came."""

from typing import Any

import numpy as np
from jax.typing import ArrayLike


def reliability_diagram(
    ax: Any,
    confidence: ArrayLike,
    correct: ArrayLike,
    count: ArrayLike,
    edges: ArrayLike | None = None,
    *,
    label: str,
    band: tuple[ArrayLike, ArrayLike] | None = None,
    counts: Any = None,
) -> Any:
    """Share correct against mean confidence, a point a bin, its area by the bin's count; the diagonal is perfect.

    The arrays are those of `lik_jax.calibration.reliability`, in their order.

    Args:
        ax: a Matplotlib axis.
        confidence: mean confidence of each bin, ``[bins]``.
        correct: share correct in each bin, ``[bins]``.
        count: examples in each bin, ``[bins]``; empty bins are left out.
        edges: of the bins, ``[bins + 1]``; for ``counts``, evenly spaced from 0 to 1 if None.
        label: in the legend.
        band: low and high end of where a perfect forecaster's points lie, ``[bins]`` each, as
            `lik_jax.calibration.consistency_band` gives; drawn in place of error bars.
        counts: a second axis, below or beside, for the histogram of the counts.

    Returns:
        The axis.
    """
    confidence, correct, count = (np.asarray(a) for a in (confidence, correct, count))
    used = count > 0
    ax.plot([0, 1], [0, 1], color="black", linewidth=0.8)
    (line,) = ax.plot(confidence[used], correct[used], linewidth=0.8, alpha=0.5, label=label)
    colour = line.get_color()
    if band is None:
        # two standard errors of a share, Laplace-smoothed so that a share of 0 or 1 has a bar too
        share = (correct[used] * count[used] + 1) / (count[used] + 2)
        bars = 2 * np.sqrt(share * (1 - share) / (count[used] + 2))
        ax.errorbar(confidence[used], correct[used], bars, fmt="none", ecolor=colour, alpha=0.4)
    else:
        low, high = (np.asarray(end)[used] for end in band)
        ax.fill_between(confidence[used], low, high, color=colour, alpha=0.2, linewidth=0)
    ax.scatter(confidence[used], correct[used], 10 + 200 * count[used] / count.sum(), color=colour, alpha=0.7)
    ax.set_xlim(0, 1.02)
    ax.set_ylim(0, 1.02)
    ax.set_xlabel("confidence")
    ax.set_ylabel("share correct")
    ax.legend(frameon=False, loc="upper left")
    if counts is not None:
        at = np.linspace(0, 1, count.size + 1) if edges is None else np.asarray(edges)
        counts.stairs(count, at, color=colour)
        counts.set_xlim(0, 1.02)
        counts.set_xlabel("confidence")
        counts.set_ylabel("examples")
    return ax
