"""Distributions with finitely many outcomes: which they are, their probabilities, and scores of these."""

import math
from collections.abc import Callable
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
    logits = _logits(distribution, params, low, high)
    (y,) = as_floats(y)
    outside = (y < low) | (y > high) | not_integer(y)
    missing = jnp.isnan(y)
    index = jnp.where(outside | missing, 0, y - low).astype(jnp.int32)
    logits = jnp.broadcast_to(logits, (*jnp.broadcast_shapes(index.shape, logits.shape[:-1]), logits.shape[-1]))
    return -guard(-_of_logits(score, logits, index), outside=outside, valid=~missing)


def _logits(distribution: Any, params: Any, low: int, high: int) -> Array:
    """Log-probabilities of all outcomes up to a constant, ``[..., k]``."""
    if distribution is categorical:
        return as_floats(*params)[0]
    values = jnp.arange(low, high + 1)
    return jax.vmap(lambda value: distribution.log_prob(params, value), out_axes=-1)(values)


_of_logits: Any = jax.custom_jvp(
    lambda score, logits, index: score(jax.nn.softmax(logits), index), nondiff_argnums=(0,)
)


@_of_logits.defjvp
def _rule(score: Score, primals: tuple[Array, Array], tangents: tuple[Array, Any]) -> tuple[Array, Array]:
    logits, index = primals
    p = jax.nn.softmax(logits)
    value, pull = jax.vjp(lambda p: score(p, index), p)
    (slope,) = pull(jnp.ones_like(value))
    # the slope through softmax is p * (slope - sum(p * slope)). Where one class has nearly all the mass that cancels; a
    # constant may be taken off the slopes first, and less their mean they are small where it does
    slope = p * (slope - (p * slope).sum(-1, keepdims=True))
    slope = slope - p * slope.sum(-1, keepdims=True)
    return value, (slope * tangents[0]).sum(-1)
