"""Intervals from any predicted distribution: between two of its quantiles, as far apart as held-out data ask for.

The score says how far out in its own distribution ``y`` lies: ``-log(2 min(P(Y <= y), P(Y >= y)))``, which orders
examples as ``|P(Y <= y) - 1/2|`` does and holds its digits in the tails. Intervals have as much probability below as
above, and are as skewed as the distribution. Works for counts too, where coverage is above the level.

>>> import jax.numpy as jnp
>>> from lik_jax import normal
>>> params = normal.Params(loc=jnp.zeros(4), scale=jnp.ones(4))
>>> fitted = fit(normal, params, jnp.array([0.5, -1.5, 0.0, 1.2]), level=0.8)
>>> low, high = apply(fitted, normal, normal.Params(loc=10.0, scale=2.0))
>>> round(float(low), 3), round(float(high), 3)
(7.0, 13.0)

Source: Chernozhukov, Wuthrich and Zhu (2021), "Distributional conformal prediction".
"""

import math
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ..._arrays import as_floats
from ...distribution import UNIVARIATE, Univariate, require
from ...objectives.likelihood import check_shapes, fill_masked, observation_axes
from ...objectives.reduction import example_weights
from ...special import invert_continuous, invert_discrete
from .quantiles import Level, quantile


class Params(NamedTuple):
    """``bound``: the greatest score inside, in nats, inf for all numbers, () or ``[...]``, one an example."""

    bound: ArrayLike


def scores(distribution: Univariate, params: Any, y: ArrayLike) -> Array:
    """``-log(2 min(P(Y <= y), P(Y >= y)))`` in nats, ``[...]``."""
    (y,) = as_floats(y)
    at_least = distribution.log_sf(params, y - 1 if distribution.support.discrete else y)
    return -math.log(2) - jnp.minimum(*as_floats(distribution.log_cdf(params, y), at_least))


@partial(jax.jit, static_argnames=("distribution", "level"))
def fit(
    distribution: Univariate, params: Any, y: ArrayLike, *, level: Level = 0.9, mask: ArrayLike | None = None
) -> Params:
    """The bound from held-out data.

    Args:
        distribution: of numbers, with tails: ``lik_jax.normal``, ``lik_jax.mixture(lik_jax.gamma, 3)``, ...
        params: those predicted for each example, or shared by all.
        y: ``[*examples]``.
        level: probability that a new ``y`` lies in its interval, as in `rank`.
        mask: True where an example counts, ``[*examples]``.

    Raises:
        TypeError: the distribution has no tails.
        ValueError: shapes that do not fit, or a ``level`` outside (0, 1).
    """
    require(distribution, UNIVARIATE, "distributional.fit")
    examples = observation_axes(distribution, y)
    check_shapes(distribution, params, examples)
    keep, _ = example_weights(mask, None, examples, "distributional.fit")
    if keep is not None:
        params, y = fill_masked(distribution, params, y, keep)
    s = jnp.broadcast_to(scores(distribution, params, y), examples).ravel()
    return Params(quantile(s, level=level, mask=None if keep is None else keep.ravel()))


@partial(jax.jit, static_argnames="distribution")
def apply(fitted: Params, distribution: Univariate, params: Any) -> tuple[Array, Array]:
    """The ends of the intervals, low and high.

    Args:
        fitted: from `fit`.
        distribution: that of `fit`.
        params: predicted params, ``[...]``.

    Returns:
        Two arrays ``[...]``; both ends of a count's interval are inside.
    """
    (bound,) = as_floats(fitted.bound)
    tail = 0.5 * jnp.exp(-bound)
    low = distribution.icdf(params, tail)
    high = _upper(distribution, params, tail, low.shape)
    bound, low, high = as_floats(bound, low, high)
    if not distribution.support.discrete:
        eps = 4 * float(jnp.finfo(low.dtype).eps)
        low, high = low - eps * jnp.abs(low), high + eps * jnp.abs(high)
    everything = bound == jnp.inf
    return jnp.where(everything, -jnp.inf, low), jnp.where(everything, jnp.inf, high)


def _upper(distribution: Univariate, params: Any, tail: Array, shape: tuple[int, ...]) -> Array:
    """The greatest ``y`` with ``P(Y >= y) >= tail``: the quantile of the mirror image, exact however small the tail."""
    dtype = as_floats(tail, *jax.tree.leaves(params))[0].dtype
    p = jnp.broadcast_to(tail.astype(dtype).reshape((1,) * (len(shape) - tail.ndim) + tail.shape), shape)
    ends = jnp.full(shape, -jnp.inf, dtype), jnp.full(shape, jnp.inf, dtype)
    if distribution.support.discrete:
        return -invert_discrete(
            lambda x: distribution.log_sf(params, -jnp.floor(x) - 1),
            lambda x: distribution.log_cdf(params, -jnp.floor(x) - 1),
            p,
            (),
            *ends,
        )
    return -invert_continuous(
        lambda x: distribution.log_sf(params, -x), lambda x: distribution.log_cdf(params, -x), p, (), *ends
    )
