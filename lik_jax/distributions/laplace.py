"""Laplace (double exponential) distribution.

``y`` is real, ``loc`` real, ``scale`` (mean absolute deviation, in the units of ``y``) positive:
``log p(y) = -|y - loc| / scale - log(2 scale)``.
As a loss with fixed scale it is the absolute error; its gradient at ``y == loc`` is 0.
``y`` at an infinity has density 0 (log_prob -inf).

>>> from lik_jax import laplace
>>> round(float(laplace.log_prob(laplace.Params(loc=0.0, scale=1.0), 0.3)), 4)
-0.9931

Source: Kotz, Kozubowski and Podgorski (2001), The Laplace Distribution and Generalizations, chapter 2.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .. import special, supports
from .._arrays import as_floats, as_same_shape, for_samples, guard, median_deviation, nan_unless_finite, split_raw
from . import _intervals, _location_scale

event_ndim = 0
support = supports.real


class Params(NamedTuple):
    """``loc``: median, real, ``[...]``. ``scale``: mean absolute deviation from it, positive, ``[...]``."""

    loc: ArrayLike
    scale: ArrayLike


param_supports = Params(supports.real, supports.positive)  # type: ignore[arg-type]

_LOG_2 = math.log(2)


def from_log_scale(loc: ArrayLike, log_scale: ArrayLike) -> Params:
    """Params from a median and the logarithm of the scale, both ``[...]``."""
    loc, log_scale = as_floats(loc, log_scale)
    return Params(loc, jnp.exp(log_scale))


def _value(y: Array, loc: Array, scale: Array) -> Array:
    # arithmetic alone, no comparison: XLA on CPU fuses this, and not a select, into the sum that follows
    log_scale = jnp.log(scale)
    return -jnp.abs((y - loc) / scale) - log_scale - _LOG_2 + nan_unless_finite(loc, log_scale)


_log_density = _location_scale.density(_value, lambda z: -jnp.sign(z), lambda z: jnp.abs(z) - 1)


def log_prob(params: Params, y: ArrayLike) -> Array:
    """Log-density in nats.

    Args:
        params: ``loc`` and ``scale``, ``[...]``.
        y: real, ``[...]``.

    Returns:
        ``[...]``; -inf where ``y`` is infinite, NaN where ``scale`` is not positive.
    """
    return _log_density(*as_floats(y, *params))


def _log_lower(z: Array) -> Array:
    return jnp.where(z < 0, z - _LOG_2, jnp.log1p(-0.5 * jnp.exp(-jnp.abs(z))))


def _log_lower_slope(z: Array) -> Array:
    e = jnp.exp(-jnp.maximum(z, 0))
    return jnp.where(z < 0, 1.0, e / (2 - e))


_log_cdf = _location_scale.tail(_log_lower, _log_lower_slope)
_log_sf = _location_scale.tail(lambda z: _log_lower(-z), lambda z: -_log_lower_slope(-z))


def log_cdf(params: Params, y: ArrayLike) -> Array:
    """``log P(Y <= y)`` in nats, ``[...]``, accurate however far out."""
    return _log_cdf(*as_floats(y, *params))


def log_sf(params: Params, y: ArrayLike) -> Array:
    """``log P(Y > y)`` in nats, ``[...]``, accurate however far out."""
    return _log_sf(*as_floats(y, *params))


def log_interval(params: Params, low: ArrayLike, high: ArrayLike) -> Array:
    """``log P(low < Y <= high)`` in nats for ``low < high``, infinities allowed, ``[...]``: accurate however narrow."""
    low, high, loc, scale = as_floats(low, high, *params)
    value = _intervals.log_laplace(*_intervals.standardised(low, high, loc, scale))
    return guard(value, valid=_location_scale.valid(loc, scale))


def cdf(params: Params, y: ArrayLike) -> Array:
    """``P(Y <= y)``, ``[...]``."""
    return jnp.exp(log_cdf(params, y))


def icdf(params: Params, p: ArrayLike) -> Array:
    """The quantile at probability ``p`` in [0, 1], ``[...]``; -inf at 0 and inf at 1."""
    p, loc, scale = as_floats(p, *params)
    low = p < 0.5
    z = jnp.where(low, jnp.log(2 * jnp.where(low, p, 0.5)), -jnp.log(2 * (1 - jnp.where(low, 0.5, p))))
    return guard(loc + scale * z, valid=_location_scale.valid(loc, scale))


def sample(params: Params, key: Array, shape: tuple[int, ...] = ()) -> Array:
    """Draw ``[*shape, ...]``; gradients flow to the params (reparametrised)."""
    loc, scale = for_samples(shape, *params)
    return loc + scale * jax.random.laplace(key, loc.shape, loc.dtype)


def mean(params: Params) -> Array:
    """``loc``, ``[...]``."""
    loc, scale = as_floats(*params)
    return guard(loc, valid=_location_scale.valid(loc, scale))


def variance(params: Params) -> Array:
    """``2 scale ** 2``, ``[...]``."""
    loc, scale = as_floats(*params)
    return guard(2 * scale**2, valid=_location_scale.valid(loc, scale))


def mode(params: Params) -> Array:
    """``loc``, ``[...]``."""
    return mean(params)


def entropy(params: Params) -> Array:
    """Differential entropy in nats, ``1 + log(2 scale)``, ``[...]``."""
    loc, scale = as_floats(*params)
    return guard(jnp.log(scale) + 1 + _LOG_2, valid=_location_scale.valid(loc, scale))


def kl_divergence(p: Params, q: Params) -> Array:
    """``KL(p || q)`` in nats, ``[...]``."""
    p_loc, p_scale, q_loc, q_scale = as_floats(*p, *q)
    # with z = |gap| / p_scale and r = p_scale / q_scale: r (exp(-z) - 1 + z) plus r - 1 - log r
    apart = special.ratio(_location_scale.expected_shortfall(jnp.abs(p_loc - q_loc), p_scale), q_scale)
    valid = _location_scale.valid(p_loc, p_scale) & _location_scale.valid(q_loc, q_scale)
    return guard(apart + special.itakura_saito(p_scale, q_scale), valid=valid)


def constrain(raw: ArrayLike) -> Params:
    """Map raw ``[..., 2]`` (loc, then a scale by `supports.to_positive`) to params ``[...]``."""
    loc, scale = split_raw(raw, raw_size, "laplace")
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
    """Maximum likelihood: the median and the mean absolute deviation from it, over every axis of ``y``.

    Args:
        y: observations, any shape.
        weights: non-negative, broadcastable to ``y``.
    """
    return Params(*median_deviation(y, weights))
