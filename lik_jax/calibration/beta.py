"""Beta calibration of a binary classifier: ``a log p - b log(1 - p) + c``, by maximum likelihood under ``a, b >= 0``.

``p`` is the probability that was given out; it is never formed: ``log p = log_sigmoid(logit)``. With ``a = b = 1`` and
``c = 0`` nothing changes; other than Platt's, the map can be an S or its inverse in the probabilities.

>>> import jax.numpy as jnp
>>> logits = jnp.array([-3.0, -2.0, -1.0, 1.0, 2.0, 4.0])
>>> params = fit(logits, jnp.array([0, 0, 1, 0, 1, 1]))
>>> params.fit.status_name, bool(params.a >= 0), bool(params.b >= 0)
('OK', True, True)
>>> round(float(apply(Params(1.0, 1.0, 0.0), 3.0)), 5)
3.0

Source: Kull, Silva Filho and Flach (2017), "Beta calibration: a well-founded and easily implemented improvement on
logistic calibration for binary classifiers".
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from .. import special
from .._arrays import as_floats
from ._data import binary, standardised
from ._fit import Fit
from ._logistic import Line, in_units, mean_loss
from ._maximum import over_faces


class Params(NamedTuple):
    """``a``, ``b``: not negative, (). ``c``: (). ``fit``: how they were found; its ``standard_errors`` is a `Params` of
    theirs."""

    a: ArrayLike
    b: ArrayLike
    c: ArrayLike
    fit: Fit | None = None


@jax.jit
def fit(logits: ArrayLike, labels: ArrayLike, *, weights: ArrayLike | None = None) -> Params:
    """Maximum likelihood on held-out data: convex, on each of the four faces of the bounds, and the best of them.

    Args:
        logits: of a 1, ``[n]``, finite.
        labels: 0 or 1, ``[n]``.
        weights: how often each example counts, ``[n]``; 0 leaves it out, whatever it holds.

    Returns:
        The params. BOUNDARY: ``a`` or ``b`` is 0, without a standard error; those of the others are given that it
        is. SEPARATION: the params run away, as where one of the two labels is absent or the data are told apart
        perfectly; they are where the loss no longer changed. SINGULAR: logits of fewer than three values.
        INVALID_DATA: as in `temperature.fit`, all NaN. Standard errors: from the observed information.

    Raises:
        ValueError: shapes that do not fit.
    """
    data = binary("beta", logits, labels, weights)
    z = data.logits
    y = data.labels.astype(z.dtype)
    # a log p - b log(1 - p) is odd + even: (a + b) z / 2 + (b - a) log(2 cosh(z / 2)), told apart at small z too
    features = jnp.stack(
        [
            jnp.stack([z, _log_cosh(z)], 1),
            jnp.stack([special.softplus(z), 0 * z], 1),
            jnp.stack([special.log_sigmoid(z), 0 * z], 1),
            jnp.stack([0 * z, 0 * z], 1),
        ]
    )
    used = jnp.array([[1, 1], [1, 0], [1, 0], [0, 0]], z.dtype)
    to_a = jnp.array([[1, -1], [0, 0], [1, 0], [0, 0]], z.dtype)
    to_b = jnp.array([[1, 1], [1, 0], [0, 0], [0, 0]], z.dtype)
    to_c = jnp.array([[0, -2 * np.log(2)], [0, 0], [0, 0], [0, 0]], z.dtype)

    def loss(line: Line, face: tuple[Array, ...]) -> Array:
        x, _, _, on, *_ = face
        return mean_loss(line, x, y, data) + 0.5 * ((1 - on) * line.slopes**2).sum()

    def natural(line: Line, face: tuple[Array, ...]) -> Params:
        _, mean, unit, _, *to = face
        slopes, intercept = in_units(line, mean, unit)
        a, b, shift = (slopes @ each for each in to)
        return Params(a, b, intercept + shift)

    def allowed(params: Params) -> Array:
        return (jnp.asarray(params.a) >= 0) & (jnp.asarray(params.b) >= 0)

    start = Line(jnp.zeros(2, z.dtype), jnp.zeros((), z.dtype))
    faces = (*jax.vmap(lambda x: standardised(x, data))(features), used, to_a, to_b, to_c)
    params, about = over_faces(loss, start, natural, data.total, faces, allowed)
    edges = Params(params.a == 0, params.b == 0, jnp.zeros((), bool))
    errors = jax.tree.map(lambda edge, error: jnp.where(edge, jnp.nan, error), edges, about.standard_errors)
    return params._replace(fit=about._replace(standard_errors=errors))


def apply(params: Params, logits: ArrayLike) -> Array:
    """``a log p - b log(1 - p) + c``, ``[...]``."""
    z, a, b, c = as_floats(logits, *params[:3])
    return special.weighted(a, special.log_sigmoid(z)) + special.weighted(b, special.softplus(z)) + c


def _log_cosh(z: Array) -> Array:
    """``2 log cosh(z / 2)``."""
    small = jnp.abs(z) < 1
    near = jnp.where(small, z, 0.0)
    far = jnp.abs(jnp.where(small, 1.0, z))
    return jnp.where(
        small, 2 * jnp.log1p(2 * jnp.sinh(near / 4) ** 2), far + 2 * (jnp.log1p(jnp.exp(-far)) - np.log(2))
    )
