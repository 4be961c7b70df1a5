"""Probabilities that a score is asked at, and a distribution's quantiles there."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer
from jax.typing import ArrayLike

from .._arrays import float_dtype
from ..distribution import Distribution


def probabilities(levels: Any, asker: str, word: str = "levels") -> Any:
    """``levels`` as they can be reckoned with: in double precision where their values are known.

    Raises:
        ValueError: one is not strictly between 0 and 1, or they have more than one axis.
    """
    if np.ndim(levels) > 1:
        raise ValueError(f"{asker}: {word} has shape {np.shape(levels)}; want a number or a vector of them.")
    if isinstance(levels, Tracer):
        return levels
    known = np.asarray(levels, np.float64)
    if known.size == 0 or not ((known > 0) & (known < 1)).all():
        raise ValueError(f"{asker}: {word}={levels}; want probabilities strictly between 0 and 1.")
    return known


def central(level: Any) -> tuple[Any, Any]:
    """The probabilities of the ends of the interval that leaves ``(1 - level) / 2`` on either side."""
    outside = (1 - level) / 2
    return outside, 1 - outside


def quantile(distribution: Distribution, params: Any, level: Any, like: ArrayLike) -> Array:
    """The quantile at ``level``, ``[...]``, in the precision of the params and ``like``."""
    return distribution.icdf(params, jnp.asarray(level, float_dtype(*jax.tree.leaves(params), like)))  # type: ignore[attr-defined]


def quantiles(distribution: Distribution, params: Any, levels: Any, like: ArrayLike) -> tuple[Array, Array]:
    """Quantiles at all of ``levels``, a list of numbers and vectors, ``[k, ...]``, and the levels, ``[k]``.

    In the precision of the params and ``like``.
    """
    dtype = float_dtype(*jax.tree.leaves(params), like)
    p = jnp.concatenate([jnp.atleast_1d(jnp.asarray(level, dtype)) for level in levels])
    return jax.vmap(lambda one: distribution.icdf(params, one))(p), p  # type: ignore[attr-defined]
