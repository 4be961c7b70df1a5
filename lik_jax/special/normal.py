"""The standard normal distribution's log-probabilities, accurate to any number of standard deviations.

>>> import jax.numpy as jnp
>>> round(float(log_ndtr(jnp.asarray(-100.0))), 2)
-5005.52
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from .._derivatives import with_partials
from .basic import log1mexp

_LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)
_SQRT_HALF = math.sqrt(0.5)


def _start(dtype: np.dtype) -> float:
    """From how far below 0 the continued fraction is used: where its depth is enough for the dtype."""
    return 3.0 if dtype == jnp.float64 else 2.0


def _fraction(t: Array, first: int) -> Array:
    """``first / (t + (first + 1) / (t + ...))``, a tail of Laplace's continued fraction, for ``t`` from `_start`."""
    depth = 48 if t.dtype == jnp.float64 else 18
    tail = jnp.zeros_like(t)
    for k in range(depth, first - 1, -1):
        tail = k / (t + tail)
    return tail


def _phi(x: Array) -> Array:
    return jnp.exp(-0.5 * x * x - _LOG_SQRT_2PI)


def _hazard_parts(x: Array) -> tuple[Array, Array, Array]:
    """Whether ``x`` lies in the far lower tail, ``-x`` there, and ``x`` elsewhere (NaN goes elsewhere)."""
    start = _start(x.dtype)
    far = x < -start
    return far, jnp.where(far, -x, start), jnp.where(far, 0.0, x)


def _hazard_value(x: Array) -> Array:
    far, t, near = _hazard_parts(x)
    return jnp.where(far, t + _fraction(t, 1), _phi(near) / (0.5 * jax.lax.erfc(-near * _SQRT_HALF)))


def _hazard_slope(x: Array) -> Array:
    far, t, near = _hazard_parts(x)
    # -h (h + x) with h + x = 1 / (t + rest): the -1 of the limit is taken out, so that derivatives keep their digits
    rest = _fraction(t, 2)
    limit = -1 + (rest - 1 / (t + rest)) / (t + rest)
    h = reverse_hazard(near)
    return jnp.where(far, limit, -h * (near + h))


reverse_hazard = with_partials(_hazard_value, _hazard_slope)
reverse_hazard.__doc__ = """``phi(x) / Phi(x)``, the derivative of `log_ndtr`: about ``-x`` far below 0, 0 far above.

Args:
    x: real, any shape.

Source: Laplace's continued fraction of the Mills ratio, Abramowitz and Stegun 26.2.14."""


def _log_ndtr_value(x: Array) -> Array:
    far, t, near = _hazard_parts(x)
    tail = -0.5 * t * t - _LOG_SQRT_2PI - jnp.log(t + _fraction(t, 1))
    middle = jnp.log(0.5 * jax.lax.erfc(-jnp.minimum(near, 0) * _SQRT_HALF))
    upper = jnp.log1p(-0.5 * jax.lax.erfc(jnp.maximum(near, 0) * _SQRT_HALF))
    return jnp.where(far, tail, jnp.where(near < 0, middle, upper))


def _at_infinity_zero(x: Array, slope: Array) -> Array:
    return jnp.where(jnp.isinf(x), 0.0, slope)


log_ndtr = with_partials(_log_ndtr_value, lambda x: _at_infinity_zero(x, reverse_hazard(x)))
log_ndtr.__doc__ = """``log Phi(x)`` in nats; derivatives of every order keep their digits far in the lower tail.

Args:
    x: real, any shape; -inf gives -inf, inf gives 0, with derivative 0 at both."""


def log_mills(x: Array) -> Array:
    """``log(Phi(x) / phi(x))``: `log_ndtr` without the exponential part, about ``-log(-x)`` far below 0."""
    return -_log_hazard(x)


def _log_hazard_value(x: Array) -> Array:
    far, t, near = _hazard_parts(x)
    other = -0.5 * near * near - _LOG_SQRT_2PI - _log_ndtr_value(near)
    return jnp.where(far, jnp.log(t + _fraction(t, 1)), other)


def _log_hazard_slope(x: Array) -> Array:
    far, t, near = _hazard_parts(x)
    return jnp.where(far, -_fraction(t, 1), -(near + reverse_hazard(near)))


