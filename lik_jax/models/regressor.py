"""A multilayer perceptron that puts out the raw params of any distribution.

>>> import jax, jax.numpy as jnp
>>> from lik_jax import normal
>>> model = create(Config(num_inputs=1, raw_size=normal.raw_size, widths=(8,)), jax.random.key(0))
>>> normal.constrain(model.apply(model.params, jnp.zeros((4, 1)))).scale.shape
(4,)
"""

from dataclasses import dataclass
from itertools import pairwise

from flax import nnx
from jax import Array

from .functional import Model, split


@dataclass(frozen=True)
class Config:
    """The shape of the network."""

    num_inputs: int = 1
    raw_size: int = 2  # outputs: the distribution's raw_size
    widths: tuple[int, ...] = (64, 64)  # of the hidden layers


class Regressor(nnx.Module):
    """Dense layers with a smooth activation; the last starts at zero, so that every row starts at the same params."""

    def __init__(self, config: Config, rngs: nnx.Rngs):
        sizes = (config.num_inputs, *config.widths)
        self.hidden = nnx.List(nnx.Linear(a, b, rngs=rngs) for a, b in pairwise(sizes))
        self.head = nnx.Linear(sizes[-1], config.raw_size, kernel_init=nnx.initializers.zeros, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        for layer in self.hidden:
            x = nnx.gelu(layer(x))  # (B, width)
        return self.head(x)  # (B, raw_size)


def create(config: Config, key: Array) -> Model:
    """Params drawn with ``key``, and ``apply(params, x)``: covariates ``[B, num_inputs]`` -> raw ``[B, raw_size]``."""
    return split(lambda: Regressor(config, nnx.Rngs(key)))
