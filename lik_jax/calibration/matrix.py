"""Matrix scaling: ``weight @ logits + bias``, by maximum likelihood, with penalties on what is off the diagonal.

Without a penalty it has ``k^2 - 1`` numbers to find and fits small calibration sets too well. It reads logits as
numbers, like `vector`; `dirichlet` is the same map of log-probabilities.

>>> import jax.numpy as jnp
>>> logits = jnp.array([[2.0, 0.0], [3.0, 1.0], [1.0, 0.0], [0.0, 1.0], [1.0, 3.0], [0.0, 2.0]])
>>> params = fit(logits, jnp.array([0, 0, 1, 0, 1, 1]), off_diagonal_penalty=0.1, bias_penalty=0.1)
>>> params.weight.shape, params.bias.shape, params.fit.status_name
((2, 2), (2,), 'OK')

Source: Guo, Pleiss, Sun and Weinberger (2017), "On calibration of modern neural networks", section 4.2; for the
penalties Kull, Perello-Nieto, Kangsepp, Silva Filho, Song and Flach (2019), "Beyond temperature scaling".
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
    """``weight``: ``[k, k]``, from the second to the first axis; ``bias``: ``[k]``. Of those that give the same
    probabilities, the ones where each column's numbers off the diagonal, and the biases, sum to 0. ``fit``: how they
    were found; its ``standard_errors`` is a `Params` of theirs."""

    weight: ArrayLike
    bias: ArrayLike
    fit: Fit | None = None


@jax.jit
def fit(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    off_diagonal_penalty: ArrayLike = 0.0,
    bias_penalty: ArrayLike = 0.0,
) -> Params:
    """Maximum (penalised) likelihood on held-out data, convex: least ``NLL + off_diagonal_penalty sum_{i != j}
    weight[i, j]^2 / (k (k - 1)) + bias_penalty sum_j bias[j]^2 / k``, the NLL a mean.

    A step solves for ``k^2`` numbers at once: meant for up to some dozen classes.

    Args:
        logits: ``[n, k]``, finite.
        labels: ``[n]``, 0 to k - 1.
        weights: how often each example counts, ``[n]``; 0 leaves it out, whatever it holds.
        off_diagonal_penalty: not negative; depends on the units of the logits.
        bias_penalty: not negative.

    Returns:
        The params. SEPARATION: they run away, as where a class is absent or the data are told apart perfectly; they
        are where the loss no longer changed. SINGULAR: logits of which one tells what the others do, as if one class
        has the same logit for all examples. INVALID_DATA: as in `temperature.fit`, or a penalty that is negative or
        not finite; all NaN. Standard errors: from the observed information, where the status is OK. With penalties
        it is that of the penalised likelihood: posterior deviations, if the penalty is a prior.

    Raises:
        ValueError: shapes that do not fit.
    """
    data = classes("matrix", logits, labels, weights)
    z, mean, unit = standardised(data.logits, data)
    k = mean.size
    off, on_bias = (as_floats(data.logits, x)[1].astype(z.dtype) for x in (off_diagonal_penalty, bias_penalty))
    off, on_bias = (jnp.where((x >= 0) & jnp.isfinite(x), x, jnp.nan) for x in (off, on_bias))
    aside = 1 - jnp.eye(k, dtype=z.dtype)

    def columns(weight: Array) -> Array:
        """The mean of each column's numbers off the diagonal, which softmax does not see."""
        return (weight * aside).sum(0) / (k - 1)

    def natural(x: tuple[Array, Array]) -> tuple[Array, Array]:
        weight = (x[0] - columns(x[0])[None]) / unit[None]
        bias = x[1] - weight @ mean
        return weight, bias - bias.mean()

    def loss(x: tuple[Array, Array]) -> Array:
        outputs = categorical.Params(jnp.einsum("nj,ij->ni", z, x[0], precision="highest") + x[1][None])
        weight, bias = natural(x)
        penalty = off * (aside * weight**2).sum() / (k * (k - 1)) + on_bias * jnp.mean(bias**2)
        # what the likelihood leaves free is held at 0
        free = 0.5 * ((columns(x[0]) ** 2).sum() + x[1].mean() ** 2)
        data_term = nll(categorical, outputs, data.labels, weights=data.weights, reduction="sum") / data.total
        return data_term + penalty + free

    start = jnp.zeros_like(aside), jnp.zeros_like(mean)
    params, about, _ = maximum_likelihood(loss, start, lambda x: Params(*natural(x)), data.total)
    return params._replace(fit=about)


def apply(params: Params, logits: ArrayLike) -> Array:
    """``weight @ logits + bias``, ``[..., k]``."""
    z, weight, bias = as_floats(logits, params.weight, params.bias, ndims=(1, 2, 1))
    weight, bias = weight.reshape(weight.shape[-2:]), bias.reshape(bias.shape[-1:])
    moved = jnp.einsum("...j,ij->...i", z, weight, precision="highest")
    return moved + bias.reshape((1,) * (moved.ndim - 1) + bias.shape)
