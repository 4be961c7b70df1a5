"""Gamma distribution: positive quantities whose spread grows with their mean; waiting times for several events.

``y`` is non-negative, ``concentration`` (shape, often alpha) positive, ``rate`` (in 1 / the units of ``y``) positive:
``log p(y) = a log(rate) + (a - 1) log y - rate y - log Gamma(a)``.
The mean is ``a / rate`` and the variance over the squared mean is ``1 / a`` (`from_mean_dispersion`: gamma regression).
At 0 the density is 0 for a > 1 (log_prob -inf), ``rate`` for a = 1 and infinite for a < 1; the gradient towards a is
-inf there: the logarithm of 0 is what it consists of. Negative and infinite ``y`` are outside (-inf).

>>> from lik_jax import gamma
>>> round(float(gamma.log_prob(gamma.Params(concentration=2.0, rate=3.0), 0.5)), 4)
0.0041

Source: Johnson, Kotz and Balakrishnan (1994), Continuous Univariate Distributions 1, chapter 17; the density as in
Loader (2000), "Fast and accurate computation of binomial probabilities".
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .. import special, supports
from .._arrays import as_floats, as_same_shape, for_samples, guard, guard_slope, moments, split_raw
from .._derivatives import in_one_pass, with_partials

event_ndim = 0
support = supports.nonnegative


class Params(NamedTuple):
    """``concentration``: shape, positive, ``[...]``. ``rate``: 1 over the scale, positive, ``[...]``."""

    concentration: ArrayLike
    rate: ArrayLike


param_supports = Params(supports.positive, supports.positive)  # type: ignore[arg-type]


def from_mean_concentration(mean: ArrayLike, concentration: ArrayLike) -> Params:
    """Params from a positive mean and the concentration, both ``[...]``."""
    mean, concentration = as_floats(mean, concentration)
    return Params(concentration, special.ratio(concentration, mean))


def from_mean_dispersion(mean: ArrayLike, dispersion: ArrayLike) -> Params:
    """Params from a positive mean and dispersion (variance over squared mean), both ``[...]``."""
    mean, dispersion = as_floats(mean, dispersion)
    concentration = 1 / dispersion
    return Params(concentration, special.ratio(concentration, mean))


def _valid(a: Array, rate: Array) -> Array:
    return supports.positive.contains(a) & supports.positive.contains(rate)


def _outside(y: Array) -> Array:
    return (y < 0) | (y == jnp.inf)


def _inner(y: Array) -> Array:
    """``y``, with 1 where it is not strictly inside."""
    return jnp.where((y <= 0) | (y == jnp.inf), 1.0, y)


def _log_quotient_value(y: Array, a: Array, rate: Array) -> Array:
    x = rate * y
    limit = float(jnp.finfo(x.dtype).tiny) ** 0.5
    near = jnp.abs(x - a) <= 0.5 * a
    ordinary = (x > limit) & (x < 1 / limit)
    log_x = jnp.where(ordinary, jnp.log(jnp.where(ordinary, x, 1.0)), jnp.log(rate) + jnp.log(y))
    return jnp.where(near, jnp.log1p(jnp.where(near, x - a, 0.0) / a), log_x - jnp.log(a))


# log(rate y / a), also where the product over- or underflows
_log_quotient = with_partials(
    _log_quotient_value,
    lambda y, a, rate: special.ratio(jnp.ones_like(y), y),
    lambda y, a, rate: -special.ratio(jnp.ones_like(a), a),
    lambda y, a, rate: special.ratio(jnp.ones_like(rate), rate),
)


def _value(y: Array, a: Array, rate: Array) -> Array:
    y, a, rate = jnp.broadcast_arrays(y, a, rate)
    valid = _valid(a, rate)
    a, rate, safe = jnp.where(valid, a, 1.0), jnp.where(valid, rate, 1.0), _inner(y)
    x = rate * safe
    near = jnp.abs(x - a) <= 0.5 * a
    apart = x - a - a * _log_quotient_value(safe, a, rate)
    deviance = jnp.where(near, special.deviance(a, jnp.where(near, x, a)), apart)
    inside = -deviance - special.log_factorial_excess(a) + jnp.log(a) - jnp.log(safe)
    edge = jnp.where(a == 1, jnp.log(rate), jnp.where(a > 1, -jnp.inf, jnp.inf))
    return guard(jnp.where(y == 0, edge, inside), outside=_outside(y), valid=valid)


def _slope_y(y: Array, a: Array, rate: Array) -> Array:
    flat = a == 1
    slope = jnp.where(flat, 0.0, special.ratio(a - 1, jnp.where(flat | _outside(y), 1.0, y))) - rate
    return guard_slope(slope, outside=_outside(y), valid=_valid(a, rate))


def _slope_a(y: Array, a: Array, rate: Array) -> Array:
    slope = _log_quotient(_inner(y), a, rate) - special.digamma_excess(a)
    return guard_slope(jnp.where(y == 0, -jnp.inf, slope), outside=_outside(y), valid=_valid(a, rate))


def _slope_rate(y: Array, a: Array, rate: Array) -> Array:
    return guard_slope(special.ratio(a, rate) - y, outside=_outside(y), valid=_valid(a, rate))


_log_density = with_partials(in_one_pass(_value), _slope_y, _slope_a, _slope_rate)


def log_prob(params: Params, y: ArrayLike) -> Array:
    """Log-density in nats.

    Args:
        params: ``concentration`` and ``rate``, ``[...]``.
        y: non-negative, ``[...]``.

    Returns:
        ``[...]``; -inf where ``y`` is negative or infinite, NaN where a parameter is not positive; at 0 inf for a
        concentration below 1.
    """
    return _log_density(*as_floats(y, *params))


def _standard(params: Params, y: ArrayLike) -> tuple[Array, Array, Array, Array]:
    """``y``, concentration, ``rate y`` (1 where ``y`` is at an end or beyond) and where params are valid."""
    y, a, rate = as_floats(y, *params)
    valid = _valid(a, rate)
    return y, jnp.where(valid, a, 1.0), jnp.where(valid, rate, 1.0) * _inner(y), valid


def log_cdf(params: Params, y: ArrayLike) -> Array:
    """``log P(Y <= y)`` in nats for any real ``y``, ``[...]``, accurate however small."""
    y, a, x, valid = _standard(params, y)
    return guard(jnp.where(y == jnp.inf, 0.0, special.log_gamma_p(a, x)), outside=y <= 0, valid=valid)


def log_sf(params: Params, y: ArrayLike) -> Array:
    """``log P(Y > y)`` in nats for any real ``y``, ``[...]``, accurate however small."""
    y, a, x, valid = _standard(params, y)
    return guard(jnp.where(y <= 0, 0.0, special.log_gamma_q(a, x)), outside=y == jnp.inf, valid=valid)


def cdf(params: Params, y: ArrayLike) -> Array:
    """``P(Y <= y)``, ``[...]``."""
    return jnp.exp(log_cdf(params, y))


# a compiled function of its own: run op by op, its loop would be compiled anew at each call
@jax.jit
def _quantile(p: Array, a: Array) -> Array:
    return special.invert_continuous(
        lambda x, a: special.log_gamma_p(a, x), lambda x, a: special.log_gamma_q(a, x), p, (a,), 0, jnp.inf
    )


def icdf(params: Params, p: ArrayLike) -> Array:
    """The quantile at probability ``p`` in [0, 1], ``[...]``; 0 at 0 and inf at 1, differentiable in all arguments."""
    p, a, rate = as_floats(p, *params)
    valid = _valid(a, rate)
    standard = _quantile(p, jnp.where(valid, a, 1.0))
    return guard(special.ratio(standard, jnp.where(valid, rate, 1.0)), valid=valid)


def sample(params: Params, key: Array, shape: tuple[int, ...] = ()) -> Array:
    """Draw ``[*shape, ...]``; gradients flow to the params (reparametrised).

    A draw that would underflow to 0, as most do for a tiny concentration, is kept just above.
    """
    a, rate = for_samples(shape, *params)
    standard = jnp.exp(jax.random.loggamma(key, a, a.shape, a.dtype))
    return special.ratio(jnp.maximum(standard, float(jnp.finfo(a.dtype).tiny)), rate)


def mean(params: Params) -> Array:
    """``concentration / rate``, ``[...]``."""
    a, rate = as_same_shape(*params)
    return guard(special.ratio(a, rate), valid=_valid(a, rate))


def variance(params: Params) -> Array:
    """``concentration / rate ** 2``, ``[...]``."""
    return special.ratio(mean(params), as_same_shape(*params)[1])


def mode(params: Params) -> Array:
    """``(concentration - 1) / rate``, 0 for a concentration below 1, ``[...]``."""
    a, rate = as_same_shape(*params)
    return guard(special.ratio(jnp.maximum(a - 1, 0), rate), valid=_valid(a, rate))


def entropy(params: Params) -> Array:
    """Differential entropy in nats, ``[...]``."""
    a, rate = as_same_shape(*params)
    value = special.log_factorial_excess(a) - jnp.log(rate) + (1 - a) * special.digamma_excess(a)
    return guard(value, valid=_valid(a, rate))


def kl_divergence(p: Params, q: Params) -> Array:
    """``KL(p || q)`` in nats, ``[...]``."""
    pa, p_rate, qa, q_rate = as_same_shape(*p, *q)
    # how far the means are apart, then the shapes: two terms that are not negative
    means = special.deviance(qa, special.ratio(pa, p_rate) * q_rate)
    d = special.ratio(qa - pa, pa)
    slope = special.digamma_excess(pa) + 0.5 / pa
    shapes = special.stirling_error(qa) - special.stirling_error(pa) - (qa - pa) * slope
    shapes = shapes - 0.5 * special.log1pmx_given(d, special.log_ratio(qa, pa))
    return guard(means + shapes, valid=_valid(pa, p_rate) & _valid(qa, q_rate))


def constrain(raw: ArrayLike) -> Params:
    """Map raw ``[..., 2]`` to params ``[...]``: concentration and rate, each by `supports.to_positive`."""
    return Params(*map(supports.to_positive, split_raw(raw, raw_size, "gamma")))


def unconstrain(params: Params) -> Array:
    """Inverse of `constrain`: params ``[...]`` to raw ``[..., 2]``."""
    return jnp.stack([supports.from_positive(x) for x in as_same_shape(*params)], -1)


raw_size = 2


def init(y: ArrayLike, weights: ArrayLike | None = None) -> Params:
    """Starting params from data, by moments."""
    m, v = moments(y, weights)
    spread = jnp.maximum(v / m / m, float(jnp.finfo(m.dtype).eps))
    return from_mean_dispersion(m, spread)


def mle(y: ArrayLike, weights: ArrayLike | None = None) -> Params:
    """Maximum likelihood over every axis of ``y``, by a fixed number of Newton steps on the sufficient statistics.

    Args:
        y: positive observations, any shape, not all alike; one of 0 gives NaN.
        weights: non-negative, broadcastable to ``y``.

    Source: Minka (2002), "Estimating a Gamma distribution".
    """
    m, _ = moments(y, weights)
    (y,) = as_floats(y)
    # log mean less mean log, as a mean of terms that are not negative
    log_gap, _ = moments(-special.log1pmx_given((y - m) / m, jnp.log(y) - jnp.log(m)), weights)

    def step(_: int, a: Array) -> Array:
        excess, slope = jax.jvp(special.digamma_excess, (a,), (jnp.ones_like(a),))
        return 1 / (1 / a + (log_gap + excess) / (a * a * slope))

    start = (3 - log_gap + jnp.sqrt((log_gap - 3) ** 2 + 24 * log_gap)) / (12 * log_gap)
    return from_mean_concentration(m, jax.lax.fori_loop(0, 8, step, start))
