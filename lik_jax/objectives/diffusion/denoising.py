"""The loss that diffusion models are trained by: a weighted squared error at one random time an example."""

from typing import Any

from jax import Array
from jax.typing import ArrayLike

from ..._arrays import as_floats
from .. import schedules
from .._batch import sum_each
from ..reduction import Reduction, example_weights, finish
from ..schedules import Prediction, Schedule, Weighting
from ._parts import Denoiser, check_times, draw, fill_masked, relative, squared_errors


def denoising_loss(
    denoise: Denoiser,
    schedule: Schedule,
    x: ArrayLike,
    *,
    key: Array | None = None,
    t: ArrayLike | None = None,
    noise: ArrayLike | None = None,
    density: ArrayLike | None = None,
    prediction: Prediction = "eps",
    sigma_data: float = 0.5,
    weighting: Weighting = "simple",
    snr_cap: float = 5.0,
    bias: float = 2.0,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """Weighted squared error of a denoiser at one random time an example: what diffusion models are trained by.

    It is no likelihood: `variational_bound` is. The error is summed, not averaged, over an example's dimensions.

    Args:
        denoise: ``denoise(x_t, t)``, ``[B, ...]`` and ``[B]`` to ``[B, ...]``.
        schedule: one of `schedules`.
        x: clean data, scaled to about unit size, ``[B, ...]``.
        key: draws what of ``t`` and ``noise`` is not given.
        t: times in [0, 1], ``[B]``; by default antithetic of low discrepancy.
        noise: standard normal, ``[B, ...]``.
        density: that with which ``t`` was drawn, relative to the uniform, ``[B]``: the loss is divided by it, so
            that its mean stays what it is with uniform times (`schedules.piecewise_times`, `resampler`).
        prediction: what ``denoise`` predicts: "eps", "x0", "v", "score" or "F".
        sigma_data: standard deviation of the data, for "F" and "edm".
        weighting: "simple" (1), "vlb", "min_snr", "edm", "sigmoid", or a function of ``gamma`` ``[B]``: see
            `schedules.weight`.
        snr_cap: the cap of "min_snr".
        bias: that of "sigmoid".
        mask: True where an example counts, ``[B]``.
        weights: non-negative, ``[B]``.
        reduction: see `nll`.

    Raises:
        ValueError: shapes that do not fit, or nothing to draw ``t`` and ``noise`` from.

    Source: Ho, Jain and Abbeel (2020), equation 14.

    >>> x, t, noise = jnp.ones((1, 2)), jnp.array([0.5]), jnp.ones((1, 2))
    >>> float(denoising_loss(lambda x_t, t: 0 * x_t, schedules.Linear(), x, t=t, noise=noise))
    2.0
    """
    schedules.ensure(schedule)
    (x,) = as_floats(x)
    keep, w = example_weights(mask, weights, x.shape[:1], "denoising_loss")
    density = relative(density, t, x)
    check_times(t, keep)
    t, noise, _ = draw(x, key, t, noise)
    x, t, noise, density = fill_masked(keep, x, t, noise, density)
    weight = schedules.weight(weighting, schedule, t, prediction, snr_cap=snr_cap, bias=bias, sigma_data=sigma_data)
    errors, _ = squared_errors(denoise, schedule, x, noise, t, prediction, sigma_data)
    losses = weight / density * sum_each(errors)
    return finish(losses, keep, w, reduction)
