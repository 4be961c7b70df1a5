"""Temperature scaling: one number that all logits are divided by, fitted on held-out data by maximum likelihood.

>>> import jax.numpy as jnp
>>> logits = jnp.array([[4.0, 0.0], [4.0, 0.0], [4.0, 0.0], [0.0, 4.0]])
>>> params = fit(logits, jnp.array([0, 0, 1, 1]))
>>> round(float(params.temperature), 3), params.fit.status_name
(3.641, 'OK')
>>> apply(params, logits).shape
(4, 2)

Source: Guo, Pleiss, Sun and Weinberger (2017), "On calibration of modern neural networks", section 4.2.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .._arrays import as_floats
from ..estimation.status import Status
from ._fit import Fit


class Params(NamedTuple):
    """``temperature``: not negative, (). ``fit``: how it was found, if it was; its ``standard_errors`` is that of the
    logarithm of the temperature."""

    temperature: ArrayLike
    fit: Fit | None = None


@jax.jit
def fit(logits: ArrayLike, labels: ArrayLike) -> Params:
    """Maximum likelihood of the temperature on held-out data.

    The NLL is convex in ``1 / T``: Newton's method, kept inside a bracket by bisection, is exact.

    Args:
        logits: ``[n, k]``, finite.
        labels: ``[n]``, 0 to k - 1.

    Returns:
        The temperature; status BOUNDARY and infinity where the logits are no better than uniform, SEPARATION and 0
        where dividing by ever less only helps.

    Raises:
        ValueError: shapes that do not fit.
    """
    (z,) = as_floats(logits)
    if z.ndim != 2 or jnp.shape(labels) != z.shape[:1]:
        raise ValueError(
            f"temperature.fit: logits have shape {z.shape} and labels {jnp.shape(labels)}; want [n, k] and [n]."
        )
    # only differences matter: with the label's logit at 0 no large numbers cancel
    z = z - jnp.take_along_axis(z, jnp.asarray(labels)[:, None], axis=1)

    def slopes(inverse: Array) -> tuple[Array, Array]:
        p = jax.nn.softmax(inverse * z, axis=1)
        mean = (p * z).sum(1)
        return mean.mean(), (p * (z - mean[:, None]) ** 2).sum(1).mean()

    zero = jnp.zeros((), z.dtype)
    uninformative = slopes(zero)[0] >= 0
    separated = z.max() <= 0
    solvable = ~(uninformative | separated)

    def widen(high: Array) -> Array:
        return high * 2

    # a wrong label at all makes the slope positive for a large enough 1 / T
    start = 1 / jnp.maximum(jnp.abs(z).max(), jnp.finfo(z.dtype).tiny)
    high = jax.lax.while_loop(lambda b: solvable & (slopes(b)[0] < 0) & jnp.isfinite(b), widen, start)

    def newton(state: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
        i, low, high, b = state
        slope, curvature = slopes(b)
        low, high = jnp.where(slope < 0, b, low), jnp.where(slope < 0, high, b)
        step = b - slope / curvature
        return i + 1, low, high, jnp.where((step > low) & (step < high), step, (low + high) / 2)

    def unfinished(state: tuple[Array, Array, Array, Array]) -> Array:
        i, _, _, b = state
        slope, curvature = slopes(b)
        return solvable & (i < 200) & (jnp.abs(slope) > 4 * jnp.finfo(z.dtype).eps * b * curvature)

    _, _, _, b = jax.lax.while_loop(unfinished, newton, (jnp.zeros((), jnp.int32), zero, high, high))
    temperature = jnp.where(uninformative, jnp.inf, jnp.where(separated, 0.0, 1 / b))
    error = jnp.where(solvable, 1 / (b * jnp.sqrt(z.shape[0] * slopes(b)[1])), jnp.nan)
    status = jnp.where(uninformative, Status.BOUNDARY, jnp.where(separated, Status.SEPARATION, Status.OK))
    return Params(temperature, Fit(status.astype(jnp.int32), error))


def apply(params: Params, logits: ArrayLike) -> Array:
    """``logits / temperature``, ``[..., k]``: equal logits at infinity, all weight on the greatest at 0."""
    z, temperature = as_floats(logits, params.temperature)
    z = z - z.max(-1, keepdims=True)
    scaled = z / jnp.where(temperature == 0, 1, temperature)
    return jnp.where(temperature == 0, jnp.where(z == 0, 0.0, -jnp.inf), scaled)
