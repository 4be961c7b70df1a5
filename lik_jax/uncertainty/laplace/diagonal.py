"""Laplace approximation of all weights of any network, each for itself: the diagonal of the curvature.

>>> import jax.numpy as jnp
>>> from lik_jax import normal
>>> apply = lambda w, x: x @ w["kernel"]
>>> x, y = jnp.array([[0.0], [1.0], [2.0]]), jnp.array([0.1, 0.9, 2.1])
>>> fixed_noise = lambda raw: normal.Params(raw[..., 0], 0.1)
>>> weights = {"kernel": jnp.array([[1.0]])}
>>> params = fit(normal, apply, weights, x, y, prior_precision=1.0, constrain=fixed_noise)
>>> [round(float(v), 4) for v in predict(params, apply, x).covariance[:, 0, 0]]
[0.0, 0.002, 0.008]

Source: Ritter, Botev and Barber (2018), "A scalable Laplace approximation for neural networks", section 2.2.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.flatten_util import ravel_pytree
from jax.typing import ArrayLike

from ...distribution import Distribution
from . import _evidence
from ._curvature import Constrain, blanked, curvature, row_weights, summed
from .outputs import Outputs


class Params(NamedTuple):
    """``mean``: the weights, a pytree. ``curvature``: the diagonal for each of them, the same pytree.
    ``prior_precision``: (). ``log_likelihood``: (), nats. ``status``: a `Status` of the precision, ()."""

    mean: Any
    curvature: Any
    prior_precision: Array
    log_likelihood: Array
    status: Array


def fit(
    distribution: Distribution,
    apply: Callable[[Any, Any], Array],
    params: Any,
    x: Any,
    y: Any,
    *,
    prior_precision: ArrayLike | None = None,
    constrain: Constrain | None = None,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    batch_size: int = 32,
) -> Params:
    """The normal posterior of independent weights.

    Args:
        distribution: of each example.
        apply: ``apply(params, x)``: inputs ``[n, ...]`` to raw ``[n, r]``, each row by itself.
        params: the trained weights.
        x: the inputs it was trained on, a pytree of ``[n, ...]``.
        y: observations, ``[n, *event]``.
        prior_precision: see `last_layer.fit`; ``constrain``, ``mask`` and ``weights`` too.
        constrain: raw ``[r]`` to params.
        mask: which count, ``[n]``.
        weights: by how much, ``[n]``.
        batch_size: examples whose slopes are in memory at once.

    Raises:
        ValueError: shapes that do not fit.
    """
    n = len(jax.tree.leaves(x)[0])
    w = row_weights(distribution, y, n, mask, weights, "diagonal.fit")
    x = jax.tree.map(jnp.asarray, blanked(x, w))
    curve = curvature(distribution, apply(params, x), y, constrain, w, "diagonal.fit")

    def squares(row: Any) -> Any:
        x, factor = row
        _, pull = jax.vjp(lambda params: _one(apply, params, x), params)
        (slopes,) = jax.vmap(pull)(factor.T)
        return jax.tree.map(lambda slope: (slope**2).sum(0), slopes)

    diagonal = summed(squares, (x, curve.factor), batch_size)
    spectrum, norm = ravel_pytree(diagonal)[0], (ravel_pytree(params)[0] ** 2).sum()
    precision, status = _evidence.chosen(spectrum, norm, prior_precision)
    return Params(params, diagonal, precision, curve.log_likelihood, status)


def predict(params: Params, apply: Callable[[Any, Any], Array], x: Any, *, batch_size: int = 32) -> Outputs:
    """The normal over raw outputs of the linearised network: ``x`` ``[m, ...]`` -> ``[m, r]``, ``[m, r, r]``."""
    variance = 1 / (ravel_pytree(params.curvature)[0] + params.prior_precision)

    def covariance(x: Any) -> Array:
        slopes = jax.jacrev(lambda weights: _one(apply, weights, x))(params.mean)
        rows = jax.vmap(lambda slope: ravel_pytree(slope)[0])(slopes)  # (r, weights)
        return (rows * variance[None]) @ rows.T

    x = jax.tree.map(jnp.asarray, x)
    return Outputs(apply(params.mean, x), jax.lax.map(covariance, x, batch_size=batch_size))


def log_evidence(params: Params, prior_precision: ArrayLike | None = None) -> Array:
    """Log marginal likelihood in nats, (), at the precision of the params or at another."""
    spectrum, mean = ravel_pytree(params.curvature)[0], ravel_pytree(params.mean)[0]
    precision = params.prior_precision if prior_precision is None else prior_precision
    return _evidence.log_evidence(
        params.log_likelihood, spectrum, (mean**2).sum(), jnp.asarray(precision, spectrum.dtype)
    )


def _one(apply: Callable[[Any, Any], Array], params: Any, x: Any) -> Array:
    return apply(params, jax.tree.map(lambda leaf: leaf[None], x))[0]
