"""Log-normal distribution: the logarithm of ``y`` is normal.

``y`` is positive; ``loc`` (real) and ``scale`` (positive) are the mean and standard deviation of ``log(y)``:
``log p(y) = -((log(y) - loc) / scale)^2 / 2 - log(scale) - log(y) - log(2 pi) / 2``.
As a loss with fixed scale it is the squared error of logarithms. ``y <= 0`` and infinite ``y`` have density 0 (-inf).

>>> from lik_jax import log_normal
>>> round(float(log_normal.log_prob(log_normal.Params(loc=0.0, scale=1.0), 2.0)), 4)
-1.8523

Source: Johnson, Kotz and Balakrishnan (1994), Continuous Univariate Distributions 1, chapter 14.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .. import special, supports
from .._arrays import as_floats, as_same_shape, guard, guard_slope, nan_unless_finite, split_raw
from .._derivatives import with_partials
from . import _location_scale, normal

event_ndim = 0
support = supports.positive


class Params(NamedTuple):
    """``loc``, ``scale``: mean (real) and standard deviation (positive) of ``log(y)``, ``[...]``."""

    loc: ArrayLike
    scale: ArrayLike


param_supports = Params(supports.real, supports.positive)  # type: ignore[arg-type]

_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


def from_log_scale(loc: ArrayLike, log_scale: ArrayLike) -> Params:
    """Params from the mean and the logarithm of the standard deviation of ``log(y)``, both ``[...]``."""
    return Params(*normal.from_log_scale(loc, log_scale))


def _value(y: Array, loc: Array, scale: Array) -> Array:
    # arithmetic alone, no comparison: XLA on CPU fuses this, and not a select, into the sum that follows
    tiny = float(jnp.finfo(y.dtype).tiny)
    log_y, log_scale = jnp.log(jnp.maximum(y, tiny)), jnp.log(scale)
    density = -0.5 * ((log_y - loc) / scale) ** 2 - log_scale - log_y - _HALF_LOG_2PI
    return density - special.zero_or_inf(jnp.minimum(y - tiny, 0)) + nan_unless_finite(loc, log_scale)


def _slope(gain: Callable[[Array, Array, Array], Array]) -> Callable[..., Array]:
    """A partial derivative from ``gain(y, z, scale)``."""

    def partial(y: Array, loc: Array, scale: Array) -> Array:
        outside = (y <= 0) | jnp.isinf(y)
        y = jnp.where(outside, 1.0, y)
        slope = gain(y, special.ratio(jnp.log(y) - loc, scale), scale)
        return guard_slope(slope, outside=outside, valid=_location_scale.valid(loc, scale))

    return partial


_log_density = with_partials(
    _value,
    _slope(lambda y, z, scale: -special.ratio(special.ratio(z, scale) + 1, y)),
    _slope(lambda y, z, scale: special.ratio(z, scale)),
    _slope(lambda y, z, scale: special.ratio((z - 1) * (z + 1), scale)),
)


def log_prob(params: Params, y: ArrayLike) -> Array:
    """Log-density in nats.

    Args:
        params: ``loc`` and ``scale``, ``[...]``.
        y: positive, ``[...]``.

    Returns:
        ``[...]``; -inf where ``y`` is not positive or infinite, NaN where ``scale`` is not positive.
    """
    return _log_density(*as_floats(y, *params))


def _log(y: Array) -> Array:
    """``log(y)``; -inf, with gradient zero, for ``y <= 0``."""
    outside = y <= 0
    return jnp.where(outside, -jnp.inf, jnp.log(jnp.where(outside, 1.0, y)))


def log_cdf(params: Params, y: ArrayLike) -> Array:
    """``log P(Y <= y)`` in nats for any real ``y``, ``[...]``."""
    y, loc, scale = as_floats(y, *params)
    return normal.log_cdf(normal.Params(loc, scale), _log(y))


def log_sf(params: Params, y: ArrayLike) -> Array:
    """``log P(Y > y)`` in nats for any real ``y``, ``[...]``."""
    y, loc, scale = as_floats(y, *params)
    return normal.log_sf(normal.Params(loc, scale), _log(y))


def cdf(params: Params, y: ArrayLike) -> Array:
    """``P(Y <= y)``, ``[...]``."""
    return jnp.exp(log_cdf(params, y))


def icdf(params: Params, p: ArrayLike) -> Array:
    """The quantile at probability ``p`` in [0, 1], ``[...]``; 0 at 0 and inf at 1."""
    return jnp.exp(normal.icdf(normal.Params(*params), p))


def sample(params: Params, key: Array, shape: tuple[int, ...] = ()) -> Array:
    """Draw ``[*shape, ...]``; gradients flow to the params (reparametrised)."""
    return jnp.exp(normal.sample(normal.Params(*params), key, shape))


def mean(params: Params) -> Array:
    """``exp(loc + scale^2 / 2)``, ``[...]``."""
    loc, scale = as_floats(*params)
    return guard(jnp.exp(loc + 0.5 * scale**2), valid=_location_scale.valid(loc, scale))


def variance(params: Params) -> Array:
    """``(exp(scale^2) - 1) exp(2 loc + scale^2)``, ``[...]``."""
    return jnp.expm1(as_same_shape(*params)[1] ** 2) * mean(params) ** 2


def mode(params: Params) -> Array:
    """``exp(loc - scale^2)``, ``[...]``."""
    loc, scale = as_floats(*params)
    return guard(jnp.exp(loc - scale**2), valid=_location_scale.valid(loc, scale))


def entropy(params: Params) -> Array:
    """Differential entropy in nats, ``[...]``."""
    return normal.entropy(normal.Params(*params)) + as_same_shape(*params)[0]


def kl_divergence(p: Params, q: Params) -> Array:
    """``KL(p || q)`` in nats, that of the normal distributions of ``log(y)``, ``[...]``."""
    return normal.kl_divergence(normal.Params(*p), normal.Params(*q))


def constrain(raw: ArrayLike) -> Params:
    """Map raw ``[..., 2]`` (loc, then a scale by `supports.to_positive`) to params ``[...]``."""
    loc, scale = split_raw(raw, raw_size, "log_normal")
    return Params(loc, supports.to_positive(scale))


def unconstrain(params: Params) -> Array:
    """Inverse of `constrain`: params ``[...]`` to raw ``[..., 2]``."""
    return normal.unconstrain(normal.Params(*params))


raw_size = 2


def init(y: ArrayLike, weights: ArrayLike | None = None) -> Params:
    """Starting params from data: the closed form of `mle`."""
    return mle(y, weights)


def mle(y: ArrayLike, weights: ArrayLike | None = None) -> Params:
    """Maximum likelihood: the mean and the root of the mean squared deviation of ``log(y)`` over every axis.

    Args:
        y: positive observations, any shape.
        weights: non-negative, broadcastable to ``y``.
    """
    return Params(*normal.mle(jnp.log(as_floats(y)[0]), weights))
