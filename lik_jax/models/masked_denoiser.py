"""A network for masked diffusion of ordered levels: it reads what is not hidden, and puts out logits of every token.

A token is shown to it as a number from -1 to 1 and a mark of whether it is hidden, so that neighbouring levels look
alike. It is not told the time: how much is hidden is there to see.

>>> import jax, jax.numpy as jnp
>>> model = create(Config(num_tokens=4, num_levels=3, width=8), jax.random.key(0))
>>> model.apply(model.params, jnp.array([[0, 2, 3, 3]])).shape  # 3 is hidden
(1, 4, 3)
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

    num_tokens: int = 64
    num_levels: int = 17  # a hidden token is the number after the last level
    width: int = 256  # of the residual stream
    num_blocks: int = 3


class Block(nnx.Module):
    """A residual perceptron block."""

    def __init__(self, config: Config, rngs: nnx.Rngs):
        h = config.width
        self.norm = nnx.LayerNorm(h, rngs=rngs)
        self.up = nnx.Linear(h, 2 * h, rngs=rngs)
        self.down = nnx.Linear(2 * h, h, kernel_init=nnx.initializers.normal(1e-2 / math.sqrt(h)), rngs=rngs)

    def __call__(self, x: Array) -> Array:
        return x + self.down(nnx.gelu(self.up(self.norm(x))))  # (B, width)


class MaskedDenoiser(nnx.Module):
    """A residual perceptron over all tokens."""

    def __init__(self, config: Config, rngs: nnx.Rngs):
        self.config = config
        self.inputs = nnx.Linear(2 * config.num_tokens, config.width, rngs=rngs)
        self.blocks = nnx.List(Block(config, rngs) for _ in range(config.num_blocks))
        self.norm = nnx.LayerNorm(config.width, rngs=rngs)
        out = config.num_tokens * config.num_levels
        self.head = nnx.Linear(config.width, out, kernel_init=nnx.initializers.zeros, rngs=rngs)

    def __call__(self, tokens: Array) -> Array:
        c = self.config
        hidden = tokens == c.num_levels  # (B, tokens)
        value = jnp.where(hidden, 0, 2 * tokens.astype(jnp.float32) / (c.num_levels - 1) - 1)
        h = self.inputs(jnp.concatenate([value, hidden.astype(value.dtype)], -1))  # (B, width)
        for block in self.blocks:
            h = block(h)  # (B, width)
        return self.head(self.norm(h)).reshape(-1, c.num_tokens, c.num_levels)  # (B, tokens, levels)


def create(config: Config, key: Array) -> Model:
    """Params drawn with ``key``, and ``apply(params, tokens)``: ``[B, tokens]`` -> logits ``[B, tokens, levels]``."""
    return split(lambda: MaskedDenoiser(config, nnx.Rngs(key)))
