"""Elementary functions that stay accurate where the obvious formula does not."""

import jax
import jax.numpy as jnp
from jax import Array

from .._derivatives import with_partials

ratio = with_partials(
    lambda a, b: a / b,
    lambda a, b: ratio(jnp.ones_like(a), b),
    lambda a, b: -ratio(ratio(a, b), b),
)
ratio.__doc__ = """``a / b``, with derivatives that never form ``1 / b^2`` (which overflows for small ``b``)."""


def _sigmoid_slope(x: Array) -> Array:
    return sigmoid(x) * sigmoid(-x)


def _sigmoid_value(x: Array) -> Array:
    return 1 / (1 + jnp.exp(-x))


sigmoid = with_partials(_sigmoid_value, _sigmoid_slope)
sigmoid.__doc__ = """The logistic function ``1 / (1 + exp(-x))``; 0 and 1 at the infinities."""


def _softplus_value(x: Array) -> Array:
    return jnp.maximum(x, 0) + jnp.log1p(jnp.exp(-jnp.abs(x)))


softplus = with_partials(_softplus_value, lambda x: sigmoid(x))
softplus.__doc__ = """``log(1 + exp(x))``; 0 at -inf, inf at inf, derivative `sigmoid`."""


def log_sigmoid(x: Array) -> Array:
    """``log(1 / (1 + exp(-x)))``, never above 0."""
    return -softplus(-x)


def logit(p: Array) -> Array:
    """``log(p / (1 - p))``; infinite at 0 and 1."""
    return jnp.log(p) - jnp.log1p(-p)


def root(square: Array) -> Array:
    """The square root of what is not negative, with slope 0 at 0, where a length has none."""
    zero = square == 0
    return jnp.where(zero, 0, jnp.sqrt(jnp.where(zero, 1, square)))


def weighted(weight: Array, value: Array) -> Array:
    """``weight * value``, but exactly 0, gradient towards ``value`` too, where ``weight`` is 0 and ``value`` infinite.

    The gradient towards ``weight`` is ``value`` where that is finite.
    """
    infinite = jnp.isinf(value)
    safe = jnp.where(infinite, 0.0, value)
    return jnp.where(infinite & (weight != 0), weight * jax.lax.stop_gradient(value), weight * safe)


def zero_or_inf(x: Array) -> Array:
    """0 where ``x`` is 0, NaN where it is NaN, inf anywhere else: a penalty without a comparison."""
    biggest = float(jnp.finfo(x.dtype).max)
    return jnp.abs(x * biggest) * biggest


def _log1mexp_value(x: Array) -> Array:
    near = x < 0.6931471805599453
    small = jnp.log(-jnp.expm1(-jnp.where(near, x, 1.0)))
    return jnp.where(near, small, jnp.log1p(-jnp.exp(-jnp.where(near, 1.0, x))))


# the slope 1 / (exp(x) - 1), in the form whose own derivatives stay finite for large x
log1mexp = with_partials(_log1mexp_value, lambda x: jnp.exp(-x) / -jnp.expm1(-x))
log1mexp.__doc__ = """``log(1 - exp(-x))`` for ``x >= 0``; -inf at 0. Source: Maechler (2012), "Accurately computing
log(1 - exp(-|a|))"."""


def _log1pmx_value(x: Array) -> Array:
    near = (x > -0.5) & (x < 1.0)
    u = jnp.where(near, x, 0.0)
    t = u / (2 + u)
    t2 = t * t
    terms = 18 if x.dtype == jnp.float64 else 8
    series = jnp.zeros_like(t)
    for k in range(terms, -1, -1):
        series = series * t2 + 1 / (2 * k + 3)
    far = jnp.where(near, 1.0, x)
    return jnp.where(near, t * (2 * t2 * series - u), jnp.log1p(far) - far)


log1pmx = with_partials(_log1pmx_value, lambda x: -ratio(x, 1 + x))
log1pmx.__doc__ = """``log(1 + x) - x`` for ``x > -1``, without the cancellation near 0: the atanh series in
``x / (2 + x)``."""
