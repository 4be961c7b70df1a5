"""Normal (Gaussian) distribution.

``y`` is real, ``loc`` real, ``scale`` (standard deviation, in the units of ``y``) positive:
``log p(y) = -((y - loc) / scale)^2 / 2 - log(scale) - log(2 pi) / 2``.
As a loss with fixed scale it is the squared error; with a predicted scale, heteroscedastic regression.
``y`` at an infinity has density 0 (log_prob -inf).

>>> from lik_jax import normal
>>> round(float(normal.log_prob(normal.Params(loc=0.0, scale=1.0), 0.3)), 4)
-0.9639

Source: Johnson, Kotz and Balakrishnan (1994), Continuous Univariate Distributions 1, chapter 13.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .. import special, supports
from .._arrays import as_floats, as_same_shape, for_samples, guard, moments, nan_unless_finite, split_raw
from . import _intervals, _location_scale

event_ndim = 0
support = supports.real


class Params(NamedTuple):
    """``loc``: mean, real, ``[...]``. ``scale``: standard deviation, positive, ``[...]``."""

    loc: ArrayLike
    scale: ArrayLike


param_supports = Params(supports.real, supports.positive)  # type: ignore[arg-type]

_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


def from_log_scale(loc: ArrayLike, log_scale: ArrayLike) -> Params:
    """Params from a mean and the logarithm of the standard deviation, both ``[...]``."""
    loc, log_scale = as_floats(loc, log_scale)
    return Params(loc, jnp.exp(log_scale))


def from_variance(loc: ArrayLike, variance: ArrayLike) -> Params:
    """Params from a mean and a positive variance, both ``[...]``."""
    loc, variance = as_floats(loc, variance)
    return Params(loc, jnp.sqrt(variance))


def from_log_variance(loc: ArrayLike, log_variance: ArrayLike) -> Params:
    """Params from a mean and the logarithm of the variance, both ``[...]``."""
    loc, log_variance = as_floats(loc, log_variance)
    return Params(loc, jnp.exp(0.5 * log_variance))


def from_precision(loc: ArrayLike, precision: ArrayLike) -> Params:
    """Params from a mean and a positive precision (1 / variance), both ``[...]``."""
    loc, precision = as_floats(loc, precision)
    return Params(loc, jax.lax.rsqrt(precision))


def _value(y: Array, loc: Array, scale: Array) -> Array:
    # arithmetic alone, no comparison: XLA on CPU fuses this, and not a select, into the sum that follows
    log_scale = jnp.log(scale)
    return -0.5 * ((y - loc) / scale) ** 2 - log_scale - _HALF_LOG_2PI + nan_unless_finite(loc, log_scale)


_log_density = _location_scale.density(_value, lambda z: -z, lambda z: (z - 1) * (z + 1))


def log_prob(params: Params, y: ArrayLike) -> Array:
    """Log-density in nats.

    Args:
        params: ``loc`` and ``scale``, ``[...]``.
        y: real, ``[...]``.

    Returns:
        ``[...]``; -inf where ``y`` is infinite, NaN where ``scale`` is not positive.
    """
    return _log_density(*as_floats(y, *params))


_log_cdf = _location_scale.tail(special.log_ndtr, special.reverse_hazard)
_log_sf = _location_scale.tail(lambda z: special.log_ndtr(-z), lambda z: -special.reverse_hazard(-z))


def log_cdf(params: Params, y: ArrayLike) -> Array:
    """``log P(Y <= y)`` in nats, ``[...]``, accurate to any number of standard deviations."""
    return _log_cdf(*as_floats(y, *params))


def log_sf(params: Params, y: ArrayLike) -> Array:
    """``log P(Y > y)`` in nats, ``[...]``, accurate to any number of standard deviations."""
    return _log_sf(*as_floats(y, *params))


def log_interval(params: Params, low: ArrayLike, high: ArrayLike) -> Array:
    """``log P(low < Y <= high)`` in nats for ``low < high``, infinities allowed, ``[...]``: accurate however narrow."""
    low, high, loc, scale = as_floats(low, high, *params)
    return guard(_intervals.log_normal(low, high, loc, scale), valid=_location_scale.valid(loc, scale))


def log_prob_within(params: Params, y: ArrayLike, low: ArrayLike, high: ArrayLike) -> Array:
    """Log-density at ``y`` given ``low < Y <= high``, for ``y`` in there, in nats, ``[...]``: accurate in far tails."""
    y, low, high, loc, scale = as_floats(y, low, high, *params)
    return guard(_intervals.log_normal_within(y, low, high, loc, scale), valid=_location_scale.valid(loc, scale))


def cdf(params: Params, y: ArrayLike) -> Array:
    """``P(Y <= y)``, ``[...]``."""
    return jnp.exp(log_cdf(params, y))


def icdf(params: Params, p: ArrayLike) -> Array:
    """The quantile at probability ``p`` in [0, 1], ``[...]``; -inf at 0 and inf at 1."""
    p, loc, scale = as_floats(p, *params)
    return guard(loc + scale * jax.scipy.special.ndtri(p), valid=_location_scale.valid(loc, scale))


def sample(params: Params, key: Array, shape: tuple[int, ...] = ()) -> Array:
    """Draw ``[*shape, ...]``; gradients flow to the params (reparametrised)."""
    loc, scale = for_samples(shape, *params)
    return loc + scale * jax.random.normal(key, loc.shape, loc.dtype)


def mean(params: Params) -> Array:
    """``loc``, ``[...]``."""
    loc, scale = as_floats(*params)
    return guard(loc, valid=_location_scale.valid(loc, scale))


def variance(params: Params) -> Array:
    """``scale ** 2``, ``[...]``."""
    loc, scale = as_floats(*params)
    return guard(scale**2, valid=_location_scale.valid(loc, scale))


def mode(params: Params) -> Array:
    """``loc``, ``[...]``."""
    return mean(params)


def entropy(params: Params) -> Array:
    """Differential entropy in nats, ``[...]``."""
    loc, scale = as_floats(*params)
    return guard(jnp.log(scale) + 0.5 + _HALF_LOG_2PI, valid=_location_scale.valid(loc, scale))


def kl_divergence(p: Params, q: Params) -> Array:
    """``KL(p || q)`` in nats, ``[...]``."""
    p_loc, p_scale, q_loc, q_scale = as_floats(*p, *q)
    r = special.ratio(p_scale, q_scale)
    z = special.ratio(p_loc - q_loc, q_scale)
    # (r^2 - 1) / 2 - log r is (r - 1)^2 / 2 plus r - 1 - log r: nothing cancels where the scales are nearly equal
    value = 0.5 * z**2 + 0.5 * (r - 1) ** 2 + special.itakura_saito(p_scale, q_scale)
    return guard(value, valid=_location_scale.valid(p_loc, p_scale) & _location_scale.valid(q_loc, q_scale))


def constrain(raw: ArrayLike) -> Params:
    """Map raw ``[..., 2]`` (loc, then a scale by `supports.to_positive`) to params ``[...]``."""
    loc, scale = split_raw(raw, raw_size, "normal")
    return Params(loc, supports.to_positive(scale))


def unconstrain(params: Params) -> Array:
    """Inverse of `constrain`: params ``[...]`` to raw ``[..., 2]``."""
    loc, scale = as_same_shape(*params)
    return jnp.stack([loc, supports.from_positive(scale)], -1)


raw_size = 2


def init(y: ArrayLike, weights: ArrayLike | None = None) -> Params:
    """Starting params from data: the closed form of `mle`."""
    return mle(y, weights)


def mle(y: ArrayLike, weights: ArrayLike | None = None) -> Params:
    """Maximum likelihood: the mean and the root of the mean squared deviation over every axis of ``y``.

    Args:
        y: observations, any shape.
        weights: non-negative, broadcastable to ``y``.
    """
    loc, variance = moments(y, weights)
    return Params(loc, jnp.sqrt(variance))
