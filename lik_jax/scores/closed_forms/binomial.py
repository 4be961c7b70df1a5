"""The CRPS of a binomial distribution; `_counts` has the method. ``total_count`` is data and has no derivative."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ... import special
from ..._arrays import as_floats, not_integer
from ...distributions import binomial
from ._counts import count_score, half_difference, score_at_zero


def _log_square(s: Array, c: Array, n: Array, p: Array) -> Array:
    # what is missing from 1, or its parts where they nearly make up 1
    missing = 4 * p * (1 - p) * s
    early = missing < 0.5
    left = (1 - 2 * p) ** 2 + 4 * p * (1 - p) * c
    return -n * jnp.where(early, jnp.log1p(-jnp.where(early, missing, 0.0)), jnp.log(jnp.where(early, 1.0, left)))


def _phase(s: Array, c: Array, h: Array, n: Array, p: Array) -> Array:
    return n * jnp.arctan(p * h / (c + (1 - 2 * p) * s))


_half = half_difference(_log_square)
_at_zero = score_at_zero(_log_square, _phase)


def _valid(n: Array, logits: Array) -> Array:
    return (n >= 0) & ~not_integer(n) & ~jnp.isnan(logits)


def _parts(k: Array, n: Array, logits: Array) -> tuple[Array, Array, Array, Array]:
    n = jnp.where(_valid(n, logits), n, 1.0)
    p, q = special.sigmoid(logits), special.sigmoid(-logits)
    variance = n * p * q
    # the mass of count 0 exceeds one half only where p is below it
    few = jnp.minimum(p, 0.49)
    return n * p, (n - k) * p, _half(variance, n, p), _at_zero(n * few * (1 - few), n, few)


_score = count_score(binomial, _parts, _valid)


def crps(params: Any, y: ArrayLike) -> Array:
    """``[...]``, for ``total_count`` and ``logits``; ``y`` may be any real number."""
    y, n, logits = as_floats(y, *params)
    n = jax.lax.stop_gradient(n)
    # from the side where successes are the rarer
    flip = logits > 0
    return _score(jnp.where(flip, n - y, y), n, jnp.where(flip, -logits, logits))
