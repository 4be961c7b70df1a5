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

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .. import special, supports
from .._arrays import as_floats, guard, guard_slope, moments, nan_unless_finite, not_integer, sample_shape, split_raw
from .._derivatives import with_partials

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
    # log(count / rate), accurate where they are close, from whichever of the two quotients is above 1
    above = jnp.log1p(jnp.maximum(difference, 0) / rate)
    below = jnp.log1p(jnp.maximum(-difference, 0) / jnp.maximum(count, 0.5))
    log_quotient = above - below - (finite - near)
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


_log_mass = with_partials(_value, lambda y, log_rate: jnp.zeros_like(y), _slope_log_rate)


def log_prob(params: Params, y: ArrayLike) -> Array:
    """Log-mass in nats.

    Args:
        params: ``log_rate``, ``[...]``.
        y: a count, ``[...]``.

    Returns:
        ``[...]``; -inf where ``y`` is no count, NaN where ``log_rate`` is inf.
    """
    return _log_mass(*as_floats(y, *params))


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
