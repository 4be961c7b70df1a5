"""Exponential distribution: waiting times without memory.

``y`` is non-negative, ``rate`` (1 / mean, in 1 / the units of ``y``) positive: ``log p(y) = log(rate) - rate y``.
The density at 0 is ``rate``; negative and infinite ``y`` are outside (-inf).

>>> from lik_jax import exponential
>>> round(float(exponential.log_prob(exponential.Params(rate=2.0), 0.3)), 4)
0.0931

Source: Johnson, Kotz and Balakrishnan (1994), Continuous Univariate Distributions 1, chapter 19.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .. import special, supports
from .._arrays import as_floats, for_samples, guard, guard_slope, moments, nan_unless_finite, split_raw
from .._derivatives import with_partials
from . import _intervals

event_ndim = 0
support = supports.nonnegative


class Params(NamedTuple):
    """``rate``: events per unit of ``y``, positive, ``[...]``."""

    rate: ArrayLike


param_supports = Params(supports.positive)  # type: ignore[arg-type]


def from_log_rate(log_rate: ArrayLike) -> Params:
    """Params from the logarithm of the rate, ``[...]``."""
    (log_rate,) = as_floats(log_rate)
    return Params(jnp.exp(log_rate))


def from_mean(mean: ArrayLike) -> Params:
    """Params from a positive mean, ``[...]``."""
    (mean,) = as_floats(mean)
    return Params(1 / mean)


def _valid(rate: Array) -> Array:
    return supports.positive.contains(rate)


def _value(y: Array, rate: Array) -> Array:
    # arithmetic alone, no comparison: XLA on CPU fuses this, and not a select, into the sum that follows
    log_rate = jnp.log(rate)
    outside = special.zero_or_inf(jnp.minimum(y, 0))
    return log_rate - rate * jnp.maximum(y, 0) - outside + nan_unless_finite(log_rate)


def _slope_y(y: Array, rate: Array) -> Array:
    return guard_slope(-rate + 0 * y, outside=(y < 0) | jnp.isinf(y), valid=_valid(rate))


def _slope_rate(y: Array, rate: Array) -> Array:
    slope = special.ratio(jnp.ones_like(rate), rate) - y
    return guard_slope(slope, outside=(y < 0) | jnp.isinf(y), valid=_valid(rate))


_log_density = with_partials(_value, _slope_y, _slope_rate)


def log_prob(params: Params, y: ArrayLike) -> Array:
    """Log-density in nats.

    Args:
        params: ``rate``, ``[...]``.
        y: non-negative, ``[...]``.

    Returns:
        ``[...]``; -inf where ``y`` is negative or infinite, NaN where ``rate`` is not positive.
    """
    return _log_density(*as_floats(y, *params))


def _log_product(y: Array, rate: Array) -> Array:
    return 2 * jnp.log(jnp.sqrt(y) * jnp.sqrt(rate))


def _log_cdf_slope(y: Array, rate: Array, by: Array) -> Array:
    """The derivative towards ``by``, which is ``y`` or ``rate``."""
    empty = (y <= 0) | jnp.isinf(y)
    share = special.bernoulli_function(jnp.where(empty, 1.0, y) * rate)
    return guard_slope(special.ratio(share, jnp.where(empty, 1.0, by)), outside=empty, valid=_valid(rate))


_log_cdf = with_partials(
    lambda y, rate: guard(special.log1mexpexp(_log_product(jnp.maximum(y, 0), rate)), valid=_valid(rate)),
    lambda y, rate: _log_cdf_slope(y, rate, y),
    lambda y, rate: _log_cdf_slope(y, rate, rate),
)


def log_cdf(params: Params, y: ArrayLike) -> Array:
    """``log P(Y <= y)`` in nats for any real ``y``, ``[...]``."""
    return _log_cdf(*as_floats(y, *params))


def log_sf(params: Params, y: ArrayLike) -> Array:
    """``log P(Y > y)`` in nats for any real ``y``, ``[...]``: ``-rate y``."""
    y, rate = as_floats(y, *params)
    value = -rate * jnp.where((y < 0) | jnp.isinf(y), 0.0, y)
    return guard(value, outside=y == jnp.inf, valid=_valid(rate))


def log_interval(params: Params, low: ArrayLike, high: ArrayLike) -> Array:
    """``log P(low < Y <= high)`` in nats for ``low < high``, infinities allowed, ``[...]``: accurate however narrow."""
    low, high, rate = as_floats(low, high, *params)

    def log_between(low: Array, high: Array, rate: Array) -> Array:
        return _log_product(high - low, rate)

    return guard(_intervals.by_hazard(log_between, jnp.multiply, low, high, rate), valid=_valid(rate))


def cdf(params: Params, y: ArrayLike) -> Array:
    """``P(Y <= y)``, ``[...]``."""
    return -jnp.expm1(log_sf(params, y))


def icdf(params: Params, p: ArrayLike) -> Array:
    """The quantile at probability ``p`` in [0, 1], ``[...]``; 0 at 0 and inf at 1."""
    p, rate = as_floats(p, *params)
    return guard(special.ratio(-jnp.log1p(-p), rate), valid=_valid(rate) & (p >= 0))


def sample(params: Params, key: Array, shape: tuple[int, ...] = ()) -> Array:
    """Draw ``[*shape, ...]``; gradients flow to the params (reparametrised)."""
    (rate,) = for_samples(shape, *params)
    return special.ratio(jax.random.exponential(key, rate.shape, rate.dtype), rate)


def mean(params: Params) -> Array:
    """``1 / rate``, ``[...]``."""
    (rate,) = as_floats(*params)
    return guard(1 / rate, valid=_valid(rate))


def variance(params: Params) -> Array:
    """``1 / rate ** 2``, ``[...]``."""
    return mean(params) ** 2


def mode(params: Params) -> Array:
    """0, ``[...]``."""
    (rate,) = as_floats(*params)
    return guard(jnp.zeros_like(rate), valid=_valid(rate))


def entropy(params: Params) -> Array:
    """Differential entropy in nats, ``1 - log(rate)``, ``[...]``."""
    (rate,) = as_floats(*params)
    return guard(1 - jnp.log(rate), valid=_valid(rate))


def kl_divergence(p: Params, q: Params) -> Array:
    """``KL(p || q)`` in nats, ``[...]``."""
    p_rate, q_rate = as_floats(*p, *q)
    return guard(special.itakura_saito(q_rate, p_rate), valid=_valid(p_rate) & _valid(q_rate))


def constrain(raw: ArrayLike) -> Params:
    """Map raw ``[..., 1]`` (a rate by `supports.to_positive`) to params ``[...]``."""
    (rate,) = split_raw(raw, raw_size, "exponential")
    return Params(supports.to_positive(rate))


def unconstrain(params: Params) -> Array:
    """Inverse of `constrain`: params ``[...]`` to raw ``[..., 1]``."""
    return supports.from_positive(as_floats(*params)[0])[..., None]


raw_size = 1


def init(y: ArrayLike, weights: ArrayLike | None = None) -> Params:
    """Starting params from data: the closed form of `mle`."""
    return mle(y, weights)


def mle(y: ArrayLike, weights: ArrayLike | None = None) -> Params:
    """Maximum likelihood: 1 over the mean over every axis of ``y``.

    Args:
        y: non-negative observations, any shape.
        weights: non-negative, broadcastable to ``y``.
    """
    return from_mean(moments(y, weights)[0])
