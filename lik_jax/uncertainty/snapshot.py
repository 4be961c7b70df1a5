"""Snapshot ensembles: the members of one run, one at the end of each cycle of the learning rate.

>>> import jax, jax.numpy as jnp
>>> from lik_jax import normal, nll
>>> from lik_jax.training.settings import Settings
>>> loss = lambda params, batch, key: nll(normal, normal.Params(params["loc"], 1.0), batch)
>>> settings = Settings(steps=120, learning_rate=0.2)
>>> params = train(loss, {"loc": jnp.array(0.0)}, lambda step: jnp.array([1.0, 3.0]), settings, cycles=3)
>>> params["loc"].shape, round(float(params["loc"][-1]), 1)
((3,), 2.0)

Source: Huang, Li, Pleiss, Liu, Hopcroft and Weinberger (2017), "Snapshot ensembles: train 1, get M for free".
"""

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import optax

from ..training.loop import Loss, make_step, start
from ..training.settings import Settings
from ._steps import advance
from .ensemble import stack


def schedule(settings: Settings, cycles: int) -> optax.Schedule:
    """The learning rate by step: half a cosine from its peak to 0, over again in each cycle (equation 2).

    Args:
        settings: its ``learning_rate`` is the peak; the warm-up is not used.
        cycles: of ``ceil(steps / cycles)`` steps each.

    Raises:
        ValueError: fewer than 1 cycle, or more than steps.
    """
    if not 1 <= cycles <= settings.steps:
        raise ValueError(f"snapshot: {cycles} cycles of {settings.steps} steps; want from 1 to as many as steps.")
    length = math.ceil(settings.steps / cycles)

    def rate(step: Any) -> Any:
        share = jnp.asarray(step % length, jnp.float32) / length
        return settings.learning_rate / 2 * (jnp.cos(math.pi * share) + 1)

    return rate


def train(loss: Loss, params: Any, batches: Callable[[int], Any], settings: Settings, cycles: int) -> Any:
    """Train once, and keep the params at the end of each cycle.

    The optimiser is that of the training loop, AdamW, and goes on from cycle to cycle.

    Args:
        loss: ``loss(params, batch, key)``, a scalar in nats.
        params: where to start.
        batches: the batch of a step, by its number.
        settings: see `schedule`.
        cycles: members to keep.

    Returns:
        Params with a leading axis of members, ``[cycles, ...]``.

    Raises:
        Diverged: a loss or a gradient is not finite.
    """
    step, state = make_step(loss, settings, schedule(settings, cycles)), start(params, settings)
    length, members = math.ceil(settings.steps / cycles), []
    for cycle in range(cycles):
        state = advance(step, state, batches, min((cycle + 1) * length, settings.steps))
        members.append(state.params)
    return stack(members)
