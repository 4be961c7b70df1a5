"""Laplace approximation of all dense layers, the curvature of each a Kronecker product.

Of a layer ``h = a @ kernel + bias``, with a 1 behind ``a`` for the bias, the curvature ``sum_n a a' x B_n`` becomes
``(mean_n a a') x (sum_n B_n)``, where ``B_n`` is the curvature in ``h``; between layers it is left out. Exact for one
example, and for a linear model whose ``B_n`` do not differ.

What is supported: networks of dense layers that show what goes into each, and take something to add to what comes out
of it: ``network(layers, x, offsets) -> (raw, inputs)``. `perceptron` is one, and `dense_layers` its layers of the
params of `lik_jax.models.regressor`.

>>> import jax, jax.numpy as jnp
>>> from lik_jax import normal
>>> layers = [{"kernel": jnp.ones((1, 3)), "bias": jnp.zeros(3)}, {"kernel": jnp.ones((3, 2)), "bias": jnp.zeros(2)}]
>>> x, y = jnp.array([[0.0], [1.0]]), jnp.array([0.5, 1.5])
>>> params = fit(normal, perceptron, layers, x, y, prior_precision=1.0)
>>> predict(params, perceptron, x).covariance.shape
(2, 2, 2)

Source: Ritter, Botev and Barber (2018), "A scalable Laplace approximation for neural networks", sections 2.3 and 3;
Martens and Grosse (2015), "Optimizing neural networks with Kronecker-factored approximate curvature".
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ...distribution import Distribution
from . import _evidence
from ._curvature import Constrain, blanked, curvature, row_weights, summed
from .outputs import Outputs

Layers = Sequence[dict[str, Array]]
Network = Callable[[Any, Array, Any], tuple[Array, Any]]


class Factor(NamedTuple):
    """The curvature of a layer. ``inputs``, ``outputs``: eigenvalues of either side, ``[d]`` and ``[h]``.
    ``input_vectors``, ``output_vectors``: eigenvectors, ``[d, d]`` and ``[h, h]``."""

    inputs: Array
    input_vectors: Array
    outputs: Array
    output_vectors: Array


class Params(NamedTuple):
    """``mean``: the layers. ``factors``: a `Factor` for each. ``prior_precision``: (). ``log_likelihood``: (), nats.
    ``status``: a `Status` of the precision, ()."""

    mean: Any
    factors: tuple[Factor, ...]
    prior_precision: Array
    log_likelihood: Array
    status: Array


def perceptron(
    layers: Layers, x: Array, offsets: Sequence[Array], activation: Callable[[Array], Array] = jax.nn.gelu
) -> tuple[Array, list[Array]]:
    """Dense layers with an activation between them: raw ``[n, r]``, and what goes into each layer ``[n, d]``.

    Args:
        layers: a ``kernel`` ``[d, h]`` and a ``bias`` ``[h]`` each.
        x: ``[n, d]``.
        offsets: what is added to what comes out of each layer, ``[h]``.
        activation: after each layer but the last.
    """
    inputs = []
    for i, (layer, offset) in enumerate(zip(layers, offsets, strict=True)):
        inputs.append(x)
        x = x @ layer["kernel"] + (layer["bias"] + offset)[None]
        x = activation(x) if i + 1 < len(layers) else x
    return x, inputs


def dense_layers(params: Any) -> Layers:
    """The layers of a `lik_jax.models.regressor`, in order, of its params."""
    hidden = params["hidden"]
    return [*(hidden[i] for i in sorted(hidden, key=int)), params["head"]]


def fit(
    distribution: Distribution,
    network: Network,
    layers: Layers,
    x: ArrayLike,
    y: Any,
    *,
    prior_precision: ArrayLike | None = None,
    constrain: Constrain | None = None,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    batch_size: int = 128,
) -> Params:
    """The normal posterior of the layers.

    Args:
        distribution: of each example.
        network: see above.
        layers: the trained ones, a ``kernel`` and a ``bias`` each.
        x: the inputs they were trained on, ``[n, d]``.
        y: observations, ``[n, *event]``.
        prior_precision: see `last_layer.fit`; ``constrain``, ``mask`` and ``weights`` too.
        constrain: raw ``[r]`` to params.
        mask: which count, ``[n]``.
        weights: by how much, ``[n]``.
        batch_size: examples whose slopes are in memory at once.

    Raises:
        ValueError: shapes that do not fit.
    """
    w = row_weights(distribution, y, jnp.shape(x)[0], mask, weights, "kron.fit")
    x = jnp.asarray(blanked(x, w))
    offsets = _offsets(layers)
    raw, inputs = network(layers, x, offsets)
    curve = curvature(distribution, raw, y, constrain, w, "kron.fit")
    total = curve.weights.sum()

    def beyond(row: Any) -> Any:
        x, factor = row
        _, pull = jax.vjp(lambda offsets: network(layers, x[None], offsets)[0][0], offsets)
        (slopes,) = jax.vmap(pull)(factor.T)
        return [slope.T @ slope for slope in slopes]

    behind = summed(beyond, (x, curve.factor), batch_size)
    ahead = [(a * curve.weights[:, None]).T @ a / jnp.where(total == 0, 1, total) for a in map(_with_one, inputs)]
    factors = tuple(Factor(*_eigh(a), *_eigh(b)) for a, b in zip(ahead, behind, strict=True))
    precision, status = _evidence.chosen(_spectrum(factors), _square_norm(layers), prior_precision)
    return Params(layers, factors, precision, curve.log_likelihood, status)


def predict(params: Params, network: Network, x: ArrayLike, *, batch_size: int = 128) -> Outputs:
    """The normal over raw outputs of the linearised network: ``x`` ``[m, d]`` -> ``[m, r]``, ``[m, r, r]``."""
    x, offsets = jnp.asarray(x), _offsets(params.mean)

    def covariance(x: Array) -> Array:
        # the slope of a layer's weights is an outer product: what goes in, and the slope of what comes out
        slopes, inputs = jax.jacrev(lambda o: _of_one(network, params.mean, x, o), has_aux=True)(offsets)
        parts = []
        for factor, slope, a in zip(params.factors, slopes, inputs, strict=True):
            g = slope @ factor.output_vectors  # (r, h)
            a = (_with_one(a[None]) @ factor.input_vectors)[0]  # (d,)
            shares = a[:, None] ** 2 / (factor.inputs[:, None] * factor.outputs[None] + params.prior_precision)
            parts.append((g * shares.sum(0)[None]) @ g.T)
        return sum(parts[1:], start=parts[0])

    return Outputs(network(params.mean, x, offsets)[0], jax.lax.map(covariance, x, batch_size=batch_size))


def log_evidence(params: Params, prior_precision: ArrayLike | None = None) -> Array:
    """Log marginal likelihood in nats, (), at the precision of the params or at another."""
    precision = params.prior_precision if prior_precision is None else prior_precision
    spectrum = _spectrum(params.factors)
    return _evidence.log_evidence(
        params.log_likelihood, spectrum, _square_norm(params.mean), jnp.asarray(precision, spectrum.dtype)
    )


def _of_one(network: Network, layers: Layers, x: Array, offsets: Any) -> tuple[Array, list[Array]]:
    raw, inputs = network(layers, x[None], offsets)
    return raw[0], [a[0] for a in inputs]


def _offsets(layers: Layers) -> list[Array]:
    return [jnp.zeros_like(layer["bias"]) for layer in layers]


def _with_one(a: Array) -> Array:
    return jnp.concatenate([a, jnp.ones((a.shape[0], 1), a.dtype)], 1)


def _eigh(symmetric: Array) -> tuple[Array, Array]:
    values, vectors = jnp.linalg.eigh(symmetric)
    return jnp.maximum(values, 0), vectors


def _spectrum(factors: tuple[Factor, ...]) -> Array:
    return jnp.concatenate([(f.inputs[:, None] * f.outputs[None]).ravel() for f in factors])


def _square_norm(layers: Layers) -> Array:
    return jnp.stack([(leaf**2).sum() for leaf in jax.tree.leaves(layers)]).sum()
