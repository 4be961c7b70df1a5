"""Quotients with a hole at 0 that is filled, in value and in every derivative.

>>> import jax, jax.numpy as jnp
>>> float(log1p_ratio(jnp.float32(2.0), jnp.float32(0.0)))
2.0
>>> float(jax.grad(expm1_ratio, 1)(jnp.float32(2.0), jnp.float32(0.0)))
2.0
"""

import math

import jax.numpy as jnp
from jax import Array

from .._derivatives import with_partials
from .basic import ratio
from .stirling import _AT_TWO, _log_gamma


def _power_series(u: Array, coefficients: list[float], near: float) -> tuple[Array, Array, Array]:
    """Where ``|u| < near``, the series there, and ``u`` elsewhere (1 there)."""
    small = jnp.abs(u) < near
    inner = jnp.where(small, u, 0.0)
    series = jnp.zeros_like(u)
    for coefficient in reversed(coefficients):
        series = series * inner + coefficient
    return small, series, jnp.where(small, 1.0, u)


def _terms(u: Array, double: int, single: int) -> int:
    return double if u.dtype == jnp.float64 else single


def log1p_ratio_slope(z: Array, c: Array) -> Array:
    """The derivative of `log1p_ratio` towards ``c``: ``-z^2 / 2`` where ``c`` is 0."""
    u = c * z
    count = _terms(u, 34, 18)
    small, series, far = _power_series(u, [(-1) ** (k + 1) * (k + 1) / (k + 2) for k in range(count)], 0.3)
    bend = ratio(far, 1 + far) - jnp.log1p(far)
    safe = jnp.where(small, 1.0, c)
    return jnp.where(small, jnp.where(small, z * z, 0.0) * series, ratio(ratio(bend, safe), safe))


def _log1p_value(z: Array, c: Array) -> Array:
    none = c == 0
    safe = jnp.where(none, 1.0, c)
    return jnp.where(none, z, jnp.log1p(safe * jnp.where(none, 0.0, z)) / safe)


log1p_ratio = with_partials(
    _log1p_value,
    lambda z, c: ratio(jnp.ones_like(z), 1 + c * z),
    log1p_ratio_slope,
)
log1p_ratio.__doc__ = """``log(1 + c z) / c``, ``z`` where ``c`` is 0.

Args:
    z, c: broadcastable, ``c z`` above -1."""


def _expm1_value(w: Array, c: Array) -> Array:
    none = c == 0
    safe = jnp.where(none, 1.0, c)
    return jnp.where(none, w, jnp.expm1(safe * jnp.where(none, 0.0, w)) / safe)


def _expm1_slope_c(w: Array, c: Array) -> Array:
    endless = jnp.isinf(w) & (c == 0)
    u = jnp.maximum(c * jnp.where(endless, 0.0, w), -800.0)
    small, series, far = _power_series(u, [(k + 1) / math.factorial(k + 2) for k in range(_terms(u, 20, 12))], 1.0)
    safe = jnp.where(small, 1.0, c)
    near = jnp.where(small & ~endless, w, 0.0)
    return jnp.where(small, near * near * series, ratio(ratio(jnp.exp(far) * (far - 1) + 1, safe), safe))


expm1_ratio = with_partials(_expm1_value, lambda w, c: jnp.exp(c * w), _expm1_slope_c)
expm1_ratio.__doc__ = """``(exp(c w) - 1) / c``, ``w`` where ``c`` is 0: the inverse of `log1p_ratio`.

Args:
    w, c: broadcastable; ``w`` may be infinite."""


def log_gamma_1p_ratio(x: Array) -> Array:
    """``log Gamma(1 + x) / x`` for ``x > -1``: minus Euler's constant at 0.

    Args:
        x: above -1, any shape.
    """
    near = jnp.abs(x) <= 0.5
    small = jnp.where(near, x, 0.0)
    series = jnp.zeros_like(x)
    for coefficient in _AT_TWO[1 : 31 if x.dtype == jnp.float64 else 17][::-1]:
        series = series * small + coefficient
    series = series - log1p_ratio(jnp.ones_like(x), small)
    far = jnp.where(near, 1.0, x)
    return jnp.where(near, series, ratio(_log_gamma(1 + far), far))


def atan_ratio(x: Array) -> Array:
    """``atan(x) / x``, 1 at 0.

    Args:
        x: real, any shape.
    """
    count = _terms(x, 24, 13)
    small, series, far = _power_series(x, [(-1) ** (k // 2) / (k + 1) * (k % 2 == 0) for k in range(2 * count)], 0.4)
    return jnp.where(small, series, ratio(jnp.arctan(far), far))
