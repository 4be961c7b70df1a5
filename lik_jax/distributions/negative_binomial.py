"""Negative binomial distribution: counts that vary more than a Poisson count does.

``y`` is a count (integer, or a float with a whole value). ``log_mean`` is the logarithm of the mean m: real, or
-inf for a mean of 0, where the only count is 0.
``concentration`` c is positive, inf included: the variance is ``m + m^2 / c``, and as c grows the distribution becomes
the Poisson distribution, which it is exactly at inf. It is a Poisson count whose rate is gamma distributed:
``log p(y) = log C(y + c - 1, y) + c log(c / (c + m)) + y log(m / (c + m))``.
As a loss it is count regression with a log link and overdispersion (NB2).
Negative, fractional and infinite ``y`` are outside (-inf).

>>> from lik_jax import negative_binomial
>>> params = negative_binomial.from_mean_dispersion(mean=5.0, dispersion=0.5)
>>> round(float(negative_binomial.log_prob(params, 3)), 4)
-2.1286

Source: Johnson, Kemp and Kotz (2005), Univariate Discrete Distributions, chapter 5; the mass as in Loader (2000),
"Fast and accurate computation of binomial probabilities".
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .. import special, supports
from .._arrays import as_floats, as_same_shape, for_samples, guard, guard_slope, moments, not_integer, split_raw
from .._derivatives import in_one_pass, with_partials

event_ndim = 0
support = supports.count


class Params(NamedTuple):
    """``log_mean``: logarithm of the mean, below inf, ``[...]``. ``concentration``: positive, inf for Poisson."""

    log_mean: ArrayLike
    concentration: ArrayLike


def _positive_or_infinite(x: Array) -> Array:
    return x > 0


def _below_infinity(x: Array) -> Array:
    return x < jnp.inf


param_supports = Params(
    supports.Support("a number below inf (-inf for a mean of 0)", _below_infinity, 0.0),  # type: ignore[arg-type]
    supports.Support("a positive number, infinity included", _positive_or_infinite, 1.0),  # type: ignore[arg-type]
)


def from_mean_dispersion(mean: ArrayLike, dispersion: ArrayLike) -> Params:
    """Params from a positive mean and a dispersion not below 0: the variance is ``mean + dispersion mean^2``.

    Dispersion 0 is the Poisson distribution; the concentration is ``1 / dispersion``.
    """
    mean, dispersion = as_floats(mean, dispersion)
    return Params(jnp.log(mean), 1 / dispersion)


def from_total_count_logits(total_count: ArrayLike, logits: ArrayLike) -> Params:
    """Params from ``total_count`` (positive, any real) and the log-odds of the event that ``y`` counts, both ``[...]``.

    ``y`` is the number of events of probability ``sigmoid(logits)`` before ``total_count`` of the others: the mean is
    ``total_count exp(logits)``.
    """
    total_count, logits = as_floats(total_count, logits)
    return Params(jnp.log(total_count) + logits, total_count)


def from_total_count_probs(total_count: ArrayLike, probs: ArrayLike) -> Params:
    """Params from ``total_count`` (positive, any real) and the probability of the event that ``y`` counts, in (0, 1).

    The mean is ``total_count probs / (1 - probs)``: it grows with ``probs``. Where a text has the probability of the
    event that ends the counting (scipy's ``nbinom(n, p)``), give ``1 - p``.
    """
    total_count, probs = as_floats(total_count, probs)
    return from_total_count_logits(total_count, special.logit(probs))


def _finite(c: Array) -> Array:
    """A concentration so large that nothing is left but the Poisson distribution, in place of an infinite one."""
    return jnp.where(jnp.isinf(c), 1e40 if c.dtype == jnp.float64 else 1e25, c)


def _parts(y: Array, log_mean: Array, c: Array) -> tuple[Array, ...]:
    """``log(c / (c + m))``, the shares ``c / (c + m)`` and ``m / (c + m)``, and ``c (m - y) / (c + m)``.

    Last the logarithm of ``m (c + y) / (c + m)``.
    """
    v = jnp.log(c) - log_mean
    many = v < 0
    # the quotient of the two that is not above 1, and neither overflows
    m = jnp.exp(jnp.where(many, 0.0, log_mean))
    small = jnp.where(many, c * jnp.exp(-jnp.where(many, log_mean, 0.0)), special.ratio(m, c))
    large = 1 / (1 + small)
    x, xc = jnp.where(many, small * large, large), jnp.where(many, large, small * large)
    gap = jnp.where(many, (c - y * small) * large, (m - y) * large)
    over, under = jnp.log1p(special.ratio(y, c)), jnp.log1p(small)
    log_up = jnp.where(many, jnp.log(c + y), log_mean + over) - under
    return jnp.where(many, v, 0.0) - under, x, xc, gap, log_up


def _outside(y: Array) -> Array:
    return (y < 0) | not_integer(y)


def _valid(log_mean: Array, c: Array) -> Array:
    return (c > 0) & (log_mean < jnp.inf)


def _value(y: Array, log_mean: Array, c: Array) -> Array:
    y, log_mean, c = jnp.broadcast_arrays(y, log_mean, c)
    outside, valid = _outside(y), _valid(log_mean, c)
    y, c = jnp.where(outside, 0.0, y), _finite(c)
    log_x, _, _, gap, log_up = _parts(y, log_mean, c)
    some = y > 0
    count = jnp.where(some, y, 1.0)
    poisson_like = jnp.where(some, count * special.log1pmx_given(gap / count, log_up - jnp.log(count)), -gap)
    deviance = c * special.log1pmx_given(-gap / c, log_x + jnp.log1p(y / c)) + poisson_like
    excess = special.stirling_error(c + y) - special.stirling_error(c) - special.log_factorial_excess(y)
    return guard(deviance + excess - 0.5 * jnp.log1p(y / c), outside=outside, valid=valid)


def _slope_log_mean(y: Array, log_mean: Array, c: Array) -> Array:
    gap = _parts(y, log_mean, _finite(c))[3]
    return guard_slope(-gap, outside=_outside(y), valid=_valid(log_mean, c))


def _slope_concentration(y: Array, log_mean: Array, c: Array) -> Array:
    infinite = jnp.isinf(c)
    outside, valid = _outside(y), _valid(log_mean, c)
    y, c = jnp.where(outside, 0.0, y), jnp.where(infinite, 1.0, c)
    log_x, x, xc, gap, _ = _parts(y, log_mean, c)
    # psi(c + y) - psi(c) + log(c / (c + m)) + (m - y) / (c + m), and where c is small without 1 / c - 1 / (c + m)
    small = (c < 1) & (y >= 1)
    s, one = c + y, jnp.where(small, c, 1.0)
    steps = special.digamma(jnp.where(small, s, 1.0)) - special.digamma(jnp.where(small, 1 + c, 1.0))
    near = steps + log_x + xc + special.ratio(xc + (1 - y) * x, one)
    rest = 0.5 * special.ratio(special.ratio(y, s), c) + special.stirling_slope(s) - special.stirling_slope(c)
    far = special.log1pmx_given(special.ratio(-gap, c), log_x + jnp.log1p(special.ratio(y, c))) + rest
    return guard_slope(jnp.where(infinite, 0.0, jnp.where(small, near, far)), outside=outside, valid=valid)


_log_mass = with_partials(
    in_one_pass(_value), lambda y, log_mean, c: jnp.zeros_like(y), _slope_log_mean, _slope_concentration
)


def log_prob(params: Params, y: ArrayLike) -> Array:
    """Log-mass in nats.

    Args:
        params: ``log_mean`` and ``concentration``, ``[...]``.
        y: a count, ``[...]``.

    Returns:
        ``[...]``; -inf where ``y`` is no count, NaN where ``concentration`` is not positive or ``log_mean`` is inf.
    """
    return _log_mass(*as_floats(y, *params))


def _tails(params: Params, y: ArrayLike) -> tuple[Array, Array]:
    y, log_mean, c = as_same_shape(y, *params)
    valid = _valid(log_mean, c)
    k = jnp.floor(jax.lax.stop_gradient(y))
    never = log_mean == -jnp.inf
    below, above = k < 0, (k >= 0) & (never | jnp.isinf(k))
    k, log_mean = jnp.where(below | above, 0.0, k), jnp.where(never, 0.0, log_mean)
    c = _finite(c)
    _, x, xc, _, _ = _parts(k, log_mean, c)
    lower, upper = special.log_count_tails(c, k + 1, log_mean, *jax.lax.stop_gradient((x, xc)))
    lower = jnp.where(below, -jnp.inf, jnp.where(above, 0.0, lower))
    upper = jnp.where(below, 0.0, jnp.where(above, -jnp.inf, upper))
    return guard(lower, valid=valid), guard(upper, valid=valid)


def log_cdf(params: Params, y: ArrayLike) -> Array:
    """``log P(Y <= y)`` in nats for any real ``y``, ``[...]``, accurate however small."""
    return _tails(params, y)[0]


def log_sf(params: Params, y: ArrayLike) -> Array:
    """``log P(Y > y)`` in nats for any real ``y``, ``[...]``, accurate however small."""
    return _tails(params, y)[1]


def cdf(params: Params, y: ArrayLike) -> Array:
    """``P(Y <= y)``, ``[...]``."""
    return jnp.exp(log_cdf(params, y))


# a compiled function of its own: run op by op, its loop would be compiled anew at each call
@jax.jit
def _quantile(p: Array, log_mean: Array, c: Array) -> Array:
    return special.invert_discrete(
        lambda y, *q: log_cdf(Params(*q), y), lambda y, *q: log_sf(Params(*q), y), p, (log_mean, c), 0, jnp.inf
    )


def icdf(params: Params, p: ArrayLike) -> Array:
    """The smallest count whose cdf is at least ``p`` in [0, 1], ``[...]``; inf at 1."""
    return _quantile(*as_same_shape(p, *params))


def sample(params: Params, key: Array, shape: tuple[int, ...] = ()) -> Array:
    """Draw counts (int32), ``[*shape, ...]``."""
    log_mean, c = for_samples(shape, *params)
    rate_key, count_key = jax.random.split(key)
    infinite = jnp.isinf(c)
    c = jnp.where(infinite, 1.0, c)
    log_rate = log_mean + jnp.where(infinite, 0.0, jax.random.loggamma(rate_key, c, dtype=c.dtype) - jnp.log(c))
    return jax.random.poisson(count_key, jnp.exp(log_rate), dtype=jnp.int32)


def mean(params: Params) -> Array:
    """``exp(log_mean)``, ``[...]``."""
    return jnp.exp(as_same_shape(*params)[0])


def variance(params: Params) -> Array:
    """``m + m^2 / concentration``, ``[...]``."""
    log_mean, c = as_same_shape(*params)
    m = jnp.exp(log_mean)
    return m * (1 + m / c)


def mode(params: Params) -> Array:
    """The largest count not above ``m (1 - 1 / concentration)``, at least 0, ``[...]``."""
    log_mean, c = as_same_shape(*params)
    return jnp.floor(jnp.exp(log_mean) * jnp.maximum(1 - 1 / c, 0))


def constrain(raw: ArrayLike) -> Params:
    """Map raw ``[..., 2]`` (log_mean, then a concentration by `supports.to_positive`) to params ``[...]``."""
    log_mean, c = split_raw(raw, raw_size, "negative_binomial")
    return Params(log_mean, supports.to_positive(c))


def unconstrain(params: Params) -> Array:
    """Inverse of `constrain`: params ``[...]`` to raw ``[..., 2]``."""
    log_mean, c = as_same_shape(*params)
    return jnp.stack([log_mean, supports.from_positive(c)], -1)


raw_size = 2


def init(y: ArrayLike, weights: ArrayLike | None = None) -> Params:
    """Starting params from data by moments; a dispersion of 0.01 at least, so that the concentration can move."""
    m, v = moments(y, weights)
    m = m + 0.5 / jnp.size(y)
    return from_mean_dispersion(m, jnp.maximum((v - m) / m**2, 0.01))
