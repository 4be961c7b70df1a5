"""Drawing from a masked diffusion model; see `masked_diffusion`."""

import math

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ._tokens import Denoiser, logits_of, random_order
from .masking_schedules import MaskingSchedule, check_schedule


def sample(
    denoise: Denoiser,
    schedule: MaskingSchedule,
    key: Array,
    shape: tuple[int, ...],
    *,
    mask_token: int,
    num_steps: int,
    start: ArrayLike | None = None,
) -> Array:
    """Draw tokens by ancestral sampling: in each step every hidden token may be filled in, independently.

    Args:
        denoise: ``denoise(x_t, t)``, tokens ``[B, ...]`` and ``[B]`` to logits ``[B, ..., k]``.
        schedule: `Linear`, `Cosine`, `Polynomial` or another `MaskingSchedule`.
        key: PRNG key.
        shape: of what is drawn, ``(B, ...)``.
        mask_token: what stands for a hidden token.
        num_steps: calls of ``denoise``; this is the model that `bound` scores with as many steps.
        start: tokens to complete, ``[B, ...]``, ``mask_token`` where they are to be drawn; all of it by default.

    Returns:
        ``shape``, no token hidden.

    Source: Austin et al. (2021), "Structured denoising diffusion models in discrete state-spaces".

    >>> from lik_jax.objectives.masking_schedules import Cosine
    >>> denoise = lambda x_t, t: jnp.zeros((2, 3, 5))
    >>> sample(denoise, Cosine(), jax.random.key(0), (2, 3), mask_token=5, num_steps=4).shape
    (2, 3)
    """
    check_schedule(schedule)

    def step(x: Array, at: tuple[Array, Array]) -> tuple[Array, None]:
        i, draw = at
        first, second = jax.random.split(draw)
        t, s = i / num_steps, (i - 1) / num_steps
        logits = logits_of(denoise, x, jnp.full(shape[:1], t), mask_token)
        shown = jax.random.uniform(first, shape) < 1 - schedule.hidden(s) / schedule.hidden(t)
        filled = jax.random.categorical(second, logits).astype(x.dtype)
        return jnp.where((x == mask_token) & shown, filled, x), None

    steps = jnp.arange(num_steps, 0, -1).astype(float)
    return jax.lax.scan(step, _start(start, shape, mask_token), (steps, jax.random.split(key, num_steps)))[0]


def sample_any_order(
    denoise: Denoiser,
    key: Array,
    shape: tuple[int, ...],
    *,
    mask_token: int,
    start: ArrayLike | None = None,
) -> Array:
    """Draw tokens one at a time in a random order, one call of ``denoise`` each: the model that the bound is about.

    Args:
        denoise: ``denoise(x_t, t)``; ``t`` is the share that is hidden.
        key: PRNG key.
        shape: of what is drawn, ``(B, ...)``.
        mask_token: what stands for a hidden token.
        start: tokens to complete, ``[B, ...]``, ``mask_token`` where they are to be drawn; all of it by default.

    Returns:
        ``shape``, no token hidden.

    >>> sample_any_order(lambda x_t, t: jnp.zeros((2, 3, 5)), jax.random.key(0), (2, 3), mask_token=5).shape
    (2, 3)
    """
    first, rest = jax.random.split(key)
    order, dims = random_order(first, shape), math.prod(shape[1:])

    def step(x: Array, at: tuple[Array, Array]) -> tuple[Array, None]:
        rank, draw = at
        share = (x == mask_token).reshape(shape[0], -1).mean(-1)
        filled = jax.random.categorical(draw, logits_of(denoise, x, share, mask_token)).astype(x.dtype)
        return jnp.where((x == mask_token) & (order == rank), filled, x), None

    at = (jnp.arange(dims - 1, -1, -1), jax.random.split(rest, dims))
    return jax.lax.scan(step, _start(start, shape, mask_token), at)[0]


def _start(start: ArrayLike | None, shape: tuple[int, ...], mask_token: int) -> Array:
    x = jnp.full(shape, mask_token) if start is None else jnp.asarray(start)
    if x.shape != shape:
        raise ValueError(f"masked_diffusion: start has shape {x.shape}, but {shape} is to be drawn.")
    return x
