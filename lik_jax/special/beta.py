"""The incomplete beta function in log space, with derivatives in both shapes and the argument.

With ``v = log(x / (1 - x))`` the integrand ``x^a (1 - x)^b dv`` is log-concave for all positive shapes, so the tail on
the near side of the mean is its end value times an integral that falls off from 1: a fixed Gauss-Legendre rule
does it, at the same cost for shapes of 1e-3 and of 1e8, and the shapes may be differentiated under the integral.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from .._arrays import as_floats, as_same_shape
from .._derivatives import by_forward_mode, with_partials
from .basic import log1mexp, log1pmx, log_sigmoid, ratio
from .stirling import log_factorial_excess, stirling_error

_SHIFT = 4


def log1pmx_given(d: Array, log_ratio: Array) -> Array:
    """``log(1 + d) - d``, for ``d`` near -1 from ``log_ratio = log(1 + d)``."""
    far = d < -0.5
    return jnp.where(far, jnp.where(far, log_ratio, 0.0) - d, log1pmx(jnp.where(far, 0.0, d)))


def log1p_given(d: Array, log_ratio: Array) -> Array:
    """``log(1 + d)``, for ``d`` near -1 from ``log_ratio``, which is the same."""
    far = d < -0.5
    return jnp.where(far, log_ratio, jnp.log1p(jnp.where(far, 0.0, d)))


def stirling_slope(x: Array) -> Array:
    """The derivative of `stirling_error`, about ``-1 / (12 x^2)``."""
    return jax.jvp(stirling_error, (x,), (jnp.ones_like(x),))[1]


def _excess_slope(x: Array) -> Array:
    return jax.jvp(log_factorial_excess, (x,), (jnp.ones_like(x),))[1]


_share = with_partials(
    lambda v, x, xc: x + jnp.zeros_like(v),
    lambda v, x, xc: _share(v, x, xc) * _share(-v, xc, x),
    lambda v, x, xc: jnp.zeros_like(v),
    lambda v, x, xc: jnp.zeros_like(v),
)


def _log_terms(a: Array, b: Array, v: Array, x: Array, xc: Array) -> tuple[Array, Array, Array]:
    """``lambda = a (1 - x) - b x``, and the logarithms of ``s x / a`` and ``s (1 - x) / b`` with ``s = a + b``."""
    log_s = jnp.log(a + b)
    slope = a * _share(-v, xc, x) - b * _share(v, x, xc)
    return slope, log_sigmoid(v) + (log_s - jnp.log(a)), log_sigmoid(-v) + (log_s - jnp.log(b))


def _log_first_value(a: Array, b: Array, v: Array, x: Array, xc: Array) -> Array:
    slope, log_a, log_b = _log_terms(a, b, v, x, xc)
    s = a + b
    deviance = a * log1pmx_given(-slope / a, log_a) + b * log1pmx_given(slope / b, log_b)
    # c(s) - c(b) + log(b / s), small where a is
    big = b >= 1
    safe = jnp.where(big, b, 1.0)
    rest = jnp.where(
        big,
        stirling_error(a + safe) - stirling_error(safe) - 0.5 * jnp.log1p(a / safe),
        log_factorial_excess(s) - log_factorial_excess(b) - jnp.log1p(a / b),
    )
    return deviance + (rest - log_factorial_excess(a))


def _log_first_slope_a(a: Array, b: Array, v: Array, x: Array, xc: Array) -> Array:
    slope, log_a, _ = _log_terms(a, b, v, x, xc)
    s = a + b
    return log1p_given(ratio(-slope, a), log_a) + (_excess_slope(s) - _excess_slope(a)) - ratio(jnp.ones_like(s), s)


_log_first = with_partials(
    _log_first_value,
    _log_first_slope_a,
    lambda a, b, v, x, xc: _log_first_slope_a(b, a, -v, xc, x) + ratio(jnp.ones_like(b), b),
    lambda a, b, v, x, xc: _log_terms(a, b, v, x, xc)[0],
    lambda a, b, v, x, xc: jnp.zeros_like(a),
    lambda a, b, v, x, xc: jnp.zeros_like(a),
)
_log_first.__doc__ = """``log(x^a (1 - x)^b / (a B(a, b)))``: near 0, and accurate, for small ``a``.

