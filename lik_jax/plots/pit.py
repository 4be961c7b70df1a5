"""Do observations fall evenly over their forecasts?"""

from typing import Any

import numpy as np
from jax.typing import ArrayLike


def pit_histogram(ax: Any, density: ArrayLike, low: ArrayLike, high: ArrayLike, *, label: str | None = None) -> Any:
    """Bars of a histogram over [0, 1], and the band in which those of right forecasts lie.

    The arrays are those of `lik_jax.calibration.pit_histogram`, or of `lik_jax.calibration.rank_histogram`, in their
    order.

    Args:
        ax: a Matplotlib axis.
        density: height of each bar, ``[bins]``.
        low: lower end of the band, () or ``[bins]``.
        high: upper end.
        label: in the legend; without one there is none.

    Returns:
        The axis.
    """
    density = np.asarray(density)
    edges = np.linspace(0, 1, density.size + 1)
    ax.stairs(density, edges, fill=True, color="tab:blue", alpha=0.5, label=label)
    ax.axhline(density.mean(), color="black", linewidth=0.8)
    # the last value once more, so that the band reaches the last edge
    ends = (np.broadcast_to(np.asarray(end), density.shape) for end in (low, high))
    low, high = (np.append(end, end[-1]) for end in ends)
    ax.fill_between(edges, low, high, step="post", color="tab:gray", alpha=0.3, linewidth=0)
    ax.set_xlim(0, 1)
    ax.set_ylim(0, None)
    ax.set_xlabel("probability integral transform")
    ax.set_ylabel("density")
    if label is not None:
        ax.legend(frameon=False)
    return ax
