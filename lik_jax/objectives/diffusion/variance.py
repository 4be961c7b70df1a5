"""A learned variance of the reverse steps, trained beside the mean without disturbing it."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ..._arrays import as_floats
from .. import schedules
from .._batch import over, sum_each
from ..reduction import Reduction, example_weights, finish
from ..schedules import Prediction, Schedule
from ._parts import Denoiser, check_times, draw, fill_masked, relative, squared_errors, step_divergence


def hybrid_loss(
    denoise: Denoiser,
    schedule: Schedule,
    x: ArrayLike,
    *,
    num_steps: int,
    key: Array | None = None,
    t: ArrayLike | None = None,
    noise: ArrayLike | None = None,
    density: ArrayLike | None = None,
    prediction: Prediction = "eps",
    sigma_data: float = 0.5,
    vlb_weight: float = 0.001,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """Squared error for the mean, plus the KL of the step for the variance: ``L_simple + vlb_weight L_vlb``.

    The KL sends its gradient to the variance alone; the prediction learns from the squared error alone.

    Args:
        denoise: ``denoise(x_t, t)`` gives a pair: a prediction, and where the variance of the step lies between
            ``beta~`` (at 0) and ``beta`` (at 1) on a logarithmic scale, ``[B, ...]`` both.
        schedule: one of `schedules`.
        x: clean data, ``[B, ...]``.
        num_steps: T; the KL is T times that of one step, which estimates the sum over all.
        key: draws what of ``t`` and ``noise`` is not given.
        t: times ``i / T`` with ``i`` in 1 .. T, ``[B]``.
        noise: standard normal, ``[B, ...]``.
        density: that with which ``t`` was drawn, relative to the uniform, ``[B]``: the loss is divided by it.
        prediction: what the first of the pair is.
        sigma_data: standard deviation of the data, for "F".
        vlb_weight: of the KL, which is in nats.
        mask: True where an example counts, ``[B]``.
        weights: non-negative, ``[B]``.
        reduction: see `nll`.

    Raises:
        ValueError: shapes that do not fit, or ``denoise`` that gives no pair.

    Source: Nichol and Dhariwal (2021), equations 15 and 16.

    >>> x, t = jnp.ones((1, 2)), jnp.array([0.5])
    >>> denoise = lambda x_t, t: (0 * x_t, 0 * x_t)
    >>> schedule = schedules.Linear(-5.0, 5.0)
    >>> float(hybrid_loss(denoise, schedule, x, num_steps=10, t=t, noise=0 * x, vlb_weight=1.0))
    0.0
    """
    schedules.ensure(schedule)
    (x,) = as_floats(x)
    keep, w = example_weights(mask, weights, x.shape[:1], "hybrid_loss")
    density, drawn = relative(density, t, x), t is None
    check_times(t, keep)
    t, noise, _ = draw(x, key, t, noise)
    x, t, noise, density = fill_masked(keep, x, t, noise, density)
    i = jnp.floor(t * num_steps) + 1 if drawn else jnp.round(t * num_steps)
    errors, share = squared_errors(denoise, schedule, x, noise, i / num_steps, prediction, sigma_data, True)
    gamma_s, gamma_t = (over(schedule.gamma(at / num_steps), x) for at in (i - 1, i))
    worth = schedules.noise_weight(gamma_t, prediction, sigma_data=sigma_data)
    divergence = step_divergence(worth * jax.lax.stop_gradient(errors), share, gamma_s, gamma_t)
    losses = (sum_each(errors) + vlb_weight * num_steps * sum_each(divergence)) / density
    return finish(losses, keep, w, reduction)
