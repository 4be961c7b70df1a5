"""SWA-Gaussian: a normal posterior of the params, from where a training with a constant learning rate goes.

Its mean is that of the params along the way, stochastic weight averaging; half of its covariance is diagonal, the
other half has the rank of the last so many deviations from the mean.

>>> import jax, jax.numpy as jnp
>>> state = init({"w": jnp.zeros(2)}, num_columns=4)
>>> for i in range(6):
...     state = update(state, {"w": jnp.array([i, 2.0 * i])})
>>> state.mean["w"].tolist(), round(float(state.variance["w"][0]), 3)
([2.5, 5.0], 2.917)
>>> sample(state, jax.random.key(0), 3)["w"].shape
(3, 2)

Source: Maddox, Garipov, Izmailov, Vetrov and Wilson (2019), "A simple baseline for Bayesian uncertainty in deep
learning", algorithm 1.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from ..training.loop import Loss, make_step, start
from ..training.settings import Settings
from ._steps import advance


class State(NamedTuple):
    """``seen``: how many params, (). ``mean``, ``variance``: of those, in the shape of the params; the mean is what
    stochastic weight averaging uses. ``deviations``: from the mean of the time, of the last, ``[columns, ...]``."""

    seen: Array
    mean: Any
    variance: Any
    deviations: Any


def init(params: Any, num_columns: int = 20) -> State:
    """The state before any params have been seen; ``params`` tell shapes and dtypes.

    Raises:
        ValueError: fewer than 2 columns.
    """
    if num_columns < 2:
        raise ValueError(f"swag: num_columns is {num_columns}; a covariance takes 2 or more.")
    params = jax.tree.map(jnp.asarray, params)
    zeros = jax.tree.map(jnp.zeros_like, params)
    columns = jax.tree.map(lambda leaf: jnp.zeros((num_columns, *leaf.shape), leaf.dtype), params)
    return State(jnp.zeros((), jnp.int32), zeros, zeros, columns)


def update(state: State, params: Any) -> State:
    """Take params into mean, variance (Welford's way: nothing cancels) and deviations."""
    seen = state.seen + 1

    def moved(mean: Array, x: Array) -> Array:
        return mean + (x - mean) / seen.astype(mean.dtype)

    def spread(variance: Array, mean: Array, x: Array) -> Array:
        share = 1 / seen.astype(mean.dtype)
        return (1 - share) * (variance + share * (x - mean) ** 2)

    mean = jax.tree.map(moved, state.mean, params)
    variance = jax.tree.map(spread, state.variance, state.mean, params)

    def put(columns: Array, mean: Array, x: Array) -> Array:
        return columns.at[state.seen % columns.shape[0]].set(x - mean)

    return State(seen, mean, variance, jax.tree.map(put, state.deviations, mean, params))


def sample(state: State, key: Array, num_samples: int, *, scale: float = 1.0) -> Any:
    """Draw params, ``[num_samples, ...]``: ``mean + scale (diagonal part + low-rank part) / sqrt(2)``.

    Args:
        state: of two params or more; of fewer, all samples are the mean.
        key: of the draws.
        num_samples: how many.
        scale: of the deviations; 0 gives the mean.
    """
    leaves, tree = jax.tree.flatten(state.mean)
    columns = jax.tree.leaves(state.deviations)
    key, low_rank_key = jax.random.split(key)
    known = columns[0].shape[0]
    rank = jnp.minimum(state.seen, known)
    weights = jax.random.normal(low_rank_key, (num_samples, known), columns[0].dtype)
    weights = weights * jax.lax.rsqrt(jnp.maximum(rank - 1, 1).astype(weights.dtype))
    draws = []
    for own, mean, variance, deviation in zip(
        jax.random.split(key, len(leaves)), leaves, jax.tree.leaves(state.variance), columns, strict=True
    ):
        diagonal = jnp.sqrt(variance)[None] * jax.random.normal(own, (num_samples, *mean.shape), mean.dtype)
        low_rank = jnp.tensordot(weights.astype(mean.dtype), deviation, 1)
        draws.append(mean[None] + scale / 2**0.5 * (diagonal + low_rank))
    return jax.tree.unflatten(tree, draws)


def collect(
    loss: Loss,
    params: Any,
    batches: Callable[[int], Any],
    settings: Settings,
    *,
    every: int = 10,
    num_columns: int = 20,
) -> State:
    """Go on training with a constant learning rate, and take in the params every so many steps.

    Args:
        loss: ``loss(params, batch, key)``, a scalar in nats.
        params: trained ones: where to start.
        batches: the batch of a step, by its number.
        settings: its ``steps`` are taken at its ``learning_rate``, all of them, without warm-up or decay.
        every: steps between two params that are taken in.
        num_columns: see `init`.

    Raises:
        Diverged: a loss or a gradient is not finite.
    """
    step, take = make_step(loss, settings, settings.learning_rate), jax.jit(update)
    state, seen = start(params, settings), init(params, num_columns)
    for until in range(every, settings.steps + 1, every):
        state = advance(step, state, batches, until)
        seen = take(seen, state.params)
    return seen
