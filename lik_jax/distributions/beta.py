"""Beta distribution: a share between 0 and 1.

``y`` lies in [0, 1]; ``concentration1`` (weight towards 1, often a) and ``concentration0`` (towards 0, often b) are
positive: ``log p(y) = (a - 1) log y + (b - 1) log(1 - y) - log B(a, b)``.
The mean is ``a / (a + b)`` and ``a + b`` is the precision (`from_mean_precision`: beta regression).
At 0 the density is 0 for a > 1 (log_prob -inf), ``b`` for a = 1 and infinite for a < 1; at 1 alike with a and b
swapped. The gradient towards a is -inf at 0, that towards b at 1: the logarithm of 0 is what it consists of.

>>> from lik_jax import beta
>>> round(float(beta.log_prob(beta.Params(concentration1=2.0, concentration0=3.0), 0.5)), 4)
0.4055

Source: Johnson, Kotz and Balakrishnan (1995), Continuous Univariate Distributions 2, chapter 25; the density as in
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
from ..special.stirling import digamma_difference, log_factorial_excess, stirling_error

event_ndim = 0
support = supports.unit_interval


class Params(NamedTuple):
    """``concentration1``: weight towards 1, positive, ``[...]``. ``concentration0``: towards 0, positive, ``[...]``."""

    concentration1: ArrayLike
    concentration0: ArrayLike


param_supports = Params(supports.positive, supports.positive)  # type: ignore[arg-type]


def from_mean_precision(mean: ArrayLike, precision: ArrayLike) -> Params:
    """Params from a mean in (0, 1) and a positive precision (the sum of the concentrations), both ``[...]``."""
    mean, precision = as_floats(mean, precision)
    return Params(mean * precision, (1 - mean) * precision)


def _inner(y: Array) -> tuple[Array, Array]:
    """``y`` with a half put where it is not strictly inside, and the logit of that."""
    safe = jnp.where((y <= 0) | (y >= 1), 0.5, y)
    return safe, jnp.log(safe) - jnp.log1p(-safe)


def _edge(slope: Array, finite: Array) -> Array:
    """The log-density at an end: ``finite`` if the exponent ``slope`` there is 0, else infinite."""
    return jnp.where(slope == 0, finite, jnp.where(slope > 0, -jnp.inf, jnp.inf))


def _value(y: Array, a: Array, b: Array) -> Array:
    y, a, b = jnp.broadcast_arrays(y, a, b)
    safe, v = _inner(y)
    inside = special.log_beta_power(a, b, v, safe, 1 - safe) - jnp.log(safe) - jnp.log1p(-safe)
    value = jnp.where(y == 0, _edge(a - 1, jnp.log(b)), jnp.where(y == 1, _edge(b - 1, jnp.log(a)), inside))
    return guard(value, outside=(y < 0) | (y > 1), valid=(a > 0) & (b > 0))


def _slope_y(y: Array, a: Array, b: Array) -> Array:
    at_zero = jnp.where((y == 0) & (a == 1), 0.0, special.ratio(a - 1, jnp.where((y == 0) & (a == 1), 1.0, y)))
    at_one = jnp.where((y == 1) & (b == 1), 0.0, special.ratio(b - 1, jnp.where((y == 1) & (b == 1), 1.0, 1 - y)))
    return guard_slope(at_zero - at_one, outside=(y < 0) | (y > 1), valid=(a > 0) & (b > 0))


def _slope_a(y: Array, a: Array, b: Array) -> Array:
    y, a, b = jnp.broadcast_arrays(y, a, b)
    end = (y <= 0) | (y >= 1)
    safe, v = _inner(y)
    inside = special.log_beta_power_slope(a, b, v, safe, 1 - safe)
    at_end = jnp.where(y == 0, -jnp.inf, -digamma_difference(a, b))
    return guard_slope(jnp.where(end, at_end, inside), outside=(y < 0) | (y > 1), valid=(a > 0) & (b > 0))


_log_density = with_partials(in_one_pass(_value), _slope_y, _slope_a, lambda y, a, b: _slope_a(1 - y, b, a))


def log_prob(params: Params, y: ArrayLike) -> Array:
    """Log-density in nats.

    Args:
        params: ``concentration1`` and ``concentration0``, ``[...]``.
        y: in [0, 1], ``[...]``.

    Returns:
        ``[...]``; -inf outside [0, 1], NaN where a concentration is not positive; inf at an end whose concentration
        is below 1.
    """
    return _log_density(*as_floats(y, *params))


def log_cdf(params: Params, y: ArrayLike) -> Array:
    """``log P(Y <= y)`` in nats for any real ``y``, ``[...]``, accurate however small."""
    y, a, b = as_floats(y, *params)
    return special.log_beta_inc(a, b, y)


def log_sf(params: Params, y: ArrayLike) -> Array:
    """``log P(Y > y)`` in nats for any real ``y``, ``[...]``, accurate however small."""
    y, a, b = as_floats(y, *params)
    return special.log_beta_inc_c(a, b, y)


def cdf(params: Params, y: ArrayLike) -> Array:
    """``P(Y <= y)``, ``[...]``."""
    return jnp.exp(log_cdf(params, y))


# a compiled function of its own: run op by op, its loop would be compiled anew at each call
@jax.jit
def _quantile(p: Array, a: Array, b: Array) -> Array:
    return special.invert_continuous(
        lambda y, a, b: special.log_beta_inc(a, b, y), lambda y, a, b: special.log_beta_inc_c(a, b, y), p, (a, b), 0, 1
    )


def icdf(params: Params, p: ArrayLike) -> Array:
    """The quantile at probability ``p`` in [0, 1], ``[...]``."""
    return _quantile(*as_same_shape(p, *params))


def sample(params: Params, key: Array, shape: tuple[int, ...] = ()) -> Array:
    """Draw ``[*shape, ...]``; gradients flow to the params (reparametrised).

    A draw that would round to 0 or 1 is kept just inside.
    """
    a, b = for_samples(shape, *params)
    one, zero = jax.random.split(key)
    return supports.to_unit(jax.random.loggamma(one, a, dtype=a.dtype) - jax.random.loggamma(zero, b, dtype=a.dtype))


def mean(params: Params) -> Array:
    """``a / (a + b)``, ``[...]``."""
    a, b = as_same_shape(*params)
    return a / (a + b)


def variance(params: Params) -> Array:
    """``a b / ((a + b)^2 (a + b + 1))``, ``[...]``."""
    a, b = as_same_shape(*params)
    return (a / (a + b)) * (b / (a + b)) / (a + b + 1)


def mode(params: Params) -> Array:
    """The most likely share, ``[...]``: inside if both concentrations exceed 1, else the end with the smaller one.

    A half for the uniform Beta(1, 1) and, with two modes, where both ends are equally likely.
    """
    a, b = as_same_shape(*params)
    inside = (a > 1) & (b > 1)
    end = jnp.where(a == b, 0.5, jnp.where(a > b, 1.0, 0.0))
    return jnp.where(inside, (a - 1) / jnp.where(inside, a + b - 2, 1.0), end)


def _log_minus_digamma(x: Array) -> Array:
    return special.ratio(jnp.ones_like(x), x) - jax.jvp(log_factorial_excess, (x,), (jnp.ones_like(x),))[1]


def entropy(params: Params) -> Array:
    """Differential entropy in nats, ``[...]``."""
    a, b = as_same_shape(*params)
    s = a + b
    log_size = log_factorial_excess(a) + log_factorial_excess(b) - log_factorial_excess(s) - jnp.log(s)
    ga, gb, gs = _log_minus_digamma(a), _log_minus_digamma(b), _log_minus_digamma(s)
    return log_size + (a - 1) * (ga - gs) + (b - 1) * (gb - gs)


def _gamma_divergence(p: Array, q: Array) -> Array:
    """``log G(q) - log G(p) - (q - p) psi(p)`` less its largest term, ``q log(q / p) - q + p``."""
    d = special.ratio(q - p, p)
    slope = jax.jvp(stirling_error, (p,), (jnp.ones_like(p),))[1]
    return (
        -0.5 * special.log1pmx_given(d, special.log_ratio(q, p))
        + stirling_error(q)
        - stirling_error(p)
        - (q - p) * slope
    )


def kl_divergence(p: Params, q: Params) -> Array:
    """``KL(p || q)`` in nats, ``[...]``."""
    pa, pb, qa, qb = as_same_shape(*p, *q)
    ps, qs = pa + pb, qa + qb
    # the largest terms together: how far the two means are apart, as a sum of squares
    difference = special.ratio(pa, ps) * qb - special.ratio(pb, ps) * qa
    log_share = special.log_ratio(qs, ps)
    apart = qa * special.log1pmx_given(special.ratio(difference, qa), special.log_ratio(pa, qa) + log_share)
    apart = apart + qb * special.log1pmx_given(special.ratio(-difference, qb), special.log_ratio(pb, qb) + log_share)
    return _gamma_divergence(pa, qa) + _gamma_divergence(pb, qb) - _gamma_divergence(ps, qs) - apart


def constrain(raw: ArrayLike) -> Params:
    """Map raw ``[..., 2]`` to params ``[...]``: each concentration by `supports.to_positive`."""
    return Params(*map(supports.to_positive, split_raw(raw, raw_size, "beta")))


def unconstrain(params: Params) -> Array:
    """Inverse of `constrain`: params ``[...]`` to raw ``[..., 2]``."""
    return jnp.stack([supports.from_positive(c) for c in as_same_shape(*params)], -1)


raw_size = 2


def init(y: ArrayLike, weights: ArrayLike | None = None) -> Params:
    """Starting params from data, by moments."""
    m, v = moments(y, weights)
    tiny = jnp.finfo(m.dtype).tiny
    return from_mean_precision(m, jnp.maximum(m * (1 - m) / jnp.maximum(v, tiny) - 1, 0.01))


def mle(y: ArrayLike, weights: ArrayLike | None = None) -> Params:
    """Maximum likelihood by Newton's method on the mean of ``log y`` and ``log(1 - y)`` over every axis of ``y``.

    A fixed number of steps in the logit of the mean and the logarithm of the precision.

    Args:
        y: observations strictly inside (0, 1), any shape; NaN comes back if one is 0 or 1.
        weights: non-negative, broadcastable to ``y``.
    """
    start = init(y, weights)
    m, _ = moments(y, weights)
    (y,) = as_floats(y)
    # mean log y - log m, without the leading digits
    log1 = moments(special.log1pmx_given((y - m) / m, jnp.log(y) - jnp.log(m)), weights)[0]
    log0 = moments(special.log1pmx_given((m - y) / (1 - m), jnp.log1p(-y) - jnp.log1p(-m)), weights)[0]

    def excess(z: Array) -> tuple[Array, Array]:
        g, slope = jax.jvp(_log_minus_digamma, (z,), (jnp.ones_like(z),))
        return g, -slope

    def step(_: int, state: tuple[Array, Array]) -> tuple[Array, Array]:
        shift, log_s = state  # the logit of the mean is that of m, plus shift
        s = jnp.exp(log_s)
        a, b = s * m / (m + (1 - m) * jnp.exp(-shift)), s * (1 - m) / (1 - m + m * jnp.exp(shift))
        (ga, ha), (gb, hb), (gs, hs) = excess(a), excess(b), excess(s)
        slope_a = log1 + jnp.log1p((1 - m) * jnp.expm1(-shift)) + ga - gs
        slope_b = log0 + jnp.log1p(m * jnp.expm1(shift)) + gb - gs
        # gradient and information; of the trigamma functions only what exceeds 1 / z is left in the second row
        w = a * b / s
        g0, g1 = w * (slope_a - slope_b), a * slope_a + b * slope_b
        h00, h01, h11 = w + w * w * (ha + hb), w * (a * ha - b * hb), a * a * ha + b * b * hb - s * s * hs
        det = h00 * h11 - h01 * h01
        move0, move1 = (h11 * g0 - h01 * g1) / det, (h00 * g1 - h01 * g0) / det
        return shift + jnp.clip(move0, -1, 1), log_s + jnp.clip(move1, -1, 1)

    shift, log_s = jax.lax.fori_loop(0, 30, step, (jnp.zeros_like(m), jnp.log(start[0] + start[1])))
    return from_mean_precision(m / (m + (1 - m) * jnp.exp(-shift)), jnp.exp(log_s))
