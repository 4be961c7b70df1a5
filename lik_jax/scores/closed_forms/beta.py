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
from ._small import log_relative_difference


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


def _value(y: Array, a: Array, b: Array) -> Array:
    valid = _valid(a, b)
    y, a, b = jnp.broadcast_arrays(y, jnp.where(valid, a, 2.0), jnp.where(valid, b, 2.0))
    inside = (y > 0) & (y < 1)
    x = jnp.where(inside, y, 0.5)
    # from the end whose concentration is the smaller one
    flip = b < a
    low, high = jnp.where(flip, b, a), jnp.where(flip, a, b)
    near, far = jnp.where(flip, 1 - x, x), jnp.where(flip, x, 1 - x)
    small, s = low < 1, a + b
    mean = low / s
    at_near = jnp.where(
        small,
        -mean * jnp.expm1(log_relative_difference(jnp.where(small, low, 0.5), jnp.where(small, high, 1.0))),
        mean - _difference(low, high),
    )

    power = jnp.exp(_log_power(low, high, near, far))
    lower = jnp.exp(special.log_beta_inc(jnp.where(small, low + 1, low), high, near, far))
    lean = 2 * jnp.where(small, lower + power / low, lower) - 1
    value = jnp.where(
        small,
        near * lean + at_near - 2 * mean * lower,
        (near - mean) * lean + 2 / s * power - _difference(low, high),
    )

    # beyond an end: how far, and the score at that end
    at_far = at_near + (1 - 2 * mean)
    y = jnp.where(jnp.isinf(y), 0.0, y)
    below = jnp.where(flip, at_far, at_near) - y
    above = jnp.where(flip, at_near, at_far) + (y - 1)
    return jnp.where(inside, value, jnp.where(y >= 1, above, below))


def _slope_y(y: Array, a: Array, b: Array) -> Array:
    inside = (y > 0) & (y < 1)
    x = jnp.where(inside, y, 0.5)
    lean = lean_of(special.log_beta_inc_c(a, b, x, 1 - x))
    return finished_slope(jnp.where(inside, lean, jnp.where(y >= 1, 1.0, -1.0)), y, _valid(a, b))


_score = with_partials(
    lambda y, a, b: finished(_value(y, a, b), y, _valid(a, b)),
    _slope_y,
    lambda y, a, b: finished_slope(along(_value, 1)(y, a, b), y, _valid(a, b)),
    lambda y, a, b: finished_slope(along(_value, 2)(y, a, b), y, _valid(a, b)),
)


def crps(params: Any, y: ArrayLike) -> Array:
    """``[...]``, for ``concentration1`` and ``concentration0``; ``y`` may lie outside [0, 1]."""
    return _score(*as_floats(y, *params))
