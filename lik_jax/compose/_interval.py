"""The probability of an interval, without the cancellation of one cdf less another."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from .. import special
from .._arrays import as_floats, float_dtype
from ._mixing import log_mix
from ._trees import filled_params, with_axis

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(7)
_NARROW = 0.06  # share of the smaller tail below which an interval is integrated and not subtracted


def log_interval_prob(base: Any, params: Any, low: ArrayLike, high: ArrayLike) -> Array:
    """``log P(low < Y <= high)`` in nats.

    By ``base.log_interval(params, low, high)`` where the base has a formula of its own; else by the two smaller tails
    or, where they nearly cancel and the base is continuous, by Gauss-Legendre quadrature of its density.

    Args:
        base: a distribution with ``log_prob``, ``log_cdf`` and ``log_sf`` (or ``log_interval``).
        params: of the base, ``[...]``.
        low: lower end, ``[...]``, -inf allowed.
        high: upper end, ``[...]``, inf allowed.

    Returns:
        ``[...]``; -inf with zero gradient where ``high <= low``, NaN where one of them is NaN.
    """
    # bounds that are Python numbers follow the params
    dtype = float_dtype(low, high, *jax.tree.leaves(params))
    low, high = jnp.broadcast_arrays(*(x.astype(dtype) for x in as_floats(low, high)))
    empty = high <= low
    # an empty interval, the whole line and a half line are put aside before anything is computed
    left, right = jnp.isneginf(low) & ~empty, jnp.isposinf(high) & ~empty
    inner = ~(empty | left | right)
    if hasattr(base, "log_interval"):
        safe = filled_params(empty, base.param_supports, params)
        fill = base.support.fill
        value = base.log_interval(safe, jnp.where(empty, fill - 1, low), jnp.where(empty, fill + 1, high))
        return jnp.where(empty, -jnp.inf, value)
    at_low = jnp.where(inner | right, low, base.support.fill)
    at_high = jnp.where(inner | left, high, base.support.fill)
    lower_params = filled_params(~(inner | right), base.param_supports, params)
    upper_params = filled_params(~(inner | left), base.param_supports, params)
    sf_low, sf_high = base.log_sf(lower_params, at_low), base.log_sf(upper_params, at_high)
    cdf_low, cdf_high = base.log_cdf(lower_params, at_low), base.log_cdf(upper_params, at_high)
    by_upper = sf_low < cdf_high
    big = jnp.where(by_upper, sf_low, cdf_high)
    small = jnp.where(by_upper, sf_high, cdf_low)
    gap = big - jnp.where(jnp.isneginf(small), 0.0, small)
    whole = jnp.isneginf(small) & ~jnp.isneginf(big)
    # two tails alike: rounding in a continuous distribution, an interval between two atoms in a discrete one
    narrow = inner & ~whole & (gap < _NARROW) & ~jnp.isneginf(big)
    impossible = inner & jnp.isneginf(big)
    if base.support.discrete:
        impossible, narrow = impossible | (inner & ~whole & (gap <= 0)), jnp.zeros_like(inner)
    subtracted = inner & ~whole & ~narrow & ~impossible
    tails = jnp.where(impossible | narrow, 0.0, big) + jnp.where(
        subtracted, special.log1mexp(jnp.where(subtracted, gap, 1.0)), 0.0
    )
    value = jnp.where(left & right, 0.0, jnp.where(left, cdf_high, jnp.where(right, sf_low, tails)))
    if not base.support.discrete:
        value = jnp.where(narrow, _quadrature(base, params, low, high, narrow), value)
    return jnp.where(empty | impossible, -jnp.inf, value)


def _quadrature(base: Any, params: Any, low: Array, high: Array, where: Array) -> Array:
    """``log`` of the integral of the density from ``low`` to ``high``, where it is asked for; 0-ish elsewhere."""
    kinds = base.param_supports
    params = with_axis(kinds, filled_params(~where, kinds, params))
    width = jnp.where(where, high - low, 1.0)
    middle = jnp.where(where, 0.5 * low + 0.5 * high, base.support.fill)
    nodes, weights = jnp.asarray(0.5 * _NODES, width.dtype), jnp.asarray(np.log(0.5 * _WEIGHTS), width.dtype)
    lead = (1,) * width.ndim
    steps = jnp.where(where, width, 0.0)[..., None] * nodes.reshape((*lead, -1))
    density = base.log_prob(params, middle[..., None] + steps)
    weights, density = as_floats(weights, density)
    value = log_mix(weights, density)
    value, width = as_floats(value, jnp.log(width))
    return value + width


def split_by(mask: Array, base: Any, params: Any, y: Array) -> tuple[Any, Array]:
    """``params`` and ``y`` where ``mask``, and legal values elsewhere, so that a branch not taken has finite slopes."""
    kinds = base.param_supports
    fill = jnp.asarray(base.support.fill, y.dtype)
    return filled_params(~mask, kinds, params), jnp.where(mask, y, fill)
