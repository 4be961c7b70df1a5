"""Likelihood of a diffusion model by its probability-flow ordinary differential equation.

The ODE whose solutions have, at every time, the density that the diffusion has is ``dx/dt = gamma'(t) alpha sigma v /
2``, with ``v = alpha noise - sigma x`` as the model predicts it: the drift ``f x - g^2 score / 2`` of the variance-
preserving diffusion, in log-SNR. It gives a density of the *noised* data ``x_0`` of the least time, and what is wanted
is the density of the clean ones: `probability_flow_log_prob` and `probability_flow_bound` say how they get there.
Reporting the density of ``x_0`` as that of the data is wrong by the entropy of the noise in it.

>>> import jax, jax.numpy as jnp
>>> from lik_jax.objectives import schedules
>>> schedule = schedules.Linear(-6.0, 6.0)
>>> denoise = lambda x_t, t: schedules.alpha(schedule.gamma(t))[:, None] * x_t  # best for data N(0, 1), as x0
>>> round(float(probability_flow_log_prob(denoise, schedule, jnp.zeros((1, 1)), prediction="x0")[0]), 2)
-0.92

Source: Song et al. (2021), "Score-based generative modeling through stochastic differential equations", section 4.3.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .. import ode
from .._arrays import as_floats
from ..distribution import Distribution
from . import schedules
from ._batch import sum_each
from .likelihood import check_shapes, observation_axes

Denoiser = Callable[[Array, Array], Array]


class FlowBound(NamedTuple):
    """A lower bound on ``log p(y)`` taken apart, each ``[B]`` in nats.

    Attributes:
        flow: ``log p(x_0)`` by the ODE, at noised data.
        entropy: ``-log q(x_0 | x)``: in expectation the entropy of the noise in ``x_0``, that of the least time.
        reconstruction: ``log p(y | x_0)``.
        total: their sum.
    """

    flow: Array
    entropy: Array
    reconstruction: Array
    total: Array


def probability_flow_field(
    denoise: Denoiser, schedule: schedules.Schedule, *, prediction: Any = "eps"
) -> Callable[[Array, Array], Array]:
    """The field ``field(t, x)`` of the probability-flow ODE: what moves data towards noise as ``t`` rises.

    Args:
        denoise: ``denoise(x_t, t)``, ``[B, ...]`` and ``[B]`` to ``[B, ...]``.
        schedule: one of `schedules`.
        prediction: what ``denoise`` predicts, any kind that `schedules.convert` knows.

    >>> field = probability_flow_field(lambda x_t, t: 0 * x_t, schedules.Linear(-5.0, 5.0))
    >>> round(float(field(jnp.array(0.5), jnp.ones((1, 2)))[0, 0]), 4)
    -2.5
    """

    def field(t: Array, x: Array) -> Array:
        gamma, slope = jax.jvp(schedule.gamma, (t,), (jnp.ones_like(t),))
        times = jnp.full(x.shape[:1], t, x.dtype)
        every = jnp.reshape(gamma, (1,) * x.ndim)
        v = schedules.convert(denoise(x, times), x, every, source=prediction, to="v")
        return 0.5 * slope * schedules.alpha(gamma) * schedules.sigma(gamma) * v

    return field


def probability_flow_log_prob(
    denoise: Denoiser,
    schedule: schedules.Schedule,
    x: ArrayLike,
    *,
    prediction: Any = "eps",
    base: Callable[[Array], Array] | None = None,
    t_min: float = 0.0,
    t_max: float = 1.0,
    probes: ArrayLike | None = None,
    rtol: float = 1e-5,
    atol: float = 1e-5,
    max_steps: int = 4096,
) -> Array:
    """Exact log-density of a diffusion model read as a continuous flow, nats.

    The flow is the deterministic sampler: noise of the density ``base`` is moved from ``t_max`` to ``t_min`` and the
    result divided by ``alpha``. So the data enter at ``t_min`` as ``alpha x``, without noise, and the density has
    its factor ``alpha`` a dimension. It is a density proper, of continuous ``x``; discrete data need dequantisation, or
    `probability_flow_bound`.

    Args:
        denoise: ``denoise(x_t, t)``, ``[B, ...]`` and ``[B]`` to ``[B, ...]``.
        schedule: one of `schedules`, finite from ``t_min`` to ``t_max``.
        x: observations, as the diffusion sees them, ``[B, ...]``.
        prediction: what ``denoise`` predicts, any kind that `schedules.convert` knows.
        base: log-density at ``t_max``, ``[B, ...]`` to ``[B]``; standard normal by default.
        t_min: where the data enter.
        t_max: where the base is.
        probes: directions ``[num, B, ...]`` for an unbiased estimate instead of the exact value: `ode.probes`.
        rtol: see `ode.flow`.
        atol: see `ode.flow`.
        max_steps: see `ode.flow`; the result is NaN where more are needed.

    Returns:
        ``[B]``.

    Raises:
        ValueError: shapes that do not fit.
        ModuleNotFoundError: diffrax is not installed.

    Source: Song et al. (2021), equation 13, and Chen et al. (2018), theorem 1.
    """
    (x,) = as_floats(x)
    signal = schedules.alpha(schedule.gamma(jnp.asarray(t_min, x.dtype)))
    field = probability_flow_field(denoise, schedule, prediction=prediction)
    log_p = ode.log_prob(
        field, signal * x, base, t0=t_min, t1=t_max, probes=probes, rtol=rtol, atol=atol, max_steps=max_steps
    )
    return log_p + x[0].size * jnp.log(signal)


def probability_flow_bound(
    likelihood: Distribution,
    decode: Callable[[Array, Array], Any],
    denoise: Denoiser,
    schedule: schedules.Schedule,
    x: ArrayLike,
    *,
    y: Any = None,
    key: Array | None = None,
    noise: ArrayLike | None = None,
    prediction: Any = "eps",
    base: Callable[[Array], Array] | None = None,
    t_min: float = 0.0,
    t_max: float = 1.0,
    probes: ArrayLike | None = None,
    rtol: float = 1e-5,
    atol: float = 1e-5,
    max_steps: int = 4096,
) -> FlowBound:
    """Lower bound on ``log p(y)`` whose prior over noised data is the flow: the bound for discrete data, in nats.

    ``log p(y) >= E_q[log p(x_0) + log p(y | x_0) - log q(x_0 | x)]``, with ``x_0 = alpha x + sigma noise`` at
    ``t_min``: noise dequantises the data. It is the counterpart of `diffusion.variational_bound`.

    Args:
        likelihood: distribution of ``y`` given ``x_0``.
        decode: ``decode(x_0, gamma_0)`` to its params, as for `diffusion.variational_bound`.
        denoise: ``denoise(x_t, t)``, ``[B, ...]`` and ``[B]`` to ``[B, ...]``.
        schedule: one of `schedules`, finite from ``t_min`` to ``t_max``.
        x: clean data as the diffusion sees them, ``[B, ...]``.
        y: the observations, if they are not ``x`` itself: the levels of a picture, say.
        key: draws the noise. Give exactly one of ``key`` and ``noise``.
        noise: standard normal, ``[B, ...]``.
        prediction: what ``denoise`` predicts, any kind that `schedules.convert` knows.
        base: log-density at ``t_max``; standard normal by default.
        t_min: the least time, whose noise is in ``x_0``.
        t_max: where the base is.
        probes: see `probability_flow_log_prob`.
        rtol: see `ode.flow`.
        atol: see `ode.flow`.
        max_steps: see `ode.flow`.

    Returns:
        A `FlowBound`.

    Raises:
        ValueError: shapes that do not fit, or not exactly one of ``key`` and ``noise``.
        ModuleNotFoundError: diffrax is not installed.
    """
    (x,) = as_floats(x)
    if (key is None) == (noise is None):
        raise ValueError("probability_flow_bound: give exactly one of key and noise.")
    if key is not None:
        noise = jax.random.normal(key, x.shape, x.dtype)
    noise = jnp.asarray(noise, x.dtype)
    if noise.shape != x.shape:
        raise ValueError(f"probability_flow_bound: noise has shape {noise.shape}, but x has {x.shape}.")
    gamma_0 = schedule.gamma(jnp.asarray(t_min, x.dtype))
    x_0 = schedules.noised(x, noise, gamma_0)
    field = probability_flow_field(denoise, schedule, prediction=prediction)
    flow = ode.log_prob(field, x_0, base, t0=t_min, t1=t_max, probes=probes, rtol=rtol, atol=atol, max_steps=max_steps)
    entropy = -ode.standard_normal(noise) + x[0].size * jnp.log(schedules.sigma(gamma_0))
    params, y = decode(x_0, gamma_0), x if y is None else y
    check_shapes(likelihood, params, observation_axes(likelihood, y))
    each = likelihood.log_prob(params, y)
    reconstruction = sum_each(each)
    return FlowBound(flow, entropy, reconstruction, flow + entropy + reconstruction)
