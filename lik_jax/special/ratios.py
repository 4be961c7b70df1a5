"""Functions of a ratio that may itself overflow or underflow, or lie close to 1.

>>> import jax.numpy as jnp
>>> round(float(log_ratio(jnp.float32(1e30), jnp.float32(1e-30))), 4)
138.1551
"""

import math

import jax.numpy as jnp
from jax import Array

from .._derivatives import with_partials
from .basic import log1mexp, log1pmx, ratio


def _log_ratio_value(a: Array, b: Array) -> Array:
    return 2 * jnp.log(jnp.sqrt(a) / jnp.sqrt(b))


log_ratio = with_partials(
    _log_ratio_value,
    lambda a, b: ratio(jnp.ones_like(b), a),
    lambda a, b: -ratio(jnp.ones_like(a), b),
)
log_ratio.__doc__ = """``log(a / b)`` for positive ``a`` and ``b``, through square roots: no overflow, and no
difference of logarithms."""


def _itakura_saito_value(a: Array, b: Array) -> Array:
    r = a / b
    near = (r > 0.5) & (r < 2)
    excess = -log1pmx(jnp.where(near, (a - b) / b, 0.0))
    return jnp.where(near, excess, r - 1 - _log_ratio_value(a, b))


itakura_saito = with_partials(
    _itakura_saito_value,
    lambda a, b: ratio(ratio(a - b, b), a),
    lambda a, b: -ratio(ratio(a - b, b), b),
)
itakura_saito.__doc__ = (
    """``a / b - 1 - log(a / b)`` for positive ``a`` and ``b``: 0 where they are equal, never below."""
)

# B_2n / (2n)! for n = 1, 2, ..., by Euler's formula for zeta(2n)
_BERNOULLI = [1 / 12, -1 / 720, 1 / 30240] + [
    (-1) ** (n + 1) * 2 * math.fsum(float(i) ** (-2 * n) for i in range(1, 400)) / (2 * math.pi) ** (2 * n)
    for n in range(4, 13)
]


def bernoulli_function(x: Array) -> Array:
    """``x / (exp(x) - 1)`` for ``x >= 0``: 1 at 0, its derivatives of every order accurate there; 0 at inf.

    The generating function of the Bernoulli numbers.
    """
    near = x < 1
    small = jnp.where(near, x, 0.0)
    square = small * small
    series = jnp.zeros_like(x)
    for term in reversed(_BERNOULLI):
        series = (series + term) * square
    big = jnp.where(near, 1.0, jnp.minimum(x, 1e4))
    return jnp.where(near, 1 - small / 2 + series, big * jnp.exp(-big) / -jnp.expm1(-big))


def _log1mexpexp_value(t: Array) -> Array:
    x = jnp.exp(t)
    tiny = t < -30
    return jnp.where(tiny, t - x / 2, log1mexp(jnp.where(tiny, 1.0, x)))


log1mexpexp = with_partials(_log1mexpexp_value, lambda t: bernoulli_function(jnp.exp(t)))
log1mexpexp.__doc__ = (
    """``log(1 - exp(-exp(t)))``: the log-probability of complementary log-log; about ``t`` far below 0."""
)
