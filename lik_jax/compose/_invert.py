"""Quantiles of any univariate distribution, from its two log-tails."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .._arrays import as_floats
from ..special.invert import invert_continuous, invert_discrete


def invert(distribution: Any, params: Any, p: ArrayLike, example_shape: tuple[int, ...]) -> Array:
    """The quantile at ``p`` strictly between 0 and 1, with its first derivatives if the distribution is continuous.

    Args:
        distribution: one with ``log_prob``, ``log_cdf`` and ``log_sf``.
        params: its parameters.
        p: probabilities, ``[...]``; NaN gives NaN, as does anything that is not inside (0, 1).
        example_shape: the example axes of ``params``.

    Returns:
        ``[...]``.
    """
    (p,) = as_floats(p)
    dtype = as_floats(p, *jax.tree.leaves(params))[0].dtype
    shape = jnp.broadcast_shapes(p.shape, example_shape)
    p = jnp.broadcast_to(p.astype(dtype).reshape((1,) * (len(shape) - p.ndim) + p.shape), shape)
    inside = (p > 0) & (p < 1)
    safe = jnp.where(inside, p, 0.5)
    fixed = jax.lax.stop_gradient(params)
    search = invert_discrete if distribution.support.discrete else invert_continuous
    x = search(
        lambda y: distribution.log_cdf(fixed, y),
        lambda y: distribution.log_sf(fixed, y),
        jax.lax.stop_gradient(safe),
        (),
        jnp.full_like(safe, -jnp.inf),
        jnp.full_like(safe, jnp.inf),
    )
    lower = safe <= 0.5
    log_tail = jnp.where(lower, distribution.log_cdf(params, x), distribution.log_sf(params, x))
    nan = jnp.where(inside & ~jnp.isnan(jax.lax.stop_gradient(log_tail)), 0.0, jnp.nan).astype(dtype)
    if distribution.support.discrete:
        return x + nan
    # what remains is 0 up to rounding; its slope is that of the quantile, by the implicit function theorem
    miss = jnp.where(lower, jnp.log(safe) - log_tail, log_tail - jnp.log1p(-safe))
    hazard = jax.lax.stop_gradient(jnp.exp(distribution.log_prob(params, x) - log_tail))
    usable = jnp.isfinite(hazard) & (hazard > 0) & jnp.isfinite(jax.lax.stop_gradient(miss))
    miss = jnp.where(usable, miss, 0.0)
    return x + (miss - jax.lax.stop_gradient(miss)) / jnp.where(usable, hazard, 1.0) + nan
