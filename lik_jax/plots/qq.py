"""Data against the quantiles of a distribution."""

from collections.abc import Callable
from typing import Any, Literal

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike


def qq(
    ax: Any,
    y: ArrayLike,
    icdf: Callable[[Any], Any],
    *,
    band: Literal["pointwise", "simultaneous"] | None = "simultaneous",
    level: float = 0.95,
    label: str = "data",
) -> Any:
    """Sorted data against the quantiles they would have if they came from the distribution; the diagonal is perfect.

    For data whose distribution differs from one to the next (a regression) give their PIT as normal scores, and the
    quantiles of a standard normal.

    Args:
        ax: a Matplotlib axis.
        y: observations, ``[n]``.
        icdf: quantiles at probabilities, ``[n]`` to ``[n]``: ``lambda p: normal.icdf(params, p)``.
        band: "pointwise": each point lies inside with probability ``level`` (its order statistic is a beta). All
            points lie inside "simultaneous" with that probability (Kolmogorov's exact quantile), which is wide in the
            tails. None for no band. Both are for a distribution that was not fitted to these data: fitted, points lie
            closer to the diagonal.
        level: of the band, in (0, 1).
        label: of the points.

    Returns:
        The axis.

    Raises:
        ValueError: no data, another shape, a NaN among them, or another ``band``.
    """
    y = np.sort(np.asarray(y, float))
    if y.ndim != 1 or y.size == 0 or np.isnan(y).any():
        raise ValueError(f"qq: y has shape {y.shape} and {np.isnan(y).sum()} NaN; want one number or more, [n].")
    if band not in ("pointwise", "simultaneous", None):
        raise ValueError(f"qq: band={band!r}; want 'pointwise', 'simultaneous' or None.")

    def quantiles(p: np.ndarray) -> np.ndarray:
        return np.asarray(icdf(jnp.asarray(p)), float)

    n = y.size
    expected = quantiles((np.arange(n) + 0.5) / n)
    ends = np.array([min(y[0], expected[0]), max(y[-1], expected[-1])])
    if band is not None:
        low, high = (quantiles(p) for p in _band(n, band, level))
        # open ends of a band reach out of the picture
        span = ends[1] - ends[0] + 1
        low, high = np.maximum(low, ends[0] - span), np.minimum(high, ends[1] + span)
        ax.fill_between(expected, low, high, color="black", alpha=0.1, linewidth=0, label=f"{100 * level:g} % {band}")
    ax.plot(ends, ends, color="black", linewidth=0.8)
    ax.plot(expected, y, ".", label=label)
    margin = 0.05 * (ends[1] - ends[0]) or 1.0
    ax.set_xlim(ends[0] - margin, ends[1] + margin)
    ax.set_ylim(ends[0] - margin, ends[1] + margin)
    ax.set_xlabel("quantile of the distribution")
    ax.set_ylabel("quantile of the data")
    ax.legend(frameon=False, loc="upper left")
    return ax


def _band(n: int, band: str, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities between which the order statistics of ``n`` uniform numbers lie, ``[n]`` each."""
    # jax brings scipy, whose statistics are slow to import
    from scipy.special import betaincinv
    from scipy.stats import kstwo

    i = np.arange(1, n + 1)
    tail = (1 - level) / 2
    if band == "pointwise":
        return betaincinv(i, n + 1 - i, tail), betaincinv(i, n + 1 - i, 1 - tail)
    reach = kstwo.ppf(level, n)
    return np.maximum(i / n - reach, 0), np.minimum((i - 1) / n + reach, 1)
