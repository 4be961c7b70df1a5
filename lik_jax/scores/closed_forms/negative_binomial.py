"""The CRPS of a negative binomial distribution, Poisson in the limit; `_counts` has the method."""

from typing import Any

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ... import special
from ..._arrays import as_floats
from ...distributions import negative_binomial
from ._counts import count_score, half_difference, score_at_zero


def _log_square(s: Array, c: Array, mean: Array, dispersion: Array) -> Array:
    return special.log1p_ratio(4 * mean * (1 + dispersion * mean) * s, dispersion)


def _phase(s: Array, c: Array, h: Array, mean: Array, dispersion: Array) -> Array:
    x = mean * h / (c + (1 + 2 * dispersion * mean) * s)
    return x * special.atan_ratio(dispersion * x)


_half = half_difference(_log_square)
_at_zero = score_at_zero(_log_square, _phase)


def _parts(k: Array, log_mean: Array, concentration: Array) -> tuple[Array, Array, Array, Array]:
    mean, dispersion = jnp.exp(log_mean), special.ratio(jnp.ones_like(concentration), concentration)
    variance = mean * (1 + dispersion * mean)
    partial = mean * (1 + dispersion * jnp.maximum(k, 0))
    return mean, partial, _half(variance, mean, dispersion), _at_zero(variance, mean, dispersion)


_score = count_score(negative_binomial, _parts, lambda log_mean, c: (c > 0) & (log_mean < jnp.inf))


def crps(params: Any, y: ArrayLike) -> Array:
    """``[...]``, for ``log_mean`` and ``concentration``; ``y`` may be any real number."""
    return _score(*as_floats(y, *params))
