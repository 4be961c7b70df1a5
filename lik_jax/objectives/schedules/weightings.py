"""Weights of a denoiser's squared error, by noise level.

Each is a function of ``gamma`` for an error in what the network predicts, whatever that is: the same weighting of two
kinds of prediction gives the same loss. Only "simple", a weight of 1, depends on the kind by design.

>>> [round(float(min_snr_weight(-jnp.log(20.0), kind)), 6) for kind in ("x0", "eps", "v")]
[5.0, 0.25, 0.238095]
"""

import math
from collections.abc import Callable
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ... import special
from ..._arrays import as_floats
from .predictions import Prediction, known, noise_weight

Weighting = Literal["simple", "vlb", "min_snr", "edm", "sigmoid"] | Callable[[Array], Array]


def min_snr_weight(gamma: ArrayLike, prediction: Prediction, *, cap: float = 5.0, sigma_data: float = 0.5) -> Array:
    """Weight of a squared error so that no noise level counts for more than ``cap`` times that of the clean ``x``.

    ``min(SNR, cap)`` for "x0", divided by SNR for "eps" and by SNR + 1 for "v"; the limits (1 and 0) at SNR 0.

    Source: Hang et al. (2023), "Efficient diffusion training via min-SNR weighting strategy".
    """
    known(prediction, sigma_data)
    (gamma,) = as_floats(gamma)
    if prediction == "x0":
        return jnp.exp(jnp.minimum(-gamma, math.log(cap)))
    # min(SNR, cap) / SNR, formed from gamma, so neither 0 / 0 nor inf / inf
    return jnp.exp(jnp.minimum(gamma + math.log(cap), 0)) * noise_weight(gamma, prediction, sigma_data=sigma_data)


def edm_weight(gamma: ArrayLike, prediction: Prediction, *, sigma_data: float = 0.5) -> Array:
    """Weight of a squared error so that it is 1 for "F": an error whose size is 1 at every noise level, untrained.

    ``(s^2 + sigma_data^2) / (s sigma_data)^2`` for "x0", ``s = exp(gamma / 2)`` being EDM's sigma.

    Source: Karras et al. (2022), "Elucidating the design space of diffusion-based generative models", table 1.

    >>> round(float(edm_weight(0.0, "x0")), 4)
    5.0
    """
    known(prediction, sigma_data)
    (gamma,) = as_floats(gamma)
    if prediction == "F":
        return jnp.ones_like(gamma)
    over = 1 / sigma_data**2
    if prediction == "x0":
        return jnp.exp(-gamma) + over
    if prediction == "v":
        return special.sigmoid(-gamma) + special.sigmoid(gamma) * over
    eps = 1 + jnp.exp(gamma) * over
    return eps if prediction == "eps" else special.sigmoid(gamma) * eps


def sigmoid_weight(gamma: ArrayLike, prediction: Prediction, *, bias: float = 2.0, sigma_data: float = 0.5) -> Array:
    """``sigmoid(gamma + bias)`` in units of the noise's squared error: small errors in almost clean data count less.

    Source: Kingma and Gao (2023), "Understanding diffusion objectives as the ELBO with simple data augmentation".

    >>> round(float(sigmoid_weight(-2.0, "eps")), 4)
    0.5
    """
    known(prediction, sigma_data)
    (gamma,) = as_floats(gamma)
    if prediction == "x0":
        return math.exp(bias) * special.sigmoid(-gamma - bias)
    return special.sigmoid(gamma + bias) * noise_weight(gamma, prediction, sigma_data=sigma_data)


def weight(
    weighting: Weighting,
    schedule: Any,
    t: Array,
    prediction: Prediction,
    *,
    snr_cap: float = 5.0,
    bias: float = 2.0,
    sigma_data: float = 0.5,
) -> Array:
    """The weight of a squared error at times ``t``, by name: what `denoising_loss` multiplies by.

    Args:
        weighting: "simple" (1), "vlb" (the mean is the diffusion term of the bound in continuous time), "min_snr",
            "edm", "sigmoid", or a function of ``gamma``.
        schedule: one of `schedules`.
        t: times in [0, 1], ``[B]``.
        prediction: what the network predicts.
        snr_cap: the cap of "min_snr".
        bias: that of "sigmoid".
        sigma_data: standard deviation of the data, for "edm" and for the prediction "F".

    Returns:
        ``[B]``.

    Raises:
        ValueError: another ``weighting`` or ``prediction``.
    """
    gamma = schedule.gamma(t)
    if callable(weighting):
        return weighting(gamma)
    if weighting == "simple":
        return jnp.ones_like(gamma)
    if weighting == "vlb":
        slope = jax.jvp(schedule.gamma, (t,), (jnp.ones_like(t),))[1]
        return 0.5 * slope * noise_weight(gamma, prediction, sigma_data=sigma_data)
    if weighting == "min_snr":
        return min_snr_weight(gamma, prediction, cap=snr_cap, sigma_data=sigma_data)
    if weighting == "edm":
        return edm_weight(gamma, prediction, sigma_data=sigma_data)
    if weighting == "sigmoid":
        return sigmoid_weight(gamma, prediction, bias=bias, sigma_data=sigma_data)
    raise ValueError(
        f"weighting={weighting!r}: want 'simple', 'vlb', 'min_snr', 'edm', 'sigmoid' or a function of gamma."
    )
