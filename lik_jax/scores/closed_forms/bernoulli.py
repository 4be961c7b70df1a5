"""The CRPS of a Bernoulli distribution: at 0 and 1 half the Brier score of both outcomes."""

from typing import Any

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ... import special
from ..._arrays import as_floats
from ..._derivatives import with_partials
from ...distributions import bernoulli
from ._forms import finished, finished_slope, lean_of


def _within(y: Array) -> Array:
    return jnp.clip(y, 0, 1)


def _value(y: Array, logits: Array) -> Array:
    one, zero = special.sigmoid(logits), special.sigmoid(-logits)
    inner = _within(y)
    gap = jnp.abs(jnp.where(jnp.isinf(y), 0.0, y) - jnp.where(jnp.isinf(y), 0.0, inner))
    return finished(gap + inner * zero**2 + (1 - inner) * one**2, y, ~jnp.isnan(logits))


def _lean(y: Array, logits: Array) -> Array:
    return lean_of(bernoulli.log_sf(bernoulli.Params(logits), y))


def _slope_y(y: Array, logits: Array) -> Array:
    finite = jnp.where(jnp.isinf(y), jnp.sign(y) * 2, y)
    slope = 0.5 * (_lean(jnp.floor(finite), logits) + _lean(jnp.ceil(finite) - 1, logits))
    return finished_slope(slope, y, ~jnp.isnan(logits))


def _slope_logits(y: Array, logits: Array) -> Array:
    one, zero = special.sigmoid(logits), special.sigmoid(-logits)
    inner = _within(y)
    # one less y, from the smaller parts
    gap = (1 - inner) * one - inner * zero
    return finished_slope(2 * one * zero * gap, y, ~jnp.isnan(logits))


_score = with_partials(_value, _slope_y, _slope_logits)


def crps(params: Any, y: ArrayLike) -> Array:
    """``(1 - p)^2`` at 1, ``p^2`` at 0 for ``p = sigmoid(logits)``, ``[...]``; ``y`` may be any real number."""
    return _score(*as_floats(y, *params))
