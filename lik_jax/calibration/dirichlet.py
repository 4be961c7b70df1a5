"""Dirichlet calibration: matrix scaling of the log-probabilities, ``weight @ log_softmax(logits) + bias``.

It is the posterior of the classes where the probabilities given out have a Dirichlet distribution in each class; with
two classes it is beta calibration without the signs.

>>> import jax.numpy as jnp
>>> logits = jnp.array([[2.0, 0.0], [3.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 3.0], [0.0, 2.0]])
>>> params = fit(logits, jnp.array([0, 0, 1, 0, 1, 1]), off_diagonal_penalty=0.1, bias_penalty=0.1)
>>> params.weight.shape, bool((apply(params, logits) == apply(params, logits + 1)).all())
((2, 2), True)

Source: Kull, Perello-Nieto, Kangsepp, Silva Filho, Song and Flach (2019), "Beyond temperature scaling: obtaining
well-calibrated multiclass probabilities with Dirichlet calibration".
"""

import jax
from jax import Array
from jax.typing import ArrayLike

from .._arrays import as_floats
from . import matrix
from ._data import classes
from .matrix import Params as Params


@jax.jit
def fit(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    off_diagonal_penalty: ArrayLike = 0.0,
    bias_penalty: ArrayLike = 0.0,
) -> Params:
    """`matrix.fit` of ``log_softmax(logits)``: its penalties (with both: ODIR), statuses and standard errors.

    Args:
        logits: ``[n, k]``, finite.
        labels: ``[n]``, 0 to k - 1.
        weights: how often each example counts, ``[n]``; 0 leaves it out, whatever it holds.
        off_diagonal_penalty: not negative.
        bias_penalty: not negative.

    Returns:
        The params, as `matrix.fit` has them.

    Raises:
        ValueError: shapes that do not fit.
    """
    z, y, w, _ = classes("dirichlet", logits, labels, weights)
    return matrix.fit(
        jax.nn.log_softmax(z), y, weights=w, off_diagonal_penalty=off_diagonal_penalty, bias_penalty=bias_penalty
    )


def apply(params: Params, logits: ArrayLike) -> Array:
    """``weight @ log_softmax(logits) + bias``, ``[..., k]``."""
    return matrix.apply(params, jax.nn.log_softmax(as_floats(logits)[0]))
