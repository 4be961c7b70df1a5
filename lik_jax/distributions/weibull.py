"""Weibull distribution: times to failure.

``y`` is non-negative, ``scale`` (in the units of ``y``) and ``concentration`` positive; with ``z = y / scale``
``log p(y) = log(concentration / scale) + (concentration - 1) log(z) - z^concentration``.
The hazard falls for ``concentration < 1``, is constant at 1 (exponential) and rises above. At ``y = 0`` the log-density
is inf, ``-log(scale)`` and -inf in these three cases; the share of ``log 0`` in the derivative towards
``concentration`` is left out there. Negative and infinite ``y`` are outside (-inf).

>>> from lik_jax import weibull
>>> round(float(weibull.log_sf(weibull.Params(scale=0.1, concentration=2.0), 50.0)), 0)
-250000.0

Source: Johnson, Kotz and Balakrishnan (1994), Continuous Univariate Distributions 1, chapter 21.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from .. import special, supports
from .._arrays import as_floats, as_same_shape, for_samples, guard, guard_slope, moments, split_raw
from .._derivatives import in_one_pass, with_partials
from . import _intervals

event_ndim = 0
support = supports.nonnegative


class Params(NamedTuple):
    """``scale``: the 63.2 % quantile, positive, ``[...]``. ``concentration``: shape, positive, ``[...]``."""

    scale: ArrayLike
    concentration: ArrayLike


param_supports = Params(supports.positive, supports.positive)  # type: ignore[arg-type]


def from_log_scale(log_scale: ArrayLike, concentration: ArrayLike) -> Params:
    """Params from the logarithm of the scale and the concentration, both ``[...]``."""
    log_scale, concentration = as_floats(log_scale, concentration)
    return Params(jnp.exp(log_scale), concentration)


def _valid(scale: Array, concentration: Array) -> Array:
    return supports.positive.contains(scale) & supports.positive.contains(concentration)


def _value(y: Array, scale: Array, concentration: Array) -> Array:
    empty = (y <= 0) | jnp.isinf(y)
    log_z = special.log_ratio(jnp.where(empty, scale, y), scale)
    start = special.log_ratio(concentration, scale)
    inside = start + (concentration - 1) * log_z - jnp.exp(concentration * log_z)
    infinite = jnp.where(concentration < 1, jnp.inf, -jnp.inf)
    value = jnp.where(y == 0, jnp.where(concentration == 1, start, infinite), inside)
    return guard(value, outside=(y < 0) | jnp.isinf(y), valid=_valid(scale, concentration))


def _parts(y: Array, scale: Array, concentration: Array) -> tuple[Array, Array, Array, Array]:
    """Where the log-density is infinite, where ``y`` is 0 and it is not, ``log(y / scale)`` (0 there), and ``y``."""
    empty = (y <= 0) | jnp.isinf(y)
    edge = (y == 0) & (concentration == 1)
    safe = jnp.where(empty, scale, y)
    return empty & ~edge, edge, special.log_ratio(safe, scale), safe


def _slope_y(y: Array, scale: Array, concentration: Array) -> Array:
    outside, edge, log_z, safe = _parts(y, scale, concentration)
    inside = -special.ratio(1 + concentration * jnp.expm1(concentration * log_z), safe)
    slope = jnp.where(edge, -special.ratio(jnp.ones_like(scale), scale), inside)
    return guard_slope(slope, outside=outside, valid=_valid(scale, concentration))


def _slope_scale(y: Array, scale: Array, concentration: Array) -> Array:
    outside, edge, log_z, _ = _parts(y, scale, concentration)
    excess = jnp.where(edge, -1.0, jnp.expm1(concentration * log_z))
    return guard_slope(
        special.ratio(concentration * excess, scale), outside=outside, valid=_valid(scale, concentration)
    )


def _slope_concentration(y: Array, scale: Array, concentration: Array) -> Array:
    outside, _, log_z, _ = _parts(y, scale, concentration)
    slope = special.ratio(jnp.ones_like(scale), concentration) - log_z * jnp.expm1(concentration * log_z)
    return guard_slope(slope, outside=outside, valid=_valid(scale, concentration))


_log_density = with_partials(in_one_pass(_value), _slope_y, _slope_scale, _slope_concentration)


def log_prob(params: Params, y: ArrayLike) -> Array:
    """Log-density in nats.

    Args:
        params: ``scale`` and ``concentration``, ``[...]``.
        y: non-negative, ``[...]``.

    Returns:
        ``[...]``; -inf where ``y`` is negative or infinite, NaN where a parameter is not positive.
    """
    return _log_density(*as_floats(y, *params))


def _log_hazard(y: Array, scale: Array, concentration: Array) -> tuple[Array, Array]:
    """``concentration log(y / scale)``, the log of the cumulative hazard, and where ``y`` is not inside."""
    empty = (y <= 0) | jnp.isinf(y)
    return concentration * special.log_ratio(jnp.where(empty, scale, y), scale), empty


def log_cdf(params: Params, y: ArrayLike) -> Array:
    """``log P(Y <= y)`` in nats for any real ``y``, ``[...]``."""
    y, scale, concentration = as_floats(y, *params)
    log_hazard, empty = _log_hazard(y, scale, concentration)
    value = jnp.where(empty, 0.0, special.log1mexpexp(log_hazard))
    return guard(value, outside=y <= 0, valid=_valid(scale, concentration))


def log_sf(params: Params, y: ArrayLike) -> Array:
    """``log P(Y > y)`` in nats for any real ``y``, ``[...]``: ``-(y / scale) ** concentration``."""
    y, scale, concentration = as_floats(y, *params)
    log_hazard, empty = _log_hazard(y, scale, concentration)
    value = jnp.where(empty, 0.0, -jnp.exp(log_hazard))
    return guard(value, outside=y == jnp.inf, valid=_valid(scale, concentration))


def log_interval(params: Params, low: ArrayLike, high: ArrayLike) -> Array:
    """``log P(low < Y <= high)`` in nats for ``low < high``, infinities allowed, ``[...]``: accurate however narrow."""
    low, high, scale, concentration = as_floats(low, high, *params)

    def log_between(low: Array, high: Array, scale: Array, concentration: Array) -> Array:
        early = low == 0
        log_rise = concentration * jnp.log1p(special.ratio(high - low, jnp.where(early, 1.0, low)))
        rest = jnp.where(early, 0.0, special.log1mexp(jnp.where(early, 1.0, log_rise)))
        return concentration * special.log_ratio(high, scale) + rest

    def hazard(y: Array, scale: Array, concentration: Array) -> Array:
        return jnp.exp(concentration * special.log_ratio(y, scale))

    value = _intervals.by_hazard(log_between, hazard, low, high, scale, concentration)
    return guard(value, valid=_valid(scale, concentration))


def cdf(params: Params, y: ArrayLike) -> Array:
    """``P(Y <= y)``, ``[...]``."""
    return -jnp.expm1(log_sf(params, y))


def icdf(params: Params, p: ArrayLike) -> Array:
    """The quantile at probability ``p`` in [0, 1], ``[...]``; 0 at 0 and inf at 1."""
    p, scale, concentration = as_floats(p, *params)
    edge = (p == 0) | (p == 1)
    hazard = -jnp.log1p(-jnp.where(edge, 0.5, p))
    inside = scale * jnp.exp(special.ratio(jnp.log(hazard), concentration))
    return guard(jnp.where(p == 0, 0.0, jnp.where(p == 1, jnp.inf, inside)), valid=_valid(scale, concentration))


def sample(params: Params, key: Array, shape: tuple[int, ...] = ()) -> Array:
    """Draw ``[*shape, ...]``; gradients flow to the params (reparametrised)."""
    scale, concentration = for_samples(shape, *params)
    # the logarithm of an exponential draw is a negated Gumbel draw
    draw = -jax.random.gumbel(key, scale.shape, scale.dtype)
    return scale * jnp.exp(special.ratio(draw, concentration))


def _moment(scale: Array, concentration: Array) -> Array:
    return scale * jnp.exp(jax.lax.lgamma(1 + 1 / concentration))


def mean(params: Params) -> Array:
    """``scale Gamma(1 + 1 / concentration)``, ``[...]``."""
    scale, concentration = as_floats(*params)
    return guard(_moment(scale, concentration), valid=_valid(scale, concentration))


def _zeta_minus_1(k: int) -> float:
    """``zeta(k) - 1`` by Euler and Maclaurin's sum."""
    n = 100.0
    tail = n ** (1 - k) / (k - 1) + n**-k / 2 + k * n ** (-k - 1) / 12 - k * (k + 1) * (k + 2) * n ** (-k - 3) / 720
    return math.fsum([float(i) ** -k for i in range(2, 100)] + [tail])


