"""The CRPS of a log-normal distribution.

With ``w = (log(y) - loc) / scale`` it is
``y (2 Phi(w) - 1) - 2 exp(loc + scale^2 / 2) (Phi(w - scale) + Phi(scale / sqrt(2)) - 1)``.

Source: Baran and Lerch (2015), "Log-normal distribution based ensemble model output statistics models for probabilistic
wind-speed forecasting".
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ... import special
from ..._arrays import as_floats
from ..._derivatives import with_partials
from ...distributions import _location_scale
from ._forms import finished, finished_slope

_SQRT_HALF = math.sqrt(0.5)


def _standard(y: Array, loc: Array, scale: Array) -> tuple[Array, Array, Array]:
    """Where ``y`` is inside, ``w``, and a legal scale."""
    inside = (y > 0) & (y < jnp.inf)
    scale = jnp.where(_location_scale.valid(loc, scale), scale, 1.0)
    log_y = jnp.where(inside, jnp.log(jnp.where(inside, y, 1.0)), loc)
    return inside, special.ratio(log_y - loc, scale), scale


def _lean(y: Array, loc: Array, scale: Array) -> Array:
    inside, w, _ = _standard(y, loc, scale)
    return jnp.where(inside, jax.lax.erf(w * _SQRT_HALF), jnp.where(y == jnp.inf, 1.0, jnp.where(y <= 0, -1.0, y)))


def _rest(y: Array, loc: Array, scale: Array) -> Array:
    """What the score has beside ``y (2 F(y) - 1)``."""
    inside, w, scale = _standard(y, loc, scale)
    narrow = scale < 1
    # narrow: a sum of two error functions; wide: two tails, each in logarithms with the mean, which may overflow
    s = jnp.where(narrow, scale, 0.5)
    both = jax.lax.erf(s / 2) + jnp.where(inside, jax.lax.erf((jnp.where(narrow, w, 0.0) - s) * _SQRT_HALF), -1.0)
    s = jnp.where(narrow, 1.0, scale)
    log_mean = loc + 0.5 * s * s
    tail = jnp.exp(log_mean + special.log_ndtr(-s * _SQRT_HALF))
    partial = jnp.where(inside, jnp.exp(log_mean + special.log_ndtr(jnp.where(narrow, 0.0, w) - s)), 0.0)
    return jnp.where(narrow, -jnp.exp(loc + 0.5 * jnp.where(narrow, scale, 0.0) ** 2) * both, 2 * (tail - partial))


def _value(y: Array, loc: Array, scale: Array) -> Array:
    value = jnp.where(jnp.isinf(y), 0.0, y) * _lean(y, loc, scale) + _rest(y, loc, scale)
    return finished(value, y, _location_scale.valid(loc, scale))


def _slope_scale(y: Array, loc: Array, scale: Array) -> Array:
    valid = _location_scale.valid(loc, scale)
    inside, w, s = _standard(y, loc, scale)
    density = jnp.where(inside, jnp.where(inside, y, 0.0) * jnp.exp(-0.5 * w * w), 0.0)
    # both terms are exp(loc) times a normal density
    slope = s * _rest(y, loc, scale) + 2 / math.sqrt(2 * math.pi) * (density - _SQRT_HALF * jnp.exp(loc + 0.25 * s * s))
    return finished_slope(slope, y, valid)


_score = with_partials(
    _value,
    lambda y, loc, scale: finished_slope(_lean(y, loc, scale), y, _location_scale.valid(loc, scale)),
    lambda y, loc, scale: finished_slope(_rest(y, loc, scale), y, _location_scale.valid(loc, scale)),
    _slope_scale,
)


def crps(params: Any, y: ArrayLike) -> Array:
    """``[...]``, for ``loc`` and ``scale`` of ``log(y)``; ``y`` may be negative."""
    return _score(*as_floats(y, *params))
