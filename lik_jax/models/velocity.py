"""A velocity for flow matching: a residual perceptron over a point and the time.

>>> import jax, jax.numpy as jnp
>>> model = create(Config(num_dims=2, width=8), jax.random.key(0))
>>> model.apply(model.params, jnp.zeros((3, 2)), jnp.zeros(3)).shape
(3, 2)
"""

import math
from dataclasses import dataclass

import jax.numpy as jnp
from flax import nnx
from jax import Array

from .functional import Model, split


@dataclass(frozen=True)
class Config:
    """The shape of the network."""

    num_dims: int = 2
    width: int = 128  # of the residual stream
    num_blocks: int = 3
    num_waves: int = 3  # frequencies that the time is shown in


class Block(nnx.Module):
    """A residual perceptron block; smooth, so that the ODE is easy to solve."""

    def __init__(self, config: Config, rngs: nnx.Rngs):
        h = config.width
        self.up = nnx.Linear(h, h, rngs=rngs)
        self.down = nnx.Linear(h, h, kernel_init=nnx.initializers.normal(1e-1 / math.sqrt(h)), rngs=rngs)

    def __call__(self, x: Array) -> Array:
        return x + self.down(nnx.silu(self.up(x)))  # (B, width)


class Velocity(nnx.Module):
    """How fast a point moves at a time."""

    def __init__(self, config: Config, rngs: nnx.Rngs):
        self.num_waves = config.num_waves
        self.inputs = nnx.Linear(config.num_dims + 2 * config.num_waves, config.width, rngs=rngs)
        self.blocks = nnx.List(Block(config, rngs) for _ in range(config.num_blocks))
        self.head = nnx.Linear(config.width, config.num_dims, kernel_init=nnx.initializers.zeros, rngs=rngs)

    def __call__(self, x_t: Array, t: Array) -> Array:
        phase = t[:, None] * (math.pi * 2.0 ** jnp.arange(self.num_waves, dtype=x_t.dtype) / 2)[None]  # (B, waves)
        h = self.inputs(jnp.concatenate([x_t, jnp.sin(phase), jnp.cos(phase)], -1))  # (B, width)
        for block in self.blocks:
            h = block(h)  # (B, width)
        return self.head(nnx.silu(h))  # (B, dims)


def create(config: Config, key: Array) -> Model:
    """Params drawn with ``key``, and ``apply(params, x_t, t)``: ``[B, dims]``, ``[B]`` -> ``[B, dims]``."""
    return split(lambda: Velocity(config, nnx.Rngs(key)))
