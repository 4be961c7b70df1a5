"""References with scipy's names for what scipy lacks: at given parameters, plain numpy in double precision."""

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.special as sp
import scipy.stats as st


class Categorical:
    """The reference of `categorical`."""

    def __init__(self, logits):
        top = logits.max(-1, keepdims=True)
        self.log_p = logits - top - np.log(np.exp(logits - top).sum(-1, keepdims=True))

    def logpmf(self, y):
        return np.stack([lp[k] for lp, k in zip(self.log_p, y.T.astype(int), strict=True)], -1)

    def entropy(self):
        return -(np.exp(self.log_p) * self.log_p).sum(-1)


class Ranking:
    """The reference of `plackett_luce`: items leave an urn one by one, in plain Python."""

    def __init__(self, scores):
        self.scores = scores

    def logpmf(self, y):
        return np.array([[self.one(s, r) for s, r in zip(self.scores, row, strict=True)] for row in y.astype(int)])

    @staticmethod
    def one(scores, ranking):
        left, total = list(range(len(scores))), 0.0
        for item in ranking:
            total += scores[item] - sp.logsumexp(scores[left])
            left.remove(item)
        return total


def every_ranking(case: Any, m: int) -> np.ndarray:
    """The probabilities of all rankings of the top ``m``, added up."""
    k = case.params.scores.shape[-1]
    y = np.array(list(itertools.permutations(range(k), m)))[:, None]
    with jax.enable_x64(True):
        log_prob = case.distribution.log_prob(jax.tree.map(jnp.asarray, case.params), y)
    return np.exp(np.asarray(log_prob)).sum(0)


class VectorNormal:
    """The reference of `multivariate_normal`."""

    def __init__(self, loc, tril):
        self.each = [st.multivariate_normal(m, t @ t.T) for m, t in zip(loc, tril, strict=True)]

    def logpdf(self, y):
        return np.stack([d.logpdf(y[:, i]) for i, d in enumerate(self.each)], -1)

    def entropy(self):
        return np.stack([d.entropy() for d in self.each])


def plane(case: Any) -> np.ndarray:
    """The integral over the plane, on a grid that follows the scale of each coordinate."""
    t = np.linspace(-3.2, 3.2, 400)
    a, log_da = np.sinh(t), np.log(np.cosh(t) * (t[1] - t[0]))
    grid = np.stack(np.meshgrid(a, a, indexing="ij"), -1).reshape(-1, 1, 2)
    weight = (log_da[:, None] + log_da).reshape(-1, 1)
    width = np.sqrt((case.params.scale_tril**2).sum(-1))
    with jax.enable_x64(True):
        log_prob = case.distribution.log_prob(jax.tree.map(jnp.asarray, case.params), case.params.loc + grid * width)
    return np.exp(np.asarray(log_prob) + weight + np.log(width).sum(-1)).sum(0)


def maxima(case: Any) -> np.ndarray:
    """The integral of a density of maxima, over the values that a Gumbel variable is carried to."""
    g = np.linspace(-5.0, 60.0, 6501)[:, None]
    loc, scale, c = case.params
    y = loc + scale * np.where(c == 0, g, np.expm1(c * g) / np.where(c == 0, 1, c))
    with jax.enable_x64(True):
        log_prob = case.distribution.log_prob(jax.tree.map(jnp.asarray, case.params), jnp.asarray(y))
    return (np.exp(np.asarray(log_prob) + c * g) * scale * 0.01).sum(0)


