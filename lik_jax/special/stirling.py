"""Logarithms of gamma functions, taken apart so that the large terms cancel before they are rounded.

``log Gamma(x + 1) = x log x - x + c(x)``, where ``c`` (`log_factorial_excess`) grows like a logarithm only. Densities
of the gamma-function families are written in ``c`` and in the deviance ``x log(x / m) + m - x``, so that a count of a
million costs no digits.

>>> import jax.numpy as jnp
>>> round(float(stirling_error(jnp.asarray(1e6))) * 1e6, 5)
0.08333

Source: Loader (2000), "Fast and accurate computation of binomial probabilities".
"""

import math

import jax
import jax.numpy as jnp
from jax import Array

from .._derivatives import by_forward_mode, with_partials
from .basic import ratio

_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)
# B(2k) / (2k (2k - 1)): the asymptotic series of log Gamma
_ASYMPTOTIC = (
    1 / 12,
    -1 / 360,
    1 / 1260,
    -1 / 1680,
    1 / 1188,
    -691 / 360360,
    1 / 156,
    -3617 / 122400,
    43867 / 244188,
    -174611 / 125400,
)


def _step(z: Array, start: int) -> Array:
    """``(z + 1/2) log(1 + 1/z) - 1`` for ``z >= start >= 1``, a step of the recurrence: every term is positive."""
    w = 1 / (2 * z + 1)
    w2 = w * w
    terms = math.ceil(math.log(float(jnp.finfo(z.dtype).eps) / 50) / (-2 * math.log(2 * start + 1)))
    series = jnp.zeros_like(z)
    for k in range(terms, 0, -1):
        series = w2 * (1 / (2 * k + 1) + series)
    return series


@by_forward_mode
def _error_above_one(z: Array) -> Array:
    """`stirling_error` for ``z >= 1``: arithmetic alone, no cancellation, so its derivatives are as good as it is."""
    steps, terms = (9, 10) if z.dtype == jnp.float64 else (3, 5)
    u = 1 / (z + steps)
    series = jnp.zeros_like(z)
    for coefficient in _ASYMPTOTIC[:terms][::-1]:
        series = series * (u * u) + coefficient
    total = series * u
    for k in range(steps - 1, -1, -1):
        total = total + _step(z + k, k + 1)
    return total


@by_forward_mode
def _stirling_error(x: Array) -> Array:
    small = x < 1
    far = jnp.where(small, x, 1.0)
    below = (far + 0.5) * jnp.log1p(1 / far) - 1 + _error_above_one(far + 1)
    return jnp.where(small, below, _error_above_one(jnp.where(small, 1.0, x)))


def stirling_error(x: Array) -> Array:
    """``log Gamma(x + 1) - (x + 1/2) log x + x - log(2 pi) / 2``, about ``1 / (12 x)``; inf at 0.

    Args:
        x: positive, any shape.

    Source: Loader (2000); below 10 (4 in float32) by the recurrence, each step as a series without cancellation.
    """
    return _stirling_error(x)


def _excess_value(x: Array) -> Array:
    inner = jnp.minimum(jnp.maximum(x, 1e-30), 1e30)
    value = inner * jnp.log1p(1 / inner) + 0.5 * jnp.log1p(x) + (_HALF_LOG_2PI - 1) + _error_above_one(x + 1)
    # exactly 0 at 0, without a comparison
    return value * jnp.minimum(x * 1e30, 1)


def _excess_slope(x: Array) -> Array:
    return jnp.log1p(1 / x) - 0.5 / (x + 1) + jax.jvp(_error_above_one, (x + 1,), (jnp.ones_like(x),))[1]


_excess = with_partials(_excess_value, _excess_slope)


def log_factorial_excess(x: Array) -> Array:
    """``c(x) = log Gamma(x + 1) - x log x + x``: 0 at 0, about ``log(2 pi x) / 2`` for large ``x``.

    Args:
        x: not negative, any shape. Arithmetic and logarithms alone, no comparison.
    """
    return _excess(x)


