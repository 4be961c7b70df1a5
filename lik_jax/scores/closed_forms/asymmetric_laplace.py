"""The CRPS of an asymmetric Laplace distribution, and of the symmetric one: integrals of exponentials.

Source: the definition; Jordan, Krueger and Lerch (2019), "Evaluating probabilistic forecasts with scoringRules", has
the same under other parameters.
"""

from typing import Any

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ... import supports
from ..._arrays import as_floats
from ._forms import along, location_scale


def _parts(u: Array, q: Array) -> tuple[Array, Array, Array, Array]:
    """Where ``u < 0``, ``|u|``, the rate of decay on that side and the probability beyond ``u``."""
    low = u < 0
    gap, rate = jnp.where(low, -u, u), jnp.where(low, 1 - q, q)
    return low, gap, rate, (1 - rate) * jnp.exp(-rate * gap)


def _lean(u: Array, q: Array) -> Array:
    low, _, _, beyond = _parts(u, q)
    return jnp.where(low, 2 * beyond - 1, 1 - 2 * beyond)


def _rest(u: Array, q: Array) -> Array:
    _, gap, rate, beyond = _parts(u, q)
    squares = 0.5 * (q * q / (1 - q) + (1 - q) ** 2 / q)
    return squares + 2 * ((1 - rate) / rate * jnp.expm1(-rate * gap) + gap * beyond)


_score = location_scale(
    _lean,
    _rest,
    along(lambda u, q: u * _lean(u, q) + _rest(u, q), 1),
    shapes_valid=supports.open_unit_interval.contains,
)


def crps(params: Any, y: ArrayLike) -> Array:
    """``[...]``, for ``loc``, ``scale`` and ``quantile``."""
    return _score(*as_floats(y, *params))
