"""What data say of a parameter: the log-likelihood below its maximum, of one number or of two."""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
from jax.typing import ArrayLike


def likelihood_curve(
    ax: Any,
    x: ArrayLike,
    log_likelihood: ArrayLike,
    *,
    level: float = 0.95,
    label: str | None = None,
    depth: float = 6.0,
) -> Any:
    """Log-likelihood of one parameter, with its maximum and the interval that a likelihood ratio test does not reject.

    The interval is where the curve lies no more than half a quantile of chi-square with one degree of freedom below the
    maximum: 1.92 nats at 95 %. A second axis has the relative likelihood, the ratio to the maximum.

    Args:
        ax: a Matplotlib axis.
        x: values of the parameter, ascending, ``[n]``.
        log_likelihood: in nats, up to a constant, ``[n]``; a profile where there are other parameters.
        level: of the interval, in (0, 1).
        label: of the curve.
        depth: nats below the maximum that are shown.

    Returns:
        The axis.

    Raises:
        ValueError: shapes that do not fit, or no finite value.
    """
    x, values = np.asarray(x, float), np.asarray(log_likelihood, float)
    if x.ndim != 1 or values.shape != x.shape:
        raise ValueError(f"likelihood_curve: x has shape {x.shape}, log_likelihood {values.shape}; want [n] both.")
    below = _below_maximum(values, 10 * depth, "likelihood_curve")
    cut = -0.5 * NormalDist().inv_cdf((1 + level) / 2) ** 2
    ends = _crossings(x, below, cut)
    interval = f"{100 * level:g} %" + (f": {ends[0]:.4g} to {ends[1]:.4g}" if len(ends) == 2 else "")
    best = x[np.nanargmax(below)]
    (line,) = ax.plot(x, below, label=label)
    colour = line.get_color()
    ax.fill_between(x, cut, below, where=below >= cut, interpolate=True, color=colour, alpha=0.2, linewidth=0)
    ax.axhline(cut, color="tab:gray", linewidth=0.8, linestyle="--", label=interval)
    ax.plot(best, 0, "o", color=colour, label=f"maximum at {best:.4g}")
    ax.set_ylim(-depth, 0.05 * depth)
    ax.set_ylabel("log-likelihood below its maximum, nats")
    relative = ax.secondary_yaxis("right")
    shares = [share for share in (1, 0.5, math.exp(cut), 0.05, 0.01, 0.001) if math.log(share) > -depth]
    relative.set_yticks(np.log(shares), [f"{share:.3g}" for share in shares])
    relative.set_ylabel("relative likelihood")
    ax.legend(frameon=False, loc="lower center")
    return ax


def likelihood_surface(
    ax: Any,
    x: ArrayLike,
    y: ArrayLike,
    log_likelihood: ArrayLike,
    *,
    levels: Sequence[float] = (0.5, 0.95, 0.99),
    truth: tuple[float, float] | None = None,
) -> Any:
    """Log-likelihood of two parameters: contours of the regions that a likelihood ratio test does not reject.

    A region lies within ``-log(1 - level)`` nats of the maximum, half a quantile of chi-square with two degrees of
    freedom: 0.69, 3.00 and 4.61 nats at 50, 95 and 99 %.

    Args:
        ax: a Matplotlib axis.
        x: values of the parameter across, ascending, ``[n]``.
        y: values of the parameter upwards, ascending, ``[m]``.
        log_likelihood: in nats, up to a constant, ``[m, n]``.
        levels: of the regions, in (0, 1).
        truth: where it is known, marked with a cross.

    Returns:
        The axis.

    Raises:
        ValueError: shapes that do not fit, or no finite value.
    """
    x, y, values = (np.asarray(a, float) for a in (x, y, log_likelihood))
    if values.shape != y.shape + x.shape or values.ndim != 2:
        raise ValueError(
            f"likelihood_surface: x has shape {x.shape}, y {y.shape} and log_likelihood {values.shape}; "
            f"want [n], [m] and [m, n]."
        )
    names = {math.log1p(-level): f"{100 * level:g} %" for level in levels}
    below = _below_maximum(values, -10 * min(names), "likelihood_surface")
    row, column = np.unravel_index(np.nanargmax(below), below.shape)
    # a contour that would lie outside the picture is left out
    cuts = [cut for cut in sorted(names) if cut > np.nanmin(below)]
    ax.imshow(np.exp(below), extent=(x[0], x[-1], y[0], y[-1]), origin="lower", aspect="auto", cmap="Blues", vmax=1.5)
    if cuts:
        lines = ax.contour(
            x, y, np.ma.masked_invalid(below), levels=cuts, colors="tab:blue", linewidths=1, linestyles="solid"
        )
        ax.clabel(lines, fmt=names)
    ax.plot(x[column], y[row], "o", color="tab:blue", label=f"maximum at ({x[column]:.4g}, {y[row]:.4g})")
    if truth is not None:
        ax.plot(*truth, "x", color="tab:orange", label="truth")
    ax.legend(frameon=False)
    return ax


def _below_maximum(values: np.ndarray, most: float, asker: str) -> np.ndarray:
    """``values`` less their maximum, at least ``-most`` (-inf too); NaN stays."""
    if not np.isfinite(values).any():
        raise ValueError(f"{asker}: log_likelihood has no finite value.")
    return np.maximum(values - values[np.isfinite(values)].max(), -most)


def _crossings(x: np.ndarray, values: np.ndarray, cut: float) -> np.ndarray:
    """Where the line through the points crosses ``cut``."""
    above = values - cut
    i = np.flatnonzero((above[:-1] >= 0) != (above[1:] >= 0))
    return x[i] + (x[i + 1] - x[i]) * above[i] / (above[i] - above[i + 1])
