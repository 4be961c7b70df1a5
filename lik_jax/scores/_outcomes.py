"""Distributions with finitely many outcomes: which they are, their probabilities, and scores of these."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .._arrays import as_floats, guard, not_integer
from ..compose import mixture
from ..distribution import Distribution, name_of
from ..distributions import bernoulli, categorical

# of one observation: probabilities [..., k] and which outcome came [...], to [...]
Score = Callable[[Array, Array], Array]


def outcomes(distribution: Any, params: Any, asker: str) -> tuple[int, int]:
    """The least and the greatest outcome; every whole number in between is one too.

    Raises:
        TypeError: there is no end to the outcomes, or it depends on values.
        ValueError: logits without an axis.
    """
    if distribution is bernoulli:
        return 0, 1
    if distribution is categorical:
        shape = jnp.shape(params.logits)
        if not shape:
            raise ValueError(f"{asker}: logits has shape (); want [..., k], one number a class on the last axis.")
        return 0, shape[-1] - 1
    if isinstance(distribution, mixture):
        return outcomes(distribution.base, params.components, asker)
    low, high = getattr(distribution, "low", None), getattr(distribution, "high", None)
    if distribution.event_ndim == 0 and distribution.support.discrete and low is not None and high is not None:
        return math.ceil(low), math.floor(high)
    raise TypeError(
        f"{asker} needs a distribution with finitely many outcomes: categorical, bernoulli, a mixture of them, or a "
        f"discrete one with both bounds, such as discretized(logistic, low=0, high=255); got {name_of(distribution)}."
    )


def score_outcomes(score: Score, distribution: Distribution, params: Any, y: ArrayLike, asker: str) -> Array:
    """``score`` of the probabilities of all outcomes, ``[...]``; inf, with gradient zero, for a ``y`` that is none."""
    low, high = outcomes(distribution, params, asker)
    log_p = _log_probs(distribution, params, low, high)
    (y,) = as_floats(y)
    outside = (y < low) | (y > high) | not_integer(y)
    missing = jnp.isnan(y)
    index = jnp.where(outside | missing, 0, y - low).astype(jnp.int32)
    log_p = jnp.broadcast_to(log_p, (*jnp.broadcast_shapes(index.shape, log_p.shape[:-1]), log_p.shape[-1]))
    return -guard(-_of_log_probs(score, log_p, index), outside=outside, valid=~missing)


def _log_probs(distribution: Any, params: Any, low: int, high: int) -> Array:
    """Log-probabilities of all outcomes, ``[..., k]``."""
    if distribution is categorical:
        return jax.nn.log_softmax(as_floats(*params)[0])
    values = jnp.arange(low, high + 1)
    return jax.vmap(lambda value: distribution.log_prob(params, value), out_axes=-1)(values)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _of_log_probs(score: Score, log_p: Array, index: Array) -> Array:
    """``score`` of probabilities that are given by normalised logarithms."""
    return score(jnp.exp(log_p), index)


@_of_log_probs.defjvp
def _rule(score: Score, primals: tuple[Array, Array], tangents: tuple[Array, Any]) -> tuple[Array, Array]:
    log_p, index = primals
    p = jnp.exp(log_p)
    value, pull = jax.vjp(lambda p: score(p, index), p)
    (slope,) = pull(jnp.ones_like(value))
    # masses that sum to 1 move by p * tangent, which sums to 0, so a constant may be taken off the slopes: that of the
    # likeliest outcome, and nothing cancels where it has nearly all the mass
    top = jnp.argmax(log_p, -1, keepdims=True)
    slope = slope - jnp.take_along_axis(slope, top, -1)
    return value, (p * slope * tangents[0]).sum(-1)
