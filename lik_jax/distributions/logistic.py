"""Logistic distribution.

``y`` is real, ``loc`` real, ``scale`` (in the units of ``y``) positive; with ``z = (y - loc) / scale``
``log p(y) = -|z| - 2 log(1 + exp(-|z|)) - log(scale)``.
Its cdf is the sigmoid of ``z``. ``y`` at an infinity has density 0 (log_prob -inf).

>>> from lik_jax import logistic
>>> round(float(logistic.log_prob(logistic.Params(loc=0.0, scale=1.0), 0.3)), 4)
-1.4087

Source: Johnson, Kotz and Balakrishnan (1995), Continuous Univariate Distributions 2, chapter 23.
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
    """``loc``: mean, real, ``[...]``. ``scale``: standard deviation times sqrt(3) / pi, positive, ``[...]``."""

    loc: ArrayLike
    scale: ArrayLike


param_supports = Params(supports.real, supports.positive)  # type: ignore[arg-type]

_SD = math.pi / math.sqrt(3)


def from_log_scale(loc: ArrayLike, log_scale: ArrayLike) -> Params:
    """Params from a mean and the logarithm of the scale, both ``[...]``."""
    loc, log_scale = as_floats(loc, log_scale)
    return Params(loc, jnp.exp(log_scale))


def _value(y: Array, loc: Array, scale: Array) -> Array:
    # arithmetic alone, no comparison: XLA on CPU fuses this, and not a select, into the sum that follows
    log_scale = jnp.log(scale)
    z = jnp.abs((y - loc) / scale)
    return -z - 2 * jnp.log1p(jnp.exp(-z)) - log_scale + nan_unless_finite(loc, log_scale)


_log_density = _location_scale.density(_value, lambda z: -jnp.tanh(0.5 * z), lambda z: z * jnp.tanh(0.5 * z) - 1)


def log_prob(params: Params, y: ArrayLike) -> Array:
    """Log-density in nats.

    Args:
        params: ``loc`` and ``scale``, ``[...]``.
        y: real, ``[...]``.

    Returns:
        ``[...]``; -inf where ``y`` is infinite, NaN where ``scale`` is not positive.
    """
    return _log_density(*as_floats(y, *params))


_log_cdf = _location_scale.tail(special.log_sigmoid, lambda z: special.sigmoid(-z))
_log_sf = _location_scale.tail(lambda z: -special.softplus(z), lambda z: -special.sigmoid(z))


def log_cdf(params: Params, y: ArrayLike) -> Array:
    """``log P(Y <= y)`` in nats, ``[...]``, accurate however far out."""
    return _log_cdf(*as_floats(y, *params))


def log_sf(params: Params, y: ArrayLike) -> Array:
    """``log P(Y > y)`` in nats, ``[...]``, accurate however far out."""
    return _log_sf(*as_floats(y, *params))


def log_interval(params: Params, low: ArrayLike, high: ArrayLike) -> Array:
    """``log P(low < Y <= high)`` in nats for ``low < high``, infinities allowed, ``[...]``: accurate however narrow."""
    low, high, loc, scale = as_floats(low, high, *params)
    value = _intervals.log_logistic(*_intervals.standardised(low, high, loc, scale))
    return guard(value, valid=_location_scale.valid(loc, scale))


def cdf(params: Params, y: ArrayLike) -> Array:
    """``P(Y <= y)``, ``[...]``."""
    return jnp.exp(log_cdf(params, y))


def icdf(params: Params, p: ArrayLike) -> Array:
    """The quantile at probability ``p`` in [0, 1], ``[...]``; -inf at 0 and inf at 1."""
    p, loc, scale = as_floats(p, *params)
    return guard(loc + scale * special.logit(p), valid=_location_scale.valid(loc, scale))


def sample(params: Params, key: Array, shape: tuple[int, ...] = ()) -> Array:
    """Draw ``[*shape, ...]``; gradients flow to the params (reparametrised)."""
    loc, scale = for_samples(shape, *params)
    return loc + scale * jax.random.logistic(key, loc.shape, loc.dtype)


def mean(params: Params) -> Array:
    """``loc``, ``[...]``."""
    loc, scale = as_floats(*params)
    return guard(loc, valid=_location_scale.valid(loc, scale))


def variance(params: Params) -> Array:
    """``(pi scale) ** 2 / 3``, ``[...]``."""
    loc, scale = as_floats(*params)
    return guard((_SD * scale) ** 2, valid=_location_scale.valid(loc, scale))


def mode(params: Params) -> Array:
    """``loc``, ``[...]``."""
    return mean(params)


def entropy(params: Params) -> Array:
    """Differential entropy in nats, ``2 + log(scale)``, ``[...]``."""
    loc, scale = as_floats(*params)
    return guard(jnp.log(scale) + 2, valid=_location_scale.valid(loc, scale))


def constrain(raw: ArrayLike) -> Params:
    """Map raw ``[..., 2]`` (loc, then a scale by `supports.to_positive`) to params ``[...]``."""
    loc, scale = split_raw(raw, raw_size, "logistic")
    return Params(loc, supports.to_positive(scale))


def unconstrain(params: Params) -> Array:
    """Inverse of `constrain`: params ``[...]`` to raw ``[..., 2]``."""
    loc, scale = as_same_shape(*params)
    return jnp.stack([loc, supports.from_positive(scale)], -1)


raw_size = 2


def init(y: ArrayLike, weights: ArrayLike | None = None) -> Params:
    """Starting params from data: the mean, and the scale that gives the variance, over every axis of ``y``."""
    loc, variance = moments(y, weights)
    return Params(loc, jnp.sqrt(variance) / _SD)
