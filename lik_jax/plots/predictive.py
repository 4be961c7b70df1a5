"""A predictive distribution over the data it was fitted to."""

from collections.abc import Sequence
from typing import Any

import numpy as np
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
    label: str | Sequence[str] = "90 % band",
    epistemic: tuple[ArrayLike, ArrayLike] | None = None,
    epistemic_label: str = "epistemic part",
) -> Any:
    """Points, a middle line and bands between pairs of quantiles.

    Args:
        ax: a Matplotlib axis.
        x: covariate of the data, ``[n]``.
        y: observations, ``[n]``.
        grid: where bands are drawn, ``[m]``, ascending.
        middle: ``[m]``.
        low: lower edge, ``[m]``; of several nested bands, the widest first, ``[bands, m]``.
        high: upper edge, the same.
        label: of the band, or one a band.
        epistemic: lower and upper edge of the middle line itself, ``[m]`` each: what the members of an ensemble or the
            draws of a posterior disagree on. More data would remove it; the rest of the band, the aleatoric part,
            would stay.
        epistemic_label: its label.

    Returns:
        The axis.

    Raises:
        ValueError: shapes that do not fit.
    """
    lows, highs = np.atleast_2d(np.asarray(low)), np.atleast_2d(np.asarray(high))
    labels = [label] if isinstance(label, str) else list(label)
    if not lows.shape == highs.shape == (len(labels), np.size(grid)):
        raise ValueError(
            f"predictive_band: grid has shape {np.shape(grid)}, low {np.shape(low)}, high {np.shape(high)} and there "
            f"are {len(labels)} labels; want [m], [bands, m] twice and one label a band."
        )
    ax.plot(x, y, ".", color="tab:gray", markersize=3, alpha=0.5, label="held-out data")
    # shades add up, so that the innermost of several is as dark as one alone
    shade = 1 - 0.75 ** (1 / len(labels))
    for one, two, name in zip(lows, highs, labels, strict=True):
        ax.fill_between(grid, one, two, color="tab:blue", alpha=shade, linewidth=0, label=name)
    if epistemic is not None:
        ax.fill_between(grid, *epistemic, color="tab:orange", alpha=0.4, linewidth=0, label=epistemic_label)
    ax.plot(grid, middle, color="tab:blue", label="median")
    ax.set_xlabel("x")
    ax.set_ylabel("y")
    ax.legend(frameon=False)
    return ax
