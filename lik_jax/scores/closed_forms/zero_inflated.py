"""The CRPS of a count with extra zeros, from that of the count.

Of two distributions mixed by ``g`` and ``1 - g`` the score is that average of their scores, less ``g (1 - g)`` times
the integral of the squared difference of the cdfs: which, where one is certain of 0, is the score of the other at 0.
"""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ... import special
from ..._arrays import as_floats
from ...compose._trees import widened


def score_of(base: Callable[[Any, ArrayLike], Array]) -> Callable[[Any, ArrayLike], Array]:
    """The score of ``zero_inflated(base)``, from that of its base."""

    def crps(params: Any, y: ArrayLike) -> Array:
        params, y = widened(params, y)
        logits, y = as_floats(params.logits, y)
        at_y, at_zero = base(params.base, y), base(params.base, jnp.zeros_like(y))
        logits, y, at_y, at_zero = as_floats(logits, y, at_y, at_zero)
        extra, rest = special.sigmoid(logits), special.sigmoid(-logits)
        endless = jnp.isinf(y)
        excess = jnp.where(endless, jnp.inf, jnp.where(endless, 0.0, at_y) - at_zero)
        return special.weighted(extra, jnp.sign(y) * y) + special.weighted(rest, excess) + rest * rest * at_zero

    return crps
