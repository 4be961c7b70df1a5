"""Noise schedules of Gaussian diffusion, in log-SNR, and what a network may predict.

A schedule is ``gamma(t)`` on ``t`` in [0, 1], rising, with ``gamma = -log SNR``. Everything else follows from it:
``x_t = alpha x + sigma noise`` with ``alpha^2 = sigmoid(-gamma)`` and ``sigma^2 = sigmoid(gamma)``, so their squares
sum to 1 (variance preserving).

>>> [round(float(f(-1.3)), 4) for f in (alpha, sigma)]
[0.8865, 0.4628]

Source: Kingma et al. (2021), "Variational diffusion models".
"""

import math
from dataclasses import dataclass
from typing import Literal, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from .. import special
from .._arrays import as_floats

Prediction = Literal["eps", "x0", "v"]


class Schedule(Protocol):
    """A noise schedule: ``gamma(t)``, differentiable, elementwise."""

    def gamma(self, t: ArrayLike) -> Array:
        """Minus the log-SNR at time ``t`` in [0, 1], the shape of ``t``."""
        ...


@dataclass(frozen=True)
class Linear:
    """``gamma`` linear in ``t``: the fixed schedule of variational diffusion models.

    >>> float(Linear(-10.0, 6.0).gamma(0.5))
    -2.0
    """

    gamma_min: float = -13.3
    gamma_max: float = 5.0

    def gamma(self, t: ArrayLike) -> Array:
        """Minus the log-SNR at time ``t``."""
        (t,) = as_floats(t)
        return self.gamma_min + (self.gamma_max - self.gamma_min) * t


@dataclass(frozen=True)
class Cosine:
    """``alpha = cos(u pi / 2)``, with ``u`` running over the part of [0, 1] where ``gamma`` is within its bounds.

    Source: Nichol and Dhariwal (2021), "Improved denoising diffusion probabilistic models".

    >>> round(float(Cosine(-8.0, 8.0).gamma(0.5)), 5)
    0.0
    """

    gamma_min: float = -13.3
    gamma_max: float = 13.3

    def gamma(self, t: ArrayLike) -> Array:
        """Minus the log-SNR at time ``t``."""
        (t,) = as_floats(t)
        low, high = (math.atan(math.exp(gamma / 2)) for gamma in (self.gamma_min, self.gamma_max))
        # gamma = 2 log tan(angle), and tan(angle) = cot(pi/2 - angle): the smaller of the two angles is the exact one
        angle, left = low + (high - low) * t, (math.pi / 2 - high) + (high - low) * (1 - t)
        return 2 * (jnp.log(jnp.sin(angle)) - jnp.log(jnp.sin(left)))


@dataclass(frozen=True)
class BetaLinear:
    """The discrete schedule of denoising diffusion models: ``num_betas`` variances from ``beta_min`` to ``beta_max``.

    ``gamma(i / (num_betas - 1))`` is that of the noise after ``i + 1`` steps; between those times it is interpolated.
    A bound with ``num_steps = num_betas - 1`` has exactly the terms of that model.

    Source: Ho, Jain and Abbeel (2020), "Denoising diffusion probabilistic models".

    >>> round(float(BetaLinear().gamma(0.0)), 4)
    -9.2102
    """

    num_betas: int = 1000
    beta_min: float = 1e-4
    beta_max: float = 0.02

    def gamma(self, t: ArrayLike) -> Array:
        """Minus the log-SNR at time ``t``."""
        (t,) = as_floats(t)
        log_alpha2 = np.cumsum(np.log1p(-np.linspace(self.beta_min, self.beta_max, self.num_betas)))
        table = jnp.asarray(np.log(np.expm1(-log_alpha2)), t.dtype)
        place = t * (self.num_betas - 1)
        left = jnp.clip(jnp.floor(place), 0, self.num_betas - 2)
        index = left.astype(jnp.int32)
        return table[index] + (place - left) * (table[index + 1] - table[index])


def alpha(gamma: ArrayLike) -> Array:
    """Share of the signal, ``sqrt(sigmoid(-gamma))``."""
    (gamma,) = as_floats(gamma)
    return jnp.exp(0.5 * special.log_sigmoid(-gamma))


def sigma(gamma: ArrayLike) -> Array:
    """Share of the noise, ``sqrt(sigmoid(gamma))``."""
    (gamma,) = as_floats(gamma)
    return jnp.exp(0.5 * special.log_sigmoid(gamma))


def snr(gamma: ArrayLike) -> Array:
    """Signal-to-noise ratio ``alpha^2 / sigma^2 = exp(-gamma)``."""
    return jnp.exp(-as_floats(gamma)[0])


