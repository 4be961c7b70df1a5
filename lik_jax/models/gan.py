"""A generator and a critic of vectors: two perceptrons, kept side by side under the names of the players.

>>> import jax, jax.numpy as jnp
>>> model = create(Config(num_dims=2, num_latents=4, width=8), jax.random.key(0))
>>> sorted(model.params)
['critic', 'generator']
>>> y = model.apply(model.params, jnp.zeros((3, 4)), method="generate")
>>> y.shape, model.apply(model.params, y, method="judge").shape
((3, 2), (3,))
"""

from dataclasses import dataclass
from itertools import pairwise

import jax
from flax import nnx
from jax import Array

from .functional import Model, split


@dataclass(frozen=True)
class Config:
    """The shape of the networks."""

    num_dims: int = 2  # of the data
    num_latents: int = 8  # of the noise that samples are made from
    width: int = 128  # of the hidden layers
    num_layers: int = 3  # hidden ones, in either network


class Perceptron(nnx.Module):
    """Hidden layers and a linear one; no normalisation, which would tie the examples of a batch together."""

    def __init__(self, inputs: int, outputs: int, config: Config, rngs: nnx.Rngs):
        sizes = (inputs, *[config.width] * config.num_layers)
        he = nnx.initializers.he_normal()
        self.layers = nnx.List(nnx.Linear(a, b, kernel_init=he, rngs=rngs) for a, b in pairwise(sizes))
        self.head = nnx.Linear(config.width, outputs, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        for layer in self.layers:
            x = nnx.silu(layer(x))  # (B, width)
        return self.head(x)  # (B, outputs)


class Gan(nnx.Module):
    """Both players; ``generate`` and ``judge`` are its methods."""

    def __init__(self, config: Config, rngs: nnx.Rngs):
        self.generator = Perceptron(config.num_latents, config.num_dims, config, rngs)
        self.critic = Perceptron(config.num_dims, 1, config, rngs)

    def generate(self, z: Array) -> Array:
        """Samples from standard normal noise: ``[B, latents]`` -> ``[B, dims]``."""
        return self.generator(z)

    def judge(self, y: Array) -> Array:
        """The critic's logit, large for data: ``[B, dims]`` -> ``[B]``."""
        return self.critic(y)[:, 0]


def create(config: Config, key: jax.Array) -> Model:
    """Params drawn with ``key``, and ``apply(params, inputs, method="generate" or "judge")``."""
    return split(lambda: Gan(config, nnx.Rngs(key)))