def _deviance_value(x: Array, m: Array) -> Array:
    difference = x - m
    v = difference / jnp.where((x == 0) & (m == 0), 1.0, x + m)
    near = jnp.abs(v) < 0.3
    v = jnp.where(near, v, 0.0)
    v2 = v * v
    terms = 16 if x.dtype == jnp.float64 else 7
    series = jnp.zeros_like(v)
    for k in range(terms, 0, -1):
        series = v2 * (1 / (2 * k + 1) + series)
    # far apart the ratio may overflow where its logarithm does not
    safe_x = jnp.where(near | (x == 0), 1.0, x)
    safe_m = jnp.where(near | (x == 0), 1.0, m)
    far = x * (jnp.log(safe_x) - jnp.log(safe_m)) - difference
    return jnp.where(near, difference * v + 2 * x * v * series, far)


deviance = with_partials(
    _deviance_value,
    lambda x, m: _log_quotient(x, m),
    lambda x, m: jnp.where(x == 0, 1.0, ratio(m - x, jnp.where(x == 0, 1.0, m))),
)
deviance.__doc__ = """``x log(x / m) + m - x``, never negative, accurate where ``x`` is close to ``m``.

Args:
    x: not negative, any shape; ``m`` at 0.
    m: not negative, broadcastable; inf at 0 unless ``x`` is 0 as well.

Source: Loader (2000), there called bd0."""


def _log_quotient_value(x: Array, m: Array) -> Array:
    """``log(x / m)``, accurate where the two are close and where the ratio overflows."""
    near = jnp.abs(x - m) <= 0.5 * m
    close = jnp.log1p(jnp.where(near, x - m, 0.0) / jnp.where(near & (m > 0), m, 1.0))
    return jnp.where(near, close, jnp.log(x) - jnp.log(m))


_log_quotient = with_partials(_log_quotient_value, lambda x, m: 1 / x, lambda x, m: -1 / m)


def _zeta_minus_one(k: int) -> float:
    """The sum of ``n^-k`` over ``n >= 2``, by Euler and Maclaurin from 100 on."""
    n = 100.0
    tail = n ** (1 - k) / (k - 1) + n**-k / 2 + k * n ** (-k - 1) / 12 - k * (k + 1) * (k + 2) * n ** (-k - 3) / 720
    return math.fsum([*(i**-k for i in range(2, 100)), tail, math.prod(range(k, k + 5)) * n ** (-k - 5) / 30240])


# log Gamma(2 + t) = sum of these times t^k
_AT_TWO = (0.0, 1 - 0.57721566490153286061, *((-1) ** k * _zeta_minus_one(k) / k for k in range(2, 31)))


def _log_gamma_near_two(t: Array) -> Array:
    """``log Gamma(2 + t)`` for ``t`` within a half of 0."""
    series = jnp.zeros_like(t)
    for coefficient in _AT_TWO[: 31 if t.dtype == jnp.float64 else 17][::-1]:
        series = series * t + coefficient
    return series


def log_gamma_1p(x: Array) -> Array:
    """``log Gamma(1 + x)`` for ``x`` within a half of 0, where it keeps its digits: about ``-0.577 x``."""
    return _log_gamma_near_two(x) - jnp.log1p(x)


@by_forward_mode
def _log_gamma(x: Array) -> Array:
    small = x < 2.5
    n = jnp.round(jax.lax.stop_gradient(jnp.where(small, x, 2.0)))
    shift = jnp.log(jnp.where(n < 2, x, 1.0)) + jnp.log1p(jnp.where(n < 1, x, 0.0))
    below_two = _log_gamma_near_two(jnp.where(small, x, 2.0) - n) - shift
    big = jnp.where(small, 2.5, x)
    above = (big - 0.5) * (jnp.log(big) - 1) + (_HALF_LOG_2PI - 0.5) + _error_above_one(big)
    return jnp.where(small, below_two, above)


def log_gamma(x: Array) -> Array:
    """``log Gamma(x)``, accurate in float32 too, near its zeros at 1 and 2 as well.

    Args:
        x: positive, any shape; inf at 0.

    Source: Abramowitz and Stegun 6.1.33 (Taylor series at 2), 6.1.41 (Stirling).
    """
    return _log_gamma(x)


