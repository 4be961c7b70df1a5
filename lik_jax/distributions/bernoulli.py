"""Bernoulli distribution: one yes or no.

``y`` is 0 or 1 (integer, bool or float), ``logits`` is ``log(p / (1 - p))``, any number, infinities included:
``log p(y) = -softplus(-logits)`` at 1 and ``-softplus(logits)`` at 0.
As a loss it is binary cross-entropy with logits. Anything but 0 and 1 is outside (-inf): soft targets have
`expected_log_prob`.

>>> from lik_jax import bernoulli
>>> round(float(bernoulli.log_prob(bernoulli.Params(logits=0.0), 1)), 4)
-0.6931

Source: Johnson, Kemp and Kotz (2005), Univariate Discrete Distributions, chapter 3.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .. import special, supports
from .._arrays import as_floats, for_samples, guard, guard_slope, moments, split_raw
from .._derivatives import with_partials

event_ndim = 0
support = supports.boolean


class Params(NamedTuple):
    """``logits``: log-odds of a 1, ``[...]``."""

    logits: ArrayLike


param_supports = Params(supports.extended_real)  # type: ignore[arg-type]


def from_probs(probs: ArrayLike) -> Params:
    """Params from the probability of a 1 in [0, 1], ``[...]``; 0 and 1 give infinite logits."""
    (probs,) = as_floats(probs)
    return Params(special.logit(probs))


def _value(y: Array, logits: Array) -> Array:
    # arithmetic alone, no comparison: XLA on CPU fuses this, and not a select, into the sum that follows; nor does it
    # fuse a constant that the slope has too (0 and 1 here), but fills an array with it
    outside = special.zero_or_inf(y * (y - 1))
    towards_y = logits * (2 * jnp.minimum(jnp.abs(y), 2) - 1)
    return -jnp.maximum(-towards_y, outside) - jnp.log1p(jnp.exp(-jnp.abs(towards_y)))


def _slope_logits(y: Array, logits: Array) -> Array:
    return guard_slope(y - special.sigmoid(logits), outside=jnp.abs(y * (1 - y)) > 0)


_log_mass = with_partials(_value, lambda y, logits: jnp.zeros_like(y), _slope_logits)


def log_prob(params: Params, y: ArrayLike) -> Array:
    """Log-mass in nats.

    Args:
        params: ``logits``, ``[...]``.
        y: 0 or 1, ``[...]``.

    Returns:
        ``[...]``; -inf where ``y`` is neither 0 nor 1.
    """
    floats, logits = as_floats(y, *params)
    if jnp.issubdtype(jnp.result_type(y), jnp.bool_):
        # XLA would turn the conversion and the arithmetic on it into several selects, and keep them all in memory
        floats = jax.lax.optimization_barrier(floats)
    return _log_mass(floats, logits)


def expected_log_prob(params: Params, probs: ArrayLike) -> Array:
    """``E[log p(Y)]`` in nats when ``Y`` is 1 with probability ``probs`` in [0, 1] (soft labels), ``[...]``."""
    probs, logits = as_floats(probs, *params)
    outside = (probs < 0) | (probs > 1)
    value = special.weighted(probs, special.log_sigmoid(logits)) + special.weighted(
        1 - probs, special.log_sigmoid(-logits)
    )
    return guard(value, outside=outside)


def log_cdf(params: Params, y: ArrayLike) -> Array:
    """``log P(Y <= y)`` in nats for any real ``y``, ``[...]``."""
    y, logits = as_floats(y, *params)
    value = jnp.where(y < 0, -jnp.inf, jnp.where(y < 1, special.log_sigmoid(-logits), y * 0))
    return guard(value, valid=~jnp.isnan(logits))


def log_sf(params: Params, y: ArrayLike) -> Array:
    """``log P(Y > y)`` in nats for any real ``y``, ``[...]``."""
    y, logits = as_floats(y, *params)
    value = jnp.where(y < 0, 0.0, jnp.where(y < 1, special.log_sigmoid(logits), -jnp.inf + y * 0))
    return guard(value, valid=~jnp.isnan(logits))


def cdf(params: Params, y: ArrayLike) -> Array:
    """``P(Y <= y)``, ``[...]``."""
    return jnp.exp(log_cdf(params, y))


def icdf(params: Params, p: ArrayLike) -> Array:
    """The smallest of 0 and 1 whose cdf is at least ``p``, ``[...]``; NaN for a ``p`` that is not in [0, 1]."""
    p, logits = as_floats(p, *params)
    y = jnp.where(p <= special.sigmoid(-logits), 0.0, 1.0)
    return jnp.where((p >= 0) & (p <= 1), y, jnp.nan * logits).astype(p.dtype)


def sample(params: Params, key: Array, shape: tuple[int, ...] = ()) -> Array:
    """Draw 0 or 1 (int32), ``[*shape, ...]``."""
    (logits,) = for_samples(shape, *params)
    return jax.random.bernoulli(key, special.sigmoid(logits)).astype(jnp.int32)


def mean(params: Params) -> Array:
    """The probability of a 1, ``[...]``."""
    return special.sigmoid(as_floats(*params)[0])


def variance(params: Params) -> Array:
    """``p (1 - p)``, ``[...]``."""
    (logits,) = as_floats(*params)
    return special.sigmoid(logits) * special.sigmoid(-logits)


def mode(params: Params) -> Array:
    """The likelier of 0 and 1 (0 at a tie), ``[...]``."""
    (logits,) = as_floats(*params)
    return (logits > 0).astype(logits.dtype)


def entropy(params: Params) -> Array:
    """Entropy in nats, ``[...]``."""
    (logits,) = as_floats(*params)
    return -expected_log_prob(params, special.sigmoid(logits))


def kl_divergence(p: Params, q: Params) -> Array:
    """``KL(p || q)`` in nats, ``[...]``."""
    p_logits, q_logits = as_floats(*p, *q)
    # equal logits may be infinite, and -inf - -inf is NaN
    same = p_logits == q_logits
    p_safe, q_safe = jnp.where(same, 0.0, p_logits), jnp.where(same, 0.0, q_logits)
    one = special.log_sigmoid(p_safe) - special.log_sigmoid(q_safe)
    zero = special.log_sigmoid(-p_safe) - special.log_sigmoid(-q_safe)
    return special.weighted(special.sigmoid(p_logits), one) + special.weighted(special.sigmoid(-p_logits), zero)


def constrain(raw: ArrayLike) -> Params:
    """Map raw ``[..., 1]`` to params ``[...]``: the logit itself."""
    return Params(*split_raw(raw, raw_size, "bernoulli"))


def unconstrain(params: Params) -> Array:
    """Inverse of `constrain`: params ``[...]`` to raw ``[..., 1]``."""
    return as_floats(*params)[0][..., None]


raw_size = 1


def init(y: ArrayLike, weights: ArrayLike | None = None) -> Params:
    """Starting params from data: the share of ones, drawn a little towards a half so that the logit is finite."""
    share, _ = moments(y, weights)
    n = jnp.size(y)
    return from_probs((share * n + 0.5) / (n + 1))


def mle(y: ArrayLike, weights: ArrayLike | None = None) -> Params:
    """Maximum likelihood: the share of ones over every axis of ``y`` (infinite logits if all are alike).

    Args:
        y: observations 0 or 1, any shape.
        weights: non-negative, broadcastable to ``y``.
    """
    return from_probs(moments(y, weights)[0])
