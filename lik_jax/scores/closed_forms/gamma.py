"""The CRPS of a gamma distribution.

With ``a`` the concentration and ``F_a`` the cdf, ``y (2 F_a(y) - 1) - (2 F_{a+1}(y) - 1) a / rate - 1 / (rate B(1/2,
a))``: for ``a >= 1`` about the mean, so that large ``a`` cost no digits, below with the part that is small where
``a`` is kept apart.

Source: Scheuerer and Moeller (2015), "Probabilistic wind speed forecasting on a grid based on ensemble model output
statistics".
"""

from typing import Any

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ... import special, supports
from ..._arrays import as_floats
from ..._derivatives import with_partials
from ...distributions import gamma
from ._forms import along, finished, finished_slope, lean_of
from ._small import log_relative_difference


def _valid(a: Array, rate: Array) -> Array:
    return supports.positive.contains(a) & supports.positive.contains(rate)


def _lean(x: Array, a: Array) -> Array:
    """``2 F_a(x) - 1`` for ``x > 0``."""
    return lean_of(special.log_gamma_q(a, x))


def _parts(y: Array, a: Array, rate: Array) -> tuple[Array, Array, Array]:
    """Where ``y`` is inside, and legal ``a`` and ``rate``."""
    valid = _valid(a, rate)
    return (y > 0) & (y < jnp.inf), jnp.where(valid, a, 2.0), jnp.where(valid, rate, 1.0)


def _spread(a: Array) -> tuple[Array, Array]:
    """``1 / B(1/2, a)``, half the mean distance of two draws, and how far below ``a`` it lies."""
    small = a < 1
    log_share = log_relative_difference(jnp.where(small, a, 0.5))
    inverse = jnp.exp(-special.log_beta(jnp.full_like(a, 0.5), a))
    return inverse, jnp.where(small, -a * jnp.expm1(log_share), a - inverse)


def _above(x: Array, a: Array) -> Array:
    """The score of the standard distribution less ``(x - a) (2 F_a(x) - 1)``, or ``x (2 F_a(x) - 1)`` for ``a < 1``."""
    big = a >= 1
    large, small = jnp.where(big, a, 2.0), jnp.where(big, 0.5, a)
    inverse, gap = _spread(a)
    log_jump = gamma.log_prob(gamma.Params(large, jnp.ones_like(large)), x) + jnp.log(x)
    return jnp.where(big, 2 * jnp.exp(log_jump) - inverse, gap - 2 * small * jnp.exp(special.log_gamma_p(small + 1, x)))


def _value(y: Array, a: Array, rate: Array) -> Array:
    inside, a, rate = _parts(y, a, rate)
    safe = jnp.where(inside, y, special.ratio(a, rate))
    x = rate * safe
    middle = jnp.where(a >= 1, special.ratio(a, rate), 0.0)
    within = (safe - middle) * _lean(x, a) + special.ratio(_above(x, a), rate)
    below = special.ratio(_spread(a)[1], rate) - jnp.where(jnp.isinf(y), 0.0, y)
    return jnp.where(inside, within, below)


def _score_value(y: Array, a: Array, rate: Array) -> Array:
    return finished(_value(y, a, rate), y, _valid(a, rate))


def _slope_y(y: Array, a: Array, rate: Array) -> Array:
    valid = _valid(a, rate)
    inside, a, rate = _parts(y, a, rate)
    lean = _lean(rate * jnp.where(inside, y, special.ratio(a, rate)), a)
    return finished_slope(jnp.where(inside, lean, jnp.where(y == jnp.inf, 1.0, -1.0)), y, valid)


def _slope_a(y: Array, a: Array, rate: Array) -> Array:
    valid = _valid(a, rate)
    _, a, rate = _parts(y, a, rate)
    return finished_slope(along(_value, 1)(y, a, rate), y, valid)


def _slope_rate(y: Array, a: Array, rate: Array) -> Array:
    valid = _valid(a, rate)
    inside, a, rate = _parts(y, a, rate)
    x = rate * jnp.where(inside, y, special.ratio(a, rate))
    rest = _above(x, a) - jnp.where(a >= 1, a, 0.0) * _lean(x, a)
    rest = jnp.where(inside, rest, _spread(a)[1])
    return finished_slope(-special.ratio(special.ratio(rest, rate), rate), y, valid)


_score = with_partials(_score_value, _slope_y, _slope_a, _slope_rate)


def crps(params: Any, y: ArrayLike) -> Array:
    """``[...]``, for ``concentration`` and ``rate``; ``y`` may be negative."""
    return _score(*as_floats(y, *params))
