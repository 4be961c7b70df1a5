"""What is lost if only the surest predictions are kept."""

from typing import Any

import numpy as np
from jax.typing import ArrayLike

from ..scores import risk_coverage as curve_of


def risk_coverage(ax: Any, confidence: ArrayLike, loss: ArrayLike, *, label: str | None = None) -> Any:
    """Mean loss of the examples that are kept against their share, from the most confident down.

    Args:
        ax: a Matplotlib axis.
        confidence: higher for surer predictions, ``[n]``.
        loss: 0 or 1 for right or wrong, or any other, ``[n]``.
        label: in the legend, with the area under the curve.

    Returns:
        The axis. See `lik_jax.scores.risk_coverage` for the numbers.

    Raises:
        ValueError: shapes that do not fit.
    """
    curve = curve_of(confidence, loss)
    area = f"area {float(curve.area):.4f}"
    ax.plot(np.asarray(curve.coverage), np.asarray(curve.risk), label=area if label is None else f"{label}, {area}")
    ax.set_xlim(0, 1)
    # the upper end stays free for further curves
    ax.set_ylim(bottom=min(0.0, float(np.min(curve.risk))), auto=None)
    ax.set_xlabel("coverage: share of examples kept")
    ax.set_ylabel("risk: their mean loss")
    ax.legend(frameon=False)
    return ax