class Mixture:
    """Components along a last axis of the parameters, their log-weights up to a constant."""

    def __init__(self, logits: np.ndarray, parts: Any):
        self.log_w = logits - sp.logsumexp(logits, -1, keepdims=True)
        self.parts = parts

    def _mix(self, log: Any, y: np.ndarray) -> np.ndarray:
        return sp.logsumexp(self.log_w + log(y[..., None]), -1)

    def logpdf(self, y: np.ndarray) -> np.ndarray:
        return self._mix(self.parts.logpmf if hasattr(self.parts, "logpmf") else self.parts.logpdf, y)

    logpmf = logpdf

    def logcdf(self, y: np.ndarray) -> np.ndarray:
        return self._mix(self.parts.logcdf, y)

    def logsf(self, y: np.ndarray) -> np.ndarray:
        return self._mix(self.parts.logsf, y)

    def mean(self) -> np.ndarray:
        return (np.exp(self.log_w) * self.parts.mean()).sum(-1)

    def var(self) -> np.ndarray:
        square = self.parts.var() + self.parts.mean() ** 2
        return (np.exp(self.log_w) * square).sum(-1) - self.mean() ** 2


class Rounded:
    """A continuous distribution rounded to ``low, ..., high``, the outer bins open."""

    def __init__(self, base: Any, low: int, high: int):
        self.base, self.low, self.high = base, low, high

    def logpmf(self, y: np.ndarray) -> np.ndarray:
        a, b = np.where(y == self.low, -np.inf, y - 0.5), np.where(y == self.high, np.inf, y + 0.5)
        lower = self.base.cdf(b) < 0.5
        mass = np.where(lower, self.base.cdf(b) - self.base.cdf(a), self.base.sf(a) - self.base.sf(b))
        return np.log(mass)

    def logcdf(self, y: np.ndarray) -> np.ndarray:
        return np.where(y >= self.high, 0.0, self.base.logcdf(y + 0.5))

    def logsf(self, y: np.ndarray) -> np.ndarray:
        return np.where(y >= self.high, -np.inf, self.base.logsf(y + 0.5))

    def mean(self) -> np.ndarray:
        return self._moment(lambda k: k)

    def var(self) -> np.ndarray:
        return self._moment(lambda k: k * k) - self.mean() ** 2

    def _moment(self, of: Any) -> np.ndarray:
        k = np.arange(self.low, self.high + 1.0)
        k = k.reshape(-1, *(1,) * np.ndim(self.base.mean()))
        return (of(k) * np.exp(self.logpmf(k))).sum(0)


class Truncated:
    """A distribution given that it lies in ``[low, high]``."""

    def __init__(self, base: Any, low: float, high: float):
        self.base = base
        self.below = base.cdf(low - 1) if hasattr(base.dist, "pmf") else base.cdf(low)
        self.inside, self.above = base.cdf(high) - self.below, base.sf(high)

    def logpdf(self, y: np.ndarray) -> np.ndarray:
        log = self.base.logpmf if hasattr(self.base.dist, "pmf") else self.base.logpdf
        return log(y) - np.log(self.inside)

    logpmf = logpdf

    def logcdf(self, y: np.ndarray) -> np.ndarray:
        return np.log((self.base.cdf(y) - self.below) / self.inside)

    def logsf(self, y: np.ndarray) -> np.ndarray:
        return np.log((self.base.sf(y) - self.above) / self.inside)


class ZeroInflated:
    """A count that is 0 with an extra probability."""

    def __init__(self, extra: np.ndarray, base: Any):
        self.extra, self.base = extra, base

    def logpmf(self, y: np.ndarray) -> np.ndarray:
        return np.log(np.where(y == 0, self.extra, 0) + (1 - self.extra) * self.base.pmf(y))

    def logcdf(self, y: np.ndarray) -> np.ndarray:
        return np.log(self.extra + (1 - self.extra) * self.base.cdf(y))

    def logsf(self, y: np.ndarray) -> np.ndarray:
        return np.log1p(-self.extra) + self.base.logsf(y)

    def mean(self) -> np.ndarray:
        return (1 - self.extra) * self.base.mean()

    def var(self) -> np.ndarray:
        return (1 - self.extra) * (self.base.var() + self.base.mean() ** 2) - self.mean() ** 2


class CensoredTimes:
    """Times that were observed, or came later (earlier, if ``left``)."""

    def __init__(self, base: Any, left: bool = False):
        self.base, self.left = base, left
        self.logcdf, self.logsf = base.logcdf, base.logsf

    def logpdf(self, y: Any) -> np.ndarray:
        tail = self.base.logcdf if self.left else self.base.logsf
        return np.where(y.observed, self.base.logpdf(y.time), tail(y.time))


