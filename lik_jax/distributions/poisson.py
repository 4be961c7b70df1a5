"""Poisson distribution: how many events happen at a known rate.

``y`` is a count (integer, or a float with a whole value), ``log_rate`` the logarithm of the mean, below infinity; -inf
is a rate of 0, whose only count is 0: ``log p(y) = y log_rate - exp(log_rate) - log(y!)``.
As a loss it is count regression with a log link. Negative, fractional and infinite ``y`` are outside (-inf).

>>> from lik_jax import poisson
>>> round(float(poisson.log_prob(poisson.from_rate(2.0), 3)), 4)
-1.7123

Source: Johnson, Kemp and Kotz (2005), Univariate Discrete Distributions, chapter 4; the mass as in Loader (2000),
"Fast and accurate computation of binomial probabilities".
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .. import special, supports
from .._arrays import as_floats, guard, guard_slope, moments, nan_unless_finite, not_integer, sample_shape, split_raw
from .._derivatives import by_forward_mode, in_one_pass, with_partials

event_ndim = 0
support = supports.count


class Params(NamedTuple):
    """``log_rate``: logarithm of the expected count, below infinity, ``[...]``."""

    log_rate: ArrayLike


def _below_infinity(x: Array) -> Array:
    return x < jnp.inf


param_supports = Params(supports.Support("a number below inf (-inf for a rate of 0)", _below_infinity, 0.0))  # type: ignore[arg-type]


def from_rate(rate: ArrayLike) -> Params:
    """Params from an expected count, not negative, ``[...]``."""
    (rate,) = as_floats(rate)
    return Params(jnp.log(rate))


def _value(y: Array, log_rate: Array) -> Array:
    # arithmetic alone, no comparison: XLA on CPU fuses this, and not a select, into the sum that follows
    largest = float(jnp.finfo(y.dtype).max)
    lowest, highest = (-300.0, 700.0) if y.dtype == jnp.float64 else (-40.0, 80.0)
    count = jnp.minimum(jnp.maximum(y, 0), largest)
    finite = jnp.minimum(jnp.maximum(log_rate, -largest), 1000)
    near = jnp.minimum(jnp.maximum(log_rate, lowest), highest)
    rate = jnp.exp(near)
    difference = count - rate
    # log(count / rate), accurate where they are close: from the quotient that is above 1, with its sign
    above_one = jnp.log1p(jnp.abs(difference) / jnp.minimum(rate, jnp.maximum(count, 0.5)))
    log_quotient = jnp.maximum(jnp.minimum(difference * 1e30, 1), -1) * above_one - (finite - near)
    impossible = (jnp.minimum(count, 1) * 1e10) * jnp.maximum(-finite - 0.5 * largest, 0)
    outside = special.zero_or_inf(jnp.minimum(y, 0) + (jnp.floor(count) - count))
    deviance = count * log_quotient - (count - jnp.exp(log_rate))
    return (
        nan_unless_finite(jnp.maximum(log_rate, 0))
        - deviance
        - special.log_factorial_excess(count)
        - impossible
        - outside
    )


def _slope_log_rate(y: Array, log_rate: Array) -> Array:
    return guard_slope(y - jnp.exp(log_rate), outside=(y < 0) | not_integer(y), valid=log_rate < jnp.inf)


_log_mass = with_partials(in_one_pass(_value), lambda y, log_rate: jnp.zeros_like(y), _slope_log_rate)


def log_prob(params: Params, y: ArrayLike) -> Array:
    """Log-mass in nats.

    Args:
        params: ``log_rate``, ``[...]``.
        y: a count, ``[...]``.

    Returns:
        ``[...]``; -inf where ``y`` is no count, NaN where ``log_rate`` is inf.
    """
    return _log_mass(*as_floats(y, *params))


def _below(y: Array) -> Array:
    """How many counts are at most ``y``; 1 where there are none or all."""
    return jnp.where((y < 0) | (y == jnp.inf), 1.0, jnp.floor(y) + 1)


def log_cdf(params: Params, y: ArrayLike) -> Array:
    """``log P(Y <= y)`` in nats for any real ``y``, ``[...]``, accurate however small."""
    y, log_rate = as_floats(y, *params)
    inside = jnp.where(y == jnp.inf, 0.0, special.log_gamma_q(_below(y), jnp.exp(log_rate)))
    return guard(inside, outside=y < 0, valid=log_rate < jnp.inf)


def log_sf(params: Params, y: ArrayLike) -> Array:
    """``log P(Y > y)`` in nats for any real ``y``, ``[...]``, accurate however small."""
    y, log_rate = as_floats(y, *params)
    inside = jnp.where(y < 0, 0.0, special.log_gamma_p(_below(y), jnp.exp(log_rate)))
    return guard(inside, outside=y == jnp.inf, valid=log_rate < jnp.inf)


def cdf(params: Params, y: ArrayLike) -> Array:
    """``P(Y <= y)``, ``[...]``."""
    return jnp.exp(log_cdf(params, y))


# a compiled function of its own: run op by op, its loop would be compiled anew at each call
@jax.jit
def _quantile(p: Array, log_rate: Array) -> Array:
    quantile = special.invert_discrete(
        lambda y, log_rate: log_cdf(Params(log_rate), y),
        lambda y, log_rate: log_sf(Params(log_rate), y),
        p,
        (log_rate,),
        0,
        jnp.inf,
    )
    return jnp.where(log_rate == -jnp.inf, 0 * p, quantile)


def icdf(params: Params, p: ArrayLike) -> Array:
    """The smallest count whose cdf is at least ``p`` in [0, 1], ``[...]``; inf at 1."""
    return _quantile(*as_floats(p, *params))


def sample(params: Params, key: Array, shape: tuple[int, ...] = ()) -> Array:
    """Draw counts (int32), ``[*shape, ...]``."""
    (log_rate,) = as_floats(*params)
    return jax.random.poisson(key, jnp.exp(log_rate), sample_shape(shape, log_rate), jnp.int32)


def mean(params: Params) -> Array:
    """``exp(log_rate)``, ``[...]``."""
    (log_rate,) = as_floats(*params)
    return guard(jnp.exp(jnp.minimum(log_rate, jnp.finfo(log_rate.dtype).max)), valid=log_rate < jnp.inf)


def variance(params: Params) -> Array:
    """``exp(log_rate)``, ``[...]``."""
    return mean(params)


def mode(params: Params) -> Array:
    """The largest count not above the rate, ``[...]``."""
    return jnp.floor(mean(params))


# of half the log of 2 pi e rate less the entropy, in powers of 1 / rate
_ENTROPY = (1 / 12, 1 / 24, 19 / 360, 9 / 80, 863 / 2520, 1375 / 1008, 33953 / 5040, 57281 / 1440)


@by_forward_mode
def _entropy(log_rate: Array) -> Array:
    most, last, order = (200.0, 360, 8) if log_rate.dtype == jnp.float64 else (30.0, 85, 4)
    big = log_rate > math.log(most)
    small_rate = jnp.where(big, 0.0, log_rate)

    def add(k: Array, total: Array) -> Array:
        log_mass = _log_mass(k.astype(log_rate.dtype), small_rate)
        possible = log_mass > -jnp.inf
        log_mass = jnp.where(possible, log_mass, 0.0)
        return total - jnp.where(possible, jnp.exp(log_mass), 0.0) * log_mass

    window = jax.lax.fori_loop(0, last, add, jnp.zeros_like(log_rate))
    high_rate = jnp.where(big, log_rate, 10.0)
    u, series = jnp.exp(-high_rate), jnp.zeros_like(log_rate)
    for coefficient in _ENTROPY[:order][::-1]:
        series = (series + coefficient) * u
    return jnp.where(big, 0.5 * (high_rate + (1 + math.log(2 * math.pi))) - series, window)


def entropy(params: Params) -> Array:
    """Entropy in nats, ``[...]``: a sum over counts for a small rate, else the asymptotic series.

    Source: Evans and Boersma (1988), "The entropy of a Poisson distribution", SIAM Review 30.
    """
    (log_rate,) = as_floats(*params)
    return guard(_entropy(log_rate), valid=log_rate < jnp.inf)


def kl_divergence(p: Params, q: Params) -> Array:
    """``KL(p || q)`` in nats, ``[...]``: inf where the rate of ``q`` alone is 0."""
    p_log, q_log = as_floats(*p, *q)
    p_log, q_log = jnp.broadcast_arrays(p_log, q_log)
    same = p_log == q_log  # two rates of 0 among them
    difference = jnp.where(same, 0.0, q_log - jnp.where(same, 0.0, p_log))
    near = jnp.abs(difference) < 0.5
    close = -special.log1pmx(jnp.expm1(jnp.where(near, difference, 0.0)))
    apart = special.weighted(jnp.exp(p_log), -1 - jnp.where(near, 1.0, difference)) + jnp.exp(q_log)
    value = jnp.where(near, jnp.exp(p_log) * close, apart)
    return guard(value, valid=(p_log < jnp.inf) & (q_log < jnp.inf))


def constrain(raw: ArrayLike) -> Params:
    """Map raw ``[..., 1]`` to params ``[...]``: the logarithm of the rate itself."""
    return Params(*split_raw(raw, raw_size, "poisson"))


def unconstrain(params: Params) -> Array:
    """Inverse of `constrain`: params ``[...]`` to raw ``[..., 1]``."""
    return as_floats(*params)[0][..., None]


raw_size = 1


def init(y: ArrayLike, weights: ArrayLike | None = None) -> Params:
    """Starting params from data: the mean, and half a count over all so that its logarithm is finite."""
    return from_rate(moments(y, weights)[0] + 0.5 / jnp.size(y))


def mle(y: ArrayLike, weights: ArrayLike | None = None) -> Params:
    """Maximum likelihood: the mean over every axis of ``y`` (-inf if every count is 0).

    Args:
        y: counts, any shape.
        weights: non-negative, broadcastable to ``y``.
    """
    return from_rate(moments(y, weights)[0])