def digamma(x: Array) -> Array:
    """The derivative of `log_gamma`; its own derivative is the trigamma function.

    Args:
        x: positive, any shape; -inf at 0.
    """
    return jax.jvp(_log_gamma, (x,), (jnp.ones_like(x),))[1]


def digamma_excess(x: Array) -> Array:
    """``digamma(x) - log(x)`` for positive ``x``, without cancellation: negative, about ``-1 / (2 x)``."""
    return jax.jvp(_stirling_error, (x,), (jnp.ones_like(x),))[1] - 0.5 / x


def trigamma(x: Array) -> Array:
    """The derivative of `digamma`, for positive ``x``."""
    return jax.jvp(digamma, (x,), (jnp.ones_like(x),))[1]


def _shifted_difference(a: Array, b: Array) -> Array:
    """``digamma(a + 1) - digamma(a + b + 1)``."""
    low, high = a + 1, a + b + 1
    slope_low = jax.jvp(_error_above_one, (low,), (jnp.ones_like(low),))[1]
    slope_high = jax.jvp(_error_above_one, (high,), (jnp.ones_like(high),))[1]
    return -jnp.log1p(b / low) - 0.5 * (b / low / high) + slope_low - slope_high


def _trigamma_difference(a: Array, b: Array) -> Array:
    a, b = jnp.broadcast_arrays(a, b)
    total = a + b
    shifted = jax.jvp(_shifted_difference, (a, b), (jnp.ones_like(a), jnp.zeros_like(b)))[1]
    return shifted + ratio(ratio(b, a), total) * (1 / a + 1 / total)


digamma_difference = with_partials(
    lambda a, b: _shifted_difference(a, b) - ratio(ratio(b, a), a + b),
    _trigamma_difference,
    lambda a, b: -trigamma(a + b),
)
digamma_difference.__doc__ = """``digamma(a) - digamma(a + b)`` without cancellation, never positive.

Args:
    a: positive, any shape.
    b: not negative, broadcastable."""


def _log_beta_value(a: Array, b: Array) -> Array:
    low, high = jnp.minimum(a, b), jnp.maximum(a, b)
    total = low + high
    log_rest = jnp.log1p(-low / total)
    return (
        low * _log_quotient(low, total)
        + (high - 0.5) * log_rest
        + log_factorial_excess(low)
        - jnp.log(low)
        + stirling_error(high)
        - stirling_error(total)
    )


log_beta = with_partials(_log_beta_value, digamma_difference, lambda a, b: digamma_difference(b, a))
log_beta.__doc__ = """``log B(a, b) = log Gamma(a) + log Gamma(b) - log Gamma(a + b)`` without cancellation.

Args:
    a, b: positive, broadcastable."""


def _log_binomial_value(n: Array, k: Array) -> Array:
    rest = n - k
    low, high = jnp.minimum(k, rest), jnp.maximum(k, rest)
    some = low > 0
    safe_low, safe_n = jnp.where(some, low, 1.0), jnp.where(some, n, 2.0)
    value = (
        -safe_low * _log_quotient(safe_low, safe_n)
        - (safe_n - safe_low + 0.5) * jnp.log1p(-safe_low / safe_n)
        - log_factorial_excess(safe_low)
        + stirling_error(safe_n)
        - stirling_error(safe_n - safe_low)
    )
    return jnp.where(some, value, jnp.where((low == 0) & (high >= 0), 0.0, jnp.nan))


log_binomial_coefficient = with_partials(
    _log_binomial_value,
    lambda n, k: -digamma_difference(n - k + 1, k),
    lambda n, k: digamma(n - k + 1) - digamma(k + 1),
)
log_binomial_coefficient.__doc__ = """``log(n! / (k! (n - k)!))`` for real ``0 <= k <= n``; exactly 0 at both ends.

Args:
    n, k: broadcastable; NaN unless ``0 <= k <= n``."""
