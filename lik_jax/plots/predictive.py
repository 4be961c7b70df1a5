"""A predictive distribution over the data it was fitted to."""

from typing import Any

from jax.typing import ArrayLike


def predictive_band(
    ax: Any,
    x: ArrayLike,
    y: ArrayLike,
    grid: ArrayLike,
    middle: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    *,
    label: str = "90 % band",
) -> None:
    """Points, a middle line and a band between two quantiles.

    Args:
        ax: a Matplotlib axis.
        x: covariate of the data, ``[n]``.
        y: observations, ``[n]``.
        grid: where the band is drawn, ``[m]``, ascending.
        middle: ``[m]``.
        low: lower edge, ``[m]``.
        high: upper edge, ``[m]``.
        label: of the band.
    """
    ax.plot(x, y, ".", color="tab:gray", markersize=3, alpha=0.5, label="held-out data")
    ax.fill_between(grid, low, high, color="tab:blue", alpha=0.25, linewidth=0, label=label)
    ax.plot(grid, middle, color="tab:blue", label="median")
    ax.set_xlabel("x")
    ax.set_ylabel("y")
    ax.legend(frameon=False)
