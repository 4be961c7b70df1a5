"""Drawing from a diffusion model: ancestral sampling, and DDIM from noise to data without more noise."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer
from jax.typing import ArrayLike

from .. import schedules
from ..schedules import Prediction, Schedule
from ._parts import log_variance_range, split_variance


def sample(
    denoise: Any,
    schedule: Schedule,
    key: Array,
    shape: tuple[int, ...],
    num_steps: int,
    *,
    prediction: Prediction = "eps",
    sigma_data: float = 0.5,
    low: float | None = None,
    high: float | None = None,
    times: ArrayLike | None = None,
    start: ArrayLike | None = None,
    self_condition: bool = False,
    learned_variance: bool = False,
) -> Array:
    """Draw from a diffusion model by ancestral sampling: from the model that `variational_bound` scores.

    Args:
        denoise: ``denoise(x_t, t)``, ``[B, ...]`` and ``[B]`` to ``[B, ...]``.
        schedule: one of `schedules`.
        key: PRNG key.
        shape: of what is drawn, ``(B, ...)``.
        num_steps: calls of ``denoise``.
        prediction: what ``denoise`` predicts: "eps", "x0", "v", "score" or "F".
        sigma_data: standard deviation of the data, for "F".
        low: least value that data take, if they have one: predictions of ``x`` are cut off there.
        high: greatest value that data take.
        times: falling from 1 to 0, ``[num_steps + 1]``; uniform by default (`schedules.rho_grid` is another).
        start: ``x_1``, of ``shape``; standard normal by default.
        self_condition: ``denoise(x_t, t, guess)`` is shown its last prediction of the data; 0 in the first step.
        learned_variance: ``denoise`` gives a pair, see `variational_bound`.

    Returns:
        ``shape``: ``x_0 / alpha_0``, which is the data with noise of ``exp(gamma(0) / 2)`` left in it.

    Raises:
        ValueError: ``times`` or ``start`` of another shape.

    Source: Ho, Jain and Abbeel (2020), algorithm 2.

    >>> denoise = lambda x_t, t: schedules.alpha(schedules.Cosine().gamma(t))[:, None] * x_t
    >>> sample(denoise, schedules.Cosine(), jax.random.key(0), (4, 2), 10, prediction="x0").shape
    (4, 2)
    """
    return _walk(
        denoise, schedule, key, shape, num_steps, 1.0, prediction, sigma_data, low, high, times, start, self_condition,
        learned_variance,
    )  # fmt: skip


def ddim(
    denoise: Any,
    schedule: Schedule,
    key: Array,
    shape: tuple[int, ...],
    num_steps: int,
    *,
    eta: float = 0.0,
    prediction: Prediction = "eps",
    sigma_data: float = 0.5,
    low: float | None = None,
    high: float | None = None,
    times: ArrayLike | None = None,
    start: ArrayLike | None = None,
    self_condition: bool = False,
) -> Array:
    """Draw by DDIM: with ``eta`` 0 the first noise decides all, with ``eta`` 1 it is ancestral sampling.

    Args:
        denoise: see `sample`.
        schedule: see `sample`.
        key: PRNG key.
        shape: of what is drawn, ``(B, ...)``.
        num_steps: calls of ``denoise``.
        eta: standard deviation of the fresh noise, in units of that of ancestral sampling, 0 to 1.
        prediction: see `sample`.
        sigma_data: see `sample`.
        low: see `sample`.
        high: see `sample`.
        times: see `sample`.
        start: see `sample`.
        self_condition: see `sample`.

    Returns:
        As `sample`.

    Raises:
        ValueError: ``eta`` outside [0, 1], or shapes that do not fit.

    Source: Song, Meng and Ermon (2021), "Denoising diffusion implicit models", equations 12 and 16.

    >>> denoise = lambda x_t, t: 0 * x_t
    >>> ddim(denoise, schedules.Cosine(), jax.random.key(0), (4, 2), 10, prediction="x0").shape
    (4, 2)
    """
    if not 0 <= eta <= 1:
        raise ValueError(f"ddim: eta={eta}; want a number from 0 (no fresh noise) to 1 (ancestral sampling).")
    return _walk(
        denoise, schedule, key, shape, num_steps, eta, prediction, sigma_data, low, high, times, start, self_condition,
        False,
    )  # fmt: skip


def _walk(
    denoise: Any,
    schedule: Schedule,
    key: Array,
    shape: tuple[int, ...],
    num_steps: int,
    eta: float,
    prediction: Prediction,
    sigma_data: float,
    low: float | None,
    high: float | None,
    times: ArrayLike | None,
    start: ArrayLike | None,
    self_condition: bool,
    learned_variance: bool,
) -> Array:
    schedules.ensure(schedule)
    first, rest = jax.random.split(key)
    x_1 = starting_noise(first, shape, start)
    times = time_grid(times, num_steps, x_1.dtype)

    def step(carry: tuple[Array, Array], at: tuple[Array, Array, Array]) -> tuple[tuple[Array, Array], None]:
        (x_t, guess), (t, s, draw) = carry, at
        gamma_t, gamma_s = schedule.gamma(t), schedule.gamma(s)
        when = jnp.full(shape[:1], t)
        said = denoise(x_t, when, guess) if self_condition else denoise(x_t, when)
        predicted, share = split_variance(said, shape, learned_variance)
        x = clean(predicted, x_t, gamma_t, prediction, sigma_data, low, high)
        noise = (x_t - schedules.alpha(gamma_t) * x) / schedules.sigma(gamma_t)
        fresh = -jnp.expm1(gamma_s - gamma_t)  # share of the noise that the step removes
        a_s, s_s = schedules.alpha(gamma_s), schedules.sigma(gamma_s)
        wider = 1.0 if share is None else jnp.exp(0.5 * share * log_variance_range(gamma_s, gamma_t))
        spread = eta * s_s * jnp.sqrt(fresh) * wider
        mean = a_s * x + s_s * jnp.sqrt(1 - eta**2 * fresh) * noise
        return (mean + spread * jax.random.normal(draw, shape, x_t.dtype), x), None

    along = (times[:-1], times[1:], jax.random.split(rest, num_steps))
    (x_0, _), _ = jax.lax.scan(step, (x_1, jnp.zeros_like(x_1)), along)
    return x_0 / schedules.alpha(schedule.gamma(times[-1]))


def clean(
    predicted: Array,
    x_t: Array,
    gamma: Array,
    prediction: Prediction,
    sigma_data: float,
    low: float | None,
    high: float | None,
) -> Array:
    """The clean data that a prediction amounts to, within their range if they have one."""
    x = schedules.convert(predicted, x_t, gamma, source=prediction, to="x0", sigma_data=sigma_data)
    return x if low is None and high is None else jnp.clip(x, low, high)


def starting_noise(key: Array, shape: tuple[int, ...], start: Any) -> Array:
    """``x_1``, drawn or given."""
    if start is None:
        return jax.random.normal(key, shape)
    if jnp.shape(start) != tuple(shape):
        raise ValueError(f"start has shape {jnp.shape(start)}, but what is drawn has {tuple(shape)}.")
    return jnp.asarray(start)


def time_grid(times: Any, num_steps: int, dtype: Any) -> Array:
    """Times from 1 to 0, those given or uniform ones."""
    if num_steps < 1:
        raise ValueError(f"num_steps={num_steps}; want 1 or more.")
    grid = schedules.uniform_grid(num_steps) if times is None else jnp.asarray(times)
    if grid.shape != (num_steps + 1,):
        raise ValueError(f"times has shape {grid.shape}; {num_steps} steps want {(num_steps + 1,)}, from 1 to 0.")
    if times is not None and not isinstance(times, Tracer) and not (np.diff(np.asarray(times, float)) < 0).all():
        raise ValueError("times must fall, from 1 (noise) to 0 (data): draws go from noise to data.")
    return grid.astype(dtype)
