"""The CRPS of a reference by its definition: an integral (or a sum) of scipy's cdf, in numpy."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

inf = np.inf


def _double_exponential(n: int = 700) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Nodes and weights on (-1, 1), given as the distance from the nearer end with its sign, and on (0, inf)."""
    t = np.linspace(-3.9, 3.9, n)
    a, da = np.pi / 2 * np.sinh(t), np.pi / 2 * np.cosh(t) * (t[1] - t[0])
    share = 1 / (1 + np.exp(2 * np.abs(a)))
    return np.sign(a), share, 2 * share * (1 - share) * da, np.vstack([np.exp(a), np.exp(a) * da])


_SIDE, _SHARE, _WEIGHT, _RAY = _double_exponential()


def _piece(square: Callable[[np.ndarray], np.ndarray], start: np.ndarray, stop: np.ndarray, unit: np.ndarray):
    """The integral of ``square`` from ``start`` to ``stop``, one of which may be infinite. Takahasi and Mori (1974)."""
    lead = (-1, *(1,) * start.ndim)
    left, right = np.isinf(start), np.isinf(stop)
    near = np.where(left, stop, start)
    side, share, weight = (w.reshape(lead) for w in (_SIDE, _SHARE, _WEIGHT))
    width = np.where(left | right, 0.0, stop) - np.where(left | right, 0.0, start)
    inner = np.where(side < 0, np.where(left, near, start) + width * share, np.where(right, near, stop) - width * share)
    ray = near + np.where(left, -1, 1) * unit * _RAY[0].reshape(lead)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        finite = (square(inner) * weight * width).sum(0)
        endless = square(ray) * (_RAY[1].reshape(lead) * unit)
        endless = np.where(np.isnan(endless), 0.0, endless).sum(0)
    return np.where(left | right, endless, finite)


def continuous(
    reference: Any, y: np.ndarray, breaks: Any, unit: np.ndarray, low: float = -inf, high: float = inf
) -> np.ndarray:
    """The integral of ``(F(x) - 1{y <= x})^2`` from ``low`` to ``high``, ``[m, n]``.

    Args:
        reference: has ``logcdf`` and ``logsf``.
        y: ``[m, n]``.
        breaks: the ends of the support first and last, and where the cdf has a kink, each broadcastable to ``y``.
        unit: how wide the distribution is, broadcastable to ``y``.
    """
    first, *inner, last = (np.broadcast_to(np.asarray(b, float), y.shape) for b in breaks)
    unit = np.broadcast_to(unit, y.shape)
    edges = np.stack([first, *(np.clip(x, first, last) for x in [*inner, y]), last])
    edges = np.clip(np.sort(edges, 0), low, high)
    total = np.maximum(np.minimum(first, high) - np.maximum(y, low), 0)
    total = total + np.maximum(np.minimum(y, high) - np.maximum(last, low), 0)

    for start, stop in itertools.pairwise(edges):
        below = stop <= y

        def square(x: np.ndarray, below: np.ndarray = below) -> np.ndarray:
            return np.exp(2 * np.where(below, reference.logcdf(x), reference.logsf(x)))

        total = total + np.where(stop > start, _piece(square, start, stop, unit), 0.0)
    return total


def discrete(
    reference: Any, y: np.ndarray, first: float, last: float, low: float = -inf, high: float = inf
) -> np.ndarray:
    """The same for whole numbers from ``first`` to ``last``, cell by cell, ``[m, n]``."""
    total = np.maximum(np.minimum(first, high) - np.maximum(y, low), 0)
    total = total + np.maximum(np.minimum(y, high) - np.maximum(last, low), 0)
    k = np.arange(first, last).reshape(-1, *(1,) * y.ndim) + 0 * y
    with np.errstate(divide="ignore"):
        lower, upper = np.exp(reference.logcdf(k)), np.exp(reference.logsf(k))
    start, stop = np.clip(k, low, high), np.clip(k + 1, low, high)
    at = np.clip(y, start, stop)
    return total + (lower**2 * (at - start) + upper**2 * (stop - at)).sum(0)
