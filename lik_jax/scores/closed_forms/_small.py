"""How close the mean distance of two draws comes to twice the mean, as it does for concentrations near 0."""

import jax.numpy as jnp
import numpy as np
from jax import Array

from ... import special

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(12)


def log_relative_difference(a: Array, b: Array | None = None) -> Array:
    """``log(E|X - X'| / (2 E X))`` of a beta distribution with concentrations ``a`` and ``b``; of a gamma if no ``b``.

    It is ``2`` times the integral of ``psi(1 + 2 s) - psi(1 + s) - psi(2 b + 2 s) + psi(b + s)`` over ``s`` from 0 to
    ``a``: small where ``a`` is, and not a difference of large logarithms.

    Args:
        a: at most 1.
        b: not below ``a``; None for infinity.
    """
    total = jnp.zeros_like(a)
    for node, weight in zip(_NODES, _WEIGHTS, strict=True):
        s = a * float(0.5 + 0.5 * node)
        doubled = -special.digamma_difference(1 + s, s)
        doubled = doubled - np.log(2) if b is None else doubled + special.digamma_difference(b + s, b + s)
        total = total + float(weight) * doubled
    return 2 * a * total
