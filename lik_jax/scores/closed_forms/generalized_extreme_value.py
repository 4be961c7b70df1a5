"""The CRPS of a generalised extreme value distribution, for a concentration below 2: beyond it is infinite.

With ``t = -log F(y)`` and ``c`` the concentration, ``scale`` times the integrals of ``(1 - exp(-s))^2 s^(-c - 1)`` up
to ``t`` and of ``exp(-2 s) s^(-c - 1)`` from ``t`` on. They are incomplete gamma functions of ``-c``, which have
poles at 0 and 1 that cancel; so each is taken apart at ``s = 1``, below into a power series and above by quadrature.

Source: Friederichs and Thorarinsdottir (2012), "Forecast verification for extreme value distributions with an
application to probabilistic peak wind prediction", for the closed form.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ... import special
from ..._arrays import as_floats
from ._forms import along, location_scale, mean_over_unit


def _level(z: Array, c: Array) -> tuple[Array, Array, Array]:
    """``log t``, and where ``y`` is below or above the whole support (``log t`` is 0 there)."""
    end = 1 + c * z <= 0
    level = special.log1p_ratio(jnp.where(end, 0.0, z), c)
    return -level, end & (c > 0), end & (c < 0)


def _lean(z: Array, c: Array) -> Array:
    log_t, below, above = _level(z, c)
    t = jnp.exp(log_t)
    return jnp.where(below, -1.0, jnp.where(above, 1.0, jnp.exp(-t) + jnp.expm1(-t)))


def _upper(rate: float, log_end: Array, c: Array) -> Array:
    """The integral of ``exp(-rate s) s^(-c - 1)`` from 1 to ``exp(log_end)``."""
    # where exp(-s) s^-c has died out
    far = jax.lax.stop_gradient(jnp.log(60 + 4 * jnp.maximum(-c, 0)))
    width = jnp.minimum(log_end, far)
    width, c = jnp.broadcast_arrays(width, c)

    def integrand(t: Array) -> Array:
        w = t * width[..., None]
        return jnp.exp(-rate * jnp.exp(w) - c[..., None] * w)

    return width * mean_over_unit(integrand, width, 40)


def _standard(z: Array, c: Array) -> Array:
    """The score of the standard distribution."""
    log_t, below, above = _level(z, c)
    late = log_t > 0
    # from here down t is at most 1; 0 above the support
    w = jnp.where(late | below | above, 0.0, log_t)
    # the sum over j of (2 t^(j - c) - 2^j) (-1)^(j + 1) / (j! (j - c)): from j = 2, then j = 1 without its pole
    total = jnp.zeros_like(w + c)
    for j in range(28 if total.dtype == jnp.float64 else 16, 1, -1):
        power = jnp.where(above, 0.0, 2 * jnp.exp((j - c) * w))
        total = total + (-1) ** (j + 1) / math.factorial(j) * (power - 2**j) / (j - c)
    first = 2 * jnp.where(above, 1 / jnp.where(above, c - 1, 1.0), special.expm1_ratio(w, 1 - c))
    mass = _upper(2.0, jnp.full_like(w, jnp.inf), c) - 2 * _upper(
        1.0, jnp.where(late, log_t, jnp.where(below, jnp.inf, 0.0)), c
    )
    return jnp.where(late | below, -z, z) + total + first + mass


def _safe(c: Array) -> Array:
    return jnp.where(c < 2, c, 0.0)


def _rest(z: Array, c: Array) -> Array:
    inner = _safe(c)
    return _standard(z, inner) - z * _lean(z, inner) + jnp.where(c < 2, 0.0, jnp.inf)


def _slope_concentration(z: Array, c: Array) -> Array:
    return jnp.where(c < 2, along(_standard, 1)(z, _safe(c)), jnp.nan)


_score = location_scale(lambda z, c: _lean(z, c), _rest, _slope_concentration, shapes_valid=lambda c: jnp.isfinite(c))


def crps(params: Any, y: ArrayLike) -> Array:
    """``[...]``, inf for a concentration of 2 and more."""
    y, loc, scale, concentration = as_floats(y, *params)
    return _score(y, loc, scale, concentration)
