"""The CRPS of a beta distribution.

With concentrations ``a`` and ``b``, mean ``m``, precision ``s = a + b`` and cdf ``F`` it is ``(y - m) (2 F(y) - 1) +
(2 / s) (y^a (1 - y)^b / B(a, b) - B(2 a, 2 b) / B(a, b)^2)``, in which large concentrations cost no digits. Where the
smaller one is below 1, the part that is small with it is kept apart, seen from its own end.

Source: Jordan, Krueger and Lerch (2019), "Evaluating probabilistic forecasts with scoringRules", appendix A.
"""

from typing import Any

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ... import special
from ..._arrays import as_floats
from ..._derivatives import with_partials
from ._forms import along, finished, finished_slope, lean_of
from ._small import log_share_of_beta


def _valid(a: Array, b: Array) -> Array:
    return (a > 0) & (b > 0) & jnp.isfinite(a) & jnp.isfinite(b)


def _log_power(a: Array, b: Array, x: Array, xc: Array) -> Array:
    """``log(x^a (1 - x)^b / B(a, b))``."""
    return special.log_beta_power(a, b, jnp.log(x) - jnp.log(xc), x, xc)


def _difference(a: Array, b: Array) -> Array:
    """``E|Y - Y'| / 2``: ``2 B(2 a, 2 b) / (s B(a, b)^2)``, each beta function relative to its largest power."""
    s = a + b
    m, mc = a / s, b / s
    return 2 / s * jnp.exp(2 * _log_power(a, b, m, mc) - _log_power(2 * a, 2 * b, m, mc))


def _value(near: Array, far: Array, low: Array, high: Array) -> Array:
    """The score at ``near``, with ``far = 1 - near``, for concentrations ``low <= high``, the first that of 0."""
    inside = (near > 0) & (near < 1)
    x, xc = jnp.where(inside, near, 0.5), jnp.where(inside, far, 0.5)
    small, s = low < 1, low + high
    mean, difference = low / s, _difference(low, high)
    log_share = log_share_of_beta(jnp.where(small, low, 0.5), jnp.where(small, high, 1.0))
    at_zero = jnp.where(small, -mean * jnp.expm1(log_share), mean - difference)

    power = jnp.exp(_log_power(low, high, x, xc))
    lower = jnp.exp(special.log_beta_inc(jnp.where(small, low + 1, low), high, x, xc))
    lean = 2 * jnp.where(small, lower + power / low, lower) - 1
    from_zero = x * lean + at_zero - 2 * mean * lower
    about_mean = (x - mean) * lean + 2 / s * power - difference
    beyond = jnp.where(near >= 1, at_zero + (1 - 2 * mean) - far, at_zero - near)
    return jnp.where(inside, jnp.where(small, from_zero, about_mean), beyond)


def _seen(y: Array, a: Array, b: Array) -> tuple[Array, ...]:
    """Where the concentration that gathers mass at 1 is the smaller, and the arguments of `_value` from that end."""
    valid = _valid(a, b)
    y, a, b = jnp.broadcast_arrays(y, jnp.where(valid, a, 2.0), jnp.where(valid, b, 2.0))
    y = jnp.where(jnp.isinf(y), 0.0, y)
    flip = b < a
    return flip, *(jnp.where(flip, *pair) for pair in ((1 - y, y), (y, 1 - y), (b, a), (a, b)))


def _slope_towards(y: Array, a: Array, b: Array, one: bool) -> Array:
    flip, *args = _seen(y, a, b)
    of_low, of_high = along(_value, 2)(*args), along(_value, 3)(*args)
    return finished_slope(jnp.where(flip == one, of_high, of_low), y, _valid(a, b))


def _slope_y(y: Array, a: Array, b: Array) -> Array:
    inside = (y > 0) & (y < 1)
    x = jnp.where(inside, y, 0.5)
    lean = lean_of(special.log_beta_inc_c(a, b, x, 1 - x))
    return finished_slope(jnp.where(inside, lean, jnp.where(y >= 1, 1.0, -1.0)), y, _valid(a, b))


_score = with_partials(
    lambda y, a, b: finished(_value(*_seen(y, a, b)[1:]), y, _valid(a, b)),
    _slope_y,
    lambda y, a, b: _slope_towards(y, a, b, True),
    lambda y, a, b: _slope_towards(y, a, b, False),
)


def crps(params: Any, y: ArrayLike) -> Array:
    """``[...]``, for ``concentration1`` and ``concentration0``; ``y`` may lie outside [0, 1]."""
    return _score(*as_floats(y, *params))
