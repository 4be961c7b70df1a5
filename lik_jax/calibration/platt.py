"""Platt scaling of a binary classifier: ``slope * logit + intercept``, by maximum likelihood.

>>> import jax.numpy as jnp
>>> logits = jnp.array([-3.0, -2.0, -1.0, 1.0, 2.0, 3.0])
>>> params = fit(logits, jnp.array([0, 0, 1, 0, 1, 1]))
>>> round(float(params.slope), 4), params.fit.status_name
(0.7325, 'OK')
>>> apply(params, logits).shape
(6,)

Source: Platt (1999), "Probabilistic outputs for support vector machines". His ``A`` and ``B`` are ``-slope`` and
``-intercept``.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .._arrays import as_floats
from ._data import binary, standardised
from ._fit import Fit
from ._logistic import Line, in_units, mean_loss
from ._maximum import maximum_likelihood


class Params(NamedTuple):
    """``slope``, ``intercept``: (). ``fit``: how they were found; its ``standard_errors`` is a `Params` of theirs."""

    slope: ArrayLike
    intercept: ArrayLike
    fit: Fit | None = None


@partial(jax.jit, static_argnames="smooth_labels")
def fit(
    logits: ArrayLike, labels: ArrayLike, *, weights: ArrayLike | None = None, smooth_labels: bool = False
) -> Params:
    """Maximum likelihood on held-out data, convex.

    Args:
        logits: of a 1, or any score, ``[n]``, finite.
        labels: 0 or 1, ``[n]``.
        weights: how often each example counts, ``[n]``; 0 leaves it out, whatever it holds.
        smooth_labels: Platt's: instead of 1 the share ``(n1 + 1) / (n1 + 2)`` and instead of 0 ``1 / (n0 + 2)``, with
            the numbers of ones and zeros. Then the fit is finite whatever the data, and not maximum likelihood.

    Returns:
        The params. SEPARATION: they run away, as where one of the two is absent or the data are told apart
        perfectly; they are where the loss no longer changed. SINGULAR: logits that are all the same. INVALID_DATA: as
        in `temperature.fit`, all NaN. Standard errors: from the observed information (with smooth labels: of the
        likelihood of those), where the status is OK.

    Raises:
        ValueError: shapes that do not fit.
    """
    data = binary("platt", logits, labels, weights)
    y = data.labels.astype(data.logits.dtype)
    if smooth_labels:
        ones = (data.weights * y).sum()
        y = jnp.where(y == 1, (ones + 1) / (ones + 2), 1 / (data.total - ones + 2))
    x, mean, unit = standardised(data.logits[:, None], data)

    def natural(line: Line) -> Params:
        slopes, intercept = in_units(line, mean, unit)
        return Params(slopes[0], intercept)

    start = Line(jnp.zeros_like(mean), jnp.zeros_like(data.total))
    params, about, _ = maximum_likelihood(lambda line: mean_loss(line, x, y, data), start, natural, data.total)
    return params._replace(fit=about)


def apply(params: Params, logits: ArrayLike) -> Array:
    """``slope * logit + intercept``, ``[...]``."""
    z, slope, intercept = as_floats(logits, params.slope, params.intercept)
    return slope * z + intercept
