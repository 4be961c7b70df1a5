"""Isotonic regression: the nearest values that never fall, by pooling adjacent violators.

>>> import jax.numpy as jnp
>>> isotonic_regression(jnp.array([1.0, 3.0, 2.0, 4.0])).tolist()
[1.0, 2.5, 2.5, 4.0]
"""

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .._arrays import as_floats


def isotonic_regression(y: ArrayLike, weights: ArrayLike | None = None) -> Array:
    """The ``x`` with ``x[0] <= x[1] <= ...`` that has the least ``sum weights (y - x)^2``; also the best by any
    Bregman divergence, the log score of probabilities among them.

    Args:
        y: ``[n]``, in the order in which ``x`` shall rise.
        weights: positive, ``[n]``; all 1 if not given.

    Returns:
        ``[n]``, each value the weighted mean of its block; differentiable in ``y`` within blocks.

    Raises:
        ValueError: ``y`` is no vector, or ``weights`` have another shape.

    Source: Barlow, Bartholomew, Bremner and Brunk (1972), Statistical Inference under Order Restrictions.
    """
    y, w = as_floats(y, jnp.ones(jnp.shape(y)) if weights is None else weights)
    if y.ndim != 1 or w.shape != y.shape:
        raise ValueError(f"isotonic_regression: y has shape {y.shape} and weights {w.shape}; want [n] and [n].")
    if y.size == 0:
        return y
    sums, weight = _pooled(w * y, w, _blocks(*jax.lax.stop_gradient((y, w))))
    return sums / weight


def _blocks(y: Array, w: Array) -> Array:
    """Which block each value belongs to, ``[n]``: in each round every run of blocks that fall becomes one block."""

    def pool(state: tuple[Array, Array]) -> tuple[Array, Array]:
        block, _ = state
        sums, weight = _pooled(w * y, w, block)
        means = sums / weight
        starts = (block[1:] != block[:-1]) & (means[1:] > means[:-1])
        merged = jnp.concatenate([jnp.zeros(1, block.dtype), jnp.cumsum(starts, dtype=block.dtype)])
        return merged, merged[-1] < block[-1]

    start = jnp.arange(y.size, dtype=jnp.int32), jnp.array(True)
    return jax.lax.while_loop(lambda state: state[1], pool, start)[0]


def _pooled(values: Array, weights: Array, block: Array) -> tuple[Array, Array]:
    """Sums of both over the block of each value, ``[n]`` each."""
    sums = [jax.ops.segment_sum(x, block, block.size, indices_are_sorted=True)[block] for x in (values, weights)]
    return sums[0], sums[1]
