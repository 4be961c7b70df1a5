"""The CRPS of a normal distribution.

Source: Gneiting, Raftery, Westveld and Goldman (2005), "Calibrated probabilistic forecasting using ensemble model
output statistics and minimum CRPS estimation".
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ..._arrays import as_floats
from ._forms import location_scale

_score = location_scale(
    lambda z: jax.lax.erf(z * math.sqrt(0.5)),
    lambda z: math.sqrt(2 / math.pi) * jnp.exp(-0.5 * z * z) - 1 / math.sqrt(math.pi),
)


def crps(params: Any, y: ArrayLike) -> Array:
    """``scale (z (2 Phi(z) - 1) + 2 phi(z) - 1 / sqrt(pi))`` with ``z = (y - loc) / scale``, ``[...]``."""
    return _score(*as_floats(y, *params))
