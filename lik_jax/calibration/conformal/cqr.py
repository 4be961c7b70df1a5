"""Conformalised quantile regression: two predicted quantiles, both moved by one bound until they hold the level.

The score is how far ``y`` lies outside of the two, negative inside: intervals that were too wide become narrower. Where
the two are nearer to each other than twice a negative bound the interval is empty, its low end above its high end.

>>> import jax.numpy as jnp
>>> y = jnp.array([0.5, -1.5, 0.0, 1.2])
>>> params = fit(-jnp.ones(4), jnp.ones(4), y, level=0.8)
>>> low, high = apply(params, jnp.array([0.0]), jnp.array([3.0]))
>>> round(float(low[0]), 3), round(float(high[0]), 3)
(-0.5, 3.5)

Source: Romano, Patterson and Candes (2019), "Conformalized quantile regression".
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
    """``bound``: what both ends move outwards by, in the units of ``y``, inf for all numbers, () or ``[...]``."""

    bound: ArrayLike


def scores(low: ArrayLike, high: ArrayLike, y: ArrayLike) -> Array:
    """``max(low - y, y - high)``, ``[...]``."""
    low, high, y = as_floats(low, high, y)
    return jnp.maximum(low - y, y - high)


@partial(jax.jit, static_argnames="level")
def fit(low: ArrayLike, high: ArrayLike, y: ArrayLike, *, level: Level = 0.9, mask: ArrayLike | None = None) -> Params:
    """The bound from held-out data.

    Args:
        low: the lower predicted quantile, ``[n]``; that at ``(1 - level) / 2`` makes the narrowest intervals.
        high: the upper one, ``[n]``.
        y: ``[n]``.
        level: probability that a new ``y`` lies in its interval, as in `rank`.
        mask: True where an example counts, ``[n]``.

    Raises:
        ValueError: shapes that do not fit, or a ``level`` outside (0, 1).
    """
    check_shapes("cqr.fit", low=low, high=high, y=y)
    return Params(quantile(scores(low, high, y), level=level, mask=mask))


def apply(params: Params, low: ArrayLike, high: ArrayLike) -> tuple[Array, Array]:
    """The ends of the intervals, low and high, ``[...]``, for predicted quantiles ``[...]``."""
    return around(low, high, params.bound)
