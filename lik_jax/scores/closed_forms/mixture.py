"""The CRPS of mixtures of normal and of Laplace distributions: ``E|Y - y| - E|Y - Y'| / 2``, component by component.

Source: Grimit, Gneiting, Berrocal and Johnson (2006), "The continuous ranked probability score for circular variables
and its application to mesoscale forecast ensemble verification", for normals.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ... import special
from ..._arrays import as_floats, guard
from ..._derivatives import with_partials
from ...compose._mixing import log_weights
from ...compose._trees import widened
from ...distributions import _location_scale
from ._forms import mean_over_unit

# E|X| of a normal variable of mean m and standard deviation s
_normal_distance = with_partials(
    lambda m, s: m * jax.lax.erf(m / s * math.sqrt(0.5)) + s * math.sqrt(2 / math.pi) * jnp.exp(-0.5 * (m / s) ** 2),
    lambda m, s: jax.lax.erf(special.ratio(m, s) * math.sqrt(0.5)),
    lambda m, s: math.sqrt(2 / math.pi) * jnp.exp(-0.5 * special.ratio(m, s) ** 2),
)


def _normal_pair(gap: Array, one: Array, other: Array) -> Array:
    return _normal_distance(gap, jnp.hypot(one, other))


def _laplace_distance(m: Array, s: Array) -> Array:
    gap = jnp.where(m < 0, -m, m)
    return gap + s * jnp.exp(-special.ratio(gap, s))


def _laplace_pair(m: Array, one: Array, other: Array) -> Array:
    """``E|m + X - X'|`` for scales ``one`` and ``other``: ``|m| + (h(one) - h(other)) / (one^2 - other^2)``.

    Here ``h(b) = b^3 exp(-|m| / b)``; where the scales are close the quotient is an integral of the slope of ``h``.
    """
    gap = jnp.where(m < 0, -m, m)
    close = (one < 2 * other) & (other < 2 * one)
    # in units of the second scale, so that no cube over- or underflows
    r, d = special.ratio(one, other), special.ratio(gap, other)
    far = jnp.where(close, 3.0, r)
    apart = special.ratio(far**3 * jnp.exp(-special.ratio(d, far)) - jnp.exp(-d), far**2 - 1)
    near = jnp.where(close, r, 1.0)

    def slope(t: Array) -> Array:
        b = 1 + t * (near[..., None] - 1)
        return jnp.exp(-special.ratio(d[..., None], b)) * (3 * b + d[..., None]) * b

    mean = mean_over_unit(slope, d, 16)
    return gap + other * jnp.where(close, mean / (near + 1), apart)


def _score_of(distance: Callable[..., Array], pair: Callable[..., Array]) -> Callable[[Any, ArrayLike], Array]:
    """The score from ``E|X|`` of ``(loc, scale)`` and ``E|X - X'|`` of ``(difference of locs, scale, scale)``."""

    def crps(params: Any, y: ArrayLike) -> Array:
        params, y = widened(params, y)
        (y,) = as_floats(y)
        weights, loc, scale, y = as_floats(
            log_weights(as_floats(params.logits)[0]), *params.components, y[..., None], ndims=(1, 1, 1, 1)
        )
        weights = jnp.exp(weights)
        loc, scale, y = jnp.broadcast_arrays(loc, scale, y)
        if weights.shape[-1] != loc.shape[-1]:
            loc, scale, y = (jnp.broadcast_to(x, (*x.shape[:-1], weights.shape[-1])) for x in (loc, scale, y))
        endless = jnp.isinf(y)
        nearness = (weights * distance(jnp.where(endless, 0.0, y - loc), scale)).sum(-1)
        apart = pair(loc[..., :, None] - loc[..., None, :], scale[..., :, None], scale[..., None, :])
        pairs, apart = as_floats(weights[..., :, None] * weights[..., None, :], apart, ndims=(2, 2))
        value = jnp.where(endless[..., 0], jnp.inf, nearness - 0.5 * (pairs * apart).sum((-2, -1)))
        return guard(value, valid=_location_scale.valid(loc, scale).all(-1))

    return crps


of_normals = _score_of(_normal_distance, _normal_pair)
of_laplaces = _score_of(_laplace_distance, _laplace_pair)
