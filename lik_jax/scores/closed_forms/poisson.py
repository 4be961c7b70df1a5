"""The CRPS of a Poisson distribution; `_counts` has the method.

Source: Wei and Held (2014), "Calibration tests for count data", for the closed form of the same.
"""

from typing import Any

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ..._arrays import as_floats
from ...distributions import poisson
from ._counts import count_score, half_difference, score_at_zero


def _log_square(s: Array, c: Array, rate: Array) -> Array:
    return 4 * rate * s


_half = half_difference(_log_square)
_at_zero = score_at_zero(_log_square, lambda s, c, h, rate: rate * h)


def _parts(k: Array, log_rate: Array) -> tuple[Array, Array, Array, Array]:
    rate = jnp.exp(log_rate)
    return rate, rate, _half(rate, rate), _at_zero(rate, rate)


_score = count_score(poisson, _parts, lambda log_rate: log_rate < jnp.inf)


def crps(params: Any, y: ArrayLike) -> Array:
    """``[...]``, for ``log_rate``; ``y`` may be any real number."""
    return _score(*as_floats(y, *params))
