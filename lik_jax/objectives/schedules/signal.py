"""Signal and noise at a noise level ``gamma = -log SNR``.

>>> round(float(snr(-1.3)), 4)
3.6693
"""

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ... import special
from ..._arrays import as_floats


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
