"""Intervals of one width around a prediction: the score is how far off it is.

>>> import jax.numpy as jnp
>>> params = fit(jnp.zeros(4), jnp.array([0.5, -1.0, 2.0, 0.1]), level=0.8)
>>> low, high = apply(params, jnp.array([10.0]))
>>> round(float(low[0]), 3), round(float(high[0]), 3)
(8.0, 12.0)

Source: Lei, G'Sell, Rinaldo, Tibshirani and Wasserman (2018), "Distribution-free predictive inference for regression".
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ..._arrays import as_floats
from ._numbers import check_shapes
from .quantiles import Level, around, quantile


class Params(NamedTuple):
    """``bound``: half the width, in the units of ``y``, inf for all numbers, () or ``[...]``, one an example."""

    bound: ArrayLike


def scores(predictions: ArrayLike, y: ArrayLike) -> Array:
    """``|y - prediction|``, ``[...]``."""
    loc, y = as_floats(predictions, y)
    return jnp.abs(y - loc)


@partial(jax.jit, static_argnames="level")
def fit(predictions: ArrayLike, y: ArrayLike, *, level: Level = 0.9, mask: ArrayLike | None = None) -> Params:
    """The bound from held-out data.

    Args:
        predictions: any point predictions, ``[n]``.
        y: ``[n]``.
        level: probability that a new ``y`` lies in its interval, as in `rank`.
        mask: True where an example counts, ``[n]``.

    Raises:
        ValueError: shapes that do not fit, or a ``level`` outside (0, 1).
    """
    check_shapes("absolute_residual.fit", predictions=predictions, y=y)
    return Params(quantile(scores(predictions, y), level=level, mask=mask))


def apply(params: Params, predictions: ArrayLike) -> tuple[Array, Array]:
    """The ends of the intervals, low and high, ``[...]``, for predictions ``[...]``."""
    return around(predictions, predictions, params.bound)
