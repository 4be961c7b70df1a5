"""What a network may predict, how one kind becomes another, and what an error in one counts in another.

==========  =======================================================================================
"eps"       the noise
"x0"        the clean data
"v"         ``alpha noise - sigma x``
"score"     ``-noise / sigma``, whose mean given ``x_t`` is the gradient of its log-density
"F"         EDM's: ``x = sd^2 alpha / q x_t + sd sigma / sqrt(q) F``, ``q = sigma^2 + sd^2 alpha^2``
==========  =======================================================================================

``sd`` is ``sigma_data``, the standard deviation of the data; where it is 1, F is -v.

>>> float(convert(0.0, 1.0, 0.0, source="eps", to="x0")) > 1.414
True
"""

import math
from typing import Literal, get_args

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ... import special
from ..._arrays import as_floats
from .signal import alpha, sigma

Prediction = Literal["eps", "x0", "v", "score", "F"]


def target(
    x: ArrayLike, noise: ArrayLike, gamma: ArrayLike, prediction: Prediction, *, sigma_data: float = 0.5
) -> Array:
    """What a network of this kind should say about ``x_t = alpha x + sigma noise``.

    Args:
        x: clean data, ``[...]``.
        noise: standard normal, ``[...]``.
        gamma: minus the log-SNR, broadcastable to ``x``.
        prediction: the kind.
        sigma_data: standard deviation of the data, for "F".

    Raises:
        ValueError: another ``prediction``.

    Source: Salimans and Ho (2022), "Progressive distillation for fast sampling of diffusion models", for v; Karras et
    al. (2022), "Elucidating the design space of diffusion-based generative models", for F.
    """
    known(prediction, sigma_data)
    x, noise, gamma = as_floats(x, noise, gamma)
    if prediction == "eps":
        return noise
    if prediction == "x0":
        return x
    a, s = alpha(gamma), sigma(gamma)
    if prediction == "v":
        return a * noise - s * x
    if prediction == "score":
        return -noise / s
    return (s / sigma_data * x - sigma_data * a * noise) / _root(gamma, sigma_data)


def convert(
    predicted: ArrayLike,
    x_t: ArrayLike,
    gamma: ArrayLike,
    *,
    source: Prediction,
    to: Prediction,
    sigma_data: float = 0.5,
) -> Array:
    """Turn one kind of prediction at ``x_t`` into another.

    Args:
        predicted: what the network says, ``[...]``.
        x_t: what it was shown, ``[...]``.
        gamma: minus the log-SNR, broadcastable to ``x_t``.
        source: the kind it is.
        to: the kind wanted.
        sigma_data: standard deviation of the data, for "F".

    Raises:
        ValueError: another kind.

    >>> round(float(convert(0.3, 1.0, -1.0, source="F", to="v", sigma_data=1.0)), 4)
    -0.3
    """
    known(source, sigma_data)
    known(to, sigma_data)
    predicted, x_t, gamma = as_floats(predicted, x_t, gamma)
    if source == to:
        return predicted
    a, s = alpha(gamma), sigma(gamma)
    if source == "v":
        x, noise = a * x_t - s * predicted, s * x_t + a * predicted
    elif source == "F":
        root = _root(gamma, sigma_data)
        x = sigma_data * (sigma_data * a / root * x_t + s * predicted) / root
        noise = (s / root * x_t - sigma_data * a * predicted) / root
    elif source == "x0":
        x, noise = predicted, (x_t - a * predicted) / s
    else:
        noise = predicted if source == "eps" else -s * predicted
        x = (x_t - s * noise) / a
    return target(x, noise, gamma, to, sigma_data=sigma_data)


def noise_weight(gamma: ArrayLike, prediction: Prediction, *, sigma_data: float = 0.5) -> Array:
    """What a squared error of this kind counts in units of squared error of the noise.

    1 for "eps", SNR for "x0", SNR / (SNR + 1) for "v", sigma^2 for "score", SNR / (SNR + 1 / sigma_data^2) for "F".

    >>> round(float(noise_weight(-1.3, "x0")), 4)
    3.6693
    """
    known(prediction, sigma_data)
    (gamma,) = as_floats(gamma)
    if prediction == "eps":
        return jnp.ones_like(gamma)
    if prediction == "x0":
        return jnp.exp(-gamma)
    if prediction == "score":
        return special.sigmoid(gamma)
    return special.sigmoid(-gamma if prediction == "v" else 2 * math.log(sigma_data) - gamma)


def known(prediction: str, sigma_data: float = 1.0) -> None:
    """Raise a ValueError unless there is such a prediction, and a positive ``sigma_data``."""
    if prediction not in get_args(Prediction):
        raise ValueError(
            f"prediction={prediction!r}: want 'eps' (the noise), 'x0' (the clean data), 'v', 'score' or 'F' (EDM)."
        )
    if not sigma_data > 0:
        raise ValueError(f"sigma_data={sigma_data}: want the standard deviation of the data, a positive number.")


def _root(gamma: Array, sigma_data: float) -> Array:
    """Standard deviation of ``x_t`` for data of deviation ``sigma_data``."""
    return jnp.sqrt(special.sigmoid(gamma) + sigma_data**2 * special.sigmoid(-gamma))
