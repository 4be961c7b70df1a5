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
from ._small import log_share_of_gamma


def _valid(a: Array, rate: Array) -> Array:
    return supports.positive.contains(a) & supports.positive.contains(rate)


def _parts(y: Array, a: Array, rate: Array) -> tuple[Array, Array, Array]:
    """Where ``y`` is inside, and legal ``a`` and ``rate``."""
    valid = _valid(a, rate)
    return (y > 0) & (y < jnp.inf), jnp.where(valid, a, 2.0), jnp.where(valid, rate, 1.0)


def _spread(a: Array) -> tuple[Array, Array]:
    """``1 / B(1/2, a)``, half the mean distance of two draws, and how far below ``a`` it lies."""
    small = a < 1
    log_share = log_share_of_gamma(jnp.where(small, a, 0.5))
    inverse = jnp.exp(-special.log_beta(jnp.full_like(a, 0.5), a))
    return inverse, jnp.where(small, -a * jnp.expm1(log_share), a - inverse)


def _standard(x: Array, a: Array) -> tuple[Array, Array]:
    """For ``rate`` 1, ``2 F_a(x) - 1`` and the score less ``(x - a)`` times it, or ``x`` times it for ``a < 1``."""
    big = a >= 1
    inverse, gap = _spread(a)
    # F_a less F_{a+1}
    step = jnp.exp(gamma.log_prob(gamma.Params(a, jnp.ones_like(a)), x) + jnp.log(x) - jnp.log(a))
    lower = jnp.exp(special.log_gamma_p(jnp.where(big, a, a + 1), x))
    lean = 2 * jnp.where(big, lower, lower + step) - 1
    return lean, jnp.where(big, 2 * a * step - inverse, gap - 2 * a * lower)


def _value(y: Array, a: Array, rate: Array) -> Array:
    inside, a, rate = _parts(y, a, rate)
    safe = jnp.where(inside, y, special.ratio(a, rate))
    lean, rest = _standard(rate * safe, a)
    middle = jnp.where(a >= 1, special.ratio(a, rate), 0.0)
    below = special.ratio(_spread(a)[1], rate) - jnp.where(jnp.isinf(y), 0.0, y)
    return jnp.where(inside, (safe - middle) * lean + special.ratio(rest, rate), below)


def _score_value(y: Array, a: Array, rate: Array) -> Array:
    return finished(_value(y, a, rate), y, _valid(a, rate))


def _slope_y(y: Array, a: Array, rate: Array) -> Array:
    valid = _valid(a, rate)
    inside, a, rate = _parts(y, a, rate)
    lean = lean_of(special.log_gamma_q(a, rate * jnp.where(inside, y, special.ratio(a, rate))))
    return finished_slope(jnp.where(inside, lean, jnp.where(y == jnp.inf, 1.0, -1.0)), y, valid)


def _slope_a(y: Array, a: Array, rate: Array) -> Array:
    valid = _valid(a, rate)
    _, a, rate = _parts(y, a, rate)
    return finished_slope(along(_value, 1)(y, a, rate), y, valid)


def _slope_rate(y: Array, a: Array, rate: Array) -> Array:
    valid = _valid(a, rate)
    inside, a, rate = _parts(y, a, rate)
    lean, rest = _standard(rate * jnp.where(inside, y, special.ratio(a, rate)), a)
    rest = jnp.where(inside, rest - jnp.where(a >= 1, a, 0.0) * lean, _spread(a)[1])
    return finished_slope(-special.ratio(special.ratio(rest, rate), rate), y, valid)


_score = with_partials(_score_value, _slope_y, _slope_a, _slope_rate)


def crps(params: Any, y: ArrayLike) -> Array:
    """``[...]``, for ``concentration`` and ``rate``; ``y`` may be negative."""
    return _score(*as_floats(y, *params))
