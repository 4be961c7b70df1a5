"""Laplace approximation of the last, linear layer, with its whole curvature: ``raw = features @ kernel + bias``.

>>> import jax.numpy as jnp
>>> from lik_jax import normal
>>> x, y = jnp.array([[0.0], [1.0], [2.0]]), jnp.array([0.1, 0.9, 2.1])
>>> fixed_noise = lambda raw: normal.Params(raw[..., 0], 0.1)
>>> params = fit(normal, x, y, jnp.array([[1.0]]), prior_precision=1.0, constrain=fixed_noise)
>>> [round(float(v), 4) for v in predict(params, x).covariance[:, 0, 0]]
[0.0, 0.002, 0.008]

Source: Kristiadi, Hein and Hennig (2020), "Being Bayesian, even just a bit, fixes overconfidence in ReLU networks".
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ..._arrays import as_floats
from ...distribution import Distribution
from . import _evidence
from ._curvature import Constrain, blanked, curvature, row_weights
from .outputs import Outputs


class Params(NamedTuple):
    """``mean``: kernel, and bias as a last row, ``[d, r]``. ``eigenvalues``, ``eigenvectors``: of the curvature,
    ``[d r]`` and ``[d r, d r]``, rows of weights first. ``prior_precision``: (). ``log_likelihood``: (), nats.
    ``status``: a `Status` of the precision, ()."""

    mean: Array
    eigenvalues: Array
    eigenvectors: Array
    prior_precision: Array
    log_likelihood: Array
    status: Array


def fit(
    distribution: Distribution,
    features: ArrayLike,
    y: Any,
    kernel: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    prior_precision: ArrayLike | None = None,
    constrain: Constrain | None = None,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
) -> Params:
    """The normal posterior of the last layer.

    Args:
        distribution: of each example.
        features: what the last layer sees, ``[n, d]``: ``model.apply(params, x, method="features")``.
        y: observations, ``[n, *event]``: those the network was trained on.
        kernel: ``[d, r]``; with ``d r`` weights, the curvature has their square.
        bias: ``[r]``, if there is one.
        prior_precision: one over the prior's variance; that of the greatest evidence if not given.
        constrain: raw ``[r]`` to params; the distribution's own if not given.
        mask: True where an example counts, ``[n]``; the others add exactly nothing, whatever they hold.
        weights: non-negative, ``[n]``.

    Raises:
        ValueError: shapes that do not fit.
    """
    features, kernel = as_floats(features, kernel, ndims=(1, 1))
    if features.ndim != 2 or kernel.ndim != 2 or features.shape[1] != kernel.shape[0]:
        raise ValueError(
            f"last_layer.fit: features have shape {features.shape} and kernel {kernel.shape}; want [n, d] and [d, r]."
        )
    if bias is not None and jnp.shape(bias) != kernel.shape[1:]:
        raise ValueError(f"last_layer.fit: bias has shape {jnp.shape(bias)}; want {kernel.shape[1:]}.")
    mean = kernel if bias is None else jnp.concatenate([kernel, jnp.asarray(bias, kernel.dtype)[None]])
    w = row_weights(distribution, y, features.shape[0], mask, weights, "last_layer.fit")
    seen = _widened(blanked(features, w), mean)
    curve = curvature(distribution, seen @ mean, y, constrain, w, "last_layer.fit")
    # one row for each example and column of its factor: the whole curvature is one product
    rows = jnp.einsum("nd,nrs->nsdr", seen, curve.factor).reshape(-1, mean.size)
    values, vectors = jnp.linalg.eigh(rows.T @ rows)
    values = jnp.maximum(values, 0)
    precision, status = _evidence.chosen(values, (mean**2).sum(), prior_precision)
    return Params(mean, values, vectors, precision, curve.log_likelihood, status)


def predict(params: Params, features: ArrayLike) -> Outputs:
    """The normal over raw outputs: features ``[m, d]`` -> mean ``[m, r]``, covariance ``[m, r, r]``."""
    mean, features = as_floats(params.mean, features)
    seen = _widened(features, mean)
    vectors = params.eigenvectors.reshape(*mean.shape, -1)
    turned = jnp.einsum("md,drp->mrp", seen, vectors)
    scaled = turned / (params.eigenvalues + params.prior_precision).reshape(1, 1, -1)
    return Outputs(seen @ mean, jnp.einsum("mrp,msp->mrs", scaled, turned))


def log_evidence(params: Params, prior_precision: ArrayLike | None = None) -> Array:
    """Log marginal likelihood in nats, (), at the precision of the params or at another."""
    precision = params.prior_precision if prior_precision is None else prior_precision
    return _evidence.log_evidence(
        params.log_likelihood, params.eigenvalues, (params.mean**2).sum(), jnp.asarray(precision, params.mean.dtype)
    )


def sample(params: Params, key: Array, shape: tuple[int, ...] = ()) -> Array:
    """Draw layers, ``[*shape, d, r]``, the bias the last of the ``d`` rows where there is one."""
    noise = jax.random.normal(key, (*shape, params.mean.size), params.mean.dtype)
    scaled = noise * jax.lax.rsqrt(params.eigenvalues + params.prior_precision).reshape((1,) * len(shape) + (-1,))
    moves = (scaled @ params.eigenvectors.T).reshape(*shape, *params.mean.shape)
    return moves + params.mean.reshape((1,) * len(shape) + params.mean.shape)


def _widened(features: Array, mean: Array) -> Array:
    """A last column of 1, if there is a bias."""
    n, d = features.shape
    if mean.shape[0] == d:
        return features
    if mean.shape[0] != d + 1:
        raise ValueError(
            f"last_layer: features have shape {features.shape}; the layer takes {mean.shape[0]} numbers with its bias."
        )
    return jnp.concatenate([features, jnp.ones((n, 1), features.dtype)], 1)