_SERIES = [(-1) ** k * _zeta_minus_1(k) / k * (2**k - 2) for k in range(2, 30)]


def _log_relative_moment(t: Array) -> Array:
    """``log(Gamma(1 + 2t) / Gamma(1 + t)^2)`` for ``t > 0``, about ``(pi t)^2 / 6`` near 0."""
    near = t < 0.25
    small, far = jnp.where(near, t, 0.0), jnp.where(near, 1.0, t)
    series = jnp.zeros_like(t)
    for coefficient in reversed(_SERIES):
        series = series * small + coefficient
    series = small**2 * series + jnp.log1p(small**2 / (1 + 2 * small))
    return jnp.where(near, series, jax.lax.lgamma(1 + 2 * far) - 2 * jax.lax.lgamma(1 + far))


def variance(params: Params) -> Array:
    """``scale^2 (Gamma(1 + 2 / concentration) - Gamma(1 + 1 / concentration)^2)``, ``[...]``."""
    scale, concentration = as_floats(*params)
    value = _moment(scale, concentration) ** 2 * jnp.expm1(_log_relative_moment(1 / concentration))
    return guard(value, valid=_valid(scale, concentration))


def mode(params: Params) -> Array:
    """``scale (1 - 1 / concentration) ** (1 / concentration)``, 0 for ``concentration <= 1``, ``[...]``."""
    scale, concentration = as_floats(*params)
    inside = concentration > 1
    t = 1 / jnp.where(inside, concentration, 2.0)
    value = jnp.where(inside, scale * jnp.exp(t * jnp.log1p(-t)), 0.0)
    return guard(value, valid=_valid(scale, concentration))