_log_hazard = with_partials(_log_hazard_value, _log_hazard_slope)

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(14)


def _interval_parts(a: Array, b: Array) -> tuple[Array, Array, Array]:
    """``log P``, ``phi(a) / P`` and ``phi(b) / P`` for the interval's probability ``P = Phi(b) - Phi(a)``."""
    a, b = jnp.broadcast_arrays(a, b)
    big = 1e150 if a.dtype == jnp.float64 else 1e18
    flip = a > -b
    low = jnp.maximum(jnp.where(flip, -b, a), -big)
    high = jnp.minimum(jnp.where(flip, -a, b), big)
    width, middle = high - low, 0.5 * low + 0.5 * high
    lean = -width * middle
    narrow = (width <= 1) & (lean <= 2)
    upper = ~narrow & (high > 0)
    tail = ~narrow & ~upper

    # narrow: phi(s) / phi(middle) integrated over the interval, an even function, by Gauss and Legendre
    w, m = jnp.where(narrow, width, 0.5), jnp.where(narrow, middle, 0.0)
    mean = jnp.zeros_like(w)
    for node, weight in zip(_NODES[_NODES > 0], _WEIGHTS[_NODES > 0], strict=True):
        s = w * (0.5 * float(node))
        mean = mean + float(weight) * jnp.cosh(s * m) * jnp.exp(-0.5 * s * s)
    log_narrow = jnp.log(w) + jnp.log(mean) - 0.5 * m * m - _LOG_SQRT_2PI
    scale, half = jnp.exp(-0.125 * w * w) / mean, 0.5 * w * m
    ratio_w = jnp.where(w > 0, w, jnp.inf)
    low_narrow, high_narrow = scale * jnp.exp(half) / ratio_w, scale * jnp.exp(-half) / ratio_w

    # both sides of 0, wide: what is missing from 1
    lo, hi = jnp.where(upper, low, -1.0), jnp.where(upper, high, 1.0)
    log_upper = jnp.log1p(-0.5 * (jax.lax.erfc(hi * _SQRT_HALF) + jax.lax.erfc(-lo * _SQRT_HALF)))
    mass = jnp.exp(log_upper)
    low_upper, high_upper = _phi(lo) / mass, _phi(hi) / mass

    # one tail: Phi(high) (1 - Phi(low) / Phi(high)), the exponential part of the ratio formed without cancellation
    lo, hi = jnp.where(tail, low, -3.0), jnp.where(tail, high, -1.0)
    d = (hi - lo) * (-0.5 * lo - 0.5 * hi)
    log_ratio = d + log_mills(hi) - log_mills(lo)
    rest = log1mexp(log_ratio)
    log_tail = log_ndtr(hi) + rest
    high_tail = reverse_hazard(hi) * jnp.exp(-rest)
    low_tail = high_tail * jnp.exp(-d)

    def pick(one: Array, two: Array, three: Array) -> Array:
        return jnp.where(narrow, one, jnp.where(upper, two, three))

    at_low, at_high = pick(low_narrow, low_upper, low_tail), pick(high_narrow, high_upper, high_tail)
    # a NaN bound satisfies no condition, and an empty interval none that would show: say so at the end
    value = jnp.where(a <= b, pick(log_narrow, log_upper, log_tail), jnp.nan)
    return value, jnp.where(flip, at_high, at_low), jnp.where(flip, at_low, at_high)


log_ndtr_difference = with_partials(
    lambda a, b: _interval_parts(a, b)[0],
    lambda a, b: _at_infinity_zero(a, -_interval_parts(a, b)[1]),
    lambda a, b: _at_infinity_zero(b, _interval_parts(a, b)[2]),
)
log_ndtr_difference.__doc__ = """``log(Phi(b) - Phi(a))`` in nats, for intervals of any width anywhere.

Args:
    a, b: real, ``a <= b``, broadcastable; infinities allowed. ``a == b`` gives -inf, ``a > b`` NaN.

Returns:
    The interval's log-probability, with derivatives ``-phi(a) / P`` and ``phi(b) / P`` (0 at an infinite bound).

Near 0 or narrow: quadrature about the midpoint; in a tail: Mills ratios and log1mexp; else the complement."""
