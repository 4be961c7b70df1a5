"""A distribution given that the observation lies between two fixed bounds.

``log p(y) = log base(y) - log P(low <= Y <= high)`` for ``y`` in ``[low, high]``, both ends included (which matters
for a discrete base: ``truncated(poisson, low=1)`` has no zeros). Elsewhere the density is 0 (-inf). Params are those of
the base before truncation.

>>> from lik_jax import normal, truncated
>>> positive = truncated(normal, low=0.0)
>>> positive
truncated(normal, low=0.0, high=None)
>>> round(float(positive.log_prob(normal.Params(loc=0.0, scale=1.0), 0.3)), 4)
-0.2708

Source: Johnson, Kotz and Balakrishnan (1994), Continuous Univariate Distributions 1, chapter 13.
"""

import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .. import supports
from .._arrays import as_floats, float_dtype
from ..distribution import Univariate, name_of, require
from ._interval import log_interval_prob
from ._invert import invert
from ._optional import needs
from ._trees import example_shape, filled_params, finite_bound, spread


@dataclass(frozen=True)
class _Between:
    low: float
    high: float
    inner: Any

    def __call__(self, x: Array) -> Array:
        (at,) = as_floats(x)
        return (at >= self.low) & (at <= self.high) & self.inner(x)


@dataclass(frozen=True, repr=False)
class truncated:
    """``base`` given that the observation lies in ``[low, high]``.

    Args:
        base: a distribution of numbers with ``log_prob``, ``log_cdf`` and ``log_sf``.
        low: a number known before tracing; None for no bound.
        high: a number known before tracing; None for no bound.

    Raises:
        TypeError: ``base`` lacks a method, or a bound is not a number.
        ValueError: ``low`` is not below ``high``.
    """

    base: Univariate
    low: float | None = None
    high: float | None = None

    event_ndim = 0

    def __post_init__(self) -> None:
        require(self.base, ("log_prob", "log_cdf", "log_sf"), "truncated")
        for name in ("low", "high"):
            bound = getattr(self, name)
            if bound is not None:
                object.__setattr__(self, name, finite_bound(bound, 0.0, f"truncated: {name}"))
        if self._low >= self._high:
            raise ValueError(f"truncated: low is {self.low} and high {self.high}; low must be below high.")

    @property
    def _low(self) -> float:
        return -math.inf if self.low is None else self.low

    @property
    def _high(self) -> float:
        return math.inf if self.high is None else self.high

    @property
    def _from(self) -> float:
        """The interval is ``(_from, _high]``: for a discrete base ``low`` itself lies in it."""
        discrete = self.base.support.discrete and math.isfinite(self._low)
        return math.ceil(self._low) - 1 if discrete else self._low

    def __repr__(self) -> str:
        return f"truncated({name_of(self.base)}, low={self.low}, high={self.high})"

    @property
    def support(self) -> supports.Support:
        """What of the support of the base lies from ``low`` to ``high``."""
        inner = self.base.support
        low, high = self._low, self._high
        if inner.discrete:
            low, high = (math.ceil(low) if low > -math.inf else low), (math.floor(high) if high < math.inf else high)
        fill = float(min(max(inner.fill, low), high))
        name = f"{inner.name}, from {self._low} to {self._high}"
        return supports.Support(name, _Between(self._low, self._high, inner.contains), fill, discrete=inner.discrete)

    @property
    def Params(self) -> Any:
        """The params of the base."""
        return self.base.Params

    @property
    def param_supports(self) -> Any:
        """Where each parameter may lie."""
        return self.base.param_supports

    def log_prob(self, params: Any, y: ArrayLike) -> Array:
        """Log-density or log-mass in nats.

        Args:
            params: of the base, ``[...]``.
            y: ``[...]``.

        Returns:
            ``[...]``; -inf with zero gradient where ``y`` is outside the bounds.
        """
        (y,) = as_floats(y)
        outside = (y < self._low) | (y > self._high)
        y = jnp.where(outside, self.support.fill, y)
        if hasattr(self.base, "log_prob_within"):
            outside = outside | jnp.isinf(y)
            safe = jnp.where(outside, self.support.fill, y)
            value = self.base.log_prob_within(params, safe, self._from, self._high)  # type: ignore[attr-defined]
        else:
            value = self.base.log_prob(params, y)
            value, total = as_floats(value, self._log_total(params))
            # where the base has no density at y, its share of the interval does not matter
            value = value - jnp.where(jnp.isneginf(value), 0.0, total)
        return jnp.where(outside.reshape((1,) * (value.ndim - outside.ndim) + outside.shape), -jnp.inf, value)

    def log_cdf(self, params: Any, y: ArrayLike) -> Array:
        """``log P(Y <= y)`` in nats for any real ``y``, ``[...]``."""
        (y,) = as_floats(y)
        return self._share(params, jnp.full_like(y, -jnp.inf), y)

    def log_sf(self, params: Any, y: ArrayLike) -> Array:
        """``log P(Y > y)`` in nats for any real ``y``, ``[...]``."""
        (y,) = as_floats(y)
        return self._share(params, y, jnp.full_like(y, jnp.inf))

    def log_interval(self, params: Any, low: ArrayLike, high: ArrayLike) -> Array:
        """``log P(low < Y <= high)`` in nats for ``low < high``, infinities allowed, ``[...]``."""
        return self._share(params, *as_floats(low, high))

    def cdf(self, params: Any, y: ArrayLike) -> Array:
        """``P(Y <= y)``, ``[...]``."""
        return jnp.exp(self.log_cdf(params, y))

    def icdf(self, params: Any, p: ArrayLike) -> Array:
        """The smallest ``y`` whose cdf is at least ``p`` in [0, 1], by bisection, ``[...]``.

        Carries first derivatives where the base is continuous.
        """
        (p,) = as_floats(p)
        inner = invert(self, params, p, example_shape(self.base.param_supports, params))
        p, inner = as_floats(p, inner)
        low, high = self._ends(params, inner)
        return jnp.where(p == 0, low, jnp.where(p == 1, high, jnp.clip(inner, low, high)))

    def sample(self, params: Any, key: Array, shape: tuple[int, ...] = ()) -> Array:
        """Draw ``[*shape, ...]`` by `icdf`; gradients flow to the params where the base is continuous."""
        examples = example_shape(self.base.param_supports, params)
        dtype = float_dtype(*jax.tree.leaves(params))
        # the ends have no part in the draw
        p = jax.random.uniform(key, (*shape, *examples), dtype, jnp.finfo(dtype).tiny)
        draw = self.icdf(spread((1,) * len(shape) + examples, self.base.param_supports, params), p)
        return draw.astype(jnp.int32) if self.base.support.discrete else draw

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

    def _ends(self, params: Any, like: Array) -> tuple[Array, Array]:
        """The ends of the support: the bounds, or those of the base."""
        low, high = jnp.full_like(like, self._low), jnp.full_like(like, self._high)
        if self.base.support.discrete:
            low, high = jnp.ceil(low), jnp.floor(high)
        if hasattr(self.base, "icdf"):
            ends = [jax.lax.stop_gradient(self.base.icdf(params, p)) for p in (0.0, 1.0)]
            low, first, high, last = as_floats(low, ends[0], high, ends[1])
            low, high = jnp.maximum(low, first), jnp.minimum(high, last)
        return low, high

    def _log_total(self, params: Any) -> Array:
        return log_interval_prob(self.base, params, self._from, self._high)

    def _share(self, params: Any, low: Array, high: Array) -> Array:
        """``log P(low < Y <= high)`` given the bounds; 0 where the bounds lie within."""
        low, high = jnp.broadcast_arrays(jnp.maximum(low, self._from), jnp.minimum(high, self._high))
        all_of_it = (low == self._from) & (high == self._high)
        params = filled_params(all_of_it, self.base.param_supports, params)
        part, total = as_floats(
            log_interval_prob(self.base, params, jnp.where(all_of_it, 0.0, low), jnp.where(all_of_it, 0.0, high)),
            self._log_total(params),
        )
        inside = ~jnp.isneginf(part)
        share = jnp.where(inside, part - jnp.where(inside, total, 0.0), -jnp.inf)
        share = share - jnp.maximum(jnp.where(inside, share, 0.0), 0)
        return jnp.where(all_of_it.reshape((1,) * (share.ndim - all_of_it.ndim) + all_of_it.shape), 0.0, share)
