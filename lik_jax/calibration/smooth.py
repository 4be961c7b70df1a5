"""Calibration error without bins: the gap is smoothed along the confidence, by as much as the error itself.

>>> import jax.numpy as jnp
>>> logits = jnp.array([[2.0, 0.0], [2.0, 0.0], [0.0, 2.0]])
>>> round(float(smooth_calibration_error(logits, jnp.array([0, 1, 1]))), 4)
0.2141
"""

import math
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ._events import checked, confidence, outcome

_POINTS = 2048
_AT_ONCE = 2**22


@partial(jax.jit, static_argnames=("terms",))
def smooth_calibration_error(logits: ArrayLike, labels: ArrayLike, *, terms: int = 512) -> Array:
    """Smooth ECE: the one bandwidth at which the smoothed calibration error equals the bandwidth.

    With ``r(t)`` the mean over examples of (outcome - confidence) times a Gaussian around the confidence, reflected
    at 0 and 1, the error at a bandwidth is the integral of ``|r|`` from 0 to 1, which falls as the bandwidth rises.
    Reflected smoothing is heat flow between insulated ends, so ``r`` is a cosine series whose coefficients come from
    the confidences as they are, and whose term ``j`` decays by ``exp(-(j pi bandwidth)^2 / 2)``.

    Args:
        logits: ``[n, k]`` (the top label) or ``[n]`` (log-odds of a binary event), as for `reliability`.
        labels: ``[n]``.
        terms: of the series. Bandwidths, so errors too, are resolved down to about ``2 / terms``. Costs ``n terms``.

    Returns:
        (). Differentiable in the logits through the implicit equation.

    Raises:
        ValueError: shapes that do not fit, or less than one term.

    Source: Błasiok and Nakkiran (2023), "Smooth ECE: principled reliability diagrams via kernel smoothing".
    """
    z = checked(logits, labels, "smooth_calibration_error")
    if terms < 1:
        raise ValueError(f"smooth_calibration_error: terms={terms}; want 1 or more.")
    p = confidence(z)
    gap = (outcome(z, labels) - p) / p.size
    j = jnp.arange(terms, dtype=z.dtype)

    def coefficient(j: Array) -> Array:
        return jnp.where(j == 0, 1, 2) * (gap * _wave(j * p)).sum()

    coefficients = jax.lax.map(coefficient, j, batch_size=max(1, _AT_ONCE // p.size))
    t = (jnp.arange(_POINTS, dtype=z.dtype) + 0.5) / _POINTS
    waves = _wave(t[:, None] * j[None])

    def error(bandwidth: Array, coefficients: Array) -> Array:
        return jnp.abs(waves @ (coefficients * jnp.exp(-0.5 * (math.pi * j * bandwidth) ** 2))).mean()

    known = jax.lax.stop_gradient(coefficients)

    def halve(_: int, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        middle = (low + high) / 2
        above = error(middle, known) > middle
        return jnp.where(above, middle, low), jnp.where(above, high, middle)

    steps = jnp.finfo(z.dtype).nmant + 2
    low, high = jax.lax.fori_loop(0, steps, halve, (jnp.zeros((), z.dtype), jnp.ones((), z.dtype)))
    bandwidth = (low + high) / 2
    # a Newton step from the solution leaves it where it is and carries its derivative
    slope = jax.grad(error)(bandwidth, known)
    return bandwidth + (error(bandwidth, coefficients) - bandwidth) / (1 - slope)


def _wave(turns: Array) -> Array:
    """``cos(pi turns)``, cut down to one turn of 2 before multiplying by pi loses digits."""
    return jnp.cos(math.pi * jnp.mod(turns, 2))
