"""Temperature scaling with a bias a class: ``logits / temperature + bias``, by maximum likelihood.

It mends classes that are too common or too rare as well, as where the shares of classes have shifted.

>>> import jax.numpy as jnp
>>> logits = jnp.array([[2.0, 0.0], [3.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 3.0], [0.0, 2.0]])
>>> params = fit(logits, jnp.array([0, 0, 1, 0, 1, 1]))
>>> params.fit.status_name, bool(jnp.abs(params.bias.sum()) < 1e-6)
('OK', True)
>>> apply(params, logits).shape
(6, 2)

Source: Alexandari, Kundaje and Shrikumar (2020), "Maximum likelihood with bias-corrected calibration is
hard-to-beat at label shift adaptation".
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .._arrays import as_floats
from ..distributions import categorical
from ..objectives.likelihood import nll
from . import temperature
from ._data import classes
from ._fit import Fit
from ._maximum import over_faces


class Params(NamedTuple):
    """``temperature``: positive or infinite, (). ``bias``: sums to 0, ``[k]``. ``fit``: how they were found; its
    ``standard_errors`` is a `Params` of those of the logarithm of the temperature and of the bias."""

    temperature: ArrayLike
    bias: ArrayLike
    fit: Fit | None = None


@jax.jit
def fit(logits: ArrayLike, labels: ArrayLike, *, weights: ArrayLike | None = None) -> Params:
    """Maximum likelihood on held-out data: convex in ``1 / temperature`` and ``bias``.

    Args:
        logits: ``[n, k]``, finite.
        labels: ``[n]``, 0 to k - 1.
        weights: how often each example counts, ``[n]``; 0 leaves it out, whatever it holds.

    Returns:
        The params. BOUNDARY: an infinite temperature, where the logits point the wrong way. SEPARATION: the params
        run away, as where a class is absent (its bias falls for ever) or the data are told apart perfectly; they are
        where the loss no longer changed. SINGULAR: logits that are the same for all examples. INVALID_DATA: as in
        `temperature.fit`, all NaN. Standard errors: from the observed information, where the status is OK.

    Raises:
        ValueError: shapes that do not fit.
    """
    data = classes("bias_corrected", logits, labels, weights)
    k = data.logits.shape[1]
    w = data.weights[:, None] / data.total
    # a number that a row has in common changes nothing, and what a class has in common goes into its bias
    rows = data.logits - data.logits.mean(1, keepdims=True)
    centre = jax.lax.stop_gradient((w * rows).sum(0))
    apart = rows - centre[None]
    unit = jnp.sqrt(jax.lax.stop_gradient((w * apart**2).sum() / k))
    varies = ~(unit <= 8 * jnp.finfo(rows.dtype).eps * jnp.abs(data.logits).max())
    unit = jnp.where(varies, unit, 1)
    z = jnp.where(varies, apart / unit, 0)

    def loss(x: tuple[Array, Array], inside: Array) -> Array:
        slope, bias = x
        outputs = categorical.Params(slope * inside * z + bias[None])
        # what the likelihood leaves free is held at 0
        free = 0.5 * ((1 - inside) * slope**2 + bias.mean() ** 2)
        return nll(categorical, outputs, data.labels, weights=data.weights, reduction="sum") / data.total + free

    def natural(x: tuple[Array, Array], inside: Array) -> Params:
        slope, bias = x
        inverse = slope * inside / unit
        some = inverse != 0
        bias = bias - inverse * centre
        return Params(jnp.where(some, 1 / jnp.where(some, inverse, 1), jnp.inf), bias - bias.mean())

    def reported(x: tuple[Array, Array], inside: Array) -> Params:
        size = jnp.where(x[0] == 0, 1, jnp.abs(x[0]))
        return natural(x, inside)._replace(temperature=-jnp.log(size))

    start = jnp.zeros((), z.dtype), jnp.zeros(k, z.dtype)
    faces = jnp.array([1, 0], z.dtype)
    params, about = over_faces(loss, start, natural, data.total, faces, lambda p: p.temperature > 0, reported)
    errors = about.standard_errors
    at_edge = jnp.isinf(params.temperature)
    errors = errors._replace(temperature=jnp.where(at_edge, jnp.nan, errors.temperature))
    return params._replace(fit=about._replace(standard_errors=errors))


def apply(params: Params, logits: ArrayLike) -> Array:
    """``logits / temperature + bias``, ``[..., k]``, but for a number that a row has in common."""
    scaled = temperature.apply(temperature.Params(params.temperature), logits)
    scaled, bias = as_floats(scaled, params.bias, ndims=(1, 1))
    return scaled + bias
