"""The CRPS of a Weibull distribution.

With ``h = (y / scale)^concentration``, ``t = 1 / concentration`` and ``P`` the lower incomplete gamma function it is
``y (1 - 2 exp(-h)) + scale Gamma(1 + t) (2^-t - 2 P(1 + t, h))``: the least of two draws is Weibull again.

Source: Jordan, Krueger and Lerch (2019), "Evaluating probabilistic forecasts with scoringRules", appendix A.
"""

import math
from typing import Any

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ... import special, supports
from ..._arrays import as_floats
from ..._derivatives import with_partials
from ._forms import along, finished, finished_slope


def _valid(scale: Array, k: Array) -> Array:
    return supports.positive.contains(scale) & supports.positive.contains(k)


def _hazard(y: Array, scale: Array, k: Array) -> tuple[Array, Array]:
    """Where ``y`` is inside, and ``h`` there (1 elsewhere)."""
    inside = (y > 0) & (y < jnp.inf)
    k = jnp.where(_valid(scale, k), k, 1.0)
    return inside, jnp.exp(k * special.log_ratio(jnp.where(inside, y, scale), scale))


def _lean(y: Array, scale: Array, k: Array) -> Array:
    inside, h = _hazard(y, scale, k)
    return jnp.where(inside, 1 - 2 * jnp.exp(-h), jnp.where(y == jnp.inf, 1.0, jnp.where(y <= 0, -1.0, y)))


def _rest(inside: Array, h: Array, k: Array) -> Array:
    """What the score has beside ``y (2 F(y) - 1)``, over the scale."""
    t = special.ratio(jnp.ones_like(k), k)
    # above one half, the lower tail is what is missing from 1, and the sum of the small parts stays
    lower, upper = jnp.exp(special.log_gamma_p(1 + t, h)), jnp.exp(special.log_gamma_q(1 + t, h))
    share = jnp.expm1(-math.log(2) * t) + jnp.where(inside, upper - lower, 1.0)
    return jnp.exp(special.log_gamma(1 + t)) * share


def _parts(y: Array, scale: Array, k: Array) -> Array:
    inside, h = _hazard(y, scale, k)
    return _rest(inside, h, jnp.where(_valid(scale, k), k, 1.0))


def _slope_concentration(y: Array, scale: Array, k: Array) -> Array:
    # y (2 F - 1) and the rest move against each other as h does: what is left is the slope with h held
    inside, h = _hazard(y, scale, k)
    valid = _valid(scale, k)
    slope = along(lambda h, k: _rest(inside, h, k), 1)(h, jnp.where(valid, k, 1.0))
    return finished_slope(scale * slope, y, valid)


_score = with_partials(
    lambda y, scale, k: finished(
        jnp.where(jnp.isinf(y), 0.0, y) * _lean(y, scale, k) + scale * _parts(y, scale, k), y, _valid(scale, k)
    ),
    lambda y, scale, k: finished_slope(_lean(y, scale, k), y, _valid(scale, k)),
    lambda y, scale, k: finished_slope(_parts(y, scale, k), y, _valid(scale, k)),
    _slope_concentration,
)


def crps(params: Any, y: ArrayLike) -> Array:
    """``[...]``, for ``scale`` and ``concentration``; ``y`` may be negative."""
    return _score(*as_floats(y, *params))
