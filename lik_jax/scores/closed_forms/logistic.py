"""The CRPS of a logistic distribution.

Source: Jordan, Krueger and Lerch (2019), "Evaluating probabilistic forecasts with scoringRules", appendix A.
"""

from typing import Any

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ... import special
from ..._arrays import as_floats
from ._forms import location_scale


def _rest(z: Array) -> Array:
    gap = jnp.abs(z)
    return 2 * (special.softplus(-gap) + gap * special.sigmoid(-gap)) - 1


_score = location_scale(lambda z: jnp.tanh(0.5 * z), _rest)


def crps(params: Any, y: ArrayLike) -> Array:
    """``scale (|z| + 2 log(1 + exp(-|z|)) - 1)`` with ``z = (y - loc) / scale``, ``[...]``."""
    return _score(*as_floats(y, *params))
