"""Threshold-weighted CRPS of any continuous distribution, by Gauss-Legendre quadrature between its quantiles.

The integral of ``(F(x) - 1{y <= x})^2`` is split at ``y``, at both thresholds and at quantiles that follow each other
by a factor of 8 in the tails, each component's own in a mixture: between them ``F`` is smooth however its scales
differ. Params are differentiated under the integral.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ..compose import mixture, transformed
from ..compose._trees import example_shape, with_axis

_PARTS = 8


def _levels(dtype: np.dtype) -> tuple[np.ndarray, int]:
    """Probabilities at which panels end, in their order, and how many nodes a panel has."""
    last, nodes = (52, 16) if dtype == jnp.float64 else (22, 8)
    tail = 0.5 ** np.array([1.0, 2.0, *range(4, last + 1, 3)])
    return np.concatenate([tail[::-1], 1 - tail[1:]]), nodes


def _quantiles(distribution: Any, params: Any, p: np.ndarray) -> Array:
    """Quantiles ``[..., n]`` at the probabilities ``p``, those of every component of a mixture, in any order."""
    kinds = distribution.param_supports
    if isinstance(distribution, mixture):
        inner = _quantiles(distribution.base, params.components, p)
        return inner.reshape((*inner.shape[:-2], -1))
    return distribution.icdf(with_axis(kinds, params), p.reshape((1,) * len(example_shape(kinds, params)) + p.shape))


def integral(distribution: Any, params: Any, y: Array, low: Array, high: Array) -> Array:
    """The integral from ``low`` to ``high`` of ``(F(x) - 1{y <= x})^2``, without a derivative towards ``y``.

    Args:
        distribution: continuous, with ``log_cdf``, ``log_sf`` and ``icdf``.
        params: ``[...]``.
        y: finite, of the shape of the result.
        low: of the shape of the result, -inf allowed.
        high: of the shape of the result, inf allowed.
    """
    kinds, dtype = distribution.param_supports, y.dtype
    p, count = _levels(dtype)
    breaks = _quantiles(distribution, jax.lax.stop_gradient(params), p.astype(dtype)).astype(dtype)
    breaks = jnp.broadcast_to(breaks, (*y.shape, breaks.shape[-1]))
    usable = jnp.isfinite(breaks).all(-1)
    breaks = jnp.where(jnp.isfinite(breaks), breaks, y[..., None])
    # an infinite threshold is as good as the last quantile, or y where that is beyond
    ends = [jnp.where(jnp.isinf(end), y, end)[..., None] for end in (low, high)]
    edges = jnp.sort(jnp.concatenate([breaks, y[..., None], *ends], -1), -1)
    edges = jax.lax.stop_gradient(jnp.clip(edges, low[..., None], high[..., None]))
    if isinstance(distribution, transformed):
        # a bijector may bend at knots that nobody knows of: smaller panels
        steps = jnp.arange(_PARTS, dtype=dtype).reshape((1,) * edges.ndim + (-1,)) / _PARTS
        fine = edges[..., :-1, None] + jnp.diff(edges)[..., None] * steps
        edges = jnp.concatenate([fine.reshape((*y.shape, -1)), edges[..., -1:]], -1)
    start, width = edges[..., :-1, None], jnp.diff(edges)[..., None]
    nodes, weights = (
        jnp.asarray(0.5 * z, dtype).reshape((1,) * (y.ndim + 1) + (-1,)) for z in np.polynomial.legendre.leggauss(count)
    )
    x = (start + width * (0.5 + nodes)).reshape((*y.shape, -1))
    # where a node has no weight or the other tail counts, a place well inside stands in
    middle = breaks[..., breaks.shape[-1] // 2][..., None]
    some = jnp.broadcast_to(width > 0, (*width.shape[:-1], count)).reshape(x.shape)
    below = x < y[..., None]
    wide = with_axis(kinds, params)
    lower = 2 * distribution.log_cdf(wide, jnp.where(some & below, x, middle))
    upper = 2 * distribution.log_sf(wide, jnp.where(some & ~below, x, middle))
    square = jnp.where(some, jnp.exp(jnp.where(below, lower, upper)), 0.0)
    value = (square * (weights * width).reshape(x.shape)).sum(-1)
    return value * jnp.where(usable, 1.0, jnp.nan)
