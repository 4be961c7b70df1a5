"""Generalised extreme value distribution: the largest of many, block maxima.

``y`` is real, ``loc`` real, ``scale`` positive (both in the units of ``y``), ``concentration`` c real, the shape often
called xi: with ``z = (y - loc) / scale`` and ``L = log(1 + c z) / c`` (``z`` where c is 0: Gumbel),
``log p(y) = -log(scale) - (1 + c) L - exp(-L)``.
For ``c > 0`` (Frechet) the upper tail falls as a power and ``y`` is above ``loc - scale / c``; for ``c < 0`` (reversed
Weibull) that is the greatest ``y``. Beyond this end, which moves with the params, and at infinities the density is 0
(log_prob -inf, gradient zero); at it, it is 0, for c = -1 ``1 / scale`` and for c < -1 infinite.
scipy's ``genextreme`` has the shape with the other sign.

>>> from lik_jax import generalized_extreme_value
>>> params = generalized_extreme_value.Params(loc=0.3, scale=1.1, concentration=0.2)
>>> round(float(generalized_extreme_value.log_prob(params, 1.7)), 4)
-1.7777

Source: Coles (2001), An Introduction to Statistical Modeling of Extreme Values, chapter 3.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from .. import special, supports
from .._arrays import as_floats, as_same_shape, for_samples, guard, moments, split_raw
from ..special.removable import expm1_ratio, log1p_ratio, log1p_ratio_slope, log_gamma_1p_ratio
from ..special.stirling import _AT_TWO
from . import _location_scale

event_ndim = 0
support = supports.real


class Params(NamedTuple):
    """``loc``: real; ``scale``: positive; ``concentration``: shape, real, 0 for Gumbel. Each ``[...]``."""

    loc: ArrayLike
    scale: ArrayLike
    concentration: ArrayLike


param_supports = Params(supports.real, supports.positive, supports.real)  # type: ignore[arg-type]


def _checked(c: Array, x: Array) -> Array:
    return jnp.where(jnp.isfinite(c), x, jnp.nan)


def _inside(z: Array, c: Array) -> tuple[Array, Array, Array]:
    """Where ``z`` is not below a greatest or above a least value, ``z`` elsewhere (0 there), and ``L``."""
    end = 1 + c * z <= 0
    safe = jnp.where(end, 0.0, z)
    return end, safe, log1p_ratio(safe, c)


def _value(y: Array, loc: Array, scale: Array, c: Array) -> Array:
    infinite = jnp.isinf(y)
    z = jnp.where(infinite, 0.0, y - loc) / scale
    end, _, level = _inside(z, c)
    at_end = jnp.where(c == -1, 0.0, jnp.where(c < -1, jnp.inf, -jnp.inf))
    at_end = jnp.where(1 + c * z < 0, -jnp.inf, at_end)
    standard = jnp.where(end, at_end, -(1 + c) * level - jnp.exp(-level))
    return guard(_checked(c, standard - jnp.log(scale)), outside=infinite, valid=_location_scale.valid(loc, scale))


def _slope(z: Array, c: Array) -> Array:
    end, safe, level = _inside(z, c)
    return _checked(c, jnp.where(end, 0.0, special.ratio(jnp.expm1(-level) - c, 1 + c * safe)))


def _gain(z: Array, c: Array) -> Array:
    end, safe, _ = _inside(z, c)
    return jnp.where(end, 0.0 * z, -1 - safe * _slope(safe, c))


def _slope_concentration(z: Array, c: Array) -> Array:
    end, safe, level = _inside(z, c)
    bend = log1p_ratio_slope(safe, c)
    return _checked(c, jnp.where(end, 0.0, (jnp.expm1(-level) - c) * bend - level))


_log_density = _location_scale.density(_value, _slope, _gain, _slope_concentration)


def log_prob(params: Params, y: ArrayLike) -> Array:
    """Log-density in nats.

    Args:
        params: ``loc``, ``scale`` and ``concentration``, ``[...]``.
        y: real, ``[...]``.

    Returns:
        ``[...]``; -inf where ``y`` is infinite or beyond the end that the params set, NaN where ``scale`` is not
        positive or ``concentration`` not finite.
    """
    return _log_density(*as_floats(y, *params))


def _log_lower(z: Array, c: Array) -> Array:
    end, _, level = _inside(z, c)
    return _checked(c, jnp.where(end, jnp.where(c > 0, -jnp.inf, 0.0), -jnp.exp(-level)))


def _lower_factor(z: Array, c: Array) -> tuple[Array, Array, Array]:
    """The hazard ``exp(-L)`` below ``z`` (0 beyond an end), and the derivatives of ``L`` towards ``z`` and ``c``."""
    end, safe, level = _inside(z, c)
    hazard = jnp.where(end, 0.0, jnp.exp(-level))
    return _checked(c, hazard), special.ratio(jnp.ones_like(safe), 1 + c * safe), log1p_ratio_slope(safe, c)


def _upper_factor(z: Array, c: Array) -> tuple[Array, Array, Array]:
    end, safe, level = _inside(z, c)
    falls = jnp.where(end, 0.0, -special.bernoulli_function(jnp.exp(-level)))
    return _checked(c, falls), special.ratio(jnp.ones_like(safe), 1 + c * safe), log1p_ratio_slope(safe, c)


def _log_upper(z: Array, c: Array) -> Array:
    end, _, level = _inside(z, c)
    return _checked(c, jnp.where(end, jnp.where(c > 0, 0.0, -jnp.inf), special.log1mexpexp(-level)))


def _along_z(factors: tuple[Array, Array, Array]) -> Array:
    return factors[0] * factors[1]


def _along_concentration(factors: tuple[Array, Array, Array]) -> Array:
    return factors[0] * factors[2]


_log_cdf = _location_scale.tail(
    _log_lower, lambda z, c: _along_z(_lower_factor(z, c)), lambda z, c: _along_concentration(_lower_factor(z, c))
)
_log_sf = _location_scale.tail(
    _log_upper, lambda z, c: _along_z(_upper_factor(z, c)), lambda z, c: _along_concentration(_upper_factor(z, c))
)


def log_cdf(params: Params, y: ArrayLike) -> Array:
    """``log P(Y <= y)`` in nats, ``[...]``, accurate however small."""
    return _log_cdf(*as_floats(y, *params))


def log_sf(params: Params, y: ArrayLike) -> Array:
    """``log P(Y > y)`` in nats, ``[...]``, accurate however small."""
    return _log_sf(*as_floats(y, *params))


def cdf(params: Params, y: ArrayLike) -> Array:
    """``P(Y <= y)``, ``[...]``."""
    return jnp.exp(log_cdf(params, y))


def _valid(loc: Array, scale: Array, c: Array) -> Array:
    return _location_scale.valid(loc, scale) & jnp.isfinite(c)


def icdf(params: Params, p: ArrayLike) -> Array:
    """The quantile at probability ``p`` in [0, 1], ``[...]``; the ends of the support at 0 and 1."""
    p, loc, scale, c = as_floats(p, *params)
    none, all_ = p == 0, p == 1
    level = -jnp.log(-jnp.log(jnp.where(none | all_, 0.5, p)))
    end = loc - special.ratio(scale, jnp.where(c == 0, 1.0, c))
    inside = loc + scale * expm1_ratio(level, c)
    least, most = jnp.where(c > 0, end, -jnp.inf), jnp.where(c < 0, end, jnp.inf)
    return guard(jnp.where(none, least, jnp.where(all_, most, inside)), valid=_valid(loc, scale, c))


def sample(params: Params, key: Array, shape: tuple[int, ...] = ()) -> Array:
    """Draw ``[*shape, ...]``; gradients flow to the params (reparametrised)."""
    loc, scale, c = for_samples(shape, *params)
    return loc + scale * expm1_ratio(jax.random.gumbel(key, loc.shape, loc.dtype), c)


def mean(params: Params) -> Array:
    """``loc + scale (Gamma(1 - c) - 1) / c``, ``[...]``; inf for ``c >= 1``."""
    loc, scale, c = as_floats(*params)
    some = c < 1
    safe = jnp.where(some, c, 0.0)
    inside = loc + scale * expm1_ratio(-log_gamma_1p_ratio(-safe), safe)
    return guard(jnp.where(some, inside, jnp.inf), valid=_valid(loc, scale, c))


# of log(Gamma(1 - 2 c) / Gamma(1 - c)^2) / c^2 beside a logarithm, in powers of c: (zeta(k) - 1) (2^k - 2) / k
_SPREAD = [(-1) ** k * coefficient * (2**k - 2) for k, coefficient in enumerate(_AT_TWO) if k >= 2]


def _log_relative_moment(c: Array) -> Array:
    """``log(Gamma(1 - 2 c) / Gamma(1 - c)^2) / c^2`` for ``c`` below a half: pi^2 / 6 at 0."""
    near = jnp.abs(c) < 0.2
    small, far = jnp.where(near, c, 0.0), jnp.where(near, -1.0, c)
    series = jnp.zeros_like(c)
    for coefficient in reversed(_SPREAD):
        series = series * small + coefficient
    series = series + log1p_ratio(1 / (1 - 2 * small), small**2)
    return jnp.where(near, series, 2 * (log_gamma_1p_ratio(-far) - log_gamma_1p_ratio(-2 * far)) / far)


def variance(params: Params) -> Array:
    """``scale^2 (Gamma(1 - 2 c) - Gamma(1 - c)^2) / c^2``, ``[...]``; inf for ``c >= 1/2``."""
    loc, scale, c = as_floats(*params)
    some = c < 0.5
    safe = jnp.where(some, c, 0.0)
    square = jnp.exp(-2 * safe * log_gamma_1p_ratio(-safe))
    inside = scale**2 * square * expm1_ratio(_log_relative_moment(safe), safe**2)
    return guard(jnp.where(some, inside, jnp.inf), valid=_valid(loc, scale, c))


def mode(params: Params) -> Array:
    """``loc + scale ((1 + c)^-c - 1) / c``, ``[...]``; the greatest ``y`` for ``c <= -1``."""
    loc, scale, c = as_floats(*params)
    inner = c > -1
    safe = jnp.where(inner, c, 0.0)
    end = special.ratio(-jnp.ones_like(c), jnp.where(inner, -1.0, c))
    standard = jnp.where(inner, expm1_ratio(-jnp.log1p(safe), safe), end)
    return guard(loc + scale * standard, valid=_valid(loc, scale, c))


def entropy(params: Params) -> Array:
    """Differential entropy in nats, ``log(scale) + 1 + (1 + c)`` times Euler's constant, ``[...]``."""
    loc, scale, c = as_floats(*params)
    return guard(jnp.log(scale) + 1 + np.euler_gamma * (1 + c), valid=_valid(loc, scale, c))


def constrain(raw: ArrayLike) -> Params:
    """Map raw ``[..., 3]`` (loc, scale by `supports.to_positive`, concentration) to params ``[...]``."""
    loc, scale, concentration = split_raw(raw, raw_size, "generalized_extreme_value")
    return Params(loc, supports.to_positive(scale), concentration)


def unconstrain(params: Params) -> Array:
    """Inverse of `constrain`: params ``[...]`` to raw ``[..., 3]``."""
    loc, scale, concentration = as_same_shape(*params)
    return jnp.stack([loc, supports.from_positive(scale), concentration], -1)


raw_size = 3


def init(y: ArrayLike, weights: ArrayLike | None = None) -> Params:
    """Starting params from data: those of a Gumbel distribution, by moments over every axis of ``y``."""
    center, spread = moments(y, weights)
    scale = jnp.sqrt(6 * spread) / math.pi
    return Params(center - np.euler_gamma * scale, scale, jnp.zeros_like(scale))
