"""The variational bound on ``-log p(y)``: in continuous time or of T steps, every term of it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ... import special
from ..._arrays import as_floats
from ...distribution import Distribution
from .. import schedules
from .._batch import over, sum_each
from ..likelihood import check_shapes, observation_axes
from ..schedules import Prediction, Schedule
from ._parts import Denoiser, check_times, draw, relative, squared_errors, step_divergence

Decoder = Callable[[Array, Array], Any]


class DiffusionBound(NamedTuple):
    """An upper bound on ``-log p(y)`` taken apart, each ``[B]`` in nats.

    Attributes:
        prior: ``KL(q(x_1 | x) || N(0, 1))``.
        diffusion: the sum of the KLs of all steps, or its estimate from one time an example.
        reconstruction: ``-log p(y | x_0)``.
        total: their sum.
    """

    prior: Array
    diffusion: Array
    reconstruction: Array
    total: Array


def variational_bound(
    likelihood: Distribution,
    decode: Decoder,
    denoise: Denoiser,
    schedule: Schedule,
    x: ArrayLike,
    *,
    y: Any = None,
    key: Array | None = None,
    t: ArrayLike | None = None,
    noise: ArrayLike | None = None,
    density: ArrayLike | None = None,
    num_steps: int | None = None,
    full: bool = False,
    prediction: Prediction = "eps",
    sigma_data: float = 0.5,
    learned_variance: bool = False,
) -> DiffusionBound:
    """Upper bound on the negative log-likelihood of a diffusion model, all terms, in nats.

    With ``num_steps`` T the model has T steps from ``t`` to ``t - 1 / T``, and the diffusion term is the sum of their
    KLs, ``T / 2 E[expm1(gamma(t) - gamma(t - 1 / T)) |noise - predicted|^2]``; without, it is the limit of many steps,
    ``1 / 2 E[gamma'(t) |noise - predicted|^2]``. Predictions are taken as they are: nothing is cut off.

    Args:
        likelihood: distribution of ``y`` given ``x_0``, the data at time 0 (which is slightly noised).
        decode: ``decode(x_0, gamma_0)`` to its params: `gaussian_decoder`, or `level_decoder` for discrete data.
        denoise: ``denoise(x_t, t)``, ``[B, ...]`` and ``[B]`` to ``[B, ...]``.
        schedule: one of `schedules`.
        x: clean data as the diffusion sees them, ``[B, ...]``.
        y: the observations, if they are not ``x`` itself: the levels of a picture, say.
        key: draws what of ``t`` and ``noise`` is not given.
        t: times, ``[B]``: in [0, 1], or ``i / T`` with ``i`` in 1 .. T; by default antithetic of low discrepancy.
        noise: standard normal, ``[B, ...]``, shared by all terms.
        density: that with which ``t`` was drawn, relative to the uniform, ``[B]``; the diffusion term is divided by it.
        num_steps: T, or None for continuous time.
        full: sum over every step, T calls of ``denoise``, with no sampling of ``t``: for evaluation.
        prediction: what ``denoise`` predicts: "eps", "x0", "v", "score" or "F".
        sigma_data: standard deviation of the data, for "F".
        learned_variance: ``denoise`` gives a pair: its prediction, and where the variance of the step lies between
            ``beta~`` (at 0) and ``beta`` (at 1) on a logarithmic scale, ``[B, ...]`` both. It needs ``num_steps``.

    Returns:
        A `DiffusionBound`, each part ``[B]``; `bits_per_dim` of ``total`` is what is reported.

    Raises:
        ValueError: shapes that do not fit, nothing to draw from, or ``full`` without ``num_steps``.

    Source: Ho, Jain and Abbeel (2020), equation 5; Kingma et al. (2021), equations 11 to 18; Nichol and Dhariwal
    (2021), equation 15, for the learned variance.
    """
    if full and (num_steps is None or t is not None):
        raise ValueError("variational_bound: full=True sums over all steps: it needs num_steps, and takes no t.")
    if learned_variance and num_steps is None:
        raise ValueError("variational_bound: in continuous time no variance is left to learn: give num_steps.")
    schedules.ensure(schedule)
    (x,) = as_floats(x)
    noise_0, drawn = noise, t is None
    check_times(t)
    density = relative(density, t, x)
    t, noise, keys = draw(x, key, jnp.zeros(x.shape[0], x.dtype) if full else t, noise)
    if noise_0 is None:
        noise_0 = jax.random.normal(keys[0], x.shape, x.dtype)

    def noise_errors(t: Array, noise: Array) -> tuple[Array, Any]:
        errors, share = squared_errors(denoise, schedule, x, noise, t, prediction, sigma_data, learned_variance)
        worth = schedules.noise_weight(schedule.gamma(t), prediction, sigma_data=sigma_data)
        return over(worth, x) * errors, share

    def step(i: Array, noise: Array, count: int) -> Array:
        """The KL of step ``i`` in 1 .. count."""
        errors, share = noise_errors(i / count, noise)
        gamma_s, gamma_t = over(schedule.gamma((i - 1) / count), x), over(schedule.gamma(i / count), x)
        return sum_each(step_divergence(errors, share, gamma_s, gamma_t))

    if num_steps is None:
        slope = jax.jvp(schedule.gamma, (t,), (jnp.ones_like(t),))[1]
        diffusion = 0.5 * slope * sum_each(noise_errors(t, noise)[0])
    elif full:
        shared = key is None
        draws = None if shared else jax.random.split(keys[1], num_steps)

        def add(total: Array, at: tuple[Array, Any]) -> tuple[Array, None]:
            i, draw = at
            fresh = noise if shared else jax.random.normal(draw, x.shape, x.dtype)
            return total + step(jnp.full(x.shape[0], i, x.dtype), fresh, num_steps), None

        diffusion, _ = jax.lax.scan(add, jnp.zeros(x.shape[0], x.dtype), (jnp.arange(1, num_steps + 1), draws))
    else:
        i = jnp.floor(t * num_steps) + 1 if drawn else jnp.round(t * num_steps)
        diffusion = num_steps * step(i, noise, num_steps)
    diffusion = diffusion / density

    gamma_0, gamma_1 = schedule.gamma(jnp.zeros((), x.dtype)), schedule.gamma(jnp.ones((), x.dtype))
    # sigma^2 - 1 is -alpha^2, and log sigma^2 a log-sigmoid: nothing cancels where almost all is noise
    each = 0.5 * (special.sigmoid(-gamma_1) * (x - 1) * (x + 1) - special.log_sigmoid(gamma_1))
    prior = sum_each(each)
    params, y = decode(schedules.noised(x, noise_0, gamma_0), gamma_0), x if y is None else y
    check_shapes(likelihood, params, observation_axes(likelihood, y))
    reconstruction = -sum_each(likelihood.log_prob(params, y))
    return DiffusionBound(prior, diffusion, reconstruction, prior + diffusion + reconstruction)
