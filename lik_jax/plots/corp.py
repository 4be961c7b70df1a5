"""Forecasts against what they should have been, and what that costs."""

from typing import Any

import numpy as np
from jax.typing import ArrayLike


def corp_diagram(
    ax: Any,
    probability: ArrayLike,
    recalibrated: ArrayLike,
    score: ArrayLike,
    miscalibration: ArrayLike,
    discrimination: ArrayLike,
    uncertainty: ArrayLike,
    *,
    label: str = "recalibrated",
    band: tuple[ArrayLike, ArrayLike] | None = None,
) -> Any:
    """The isotonic curve of recalibrated on given probabilities; the score and its parts in the corner.

    The arrays are those of `lik_jax.calibration.corp`, in their order.

    Args:
        ax: a Matplotlib axis.
        probability: of each forecast, rising, ``[n]``.
        recalibrated: ``[n]``.
        score: ().
        miscalibration: ().
        discrimination: ().
        uncertainty: ().
        label: in the legend.
        band: low and high end of where a perfect forecaster's curve lies, ``[n]`` each, as
            `lik_jax.calibration.corp_band` gives.

    Returns:
        The axis.
    """
    x = np.asarray(probability)
    if band is not None:
        low, high = (np.asarray(end) for end in band)
        ax.fill_between(x, low, high, color="tab:gray", alpha=0.3, linewidth=0, label="if forecasts are right")
    ax.plot([0, 1], [0, 1], color="black", linewidth=0.8)
    ax.plot(x, np.asarray(recalibrated), color="tab:red", marker=".", markersize=3, linewidth=1, label=label)
    parts = (("score", score), ("MCB", miscalibration), ("DSC", discrimination), ("UNC", uncertainty))
    text = "\n".join(f"{name} {float(np.asarray(value)):.4f}" for name, value in parts)
    ax.text(0.98, 0.03, text, transform=ax.transAxes, ha="right", va="bottom", family="monospace", fontsize="small")
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1)
    ax.set_xlabel("forecast probability")
    ax.set_ylabel("recalibrated probability")
    ax.legend(frameon=False, loc="upper left")
    return ax
