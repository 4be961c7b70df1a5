"""Heun's method along the probability flow, with churn: EDM's sampler."""

import math
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .. import schedules
from ..schedules import Prediction, Schedule
from .sampling import clean, starting_noise, time_grid


def heun(
    denoise: Any,
    schedule: Schedule,
    key: Array,
    shape: tuple[int, ...],
    num_steps: int,
    *,
    churn: float = 0.0,
    churn_low: float = 0.0,
    churn_high: float = math.inf,
    churn_noise: float = 1.0,
    prediction: Prediction = "eps",
    sigma_data: float = 0.5,
    low: float | None = None,
    high: float | None = None,
    times: ArrayLike | None = None,
    start: ArrayLike | None = None,
) -> Array:
    """Draw by Heun's second-order steps of ``x_t / alpha`` in the noise ``sigma / alpha``, as EDM does.

    Args:
        denoise: ``denoise(x_t, t)``, ``[B, ...]`` and ``[B]`` to ``[B, ...]``.
        schedule: one of `schedules`.
        key: PRNG key.
        shape: of what is drawn, ``(B, ...)``.
        num_steps: each of two calls of ``denoise``.
        churn: how much noise is added, and taken away again, in all steps together (S_churn); 0 draws none.
        churn_low: least noise ``sigma / alpha`` at which it is.
        churn_high: greatest.
        churn_noise: standard deviation of what is added, about 1.
        prediction: what ``denoise`` predicts: "eps", "x0", "v", "score" or "F".
        sigma_data: standard deviation of the data, for "F".
        low: least value that data take, if they have one: predictions of ``x`` are cut off there.
        high: greatest value that data take.
        times: falling from 1 to 0, ``[num_steps + 1]``; by default `schedules.rho_grid`.
        start: ``x_1``, of ``shape``; standard normal by default.

    Returns:
        ``shape``: ``x_0 / alpha_0``, which is the data with noise of ``exp(gamma(0) / 2)`` left in it.

    Raises:
        ValueError: ``times`` or ``start`` of another shape.

    Source: Karras et al. (2022), "Elucidating the design space of diffusion-based generative models", algorithm 2.

    >>> denoise = lambda x_t, t: 0 * x_t
    >>> heun(denoise, schedules.Karras(), jax.random.key(0), (4, 2), 5, prediction="x0").shape
    (4, 2)
    """
    first, rest = jax.random.split(key)
    x_1 = starting_noise(first, shape, start)
    schedules.ensure(schedule)
    if times is None and num_steps >= 1:
        times = schedules.rho_grid(schedule, num_steps)
    times = time_grid(times, num_steps, x_1.dtype)
    greatest = schedule.gamma(times[0])
    factor = min(churn / num_steps, math.sqrt(2) - 1)

    def slope(y: Array, t: Array, gamma: Array) -> Array:
        """``(y - x) / s``, the noise in ``y = x + s noise``."""
        x_t = schedules.alpha(gamma) * y
        predicted = denoise(x_t, jnp.full(shape[:1], t))
        return (y - clean(predicted, x_t, gamma, prediction, sigma_data, low, high)) / jnp.exp(gamma / 2)

    def step(y: Array, at: tuple[Array, Array, Array]) -> tuple[Array, None]:
        t, s, draw = at
        gamma_t, gamma_s = schedule.gamma(t), schedule.gamma(s)
        if churn:
            noise = jnp.exp(gamma_t / 2)
            more = 2 * jnp.log1p(jnp.where((noise >= churn_low) & (noise <= churn_high), factor, 0.0))
            more = jnp.clip(more.astype(gamma_t.dtype), 0, jnp.maximum(greatest - gamma_t, 0))
            added = noise * jnp.sqrt(jnp.expm1(more))
            y = y + churn_noise * added * jax.random.normal(draw, shape, y.dtype)
            gamma_t = gamma_t + more
            t = schedules.time_of(schedule, gamma_t)
        length = jnp.exp(gamma_s / 2) - jnp.exp(gamma_t / 2)
        begin = slope(y, t, gamma_t)
        end = slope(y + length * begin, s, gamma_s)
        return y + 0.5 * length * (begin + end), None

    y_1 = x_1 / schedules.alpha(greatest)
    return jax.lax.scan(step, y_1, (times[:-1], times[1:], jax.random.split(rest, num_steps)))[0]
