"""The CRPS of mixtures of normal and of Laplace distributions: ``E|Y - y| - E|Y - Y'| / 2``, component by component.

Source: Grimit, Gneiting, Berrocal and Johnson (2006), "The continuous ranked probability score for circular variables
and its application to mesoscale forecast ensemble verification", equation 5, for normals.
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

# E|X| of a normal variable of mean m and standard deviation s
_normal_distance = with_partials(
    lambda m, s: m * jax.lax.erf(m / s * math.sqrt(0.5)) + s * math.sqrt(2 / math.pi) * jnp.exp(-0.5 * (m / s) ** 2),
    lambda m, s: jax.lax.erf(special.ratio(m, s) * math.sqrt(0.5)),
    lambda m, s: math.sqrt(2 / math.pi) * jnp.exp(-0.5 * special.ratio(m, s) ** 2),
)


def score_of_normals(num_components: int) -> Callable[[Any, ArrayLike], Array]:
    """The score of ``mixture(normal, num_components)``."""

    def crps(params: Any, y: ArrayLike) -> Array:
        params, y = widened(params, y)
        (y,) = as_floats(y)
        weights, loc, scale, y = as_floats(
            log_weights(as_floats(params.logits)[0]), *params.components, y[..., None], ndims=(1, 1, 1, 1)
        )
        weights = jnp.exp(weights)
        loc, scale, y = jnp.broadcast_arrays(loc, scale, y)
        endless = jnp.isinf(y)
        distance = (weights * _normal_distance(jnp.where(endless, 0.0, y - loc), scale)).sum(-1)
        spread = jnp.hypot(scale[..., :, None], scale[..., None, :])
        apart = _normal_distance(loc[..., :, None] - loc[..., None, :], spread)
        pairs, apart = as_floats(weights[..., :, None] * weights[..., None, :], apart, ndims=(2, 2))
        value = jnp.where(endless[..., 0], jnp.inf, distance - 0.5 * (pairs * apart).sum((-2, -1)))
        return guard(value, valid=_location_scale.valid(loc, scale).all(-1))

    return crps