class Independent:
    """Coordinates along the last axis."""

    def __init__(self, base: Any):
        self.base = base

    def logpdf(self, y: np.ndarray) -> np.ndarray:
        return self.base.logpdf(y).sum(-1)

    def mean(self) -> np.ndarray:
        return self.base.mean()

    def var(self) -> np.ndarray:
        return self.base.var()

    def entropy(self) -> np.ndarray:
        return self.base.entropy().sum(-1)


def segment(case: Any, low: float, high: float) -> np.ndarray:
    """The integral of the density from ``low`` to ``high``, by Gauss and Legendre."""
    node, weight = np.polynomial.legendre.leggauss(60)
    y = (low + high) / 2 + (high - low) / 2 * node[:, None] * np.ones(3)
    with jax.enable_x64(True):
        log_prob = case.distribution.log_prob(jax.tree.map(jnp.asarray, case.params), jnp.asarray(y))
    return (np.exp(np.asarray(log_prob)) * weight[:, None] * (high - low) / 2).sum(0)


class Carried:
    """A number of ``base`` carried through an increasing map, given with its inverse and its log-slope at ``x``."""

    def __init__(self, base: Any, forward: Any, inverse: Any, log_slope: Any):
        self.base, self.forward, self.inverse, self.log_slope = base, forward, inverse, log_slope

    def logpdf(self, y: np.ndarray) -> np.ndarray:
        x = self.inverse(y)
        return self.base.logpdf(x) - self.log_slope(x)

    def logcdf(self, y: np.ndarray) -> np.ndarray:
        return self.base.logcdf(self.inverse(y))

    def logsf(self, y: np.ndarray) -> np.ndarray:
        return self.base.logsf(self.inverse(y))

    def ppf(self, p: np.ndarray) -> np.ndarray:
        return self.forward(self.base.ppf(p))


def bent(base: Any, widths: Any, heights: Any, slopes: Any, bound: float, min_share: float) -> Carried:
    """A number carried through a spline, by Durkan et al. (2019), equations 4 and 5, and bisection."""
    k = widths.shape[-1]

    def knots(sizes: np.ndarray) -> np.ndarray:
        shares = min_share + (1 - k * min_share) * sizes / sizes.sum(-1, keepdims=True)
        return np.concatenate([np.zeros((len(sizes), 1)), np.cumsum(shares, -1)], -1) * 2 * bound - bound

    xs, ys = knots(widths), knots(heights)
    ends = np.ones((len(slopes), 1))
    ds = np.concatenate([ends, slopes, ends], -1)

    def parts(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        y, slope = np.array(x, float), np.ones(x.shape)
        for b in range(len(xs)):
            for i in range(k):
                x0, x1, y0, y1, d0, d1 = xs[b, i], xs[b, i + 1], ys[b, i], ys[b, i + 1], ds[b, i], ds[b, i + 1]
                at = (x[..., b] >= x0) & (x[..., b] <= x1)
                z, s = (x[at, b] - x0) / (x1 - x0), (y1 - y0) / (x1 - x0)
                below = s + (d1 + d0 - 2 * s) * z * (1 - z)
                y[at, b] = y0 + (y1 - y0) * (s * z**2 + d0 * z * (1 - z)) / below
                slope[at, b] = s**2 * (d1 * z**2 + 2 * s * z * (1 - z) + d0 * (1 - z) ** 2) / below**2
        return y, np.log(slope)

    def inverse(y: np.ndarray) -> np.ndarray:
        low, high = np.minimum(y, -bound), np.maximum(y, bound)
        for _ in range(80):
            middle = (low + high) / 2
            below = parts(middle)[0] < y
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return (low + high) / 2

    return Carried(base, lambda x: parts(x)[0], inverse, lambda x: parts(x)[1])
