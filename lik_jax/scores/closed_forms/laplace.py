"""The CRPS of a Laplace distribution: an integral of exponentials."""

from typing import Any

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ..._arrays import as_floats
from ._forms import location_scale


def _gap(z: Array) -> Array:
    return jnp.where(z < 0, -z, z)


def _lean(z: Array) -> Array:
    beyond = jnp.expm1(-_gap(z))
    return jnp.where(z < 0, beyond, -beyond)


def _rest(z: Array) -> Array:
    gap = _gap(z)
    return jnp.exp(-gap) * (1 + gap) - 0.75


_score = location_scale(_lean, _rest)


def crps(params: Any, y: ArrayLike) -> Array:
    """``scale (|z| + exp(-|z|) - 3 / 4)`` with ``z = (y - loc) / scale``, ``[...]``."""
    return _score(*as_floats(y, *params))
