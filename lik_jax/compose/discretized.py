"""A continuous distribution rounded to whole numbers: pixels, ratings, ages.

The mass of ``y`` is that of ``(y - 1/2, y + 1/2]`` under the base. At a bound the bin is open to infinity, so that the
masses of ``low, ..., high`` add up to 1. Params are those of the base, in the units of ``y``. Anything but a whole
number within the bounds is outside (-inf).

>>> from lik_jax import discretized, logistic
>>> pixel = discretized(logistic, low=0, high=255)
>>> pixel
discretized(logistic, low=0, high=255)
>>> round(float(pixel.log_prob(logistic.Params(loc=127.0, scale=10.0), 128)), 4)
-3.6916

Source: Salimans et al. (2017), "PixelCNN++", arXiv 1701.05517, for the model.
"""

import math
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .. import supports
from .._arrays import as_floats, not_integer
from ..distribution import Univariate, name_of, require
from ._interval import log_interval_prob
from ._optional import needs, offered_unless
from ._trees import example_shape, filled_params, finite_bound, with_axis


@dataclass(frozen=True)
class _WholeBetween:
    low: float
    high: float

    def __call__(self, x: Array) -> Array:
        (x,) = as_floats(x)
        return (x >= self.low) & (x <= self.high) & ~not_integer(x)


def _unbounded(distribution: Any) -> str:
    if distribution.low is None or distribution.high is None:
        return "it needs both bounds, low and high"
    return ""


