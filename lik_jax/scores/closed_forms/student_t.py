"""The CRPS of Student's t distribution, for more than half a degree of freedom: below it is infinite.

With ``z = (y - loc) / scale``, ``p`` and ``F`` the standard density and cdf, the score is ``scale`` times
``z (2 F(z) - 1) + 2 / (df - 1) ((df + z^2) p(z) - sqrt(df) B(1/2, df - 1/2) / B(1/2, df/2)^2)``.
The two terms cancel at ``df = 1``, where the mean ends but not the score; near there their difference is an integral.

Source: Jordan, Krueger and Lerch (2019), "Evaluating probabilistic forecasts with scoringRules", appendix A.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ... import special
from ..._arrays import as_floats
from ...distributions import student_t
from ._forms import along, lean_of, location_scale, mean_over_unit

_NEAR = 0.1


def _safe(df: Array) -> Array:
    return jnp.where((df > 0.5) & (df < jnp.inf), df, 3.0)


def _log_spread(z: Array, df: Array) -> Array:
    """``log(1 + z^2 / df) / 2``, however far out."""
    t = jnp.abs(z) / jnp.sqrt(df)
    far = t > 1e6
    return jnp.where(far, jnp.log(jnp.where(far, t, 1.0)), 0.5 * jnp.log1p(jnp.where(far, 0.0, t) ** 2))


def _log_change(df: Array) -> Array:
    """``log(B(1/2, df - 1/2) / B(1/2, df / 2)) / (df - 1)``, for ``df`` near 1."""
    wide = df[..., None]

    def slope(t: Array) -> Array:
        return special.digamma_difference(0.5 * wide + 0.5 * t * (wide - 1), jnp.full_like(wide, 0.5))

    return 0.5 * mean_over_unit(slope, df, 12)


def _excess(z: Array, df: Array) -> Array:
    """``((1 + z^2 / df)^(-(df - 1) / 2) - B(1/2, df - 1/2) / B(1/2, df / 2)) / (df - 1)``."""
    near = jnp.abs(df - 1) < _NEAR
    spread = _log_spread(z, df)
    far, half = jnp.where(near, 3.0, df), jnp.full_like(df, 0.5)
    change = special.log_beta(half, far - 0.5) - special.log_beta(half, far / 2)
    apart = (jnp.exp(-(far - 1) * spread) - jnp.exp(change)) / (far - 1)
    close = jnp.where(near, df, 1.0)
    slope = _log_change(close)
    # the difference of two exponentials that meet at df = 1, as an integral between their exponents
    wide = [x[..., None] for x in jnp.broadcast_arrays(close - 1, slope, spread)]
    between = mean_over_unit(lambda t: jnp.exp(wide[0] * (t * wide[1] - (1 - t) * wide[2])), apart, 12)
    return jnp.where(near, -(spread + slope) * between, apart)


def _density(df: Array) -> Array:
    """The standard density at 0."""
    zero = jnp.zeros_like(df)
    return jnp.exp(student_t.log_prob(student_t.Params(df, zero, zero + 1), zero))


def _normal_rest(z: Array) -> Array:
    return math.sqrt(2 / math.pi) * jnp.exp(-0.5 * z * z) - 1 / math.sqrt(math.pi)


def _lean(z: Array, df: Array) -> Array:
    df = _safe(df)
    params = student_t.Params(df, jnp.zeros_like(df), jnp.ones_like(df))
    upper = lean_of(student_t.log_sf(params, jnp.abs(z)))
    return jnp.where(z < 0, -upper, upper)


def _lean_all(z: Array, df: Array) -> Array:
    return jnp.where(df == jnp.inf, jax.lax.erf(z * math.sqrt(0.5)), _lean(z, df))


def _rest(z: Array, df: Array) -> Array:
    inner = _safe(df)
    value = 2 * inner * _density(inner) * _excess(z, inner)
    infinite = jnp.where(df <= 0.5, jnp.inf, 0.0)
    return jnp.where(df == jnp.inf, _normal_rest(z), value) + infinite


def _slope_df(z: Array, df: Array) -> Array:
    inner = _safe(df)
    slope = along(lambda z, df: z * _lean(z, df) + 2 * df * _density(df) * _excess(z, df), 1)(z, inner)
    return jnp.where(df > 0.5, jnp.where(df == jnp.inf, 0.0, slope), jnp.nan)


_score = location_scale(_lean_all, _rest, _slope_df, shapes_valid=lambda df: df > 0)


def crps(params: Any, y: ArrayLike) -> Array:
    """``[...]``, inf for ``df <= 1/2``; derivatives towards ``df`` too."""
    y, df, loc, scale = as_floats(y, *params)
    return _score(y, loc, scale, df)