Takes ``v = log(x / (1 - x))``, ``x`` and ``1 - x``, each as accurate as the caller has it; derivatives go to ``a``,
``b`` and ``v``. Source: Loader (2000), "Fast and accurate computation of binomial probabilities"."""


def log_beta_power(a: Array, b: Array, v: Array, x: Array, xc: Array) -> Array:
    """``log(x^a (1 - x)^b / B(a, b))``: the beta density in ``v = log(x / (1 - x))``.

    Arguments as in `log_beta_tails`; the deviance form, so that shapes of 1e8 cost no digits.
    """
    low = a < b
    a, b, v, x, xc = _swap(low, a, b, v, x, xc)
    return _log_first(a, b, v, x, xc) + jnp.log(a)


def log_beta_power_slope(a: Array, b: Array, v: Array, x: Array, xc: Array) -> Array:
    """The derivative of `log_beta_power` towards ``a``: ``log x - psi(a) + psi(a + b)``. Arguments as there."""
    return _log_first_slope_a(a, b, v, x, xc) + ratio(jnp.ones_like(a), a)


def _swap(keep: Array, a: Array, b: Array, v: Array, x: Array, xc: Array) -> tuple[Array, ...]:
    """The same distribution seen from the other end where not ``keep``."""
    pairs = ((a, b), (b, a), (v, -v), (x, xc), (xc, x))
    return tuple(jnp.where(keep, one, other) for one, other in pairs)


def _expm1mx(w: Array) -> Array:
    e = jnp.expm1(w)
    near = jnp.abs(w) < 0.6
    return jnp.where(near, -log1pmx(jnp.where(near, e, 0.0)), e - w)


def _cumulant(r: Array, w: Array) -> Array:
    """``log(1 - r + r exp(w)) - r w`` for ``r`` up to a half: nothing cancels however small ``r`` or ``w``."""
    e = r * jnp.expm1(w)
    near = e < 0.9
    safe = jnp.where(near, e, 0.0)
    return jnp.where(near, log1pmx(safe) + r * _expm1mx(jnp.where(near, w, 0.0)), jnp.log1p(e) - r * w)


def _length(a: Array, b: Array, x: Array, xc: Array, drop: float) -> Array:
    """How far to integrate until the integrand has fallen to about ``exp(-drop)``, never less."""
    s = a + b
    slope = jnp.maximum(a * xc - b * x, 0)
    curve = s * x * xc
    # root of slope u + curve u^2 / (2 + u) = drop: an upper bound
    p = 2 * slope - drop
    root = jnp.sqrt(p * p + 8 * drop * (slope + curve))
    tiny = jnp.finfo(a.dtype).tiny
    u = jnp.where(p > 0, 4 * drop / (jnp.abs(p) + root), (jnp.abs(p) + root) / (2 * (slope + curve) + tiny))
    # s log(x + xc e^u) - b u = drop: iterating from above stays above
    log_xc = jnp.log(xc)
    for _ in range(3):
        t = jnp.minimum((drop + b * u) / s, 80.0)
        u = jnp.minimum(u, jnp.logaddexp(jnp.log(jnp.expm1(t)) - log_xc, 0.0))
    return u


# a compiled function of its own: run op by op, its loop would be compiled anew at each call
@jax.jit
def _log_rest_value(a: Array, b: Array, v: Array, x: Array, xc: Array) -> Array:
    """``log(a B(a, b) I_x(a, b) / (x^a (1 - x)^b))``, for ``x`` not above the mean."""
    x, xc = _share(v, x, xc), _share(-v, xc, x)
    wide = a.dtype == jnp.float64
    nodes, weights = np.polynomial.legendre.leggauss(64 if wide else 24)
    nodes, weights = jnp.asarray((nodes + 1) / 2, a.dtype), jnp.asarray(weights / 2, a.dtype)
    s, left = a + b, a + _SHIFT
    slope = left * xc - b * x
    upper = x > 0.5
    r, sign = jnp.where(upper, xc, x), jnp.where(upper, 1.0, -1.0).astype(a.dtype)
    length = jax.lax.stop_gradient(_length(left, b, x, xc, 40.0 if wide else 19.0))

    def add(j: Array, total: Array) -> Array:
        u = length * nodes[j]
        w = jnp.minimum(u, 80.0) * sign
        return total + weights[j] * jnp.exp(-slope * u - (s + _SHIFT) * _cumulant(r, w))

    # the shape a is raised by steps first, so that the integrand falls off fast enough: all terms are positive
    total = length * jax.lax.fori_loop(0, nodes.size, add, jnp.zeros_like(length)) * left
    for j in range(_SHIFT - 1, -1, -1):
        total = (1.0 if j < _SHIFT - 1 else 0.0) + total
        total = total * x * ((s + j) / (a + j + 1))
    return jnp.log1p(total)


_log_rest = by_forward_mode(_log_rest_value)


def log_beta_tails(a: Array, b: Array, v: Array, x: Array, xc: Array) -> tuple[Array, Array]:
    """``log I_x(a, b)`` and ``log(1 - I_x(a, b))`` for ``x`` strictly inside (0, 1).

    Args:
        a, b: positive.
        v: ``log(x / (1 - x))``, finite; the only one of the last three that derivatives go to.
        x, xc: ``x`` and ``1 - x``, both to full relative precision (they may underflow where ``v`` is large).
    """
    # products compared, not subtracted: a fused multiply-add could call a tie both ways, and the halves disagree
    lower = a * xc >= b * x
    swapped = _swap(lower, a, b, v, x, xc)
    return _both(lower, _log_first(*swapped) + _log_rest(*swapped))


def _both(lower: Array, near: Array) -> tuple[Array, Array]:
    # rounding must not lift a probability to 1: its complement would be lost
    near = jnp.minimum(near, -float(jnp.finfo(near.dtype).tiny))
    far = log1mexp(-near)
    return jnp.where(lower, near, far), jnp.where(lower, far, near)


def _log_last_slope(c: Array, b: Array, log_mean: Array, x: Array, xc: Array) -> Array:
    v = log_mean - jnp.log(c)
    slope, _, log_c = _log_terms(b, c, v, xc, x)
    s = b + c
    # (1 - slope) / c, of which the leading digits are gone already
    rest = ratio((1 - b) * _share(-v, x, xc) + (1 + c) * _share(v, xc, x), c)
    excess = _excess_slope(s) - _excess_slope(c) - ratio(jnp.ones_like(s), s)
    return log1p_given(ratio(slope, c), log_c) + excess + rest


# `_log_first` from the other end where v is log(c) - log_mean: towards c, with log_mean fixed, 1 / c would cancel
_log_last = with_partials(
    lambda c, b, log_mean, x, xc: _log_first_value(b, c, log_mean - jnp.log(c), xc, x),
    _log_last_slope,
    lambda c, b, log_mean, x, xc: _log_first_slope_a(b, c, log_mean - jnp.log(c), xc, x),
    lambda c, b, log_mean, x, xc: _log_terms(b, c, log_mean - jnp.log(c), xc, x)[0],
    lambda c, b, log_mean, x, xc: jnp.zeros_like(c),
    lambda c, b, log_mean, x, xc: jnp.zeros_like(c),
)


def log_count_tails(c: Array, b: Array, log_mean: Array, x: Array, xc: Array) -> tuple[Array, Array]:
    """`log_beta_tails` with ``a = c`` and ``v = log(c) - log_mean``: derivatives go to ``c``, ``b`` and ``log_mean``.

    These are the tails of a negative binomial count, ``P(Y < b)`` and ``P(Y >= b)``, right to the last digits for
    small ``c`` too. ``x`` is ``c / (c + exp(log_mean))`` and ``xc`` its complement.
    """
    v = jnp.log(c) - log_mean
    # mean >= b: in this form a tie is one in whatever order XLA computes it, so that both halves take one side
    lower = log_mean >= jnp.log(b)
    first = jnp.where(lower, _log_first(c, b, v, x, xc), _log_last(c, b, log_mean, x, xc))
    return _both(lower, first + _log_rest(*_swap(lower, c, b, v, x, xc)))


def _tails(a: ArrayLike, b: ArrayLike, x: ArrayLike, xc: ArrayLike | None) -> tuple[Array, Array]:
    a, b, x = as_floats(a, b, x)
    a, b, x, xc = as_same_shape(a, b, x, 1 - x if xc is None else xc)
    below, above = jnp.less_equal(x, 0), jnp.less_equal(xc, 0)
    edge = below | above
    safe_x, safe_xc = jnp.where(edge, 0.5, x), jnp.where(edge, 0.5, xc)
    v = jnp.log(safe_x) - jnp.log(safe_xc)
    invalid = jnp.where((a <= 0) | (b <= 0), jnp.nan, 1.0).astype(a.dtype)
    lower, upper = log_beta_tails(a, b, v, jax.lax.stop_gradient(safe_x), jax.lax.stop_gradient(safe_xc))
    lower = jnp.where(below, -jnp.inf, jnp.where(above, 0.0, lower))
    upper = jnp.where(below, 0.0, jnp.where(above, -jnp.inf, upper))
    return lower * invalid, upper * invalid


def log_beta_inc(a: ArrayLike, b: ArrayLike, x: ArrayLike, xc: ArrayLike | None = None) -> Array:
    """``log I_x(a, b)``, the logarithm of the regularised incomplete beta function, ``[...]``.

    Args:
        a, b: positive.
        x: in [0, 1]; below is 0, above is 1.
        xc: ``1 - x`` where the caller has it more precisely.

    >>> round(float(log_beta_inc(2.0, 3.0, 0.5)), 4)
    -0.3747
    """
    return _tails(a, b, x, xc)[0]


def log_beta_inc_c(a: ArrayLike, b: ArrayLike, x: ArrayLike, xc: ArrayLike | None = None) -> Array:
    """``log(1 - I_x(a, b))``, accurate where `log_beta_inc` is nearly 0, ``[...]``. Arguments as there."""
    return _tails(a, b, x, xc)[1]