@dataclass(frozen=True, repr=False)
class discretized:
    """``base`` rounded to the whole numbers from ``low`` to ``high``.

    Args:
        base: a continuous distribution of numbers with ``log_prob``, ``log_cdf`` and ``log_sf``.
        low: the least value, a whole number; None for no bound.
        high: the greatest value, a whole number; None for no bound.

    Raises:
        TypeError: ``base`` lacks a method, or is discrete already.
        ValueError: a bound is no whole number, or ``low`` is not below ``high``.
    """

    base: Univariate
    low: int | None = None
    high: int | None = None

    event_ndim = 0

    def __post_init__(self) -> None:
        require(self.base, ("log_prob", "log_cdf", "log_sf"), "discretized")
        if self.base.support.discrete:
            raise TypeError(f"discretized: {name_of(self.base)} is discrete already; want a continuous distribution.")
        for name in ("low", "high"):
            bound = getattr(self, name)
            if bound is not None:
                value = finite_bound(bound, 0.0, f"discretized: {name}")
                if value != math.floor(value) if math.isfinite(value) else True:
                    raise ValueError(f"discretized: {name} is {bound}; want a whole number, or None for no bound.")
                object.__setattr__(self, name, int(value))
        if self._low >= self._high:
            raise ValueError(f"discretized: low is {self.low} and high {self.high}; low must be below high.")

    @property
    def _low(self) -> float:
        return -math.inf if self.low is None else self.low

    @property
    def _high(self) -> float:
        return math.inf if self.high is None else self.high

    def __repr__(self) -> str:
        return f"discretized({name_of(self.base)}, low={self.low}, high={self.high})"

    @property
    def support(self) -> supports.Support:
        """The whole numbers from ``low`` to ``high``."""
        name = f"a whole number from {self._low} to {self._high}"
        fill = float(min(max(round(self.base.support.fill), self._low), self._high))
        return supports.Support(name, _WholeBetween(self._low, self._high), fill, discrete=True)

    @property
    def Params(self) -> Any:
        """The params of the base."""
        return self.base.Params

    @property
    def param_supports(self) -> Any:
        """Where each parameter may lie."""
        return self.base.param_supports

    def log_prob(self, params: Any, y: ArrayLike) -> Array:
        """Log-mass in nats.

        Args:
            params: of the base, ``[...]``.
            y: a whole number from ``low`` to ``high``, ``[...]``.

        Returns:
            ``[...]``; -inf with zero gradient for any other ``y``.
        """
        (y,) = as_floats(y)
        outside = (y < self._low) | (y > self._high) | not_integer(y)
        y = jnp.where(outside, self.support.fill, y)
        low = jnp.where(y == self._low, -jnp.inf, y - 0.5)
        high = jnp.where(y == self._high, jnp.inf, y + 0.5)
        params = filled_params(outside, self.base.param_supports, params)
        value = log_interval_prob(self.base, params, low, high)
        return jnp.where(outside.reshape((1,) * (value.ndim - outside.ndim) + outside.shape), -jnp.inf, value)

    def log_cdf(self, params: Any, y: ArrayLike) -> Array:
        """``log P(Y <= y)`` in nats for any real ``y``, ``[...]``."""
        return self._tail(self.base.log_cdf, params, y, below=-jnp.inf, above=0.0)

    def log_sf(self, params: Any, y: ArrayLike) -> Array:
        """``log P(Y > y)`` in nats for any real ``y``, ``[...]``."""
        return self._tail(self.base.log_sf, params, y, below=0.0, above=-jnp.inf)

    def log_interval(self, params: Any, low: ArrayLike, high: ArrayLike) -> Array:
        """``log P(low < Y <= high)`` in nats for ``low < high``, infinities allowed, ``[...]``."""
        low, high = jnp.broadcast_arrays(*as_floats(low, high))
        start = jnp.where(jnp.floor(low) < self._low, -jnp.inf, jnp.floor(low) + 0.5)
        stop = jnp.where(jnp.floor(high) >= self._high, jnp.inf, jnp.floor(high) + 0.5)
        empty = (low >= self._high) | (high < self._low)
        return log_interval_prob(self.base, params, jnp.where(empty, 0.0, start), jnp.where(empty, 0.0, stop))

    def cdf(self, params: Any, y: ArrayLike) -> Array:
        """``P(Y <= y)``, ``[...]``."""
        return jnp.exp(self.log_cdf(params, y))

    @needs("icdf")
    def icdf(self, params: Any, p: ArrayLike) -> Array:
        """The smallest whole number whose cdf is at least ``p`` in [0, 1], ``[...]``."""
        guess = jnp.clip(jnp.ceil(self.base.icdf(params, p) - 0.5), self._low, self._high)
        (guess, p) = as_floats(guess, p)
        # the quantile of the base is rounded: the whole number beside it may be the right one
        down, up = jnp.maximum(guess - 1, self._low), jnp.minimum(guess + 1, self._high)
        at_down, at_guess = self.cdf(params, down), self.cdf(params, guess)
        return jnp.where((at_down >= p) & (p > 0), down, jnp.where(at_guess < p, up, guess))

    @needs("sample")
    def sample(self, params: Any, key: Array, shape: tuple[int, ...] = ()) -> Array:
        """Draw whole numbers (int32), ``[*shape, ...]``."""
        draw = jnp.ceil(self.base.sample(params, key, shape) - 0.5)
        return jnp.clip(draw, self._low, self._high).astype(jnp.int32)

    @offered_unless(_unbounded)
    def mean(self, params: Any) -> Array:
        """The expected value by summation from ``low`` to ``high``, ``[...]``; only between two bounds."""
        values, params = self._all_values(params)
        return self._low + jnp.exp(self.log_sf(params, values[..., :-1])).sum(-1)

    @offered_unless(_unbounded)
    def variance(self, params: Any) -> Array:
        """The variance by summation from ``low`` to ``high``, ``[...]``; only between two bounds."""
        values, wide = self._all_values(params)
        centre = self.mean(params)[..., None]
        values, centre = as_floats(values, centre)
        mass = jnp.exp(self.log_prob(wide, values))
        return (mass * (values - centre) ** 2).sum(-1)

    def constrain(self, raw: ArrayLike, **fixed: Any) -> Any:
        """Map raw numbers to the params of the base."""
        return self.base.constrain(raw, **fixed)

    def unconstrain(self, params: Any) -> Array:
        """Inverse of `constrain`."""
        return self.base.unconstrain(params)

    @property
    def raw_size(self) -> int | None:
        """``base.raw_size``."""
        return self.base.raw_size

    @needs("init")
    def init(self, y: ArrayLike, weights: ArrayLike | None = None) -> Any:
        """Starting params from data: the base's."""
        return self.base.init(y, weights)  # type: ignore[attr-defined]

    def _all_values(self, params: Any) -> tuple[Array, Any]:
        kinds = self.base.param_supports
        values = jnp.arange(self._low, self._high + 1)
        rank = len(example_shape(kinds, params))
        return values.reshape((1,) * rank + values.shape).astype(as_floats(values)[0].dtype), with_axis(kinds, params)

    def _tail(self, tail: Any, params: Any, y: ArrayLike, below: float, above: float) -> Array:
        (y,) = as_floats(y)
        beyond = (y < self._low) | (y >= self._high) | jnp.isinf(y)
        params = filled_params(beyond, self.base.param_supports, params)
        value = tail(params, jnp.where(beyond, self.base.support.fill, jnp.floor(y)) + 0.5)
        y = y.reshape((1,) * (value.ndim - y.ndim) + y.shape)
        value = jnp.where((y < self._low) | (y == -jnp.inf), below, value)
        return jnp.where((y >= self._high) | (y == jnp.inf), above, value)
