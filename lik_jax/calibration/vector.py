"""Vector scaling: a factor and a bias a class, ``scale * logits + bias``, by maximum likelihood.

It reads logits as numbers: unlike temperature scaling it sees a number that a row has in common, so that logits and
log-probabilities give different maps.

>>> import jax.numpy as jnp
>>> logits = jnp.array([[2.0, 0.0], [3.0, 1.0], [1.0, 0.0], [0.0, 1.0], [1.0, 3.0], [0.0, 2.0]])
>>> params = fit(logits, jnp.array([0, 0, 1, 0, 1, 1]))
>>> params.scale.shape, params.bias.shape, params.fit.status_name
((2,), (2,), 'OK')

Source: Guo, Pleiss, Sun and Weinberger (2017), "On calibration of modern neural networks", section 4.2.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .._arrays import as_floats
from ..distributions import categorical
from ..objectives.likelihood import nll
from ._data import classes, standardised
from ._fit import Fit
from ._maximum import maximum_likelihood


class Params(NamedTuple):
    """``scale``: ``[k]``. ``bias``: sums to 0, ``[k]``. ``fit``: how they were found; its ``standard_errors`` is a
    `Params` of theirs."""

    scale: ArrayLike
    bias: ArrayLike
    fit: Fit | None = None


@jax.jit
def fit(logits: ArrayLike, labels: ArrayLike, *, weights: ArrayLike | None = None) -> Params:
    """Maximum likelihood on held-out data, convex.

    Args:
        logits: ``[n, k]``, finite.
        labels: ``[n]``, 0 to k - 1.
        weights: how often each example counts, ``[n]``; 0 leaves it out, whatever it holds.

    Returns:
        The params. SEPARATION: they run away, as where a class is absent or the data are told apart perfectly; they
        are where the loss no longer changed. SINGULAR: a class whose logit is the same for all examples.
        INVALID_DATA: as in `temperature.fit`, all NaN. Standard errors: from the observed information, where the
        status is OK.

    Raises:
        ValueError: shapes that do not fit.
    """
    data = classes("vector", logits, labels, weights)
    z, mean, unit = standardised(data.logits, data)

    def loss(x: tuple[Array, Array]) -> Array:
        outputs = categorical.Params(x[0][None] * z + x[1][None])
        # softmax does not see the mean of the biases: hold it at 0
        free = 0.5 * x[1].mean() ** 2
        return nll(categorical, outputs, data.labels, weights=data.weights, reduction="sum") / data.total + free

    def natural(x: tuple[Array, Array]) -> Params:
        scale = x[0] / unit
        bias = x[1] - scale * mean
        return Params(scale, bias - bias.mean())

    start = jnp.zeros_like(mean), jnp.zeros_like(mean)
    params, about, _ = maximum_likelihood(loss, start, natural, data.total)
    return params._replace(fit=about)


def apply(params: Params, logits: ArrayLike) -> Array:
    """``scale * logits + bias``, ``[..., k]``."""
    z, scale, bias = as_floats(logits, params.scale, params.bias, ndims=(1, 1, 1))
    return scale * z + bias
