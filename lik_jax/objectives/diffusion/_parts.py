"""What losses, bounds and samplers share: draws, errors of a denoiser, axes."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from ... import special
from .. import schedules
from .._batch import over
from ..schedules import Prediction, Schedule

Denoiser = Callable[[Array, Array], Any]


def squared_errors(
    denoise: Denoiser,
    schedule: Schedule,
    x: Array,
    noise: Array,
    t: Array,
    prediction: Prediction,
    sigma_data: float,
    learned_variance: bool = False,
) -> tuple[Array, Any]:
    """Squared errors in what is predicted, the shape of ``x``, and what else the network says (its variance)."""
    gamma = over(schedule.gamma(t), x)
    said = denoise(schedules.noised(x, noise, gamma), t)
    predicted, share = split_variance(said, x.shape, learned_variance)
    return (predicted - schedules.target(x, noise, gamma, prediction, sigma_data=sigma_data)) ** 2, share


def split_variance(said: Any, shape: tuple[int, ...], learned_variance: bool) -> tuple[Array, Any]:
    """What a network says, taken apart, its shape seen to.

    Raises:
        ValueError: another shape than that of ``x_t``, or no pair where a variance is learned.
    """
    if learned_variance and not (isinstance(said, tuple) and len(said) == 2):
        raise ValueError("denoise of a learned variance gives a pair: the prediction, and where its variance lies.")
    pair: Any = said if learned_variance else (said, None)
    predicted, share = pair
    for given in (predicted,) if share is None else (predicted, share):
        if jnp.shape(given) != shape:
            raise ValueError(f"denoise gave the shape {jnp.shape(given)} for x_t of shape {shape}; want the same.")
    return predicted, share


def log_variance_range(gamma_s: Array, gamma_t: Array) -> Array:
    """``log(beta / beta~)``: how far the variance of a reverse step may lie above the least there is."""
    return special.log_sigmoid(gamma_t) - special.log_sigmoid(gamma_s)


def step_divergence(noise_errors: Array, share: Any, gamma_s: Array, gamma_t: Array) -> Array:
    """``KL(q(x_s | x_t, x) || p(x_s | x_t))`` of each number, from the squared errors in the noise.

    ``share`` says where, on a logarithmic scale, the variance of p lies between ``beta~``, that of q, and ``beta``.
    """
    fit = jnp.expm1(gamma_t - gamma_s) * noise_errors
    if share is None:
        return 0.5 * fit
    wider = share * log_variance_range(gamma_s, gamma_t)
    return 0.5 * (wider + jnp.expm1(-wider) + jnp.exp(-wider) * fit)


def draw(x: Array, key: Any, t: Any, noise: Any) -> tuple[Array, Array, Any]:
    """Times and noise, those given or drawn, and keys for more."""
    if key is None and (t is None or noise is None):
        raise ValueError("Give a key, or both t and noise.")
    keys: Any = None if key is None else jax.random.split(key, 4)
    if t is None:
        t = schedules.antithetic_times(keys[2], x.shape[0], x.dtype)
    if noise is None:
        noise = jax.random.normal(keys[3], x.shape, x.dtype)
    t, noise = jnp.asarray(t, x.dtype), jnp.asarray(noise, x.dtype)
    if t.shape != x.shape[:1] or noise.shape != x.shape:
        raise ValueError(
            f"x has shape {x.shape}, so t has the shape {x.shape[:1]} and noise that of x; got t {t.shape} and noise "
            f"{noise.shape}."
        )
    return t, noise, keys


def check_times(t: Any, keep: Any = None) -> None:
    """Raise if a time of an example that counts is not in [0, 1]; what is being traced has no value to look at."""
    if t is None or isinstance(t, Tracer) or isinstance(keep, Tracer):
        return
    outside = ~((np.asarray(t) >= 0) & (np.asarray(t) <= 1))
    if (outside if keep is None else outside & np.asarray(keep)).any():
        raise ValueError("t lies in [0, 1]: 0 is data, 1 is noise. A step i of T is the time i / T.")


def relative(density: Any, t: Any, x: Array) -> Array:
    """The density with which times were drawn, ``[B]``; 1 if none is given."""
    if density is None:
        return jnp.ones(x.shape[:1], x.dtype)
    if t is None or jnp.shape(density) != x.shape[:1]:
        raise ValueError(
            f"density is that of the t given, relative to the uniform, one an example: want t and density of shape "
            f"{x.shape[:1]}; density has {jnp.shape(density)}{'' if t is not None else ', and there is no t'}."
        )
    return jnp.asarray(density, x.dtype)


def fill_masked(keep: Any, x: Array, t: Array, noise: Array, density: Array) -> tuple[Array, Array, Array, Array]:
    """Legal values in place of those of examples that do not count."""
    if keep is None:
        return x, t, noise, density
    every = over(keep, x)
    return jnp.where(every, x, 0), jnp.where(keep, t, 1), jnp.where(every, noise, 0), jnp.where(keep, density, 1)
