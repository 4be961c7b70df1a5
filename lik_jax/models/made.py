"""A masked perceptron whose outputs for coordinate ``i`` depend on the inputs before ``i`` alone.

>>> import jax, jax.numpy as jnp
>>> model = create(Config(dims=3, outputs=2, width=8), jax.random.key(0))
>>> model.apply(model.params, jnp.zeros((5, 3))).shape
(5, 3, 2)

Source: Germain, Gregor, Murray and Larochelle (2015), "MADE: masked autoencoder for distribution estimation".
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array

from .functional import Model, dropout, split


@dataclass(frozen=True)
class Config:
    """The shape of the network."""

    dims: int = 64
    outputs: int = 2  # numbers for each coordinate
    width: int = 256  # of the hidden layers
    num_blocks: int = 1  # residual, of two layers each
    dropout: float = 0.0  # share of hidden units left out, where a key is given


class MaskedLinear(nnx.Module):
    """A linear layer from units of some degrees to units of others; a link goes only where the degree may rise."""

    def __init__(self, before: np.ndarray, after: np.ndarray, strict: bool, kernel_init, rngs: nnx.Rngs):
        self.before, self.after, self.strict = tuple(before.tolist()), tuple(after.tolist()), strict
        self.kernel = nnx.Param(kernel_init(rngs.params(), (len(before), len(after)), jnp.float32))
        self.bias = nnx.Param(jnp.zeros(len(after)))

    def __call__(self, x: Array) -> Array:
        before, after = np.array(self.before)[:, None], np.array(self.after)[None]
        links = before < after if self.strict else before <= after  # (in, out)
        y = x @ jnp.where(links, self.kernel[...], 0)
        return y + self.bias[...].reshape((1,) * (x.ndim - 1) + (-1,))


class Made(nnx.Module):
    """A residual perceptron with masked links: units see inputs up to their degree, outputs those below theirs."""

    def __init__(self, config: Config, rngs: nnx.Rngs):
        self.config = config
        d = config.dims
        degrees = np.arange(d)
        hidden = np.arange(config.width) * max(d - 1, 1) // config.width
        normal, zeros = nnx.initializers.lecun_normal(), nnx.initializers.zeros
        self.inputs = MaskedLinear(degrees, hidden, False, normal, rngs)
        layers = range(2 * config.num_blocks)
        self.layers = nnx.List(
            MaskedLinear(hidden, hidden, False, nnx.initializers.normal(1e-2) if i % 2 else normal, rngs)
            for i in layers
        )
        self.head = MaskedLinear(hidden, np.repeat(degrees, config.outputs), True, zeros, rngs)

    def __call__(self, x: Array, key: Array | None = None) -> Array:
        c = self.config
        keys = None if key is None else jax.random.split(key, c.num_blocks + 1)
        h = self.inputs(x)  # (..., width)
        for i in range(c.num_blocks):
            inner = self.layers[2 * i](nnx.gelu(h))
            inner = dropout(nnx.gelu(inner), c.dropout, None if keys is None else keys[i])
            h = h + self.layers[2 * i + 1](inner)  # (..., width)
        h = dropout(nnx.gelu(h), c.dropout, None if keys is None else keys[-1])
        return self.head(h).reshape(*x.shape, c.outputs)  # (..., dims, outputs)


def create(config: Config, key: Array) -> Model:
    """Params drawn with ``key``, and ``apply(params, x, key=None)``: ``[..., dims]`` -> ``[..., dims, outputs]``.

    The last layer starts at 0, so a flow made of it starts as the identity. A ``key`` switches dropout on.
    """
    return split(lambda: Made(config, nnx.Rngs(key)))
