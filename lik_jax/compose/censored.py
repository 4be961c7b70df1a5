"""Censored observations: what is known is that the event came later, earlier, or within an interval.

``y`` is one of

- ``Censored(time, observed)``: where not observed, the event came after ``time``: ``log_sf``;
- ``LeftCensored(time, observed)``: where not observed, it came at ``time`` or before: ``log_cdf``;
- ``Interval(low, high)``: it lies in ``(low, high]``: the log-probability of the interval. Equal ends are an exact
  observation (``log_prob``), an infinite ``high`` is right censoring, ``low = -inf`` left censoring.

Params are those of the base.

>>> from lik_jax import Censored, censored, normal
>>> tobit = censored(normal)
>>> tobit
censored(normal)
>>> params = normal.Params(loc=0.0, scale=1.0)
>>> round(float(tobit.log_prob(params, Censored(time=12.0, observed=False))), 2)
-75.41

Source: Kalbfleisch and Prentice (2002), The Statistical Analysis of Failure Time Data, chapter 3.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .. import supports
from .._arrays import as_floats
from ..distribution import Univariate, name_of, require
from ._interval import log_interval_prob, split_by
from ._optional import needs


class Censored(NamedTuple):
    """``time`` ``[...]`` and whether it was ``observed`` ``[...]``; if not, the event came later."""

    time: ArrayLike
    observed: ArrayLike


class LeftCensored(NamedTuple):
    """``time`` ``[...]`` and whether it was ``observed`` ``[...]``; if not, the event came then or earlier."""

    time: ArrayLike
    observed: ArrayLike


class Interval(NamedTuple):
    """The event lies in ``(low, high]``, both ``[...]``; equal ends are an exact observation."""

    low: ArrayLike
    high: ArrayLike


@dataclass(frozen=True, repr=False)
class censored:
    """``base`` observed with censoring.

    Args:
        base: a distribution of numbers with ``log_prob``, ``log_cdf`` and ``log_sf``.

    Raises:
        TypeError: ``base`` lacks one of these.
    """

    base: Univariate

    event_ndim = 0

    def __post_init__(self) -> None:
        require(self.base, ("log_prob", "log_cdf", "log_sf"), "censored")

    def __repr__(self) -> str:
        return f"censored({name_of(self.base)})"

    @property
    def support(self) -> supports.Support:
        """Where a time may lie: the support of the base."""
        return self.base.support

    def y_supports(self, y: Any) -> Any:
        """Where each part of ``y`` may lie, in its shape."""
        if isinstance(y, Interval):
            return Interval(supports.extended_real, supports.extended_real)  # type: ignore[arg-type]
        return type(y)(self.base.support, supports.boolean)

    @property
    def Params(self) -> Any:
        """The params of the base."""
        return self.base.Params

    @property
    def param_supports(self) -> Any:
        """Where each parameter may lie."""
        return self.base.param_supports

    def log_prob(self, params: Any, y: Any) -> Array:
        """Log-density, or log-probability of what is known, in nats.

        Args:
            params: of the base, ``[...]``.
            y: `Censored`, `LeftCensored` or `Interval`, ``[...]``.

        Returns:
            ``[...]``; -inf with zero gradient for an interval that ends before it starts.

        Raises:
            TypeError: another kind of ``y``.
        """
        match y:
            case Censored(time, observed):
                (time,) = as_floats(time)
                return self._either(params, time, jnp.asarray(observed).astype(bool), self.base.log_sf)
            case LeftCensored(time, observed):
                (time,) = as_floats(time)
                return self._either(params, time, jnp.asarray(observed).astype(bool), self.base.log_cdf)
            case Interval(low, high):
                low, high = jnp.broadcast_arrays(*as_floats(low, high))
                exact = low == high
                within = log_interval_prob(self.base, params, low, high)
                return jnp.where(exact, self.base.log_prob(*split_by(exact, self.base, params, low)), within)
            case _:
                raise TypeError(
                    f"{self}: y is {type(y).__name__}; want Censored(time, observed), LeftCensored(time, observed) or "
                    f"Interval(low, high)."
                )

    def _either(self, params: Any, time: Array, observed: Array, tail: Any) -> Array:
        time, observed = jnp.broadcast_arrays(time, observed)
        exact = self.base.log_prob(*split_by(observed, self.base, params, time))
        bound = tail(*split_by(~observed, self.base, params, time))
        return jnp.where(observed.reshape((1,) * (exact.ndim - observed.ndim) + observed.shape), exact, bound)

    def log_cdf(self, params: Any, y: ArrayLike) -> Array:
        """``log P(Y <= y)`` of the time itself, in nats, ``[...]``."""
        return self.base.log_cdf(params, y)

    def log_sf(self, params: Any, y: ArrayLike) -> Array:
        """``log P(Y > y)`` of the time itself, in nats, ``[...]``."""
        return self.base.log_sf(params, y)

    def cdf(self, params: Any, y: ArrayLike) -> Array:
        """``P(Y <= y)`` of the time itself, ``[...]``."""
        return jnp.exp(self.base.log_cdf(params, y))

    @needs("icdf")
    def icdf(self, params: Any, p: ArrayLike) -> Array:
        """The quantile of the time itself at probability ``p``, ``[...]``."""
        return self.base.icdf(params, p)

    @needs("sample")
    def sample(self, params: Any, key: Array, shape: tuple[int, ...] = ()) -> Censored:
        """Draw times, all of them observed, ``[*shape, ...]``: who censors them is not part of the distribution."""
        time = self.base.sample(params, key, shape)
        return Censored(time, jnp.ones(time.shape, bool))

    @needs("mean")
    def mean(self, params: Any) -> Array:
        """The mean of the time itself, ``[...]``."""
        return self.base.mean(params)  # type: ignore[attr-defined]

    @needs("variance")
    def variance(self, params: Any) -> Array:
        """The variance of the time itself, ``[...]``."""
        return self.base.variance(params)  # type: ignore[attr-defined]

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
    def init(self, y: Any, weights: ArrayLike | None = None) -> Any:
        """Starting params from data: the base's, censored times taken as they are and intervals by their middle."""
        if isinstance(y, Interval):
            low, high = as_floats(y.low, y.high)
            low, high = jnp.where(jnp.isinf(low), high, low), jnp.where(jnp.isinf(high), low, high)
            return self.base.init(0.5 * low + 0.5 * high, weights)  # type: ignore[attr-defined]
        return self.base.init(y.time, weights)  # type: ignore[attr-defined]
