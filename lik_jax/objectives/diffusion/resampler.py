"""Importance-sampled steps: draw a step as often as the root of its mean squared loss, from losses seen so far.

The state is a pytree; `draw` gives the steps of a batch, `update` takes in what they cost.

>>> state = start(num_steps=4, length=2)
>>> state = update(state, jnp.array([0, 0, 1, 1, 2, 2, 3, 3]), jnp.array([9.0, 9, 1, 1, 1, 1, 1, 1]))
>>> [round(float(p), 2) for p in probs(state)]
[0.75, 0.08, 0.08, 0.08]

Source: Nichol and Dhariwal (2021), "Improved denoising diffusion probabilistic models", equation 18.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ..._arrays import as_floats
from ..schedules import antithetic_times


class State(NamedTuple):
    """The last losses of every step.

    Attributes:
        losses: ``[T, length]``, the newest first.
        counts: how many have been seen, ``[T]``, at most ``length``.
    """

    losses: Array
    counts: Array


class Draw(NamedTuple):
    """Steps drawn, each ``[num]``.

    Attributes:
        step: 0 .. T - 1, for `update`.
        t: the time at the end of the step, ``(step + 1) / T``.
        density: ``T`` times the probability of the step: what a loss or bound takes as ``density``.
    """

    step: Array
    t: Array
    density: Array


def start(num_steps: int, *, length: int = 10) -> State:
    """No losses seen: until every step has ``length`` of them, all are equally likely."""
    return State(jnp.zeros((num_steps, length)), jnp.zeros(num_steps, jnp.int32))


def probs(state: State, *, uniform: float = 0.001) -> Array:
    """Probability of each step, ``[T]``: as the root of its mean squared loss, with a share that is ``uniform``."""
    count, length = state.losses.shape
    root = jnp.sqrt((state.losses**2).mean(-1))
    total = root.sum()
    ready = (state.counts == length).all() & (total > 0)
    shares = jnp.where(ready, root / jnp.where(ready, total, 1), 1 / count)
    return (1 - uniform) * shares + uniform / count


def draw(state: State, key: Array, num: int, *, uniform: float = 0.001) -> Draw:
    """Steps for a batch, antithetic: each is drawn nearly ``num`` times its probability."""
    p = probs(state, uniform=uniform)
    step = jnp.searchsorted(jnp.cumsum(p)[:-1], antithetic_times(key, num, p.dtype), side="right")
    count = p.shape[0]
    return Draw(step, (step + 1).astype(p.dtype) / count, count * p[step])


def update(state: State, step: ArrayLike, losses: ArrayLike) -> State:
    """Take in the losses of a batch, ``[num]``, as they are with uniform times: not divided by ``density``.

    The same step may come more than once. Losses have no gradient here.
    """
    (losses,) = as_floats(jax.lax.stop_gradient(losses))

    def one(state: State, seen: tuple[Array, Array]) -> tuple[State, None]:
        at, loss = seen
        row = jnp.concatenate([loss[None], state.losses[at, :-1]])
        count = jnp.minimum(state.counts[at] + 1, row.shape[0])
        return State(state.losses.at[at].set(row), state.counts.at[at].set(count)), None

    return jax.lax.scan(one, state, (jnp.asarray(step), losses.astype(state.losses.dtype)))[0]
