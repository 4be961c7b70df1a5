"""What a denoiser may be told besides ``x_t``: its own last guess, or a condition that can be turned up."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from .. import schedules
from .._batch import over
from ..schedules import Prediction, Schedule
from ._parts import Denoiser


def self_conditioned(
    denoise: Callable[[Array, Array, Array], Any],
    schedule: Schedule,
    *,
    key: Array | None = None,
    share: float = 0.5,
    prediction: Prediction = "eps",
    sigma_data: float = 0.5,
) -> Denoiser:
    """A denoiser that first guesses the clean data without help and then sees its guess: for losses and bounds.

    The guess has no gradient. Samplers take ``denoise`` itself, with ``self_condition=True``.

    Args:
        denoise: ``denoise(x_t, t, guess)``, where ``guess`` is of the clean data, the shape of ``x_t``; 0 is none.
        schedule: one of `schedules`.
        key: draws which examples see a guess; without one all do, as in evaluation.
        share: of the examples that see a guess, with ``key``.
        prediction: what ``denoise`` predicts.
        sigma_data: standard deviation of the data, for "F".

    Returns:
        ``denoise(x_t, t)``.

    Source: Chen, Zhang and Hinton (2023), "Analog bits".

    >>> said = self_conditioned(lambda x_t, t, guess: guess + 1, schedules.Linear(), prediction="x0")
    >>> said(jnp.zeros((1, 2)), jnp.ones(1)).tolist()
    [[2.0, 2.0]]
    """

    def conditioned(x_t: Array, t: Array) -> Any:
        said = denoise(x_t, t, jnp.zeros_like(x_t))
        first = said[0] if isinstance(said, tuple) else said
        gamma = over(schedule.gamma(t), x_t)
        guess = schedules.convert(first, x_t, gamma, source=prediction, to="x0", sigma_data=sigma_data)
        guess = jax.lax.stop_gradient(guess)
        if key is not None:
            guess = jnp.where(over(jax.random.bernoulli(key, share, x_t.shape[:1]), x_t), guess, 0)
        return denoise(x_t, t, guess)

    return conditioned


def drop_condition(key: Array, condition: Any, null: Any, rate: float = 0.1) -> Any:
    """Replace the condition of a ``rate`` of the examples by ``null``: so that one network learns both.

    Args:
        key: PRNG key.
        condition: a pytree of ``[B, ...]``: labels, embeddings.
        null: what stands for no condition, a pytree alike without the first axis: a label that no example has, say.
        rate: share of the examples that lose theirs.

    Source: Ho and Salimans (2022), "Classifier-free diffusion guidance", algorithm 1.

    >>> drop_condition(jax.random.key(0), jnp.array([3, 1, 2]), 10, rate=1.0).tolist()
    [10, 10, 10]
    """
    examples = jax.tree.leaves(condition)[0].shape[:1]
    drop = jax.random.bernoulli(key, rate, examples)

    def replace(given: Array, none: Any) -> Array:
        fill = jnp.broadcast_to(jnp.asarray(none, given.dtype), given.shape)
        return jnp.where(over(drop, given), fill, given)

    return jax.tree.map(replace, condition, null)


def guided(denoise: Callable[[Array, Array, Any], Array], condition: Any, null: Any, scale: float) -> Denoiser:
    """A denoiser for sampling that goes ``scale`` times as far from the unconditional prediction as the condition asks.

    Any kind of prediction may be combined so: for one ``x_t`` all are straight lines in one another.

    Args:
        denoise: ``denoise(x_t, t, condition)``.
        condition: of each example, a pytree of ``[B, ...]``.
        null: no condition, of each example alike.
        scale: 0 is unconditional, 1 the condition as learned, more is guidance (1 + w in the paper).

    Returns:
        ``denoise(x_t, t)``, which calls ``denoise`` once for twice the batch.

    Source: Ho and Salimans (2022), equation 6.

    >>> said = guided(lambda x_t, t, label: 0 * x_t + label[:, None], jnp.array([3.0]), jnp.array([1.0]), 2.0)
    >>> said(jnp.zeros((1, 2)), jnp.ones(1)).tolist()
    [[5.0, 5.0]]
    """

    def combined(x_t: Array, t: Array) -> Array:
        both = jax.tree.map(lambda a, b: jnp.concatenate([a, b]), condition, null)
        said = denoise(jnp.concatenate([x_t, x_t]), jnp.concatenate([t, t]), both)
        with_it, without = jnp.split(said, 2)
        return without + scale * (with_it - without)

    return combined
