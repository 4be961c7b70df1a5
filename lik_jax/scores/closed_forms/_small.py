"""How close the mean distance of two draws comes to twice the mean, as it does for concentrations near 0."""

import math

import jax.numpy as jnp
from jax import Array

from ... import special
from ..._derivatives import with_partials
from ._forms import mean_over_unit


def _one(a: Array) -> Array:
    """``psi(1 + 2 a) - psi(1 + a)``."""
    return -special.digamma_difference(1 + a, a)


def _both(b: Array) -> Array:
    """``psi(b) - psi(2 b)``."""
    return special.digamma_difference(b, b)


def _beta_value(a: Array, b: Array) -> Array:
    a, b = jnp.broadcast_arrays(a, b)

    def slope(t: Array) -> Array:
        s = t * a[..., None]
        return _one(s) + _both(b[..., None] + s)

    return 2 * a * mean_over_unit(slope, a, 12)


log_share_of_beta = with_partials(
    _beta_value,
    lambda a, b: 2 * (_one(a) + _both(b + a)),
    lambda a, b: 2 * (_both(b + a) - _both(b)),
)
log_share_of_beta.__doc__ = """``log(E|X - X'| / (2 E X))`` of a beta distribution with concentrations ``a`` and ``b``.

It is twice the integral of ``psi(1 + 2 s) - psi(1 + s) - psi(2 b + 2 s) + psi(b + s)`` over ``s`` from 0 to ``a``:
small where ``a`` is, and not a difference of large logarithms.

Args:
    a: at most 1.
    b: not below ``a``."""


log_share_of_gamma = with_partials(
    lambda a: 2 * a * mean_over_unit(lambda t: _one(t * a[..., None]) - math.log(2), a, 12),
    lambda a: 2 * (_one(a) - math.log(2)),
)
log_share_of_gamma.__doc__ = """The same of a gamma distribution, where ``b`` is infinite."""
