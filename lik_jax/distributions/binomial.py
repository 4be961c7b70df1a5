"""Binomial distribution: how many of a known number of trials succeed.

``y`` is a count from 0 to ``total_count`` (integer, or a float with a whole value); ``logits`` is ``log(p / (1 - p))``
for the probability p of one success, any number, infinities included:
``log p(y) = log C(n, y) + y log p + (n - y) log(1 - p)``.
``total_count`` is data: it has no gradient, and no network predicts it (``constrain(raw, total_count=n)``).
Negative and fractional ``y`` and ``y`` above ``total_count`` are outside (-inf).

>>> from lik_jax import binomial
>>> round(float(binomial.log_prob(binomial.Params(total_count=10, logits=0.0), 3)), 4)
-2.144

Source: Johnson, Kemp and Kotz (2005), Univariate Discrete Distributions, chapter 3; the mass as in Loader (2000),
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
from . import bernoulli

event_ndim = 0
support = supports.count


class Params(NamedTuple):
    """``total_count``: number of trials, a count, ``[...]``. ``logits``: log-odds of one success, ``[...]``."""

    total_count: ArrayLike
    logits: ArrayLike


param_supports = Params(supports.count, supports.extended_real)  # type: ignore[arg-type]


def from_probs(total_count: ArrayLike, probs: ArrayLike) -> Params:
    """Params from the number of trials and the probability of a success in [0, 1]; 0 and 1 give infinite logits."""
    total_count, probs = as_floats(total_count, probs)
    return Params(total_count, special.logit(probs))


def _valid(n: Array) -> Array:
    return (n >= 0) & ~not_integer(n)


def _outside(y: Array, n: Array) -> Array:
    return (y < 0) | (y > n) | not_integer(y)


def _deviance(x: Array, n: Array, p: Array, log_p: Array, gap: Array) -> Array:
    """``x log(x / (n p)) + n p - x`` where ``gap`` is ``n p - x``; 0 where ``x`` is."""
    none = x == 0
    safe = jnp.where(none, 1.0, x)
    log_ratio = jnp.where(jnp.isinf(log_p) & none, 0.0, log_p) + jnp.log(jnp.where(none, 1.0, n) / safe)
    return jnp.where(none, n * p, -safe * special.log1pmx_given(jnp.where(none, 0.0, gap / safe), log_ratio))


def _value(y: Array, n: Array, logits: Array) -> Array:
    y, n, logits = jnp.broadcast_arrays(y, n, logits)
    outside = _outside(y, n)
    y = jnp.where(outside, 0.0, y)
    p, q = special.sigmoid(logits), special.sigmoid(-logits)
    gap = (n - y) * p - y * q
    deviance = _deviance(y, n, p, special.log_sigmoid(logits), gap)
    deviance = deviance + _deviance(n - y, n, q, special.log_sigmoid(-logits), -gap)
    excess = special.log_factorial_excess
    count = excess(jnp.where(n > 0, n, 0.0)) - excess(y) - excess(jnp.maximum(n - y, 0))
    return guard(count - deviance, outside=outside, valid=_valid(n))


def _slope_logits(y: Array, n: Array, logits: Array) -> Array:
    slope = y * special.sigmoid(-logits) - (n - y) * special.sigmoid(logits)
    return guard_slope(slope, outside=_outside(y, n), valid=_valid(n) & (n < jnp.inf))


def _no_slope(y: Array, n: Array, logits: Array) -> Array:
    return jnp.zeros_like(y)


_log_mass = with_partials(in_one_pass(_value), _no_slope, lambda y, n, logits: jnp.zeros_like(n), _slope_logits)


def log_prob(params: Params, y: ArrayLike) -> Array:
    """Log-mass in nats.

    Args:
        params: ``total_count`` and ``logits``, ``[...]``.
        y: a count up to ``total_count``, ``[...]``.

    Returns:
        ``[...]``; -inf where ``y`` is no such count, NaN where ``total_count`` is no count.
    """
    return _log_mass(*as_floats(y, *params))


def _tails(params: Params, y: ArrayLike) -> tuple[Array, Array]:
    y, n, logits = as_same_shape(y, *params)
    n = jax.lax.stop_gradient(n)
    k = jnp.floor(jax.lax.stop_gradient(y))
    below, above = k < 0, k >= n
    certain = jnp.isinf(logits)
    edge = below | above | certain
    k, m = jnp.where(edge, 0.0, k), jnp.where(edge, 1.0, n)
    v = jnp.where(edge, 0.0, logits)
    p, q = jax.lax.stop_gradient((special.sigmoid(v), special.sigmoid(-v)))
    upper, lower = special.log_beta_tails(k + 1, m - k, v, p, q)
    # at infinite logits everything is at 0 or at n
    below, above = below | (certain & (logits > 0) & ~above), above | (certain & (logits < 0) & ~below)
    lower = jnp.where(below, -jnp.inf, jnp.where(above, 0.0, lower))
    upper = jnp.where(below, 0.0, jnp.where(above, -jnp.inf, upper))
    return guard(lower, valid=_valid(n)), guard(upper, valid=_valid(n))


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
def _quantile(p: Array, n: Array, logits: Array) -> Array:
    return special.invert_discrete(
        lambda y, n, v: log_cdf(Params(n, v), y), lambda y, n, v: log_sf(Params(n, v), y), p, (n, logits), 0, n
    )


def icdf(params: Params, p: ArrayLike) -> Array:
    """The smallest count whose cdf is at least ``p`` in [0, 1], ``[...]``."""
    return _quantile(*as_same_shape(p, *params))


def sample(params: Params, key: Array, shape: tuple[int, ...] = ()) -> Array:
    """Draw counts (int32), ``[*shape, ...]``."""
    n, logits = for_samples(shape, *params)
    return jax.random.binomial(key, n, special.sigmoid(logits), dtype=n.dtype).astype(jnp.int32)


def mean(params: Params) -> Array:
    """``n p``, ``[...]``."""
    n, logits = as_same_shape(*params)
    return n * special.sigmoid(logits)


def variance(params: Params) -> Array:
    """``n p (1 - p)``, ``[...]``."""
    n, logits = as_same_shape(*params)
    return n * special.sigmoid(logits) * special.sigmoid(-logits)


def mode(params: Params) -> Array:
    """The largest count not above ``(n + 1) p``, at most ``n``, ``[...]``."""
    n, logits = as_same_shape(*params)
    return jnp.minimum(jnp.floor((n + 1) * special.sigmoid(logits)), n)


def kl_divergence(p: Params, q: Params) -> Array:
    """``KL(p || q)`` in nats for the same ``total_count``, ``[...]``; NaN where the two differ: no closed form."""
    p_n, p_logits, q_n, q_logits = as_same_shape(*p, *q)
    one = bernoulli.kl_divergence(bernoulli.Params(p_logits), bernoulli.Params(q_logits))
    return guard(special.weighted(p_n, one), valid=(p_n == q_n) & _valid(p_n))


def constrain(raw: ArrayLike, *, total_count: ArrayLike) -> Params:
    """Map raw ``[..., 1]`` to params ``[...]``: the logit itself, beside the number of trials that is known."""
    (logits,) = split_raw(raw, raw_size, "binomial")
    return Params(total_count, logits)


def unconstrain(params: Params) -> Array:
    """Inverse of `constrain`: params ``[...]`` to raw ``[..., 1]``; the number of trials stays behind."""
    return as_same_shape(*params)[1][..., None]


raw_size = 1


def init(y: ArrayLike, weights: ArrayLike | None = None, *, total_count: ArrayLike) -> Params:
    """Starting params from data: the share of successes, drawn a little towards a half so that the logit is finite."""
    share, trials = _share(y, weights, total_count)
    return from_probs(total_count, (share * trials + 0.5) / (trials + 1))


def mle(y: ArrayLike, weights: ArrayLike | None = None, *, total_count: ArrayLike) -> Params:
    """Maximum likelihood: the share of successes over every axis of ``y`` (infinite logits if all are alike).

    Args:
        y: counts, any shape.
        weights: non-negative, broadcastable to ``y``.
        total_count: number of trials of each, broadcastable to ``y``.
    """
    return from_probs(total_count, _share(y, weights, total_count)[0])


def _share(y: ArrayLike, weights: ArrayLike | None, total_count: ArrayLike) -> tuple[Array, Array]:
    """The share of successes in all trials, and how many trials an observation has on average."""
    y, n = as_same_shape(y, total_count)
    trials = moments(n, weights)[0]
    return moments(y, weights)[0] / trials, trials
