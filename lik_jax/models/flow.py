"""Normalising flows of vectors: couplings or autoregressive layers with Flax conditioners, mixed by LU factors.

From data to noise: fixed units, `actnorm` started from data, then blocks of a layer and a mixing of all coordinates.
`Flow.distribution` is a `transformed` normal, so `lik_jax.nll` scores it and ``sample`` draws from it.

>>> import jax, jax.numpy as jnp
>>> data = jax.random.normal(jax.random.key(0), (32, 4))
>>> flow = create(Config(dims=4, width=8, num_layers=2), jax.random.key(1), data)
>>> flow.distribution.log_prob(flow.params(flow.weights), data).shape
(32,)
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array
from jax.typing import ArrayLike

from .. import bijectors
from ..compose import independent, transformed
from ..distributions import normal
from . import made
from .functional import dropout, split

Kind = Literal["spline", "affine", "autoregressive"]


@dataclass(frozen=True)
class Config:
    """The shape of the flow and of its networks."""

    dims: int = 64
    kind: Kind = "spline"  # couplings of splines, affine couplings (RealNVP), or affine masked autoregressive layers
    num_layers: int = 6
    width: int = 128  # of the hidden layers
    num_blocks: int = 1  # residual, in each network
    num_bins: int = 8  # of the splines
    bound: float = 4.0  # splines act within it, after actnorm
    dropout: float = 0.0  # share of hidden units left out in training
    mixing: bool = True  # a learnt linear map after each layer, beside the fixed permutation


class Flow(NamedTuple):
    """A flow taken apart.

    ``distribution``: a `transformed` one, static. ``weights``: what is trained, plain arrays. ``params(weights,
    key=None)``: the distribution's params; a key switches dropout on.
    """

    distribution: transformed
    weights: Any
    params: Callable[..., Any]


class Conditioner(nnx.Module):
    """A residual perceptron from the coordinates that pass to raw numbers of the others."""

    def __init__(self, config: Config, inputs: int, outputs: int, rngs: nnx.Rngs):
        self.config = config
        h = config.width
        small = nnx.initializers.normal(1e-2)
        self.inputs = nnx.Linear(inputs, h, rngs=rngs)
        self.up = nnx.List(nnx.Linear(h, h, rngs=rngs) for _ in range(config.num_blocks))
        self.down = nnx.List(nnx.Linear(h, h, kernel_init=small, rngs=rngs) for _ in range(config.num_blocks))
        self.head = nnx.Linear(h, outputs, kernel_init=nnx.initializers.zeros, rngs=rngs)

    def __call__(self, kept: Array, key: Array | None = None) -> Array:
        c = self.config
        keys = None if key is None else jax.random.split(key, c.num_blocks + 1)
        h = self.inputs(kept)  # (..., width)
        for i in range(c.num_blocks):
            inner = dropout(nnx.gelu(self.up[i](nnx.gelu(h))), c.dropout, None if keys is None else keys[i])
            h = h + self.down[i](inner)  # (..., width)
        return self.head(dropout(nnx.gelu(h), c.dropout, None if keys is None else keys[-1]))  # (..., outputs)


def create(config: Config, key: Array, data: ArrayLike, *, before: tuple[Any, ...] = ()) -> Flow:
    """A flow that starts as a normal with the mean and variance of each coordinate of ``data``.

    Args:
        config: its shape.
        key: draws the networks' weights.
        data: ``[n, dims]``, for the first scales.
        before: bijectors without params that data go through first, such as `scaling` and `logit`.

    Raises:
        ValueError: another number of coordinates than ``config.dims``.
    """
    data = jnp.asarray(data, jnp.float32)
    if data.ndim != 2 or data.shape[1] != config.dims:
        raise ValueError(f"flow.create: data has shape {data.shape}; want [n, {config.dims}].")
    for bijector in before:
        data, _ = bijector.forward((), data)
    norm = bijectors.actnorm(config.dims)
    mix = bijectors.lu_linear(config.dims)
    rng = np.random.default_rng(0)
    # an actnorm's init makes its inverse the map to mean 0 and variance 1
    layers: list[Any] = [*before, bijectors.inverted(norm)]
    weights: dict[str, Any] = {"norm": norm.unconstrain(norm.init(data)), "networks": [], "mixing": []}
    for layer_key in jax.random.split(key, config.num_layers):
        layer, start = _layer(config, layer_key)
        layers.append(layer)
        weights["networks"].append(start)
        layers.append(bijectors.permutation(tuple(rng.permutation(config.dims).tolist())))
        if config.mixing:
            layers.append(mix)
            # a matrix, so that weight decay draws it to the identity
            weights["mixing"].append(jnp.zeros((config.dims, config.dims)))

    def params(weights: Any, key: Array | None = None) -> Any:
        keys = [None] * config.num_layers if key is None else list(jax.random.split(key, config.num_layers))
        values: list[Any] = [()] * len(before) + [norm.constrain(weights["norm"])]
        for i, network in enumerate(weights["networks"]):
            values += [(network, keys[i]), ()]
            if config.mixing:
                values.append(mix.constrain(weights["mixing"][i].ravel()))
        return distribution.Params(normal.Params(jnp.zeros(config.dims), jnp.ones(config.dims)), tuple(values))

    distribution = transformed(independent(normal, 1), bijectors.inverted(bijectors.chain(layers)))
    return Flow(distribution, weights, params)


def _layer(config: Config, key: Array) -> tuple[Any, Any]:
    """A layer from data to noise, and its network's first weights."""
    d = config.dims
    if config.kind == "autoregressive":
        inner = bijectors.affine()
        net = made.Config(d, inner.raw_size, config.width, config.num_blocks, config.dropout)
        model = made.create(net, key)
    elif config.kind in ("spline", "affine"):
        spline = config.kind == "spline"
        inner = bijectors.rational_quadratic_spline(config.num_bins, config.bound) if spline else bijectors.affine()
        outputs = (d - d // 2) * inner.raw_size
        model = split(lambda: Conditioner(config, d // 2, outputs, nnx.Rngs(key)))
    else:
        raise ValueError(f"flow.create: kind={config.kind!r}; want 'spline', 'affine' or 'autoregressive'.")

    def conditioner(params: Any, x: Array) -> Array:
        weights, key = params
        return model.apply(weights, x, key=key)

    if config.kind == "autoregressive":
        return bijectors.inverse_autoregressive(conditioner, inner), model.params
    return bijectors.coupling(conditioner, inner, kept=d // 2), model.params
