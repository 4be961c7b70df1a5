"""Are the probabilities right? Confidence against accuracy."""

from typing import Any

import numpy as np
from jax.typing import ArrayLike


def reliability_diagram(ax: Any, confidence: ArrayLike, correct: ArrayLike, count: ArrayLike, *, label: str) -> None:
    """Share correct against mean confidence, a point a bin, its area by the bin's count; the diagonal is perfect.

    Args:
        ax: a Matplotlib axis.
        confidence: mean confidence of each bin, ``[bins]``.
        correct: share correct in each bin, ``[bins]``.
        count: examples in each bin, ``[bins]``; empty bins are left out.
        label: in the legend.
    """
    confidence, correct, count = (np.asarray(a) for a in (confidence, correct, count))
    used = count > 0
    # two standard errors of a share, Laplace-smoothed so that a share of 0 or 1 has a bar too
    share = (correct[used] * count[used] + 1) / (count[used] + 2)
    bars = 2 * np.sqrt(share * (1 - share) / (count[used] + 2))
    ax.plot([0, 1], [0, 1], color="black", linewidth=0.8)
    (line,) = ax.plot(confidence[used], correct[used], linewidth=0.8, alpha=0.5, label=label)
    ax.errorbar(confidence[used], correct[used], bars, fmt="none", ecolor=line.get_color(), alpha=0.4)
    ax.scatter(confidence[used], correct[used], 10 + 200 * count[used] / count.sum(), color=line.get_color(), alpha=0.7)
    ax.set_xlim(0, 1.02)
    ax.set_ylim(0, 1.02)
    ax.set_xlabel("confidence")
    ax.set_ylabel("share correct")
    ax.legend(frameon=False, loc="upper left")
