"""A multilayer perceptron that puts out the raw params of any distribution.

>>> import jax, jax.numpy as jnp
>>> from lik_jax import normal
>>> model = create(Config(num_inputs=1, raw_size=normal.raw_size, widths=(8,)), jax.random.key(0))
>>> normal.constrain(model.apply(model.params, jnp.zeros((4, 1)))).scale.shape
(4,)
"""

from dataclasses import dataclass
from itertools import pairwise

import jax
from flax import nnx
from jax import Array

from .functional import Model, dropout, split


@dataclass(frozen=True)
class Config:
    """The shape of the network."""

    num_inputs: int = 1
    raw_size: int = 2  # outputs: the distribution's raw_size
    widths: tuple[int, ...] = (64, 64)  # of the hidden layers
    dropout: float = 0.0  # share of hidden units left out, where a key is given


class Regressor(nnx.Module):
    """Dense layers with a smooth activation; the last starts at zero, so that every row starts at the same params."""

    def __init__(self, config: Config, rngs: nnx.Rngs):
        self.dropout = config.dropout
        sizes = (config.num_inputs, *config.widths)
        self.hidden = nnx.List(nnx.Linear(a, b, rngs=rngs) for a, b in pairwise(sizes))
        self.head = nnx.Linear(sizes[-1], config.raw_size, kernel_init=nnx.initializers.zeros, rngs=rngs)

    def features(self, x: Array, key: Array | None = None) -> Array:
        """What the last layer sees, ``[B, width]``."""
        keys = [None] * len(self.hidden) if key is None else jax.random.split(key, len(self.hidden))
        for layer, own in zip(self.hidden, keys, strict=True):
            x = dropout(nnx.gelu(layer(x)), self.dropout, own)  # (B, width)
        return x

    def __call__(self, x: Array, key: Array | None = None) -> Array:
        return self.head(self.features(x, key))  # (B, raw_size)


def create(config: Config, key: Array) -> Model:
    """Params drawn with ``key``, and ``apply(params, x)``: covariates ``[B, num_inputs]`` -> raw ``[B, raw_size]``.

    ``apply(params, x, key)`` drops hidden units; ``method="features"`` gives what the last layer sees.
    """
    return split(lambda: Regressor(config, nnx.Rngs(key)))
