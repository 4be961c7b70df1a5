"""How close the mean distance of two draws comes to twice the mean, as it does for concentrations near 0."""

import math

from jax import Array

from ... import special
from ._forms import mean_over_unit


def log_relative_difference(a: Array, b: Array | None = None) -> Array:
    """``log(E|X - X'| / (2 E X))`` of a beta distribution with concentrations ``a`` and ``b``; of a gamma if no ``b``.

    It is ``2`` times the integral of ``psi(1 + 2 s) - psi(1 + s) - psi(2 b + 2 s) + psi(b + s)`` over ``s`` from 0 to
    ``a``: small where ``a`` is, and not a difference of large logarithms.

    Args:
        a: at most 1.
        b: not below ``a``; None for infinity.
    """
    wide = a[..., None]

    def slope(t: Array) -> Array:
        s = t * wide
        doubled = -special.digamma_difference(1 + s, s)
        if b is None:
            return doubled - math.log(2)
        return doubled + special.digamma_difference(b[..., None] + s, b[..., None] + s)

    return 2 * a * mean_over_unit(slope, a, 12)
