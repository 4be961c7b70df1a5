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
from ._data import Data, classes
from ._fit import Fit


class Params(NamedTuple):
    """``temperature``: not negative, (). ``fit``: how it was found, if it was; its ``standard_errors`` is that of the
    logarithm of the temperature."""

    temperature: ArrayLike
    fit: Fit | None = None


@jax.jit
def fit(logits: ArrayLike, labels: ArrayLike, *, weights: ArrayLike | None = None) -> Params:
    """Maximum likelihood of the temperature on held-out data.

    The NLL is convex in ``1 / T``: Newton's method, kept inside a bracket by bisection, is exact. The temperature is
    differentiable in the logits and weights, by the implicit function theorem.

    Args:
        logits: ``[n, k]``, finite.
        labels: ``[n]``, 0 to k - 1.
        weights: how often each example counts, ``[n]``; 0 leaves it out, whatever it holds.

    Returns:
        The temperature. BOUNDARY and infinity: the logits are no better than uniform. SEPARATION and 0: dividing by
        ever less only helps, no example has a wrong label on top. SINGULAR and infinity: all logits of an example are
        the same, in every example. INVALID_DATA and NaN: no examples or no weight, or in an example that counts a
        logit that is not finite, a label that is no class, a negative weight. Standard error: from the observed
        information, where the status is OK, and NaN where it is not.

    Raises:
        ValueError: shapes that do not fit.
    """
    data = classes("temperature", logits, labels, weights)
    # only differences matter: with the label's logit at 0 no large numbers cancel
    z = data.logits - jnp.take_along_axis(data.logits, data.labels[:, None], axis=1)
    invalid = jnp.isnan(z).any()
    largest = jnp.abs(z).max()
    unit = jax.lax.stop_gradient(jnp.where((largest > 0) & ~invalid, largest, 1))
    z = jnp.where((data.weights > 0)[:, None], z / unit, 0)
    zero = jnp.zeros((), z.dtype)
    uninformative = _slopes(zero, z, data)[0] >= 0
    separated = z.max() <= 0
    solvable = ~(uninformative | separated | invalid)

    def root(slope: object, start: Array) -> Array:
        del slope
        return _root(start, z, data, solvable)

    def tangent(linear: object, y: Array) -> Array:
        curvature = linear(jnp.ones_like(y))  # type: ignore[operator]
        return y / jnp.where(curvature > 0, curvature, 1)

    b = jax.lax.custom_root(lambda b: _slopes(b, z, data)[0], jnp.ones_like(zero), root, tangent)
    b = jnp.where(solvable, b, 1)
    temperature = jnp.where(uninformative, jnp.inf, jnp.where(separated, 0.0, unit / b))
    error = jnp.where(solvable, 1 / (b * jnp.sqrt(data.total * _slopes(b, z, data)[1])), jnp.nan)
    status = jnp.int32(Status.OK)
    for case, name in (
        (separated, Status.SEPARATION),
        (uninformative, Status.BOUNDARY),
        (largest == 0, Status.SINGULAR),
        (invalid, Status.INVALID_DATA),
    ):
        status = jnp.where(case, jnp.int32(name), status)
    temperature = temperature * jnp.where(invalid, jnp.nan, 1.0).astype(z.dtype)
    return Params(temperature, Fit(status, error))


def _slopes(b: Array, z: Array, data: Data) -> tuple[Array, Array]:
    """First and second derivative of the mean NLL in ``b = 1 / T``."""
    p = jax.nn.softmax(b * z, axis=1)
    mean = (p * z).sum(1)
    variance = (p * (z - mean[:, None]) ** 2).sum(1)
    return (data.weights * mean).sum() / data.total, (data.weights * variance).sum() / data.total


def _root(start: Array, z: Array, data: Data, solvable: Array) -> Array:
    """Where the slope is 0; the loops do nothing unless it is somewhere."""
    eps = float(jnp.finfo(z.dtype).eps)
    # a wrong label on top makes the slope positive for a large enough 1 / T
    high = jax.lax.while_loop(
        lambda b: solvable & (_slopes(b, z, data)[0] < 0) & jnp.isfinite(b), lambda b: b * 2, start
    )

    def newton(state: tuple[Array, ...]) -> tuple[Array, ...]:
        i, low, high, b, _ = state
        slope, curvature = _slopes(b, z, data)
        low, high = jnp.where(slope < 0, b, low), jnp.where(slope < 0, high, b)
        step = b - slope / curvature
        inside = (step > low) & (step < high)
        done = (jnp.abs(slope) <= 4 * eps * b * curvature) | (high - low <= 2 * eps * high)
        return i + 1, low, high, jnp.where(done, b, jnp.where(inside, step, (low + high) / 2)), done

    state = jnp.zeros((), jnp.int32), jnp.zeros_like(high), high, high, ~solvable
    return jax.lax.while_loop(lambda s: ~s[4] & (s[0] < 200), newton, state)[3]


def apply(params: Params, logits: ArrayLike) -> Array:
    """``logits / temperature`` but for a number that a row has in common, ``[..., k]``: equal logits at infinity, all
    weight on the greatest at 0. A class of logit -inf stays impossible."""
    z, temperature = as_floats(logits, params.temperature)
    z = z - z.max(-1, keepdims=True)
    scaled = z / jnp.where(temperature == 0, 1, temperature)
    scaled = jnp.where(temperature == 0, jnp.where(z == 0, 0.0, -jnp.inf), scaled)
    return jnp.where(z == -jnp.inf, -jnp.inf, scaled)
