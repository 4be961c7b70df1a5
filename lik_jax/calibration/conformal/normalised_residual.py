"""Intervals around a prediction as wide as its scale says: the score is how many scales off it is.

>>> import jax.numpy as jnp
>>> scale = jnp.array([1.0, 1.0, 4.0, 4.0])
>>> params = fit(jnp.zeros(4), scale, jnp.array([0.5, -1.0, 6.0, 2.0]), level=0.8)
>>> low, high = apply(params, jnp.zeros(2), jnp.array([1.0, 10.0]))
>>> [round(float(x), 3) for x in high]
[1.5, 15.0]

Source: Papadopoulos, Gammerman and Vovk (2008), "Normalized nonconformity measures for regression conformal
prediction".
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
    """``bound``: half the width in scales, inf for all numbers, () or ``[...]``, one an example."""

    bound: ArrayLike


def scores(predictions: ArrayLike, scales: ArrayLike, y: ArrayLike) -> Array:
    """``|y - prediction| / scale``, ``[...]``; NaN where the scale is not positive."""
    loc, scale, y = as_floats(predictions, scales, y)
    legal = scale > 0
    return jnp.where(legal, jnp.abs(y - loc) / jnp.where(legal, scale, 1), jnp.nan)


@partial(jax.jit, static_argnames="level")
def fit(
    predictions: ArrayLike,
    scales: ArrayLike,
    y: ArrayLike,
    *,
    level: Level = 0.9,
    mask: ArrayLike | None = None,
) -> Params:
    """The bound from held-out data.

    Args:
        predictions: any point predictions, ``[n]``.
        scales: how far off each is thought to be, in any unit, positive, ``[n]``.
        y: ``[n]``.
        level: probability that a new ``y`` lies in its interval, as in `rank`.
        mask: True where an example counts, ``[n]``.

    Returns:
        Params, whose bound is NaN where a scale is not positive.

    Raises:
        ValueError: shapes that do not fit, or a ``level`` outside (0, 1).
    """
    check_shapes("normalised_residual.fit", predictions=predictions, scales=scales, y=y)
    return Params(quantile(scores(predictions, scales, y), level=level, mask=mask))


def apply(params: Params, predictions: ArrayLike, scales: ArrayLike) -> tuple[Array, Array]:
    """The ends of the intervals, low and high, ``[...]``, for predictions and scales ``[...]``."""
    loc, scale, bound = as_floats(predictions, scales, params.bound)
    return around(loc, loc, jnp.where(scale > 0, bound * scale, jnp.nan))