def entropy(params: Params) -> Array:
    """Differential entropy in nats, ``[...]``."""
    scale, concentration = as_floats(*params)
    value = np.euler_gamma * (1 - 1 / concentration) + special.log_ratio(scale, concentration) + 1
    return guard(value, valid=_valid(scale, concentration))


def kl_divergence(p: Params, q: Params) -> Array:
    """``KL(p || q)`` in nats, ``[...]``."""
    p_scale, p_concentration, q_scale, q_concentration = as_floats(*p, *q)
    r = special.ratio(q_concentration, p_concentration)
    excess = jax.lax.lgamma(r)
    a = q_concentration * special.log_ratio(p_scale, q_scale) + jax.lax.lgamma(1 + r)
    near = jnp.abs(a) < 1
    small = -special.log1pmx(jnp.expm1(jnp.where(near, a, 0.0)))
    # two terms, neither below 0: exp(a) - 1 - a, and the convex lgamma above its tangent at 1
    value = jnp.where(near, small, jnp.expm1(a) - a) + excess + np.euler_gamma * (r - 1)
    return guard(value, valid=_valid(p_scale, p_concentration) & _valid(q_scale, q_concentration))


def constrain(raw: ArrayLike) -> Params:
    """Map raw ``[..., 2]`` (scale, then concentration, by `supports.to_positive`) to params ``[...]``."""
    scale, concentration = split_raw(raw, raw_size, "weibull")
    return Params(supports.to_positive(scale), supports.to_positive(concentration))


def unconstrain(params: Params) -> Array:
    """Inverse of `constrain`: params ``[...]`` to raw ``[..., 2]``."""
    return jnp.stack([supports.from_positive(x) for x in as_same_shape(*params)], -1)


raw_size = 2


def init(y: ArrayLike, weights: ArrayLike | None = None) -> Params:
    """Starting params from data: from the mean and variance of ``log(y)``, over every axis of ``y`` (positive)."""
    log_mean, log_variance = moments(jnp.log(as_floats(y)[0]), weights)
    concentration = math.pi / jnp.sqrt(6 * log_variance)
    return Params(jnp.exp(log_mean + np.euler_gamma / concentration), concentration)


def mle(y: ArrayLike, weights: ArrayLike | None = None) -> Params:
    """Maximum likelihood over every axis of ``y``: Newton's method on the profile equation of the concentration.

    Args:
        y: positive observations, any shape, not all equal.
        weights: non-negative, broadcastable to ``y``.
    """
    start = init(y, weights)
    (y,) = as_floats(y)
    w = jnp.ones_like(y) if weights is None else jnp.broadcast_to(as_floats(y, weights)[1], y.shape)
    log_y, log_w = jnp.log(y), jnp.log(w / w.sum())
    u = log_y - moments(log_y, weights)[0]

    def step(_: int, log_c: Array) -> Array:
        c = jnp.exp(log_c)
        tilted = jax.nn.softmax((log_w + c * u).ravel()).reshape(u.shape)
        m = (tilted * u).sum()
        slope = c * (tilted * (u - m) ** 2).sum() + 1 / c
        return log_c - jnp.clip((m - 1 / c) / slope, -1, 1)

    c = jnp.exp(jax.lax.fori_loop(0, 20, step, jnp.log(as_floats(start.concentration)[0])))
    log_power_mean = jax.nn.logsumexp(log_w + c * u) / c
    return Params(jnp.exp(log_y - u + log_power_mean).ravel()[0], c)
