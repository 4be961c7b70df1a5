"""The CRPS of an exponential distribution: an integral of exponentials."""

from typing import Any

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ... import special
from ..._arrays import as_floats
from ._forms import location_scale


def _lean(x: Array) -> Array:
    return jnp.where(x < 0, -1.0, 1 - 2 * jnp.exp(-jnp.maximum(x, 0)))


def _rest(x: Array) -> Array:
    x = jnp.maximum(x, 0)
    return 0.5 + 2 * (jnp.expm1(-x) + x * jnp.exp(-x))


_score = location_scale(_lean, _rest)


def crps(params: Any, y: ArrayLike) -> Array:
    """``y - (2 (1 - exp(-rate y)) - 1 / 2) / rate`` for ``y >= 0``, ``1 / (2 rate) - y`` below, ``[...]``."""
    y, rate = as_floats(y, *params)
    return _score(y, jnp.zeros_like(rate), special.ratio(jnp.ones_like(rate), rate))
