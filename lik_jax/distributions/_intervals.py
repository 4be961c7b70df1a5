"""The probability of an interval, for families that have a formula without cancellation.

Every function takes ``low < high``, either of which may be infinite.
"""

import math
from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jax import Array

from .. import special
from .._derivatives import with_partials

_LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)
# jnp.expm1 has the slope expm1 + 1, which cancels far below 0
_expm1 = with_partials(jnp.expm1, jnp.exp)

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(7)


def standardised(low: Array, high: Array, loc: Array, scale: Array) -> tuple[Array, Array, Array]:
    """Both ends and the width in units of ``scale`` from ``loc``: an infinite end stays, with gradient zero.

    The width is formed from ``high - low``, not from two rounded ends.
    """
    below, above = jnp.isinf(low), jnp.isinf(high)
    a = jnp.where(below, low, special.ratio(jnp.where(below, loc, low) - loc, scale))
    b = jnp.where(above, high, special.ratio(jnp.where(above, loc, high) - loc, scale))
    half_line = below | above
    width = special.ratio(jnp.where(half_line, 1.0, high) - jnp.where(half_line, 0.0, low), scale)
    return a, b, jnp.where(half_line, jnp.inf, width)


def log_logistic(a: Array, b: Array, width: Array) -> Array:
    """``log(sigmoid(b) - sigmoid(a))``: every term is at most 0."""
    return special.log_sigmoid(b) + special.log_sigmoid(-a) + special.log1mexp(width)


def log_laplace(a: Array, b: Array, width: Array) -> Array:
    """The standard Laplace distribution's: one tail, or what both sides of 0 hold."""
    across = (a < 0) & (b > 0)
    one_side = jnp.where(b <= 0, b, -a)
    tail = jnp.where(across, 0.0, one_side) - math.log(2) + special.log1mexp(jnp.where(across, 1.0, width))
    left, right = jnp.where(across, a, -1.0), jnp.where(across, b, 1.0)
    both = jnp.log(-0.5 * (_expm1(left) + _expm1(-right)))
    return jnp.where(across, both, tail)


def normal_parts(low: Array, high: Array, loc: Array, scale: Array) -> tuple[Array, Array]:
    """A point ``r`` (in the units of ``low``) and ``log(P / phi((r - loc) / scale))`` for the interval's probability P.

    ``r`` is the middle of a narrow interval, the end nearest ``loc`` of one in a tail, else ``loc``: what is left is
    small however far out the interval lies.
    """
    a, b, width = standardised(low, high, loc, scale)
    half_line = jnp.isinf(width)
    middle = jnp.where(half_line, loc, 0.5 * jnp.where(half_line, 0.0, low) + 0.5 * jnp.where(half_line, 0.0, high))
    m = special.ratio(middle - loc, scale)
    narrow = (width <= 0.5) & (width * jnp.abs(m) <= 1)
    tail = ~narrow & ((a >= 0) | (b <= 0))

    # narrow: phi(m + s) / phi(m) integrated, even parts only
    w, centre = jnp.where(narrow, width, 0.25), jnp.where(narrow, m, 0.0)
    mean = jnp.zeros_like(w + centre)
    for node, weight in zip(_NODES[_NODES >= 0], _WEIGHTS[_NODES >= 0], strict=True):
        s = w * (0.5 * float(node))
        mean = mean + float(weight if node > 0 else weight / 2) * jnp.cosh(s * centre) * jnp.exp(-0.5 * s * s)
    log_narrow = jnp.log(w) + jnp.log(mean)

    # one tail: Mills ratios, the exponential part of their quotient formed without cancellation
    upper = a >= 0
    near = jnp.where(tail, jnp.where(upper, -a, b), -1.0)
    far = jnp.where(tail, jnp.where(upper, -b, a), -2.0)
    span = jnp.where(tail, width, 1.0)
    bounded = tail & (span * (-0.5 * near - 0.5 * jnp.where(jnp.isinf(far), near, far)) < 100)
    far, span = jnp.where(bounded, far, near - 1), jnp.where(bounded, span, 1.0)
    log_near = special.log_mills(near)
    gap = span * (-0.5 * near - 0.5 * far) + log_near - special.log_mills(far)
    log_tail = log_near + jnp.where(bounded, special.log1mexp(jnp.where(bounded, gap, 1.0)), 0.0)

    either = narrow | tail
    log_across = special.log_ndtr_difference(jnp.where(either, -1.0, a), jnp.where(either, 1.0, b)) + _LOG_SQRT_2PI
    end = jnp.where(upper, low, high)
    point = jnp.where(narrow, middle, jnp.where(tail, end, loc))
    # a NaN end satisfies no condition; it goes to log_across and comes back
    return point, jnp.where(narrow, log_narrow, jnp.where(tail, log_tail, log_across))


def log_normal(low: Array, high: Array, loc: Array, scale: Array) -> Array:
    """``log P(low < Y <= high)`` of a normal distribution."""
    point, rest = normal_parts(low, high, loc, scale)
    return -0.5 * special.ratio(point - loc, scale) ** 2 - _LOG_SQRT_2PI + rest


def log_normal_within(y: Array, low: Array, high: Array, loc: Array, scale: Array) -> Array:
    """Log-density at ``y`` of a normal distribution given ``low < Y <= high``: no difference of large numbers."""
    point, rest = normal_parts(low, high, loc, scale)
    step, twice = special.ratio(y - point, scale), special.ratio((y - loc) + (point - loc), scale)
    return -0.5 * step * twice - jnp.log(scale) - rest


def by_hazard(
    log_hazard_between: Callable[..., Array], hazard: Callable[..., Array], low: Array, high: Array, *params: Array
) -> Array:
    """``log P(low < Y <= high)`` of a time from 0 by its cumulative hazard ``H``: ``-H(low) + log(1 - e^-(H(high) -
    H(low)))``.

    Args:
        log_hazard_between: ``log(H(high) - H(low))`` of ``(low, high, *params)``, ``0 <= low < high < inf``.
        hazard: ``H`` of ``(y, *params)``, ``y > 0``.
        low: lower end, may be negative or -inf.
        high: upper end, may be inf.
        params: positive.
    """
    impossible, endless, early = high <= 0, high == jnp.inf, low <= 0
    start = jnp.where(early, 0.0, low)
    stop = jnp.where(impossible | endless, start + 1, high)
    between = special.log1mexpexp(log_hazard_between(start, stop, *params))
    passed = jnp.where(early, 0.0, hazard(jnp.where(early, 1.0, low), *params))
    return jnp.where(impossible, -jnp.inf, jnp.where(endless, 0.0, between) - passed)
