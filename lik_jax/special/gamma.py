"""The regularised incomplete gamma functions in log space, differentiable in both arguments.

``P(a, x)`` is the probability that a gamma variable of shape ``a`` is at most ``x``, ``Q = 1 - P``. The tail that lies
beyond ``x`` as seen from ``a`` is computed without a subtraction, as ``D = x^a exp(-x) / Gamma(a + 1)`` times a factor:

- shape 20 and more: the tail's integral, scaled by its integrand at ``x``, by Gauss and Legendre;
- smaller shapes: the power series of P, Legendre's continued fraction of Q, and near 0 the series of Q.

>>> import jax.numpy as jnp
>>> round(float(log_gamma_q(jnp.asarray(2.0), jnp.asarray(1000.0))), 3)
-993.091

Source: Abramowitz and Stegun 6.5.29 and 6.5.31; Gil, Segura and Temme (2012), "Efficient and accurate algorithms for
the computation and inversion of the incomplete gamma function ratios"; the factor ``D`` as in Loader (2000).
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from .._derivatives import by_forward_mode
from .basic import log1mexp, log1pmx
from .stirling import deviance, log_factorial_excess, log_gamma_1p

_BIG = 20.0


def _log_power(a: Array, x: Array) -> Array:
    """``log(x^a exp(-x) / Gamma(a + 1))``."""
    small = a < 0.5
    low, high = jnp.where(small, a, 0.25), jnp.where(small, 1.0, a)
    return jnp.where(small, low * jnp.log(x) - x - log_gamma_1p(low), -deviance(high, x) - log_factorial_excess(high))


# loops are compiled functions of their own: run op by op, a loop would be compiled anew at each call
@jax.jit
def _log_lower_series(a: Array, x: Array) -> Array:
    """``log(P / D)`` for ``x < a``, or both below 1: ``1 + x / (a + 1) (1 + x / (a + 2) (1 + ...))``."""
    terms = 54 if a.dtype == jnp.float64 else 36

    def body(i: Array, total: Array) -> Array:
        return 1 + x / (a + (terms - i).astype(a.dtype)) * total

    return jnp.log(jax.lax.fori_loop(0, terms, body, jnp.ones_like(a)))


@jax.jit
def _log_upper_fraction(a: Array, x: Array) -> Array:
    """``log(Q / D)`` for ``x >= a`` and ``x >= 1``."""
    depth = 110 if a.dtype == jnp.float64 else 56

    def body(i: Array, tail: Array) -> Array:
        k = (depth - i).astype(a.dtype)
        return k * (k - a) / (x + (2 * k + 1) - a - tail)

    tail = jax.lax.fori_loop(0, depth, body, jnp.zeros_like(a))
    return jnp.log(a) - jnp.log(x + 1 - a - tail)


def _log_upper_near_zero(a: Array, x: Array) -> Array:
    """``log Q`` for ``a`` and ``x`` below 1, as ``(1 - x^a / Gamma(a + 1)) + ...`` with nothing else subtracted."""
    small = a < 0.5
    log_size = jnp.where(small, log_gamma_1p(jnp.where(small, a, 0.0)), log_gamma_1p(a - 1) + jnp.log(a))
    log_lead = a * jnp.log(x) - log_size
    series = jnp.zeros_like(a)
    for n in range(20 if a.dtype == jnp.float64 else 11, 0, -1):
        series = x * (series - (-1) ** n / math.factorial(n) / (a + n))
    return jnp.log(-jnp.expm1(log_lead) + jnp.exp(log_lead) * a * series)


@jax.jit
def _log_tail_integral(a: Array, x: Array, upper: Array) -> Array:
    """``log(Q / D)`` where ``upper`` and ``x >= a``, ``log(P / D)`` where not and ``x < a``; ``a >= 20``."""
    double = a.dtype == jnp.float64
    depth = 42.0 if double else 20.0
    nodes, weights = np.polynomial.legendre.leggauss(36 if double else 18)
    nodes, weights = jnp.asarray(nodes / 2 + 0.5, a.dtype), jnp.asarray(weights / 2, a.dtype)
    n, b = a - 1, x - a + 1
    # where the integrand has fallen to exp(-depth): a parabola's root, a little further on the side that falls slower
    size = jnp.abs(b)
    reach = jax.lax.stop_gradient(2 * depth / (size + jnp.hypot(size, jnp.sqrt(2 * depth * n))))
    end = jnp.where(upper, reach * (1 + 0.4 * reach), -jnp.minimum(reach, 1.0))

    def body(i: Array, total: Array) -> Array:
        v = end * nodes[i]
        return total + weights[i] * jnp.exp(n * log1pmx(v) - b * v)

    integral = jax.lax.fori_loop(0, len(nodes), body, jnp.zeros_like(a))
    return jnp.log(a) + jnp.log(jnp.abs(end)) + jnp.log(integral)


def _log_both(a: Array, x: Array) -> tuple[Array, Array]:
    """``log P`` and ``log Q``."""
    a, x = jnp.broadcast_arrays(a, x)
    zero, infinite = x <= 0, x == jnp.inf
    x = jnp.where(zero | infinite, a, x)
    corner = (a < 1) & (x < 1)
    lower = (x < a) | corner
    big = a >= _BIG

    def at(here: Array, a_else: float, x_else: float) -> tuple[Array, Array]:
        return jnp.where(here, a, a_else), jnp.where(here, x, x_else)

    series = _log_lower_series(*at(lower & ~big, 0.5, 0.5))
    fraction = _log_upper_fraction(*at(~lower & ~big, 0.5, 1.0))
    integral = _log_tail_integral(*at(big, 25.0, 20.0), ~lower & big)
    log_tail = _log_power(a, x) + jnp.where(big, integral, jnp.where(lower, series, fraction))
    other = log1mexp(-jnp.minimum(log_tail, 0.0))
    log_p = jnp.where(lower, log_tail, other)
    most = corner & (log_tail > -0.7)
    log_q = jnp.where(most, _log_upper_near_zero(*at(most, 0.5, 0.5)), jnp.where(lower, other, log_tail))
    log_p = jnp.where(zero, -jnp.inf, jnp.where(infinite, 0.0, log_p))
    return log_p, jnp.where(zero, 0.0, jnp.where(infinite, -jnp.inf, log_q))


@by_forward_mode
def _log_p(a: Array, x: Array) -> Array:
    return _log_both(a, x)[0]


@by_forward_mode
def _log_q(a: Array, x: Array) -> Array:
    return _log_both(a, x)[1]


def log_gamma_p(a: Array, x: Array) -> Array:
    """Log of the regularised lower incomplete gamma function: ``log P(Y <= x)`` for ``Y`` gamma of shape ``a``, rate 1.

    Args:
        a: positive, any shape.
        x: not negative, broadcastable; -inf at 0, 0 at inf, with derivative 0 at both.
    """
    return _log_p(a, x)


def log_gamma_q(a: Array, x: Array) -> Array:
    """Log of the regularised upper incomplete gamma function: ``log P(Y > x)`` for ``Y`` gamma of shape ``a``, rate 1.

    Args:
        a: positive, any shape.
        x: not negative, broadcastable; 0 at 0, -inf at inf, with derivative 0 at both.
    """
    return _log_q(a, x)