def transition(gamma_s: ArrayLike, gamma_t: ArrayLike) -> tuple[Array, Array]:
    """From an earlier time to a later one: ``x_t = a x_s + b noise``; returns ``(a, b)``.

    >>> a, b = transition(-2.0, 1.0)
    >>> round(float(a**2 + b**2), 6)
    1.0
    """
    gamma_s, gamma_t = as_floats(gamma_s, gamma_t)
    log_a2 = special.log_sigmoid(-gamma_t) - special.log_sigmoid(-gamma_s)
    return jnp.exp(0.5 * log_a2), jnp.sqrt(-jnp.expm1(log_a2))


def noised(x: ArrayLike, noise: ArrayLike, gamma: ArrayLike) -> Array:
    """``x_t = alpha x + sigma noise``, with ``gamma`` broadcastable to ``x``."""
    x, noise, gamma = as_floats(x, noise, gamma)
    return alpha(gamma) * x + sigma(gamma) * noise


def target(x: ArrayLike, noise: ArrayLike, gamma: ArrayLike, prediction: Prediction) -> Array:
    """What a network of this kind should say: the noise, the clean ``x``, or ``v = alpha noise - sigma x``.

    Raises:
        ValueError: another ``prediction``.

    Source: Salimans and Ho (2022), "Progressive distillation for fast sampling of diffusion models", for v.
    """
    _known(prediction)
    x, noise, gamma = as_floats(x, noise, gamma)
    if prediction == "eps":
        return noise
    return x if prediction == "x0" else alpha(gamma) * noise - sigma(gamma) * x


def convert(predicted: ArrayLike, x_t: ArrayLike, gamma: ArrayLike, *, source: Prediction, to: Prediction) -> Array:
    """Turn one kind of prediction at ``x_t`` into another.

    Args:
        predicted: what the network says, ``[...]``.
        x_t: what it was shown, ``[...]``.
        gamma: minus the log-SNR, broadcastable to ``x_t``.
        source: the kind it is: "eps", "x0" or "v".
        to: the kind wanted.

    Raises:
        ValueError: another kind.

    >>> float(convert(0.0, 1.0, 0.0, source="eps", to="x0")) > 1.414
    True
    """
    _known(source)
    _known(to)
    predicted, x_t, gamma = as_floats(predicted, x_t, gamma)
    if source == to:
        return predicted
    a, s = alpha(gamma), sigma(gamma)
    if source == "v":
        return a * x_t - s * predicted if to == "x0" else s * x_t + a * predicted
    x0 = (x_t - s * predicted) / a if source == "eps" else predicted
    noise = (x_t - a * predicted) / s if source == "x0" else predicted
    if to == "v":
        return a * noise - s * x0
    return x0 if to == "x0" else noise


def noise_weight(gamma: ArrayLike, prediction: Prediction) -> Array:
    """What a squared error of this kind counts in units of squared error of the noise: 1, SNR or SNR / (SNR + 1).

    >>> round(float(noise_weight(-1.3, "x0")), 4)
    3.6693
    """
    _known(prediction)
    (gamma,) = as_floats(gamma)
    if prediction == "eps":
        return jnp.ones_like(gamma)
    return jnp.exp(-gamma) if prediction == "x0" else special.sigmoid(-gamma)


def min_snr_weight(gamma: ArrayLike, prediction: Prediction, *, cap: float = 5.0) -> Array:
    """Weight of a squared error so that no noise level counts for more than ``cap`` times that of the clean ``x``.

    ``min(SNR, cap)`` for "x0", divided by SNR for "eps" and by SNR + 1 for "v"; the limits (1 and 0) at SNR 0.

    Source: Hang et al. (2023), "Efficient diffusion training via min-SNR weighting strategy".

    >>> [round(float(min_snr_weight(-jnp.log(20.0), kind)), 6) for kind in ("x0", "eps", "v")]
    [5.0, 0.25, 0.238095]
    """
    _known(prediction)
    (gamma,) = as_floats(gamma)
    if prediction == "x0":
        return jnp.exp(jnp.minimum(-gamma, math.log(cap)))
    # cap / SNR where that is below 1: formed from gamma, so neither 0 / 0 nor inf / inf
    over_snr = jnp.exp(jnp.minimum(gamma + math.log(cap), 0))
    return over_snr if prediction == "eps" else over_snr * special.sigmoid(-gamma)


def antithetic_times(key: Array, num: int, dtype: jax.typing.DTypeLike = float) -> Array:
    """``num`` times in [0, 1), evenly spaced from a random start: each uniform, together of low discrepancy.

    >>> t = antithetic_times(jax.random.key(0), 49)
    >>> t.shape, bool((jnp.diff(jnp.sort(t)) < 0.021).all())
    ((49,), True)
    """
    start = jax.random.uniform(key, (), dtype)
    return (start + jnp.arange(num, dtype=start.dtype) / num) % 1


def _known(prediction: str) -> None:
    if prediction not in ("eps", "x0", "v"):
        raise ValueError(f"prediction={prediction!r}: want 'eps' (the noise), 'x0' (the clean data) or 'v'.")
