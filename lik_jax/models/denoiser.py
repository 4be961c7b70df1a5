"""A denoiser for diffusion over numbers that take few levels: it puts out a softmax over them.

What the noise alone says about each level, ``-(x_t - alpha level)^2 / (2 sigma^2)``, is added to the network's logits:
this is Bayes' rule with the network as the prior, so almost clean pixels need no learning.

>>> import jax, jax.numpy as jnp
>>> model = create(Config(num_pixels=4, num_levels=3, width=8), jax.random.key(0))
>>> model.apply(model.params, jnp.zeros((2, 4)), jnp.zeros(2)).shape
(2, 4, 3)
"""

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array

from .functional import Model, split


@dataclass(frozen=True)
class Config:
    """The shape of the network."""

    num_pixels: int = 64
    num_levels: int = 17
    width: int = 256  # of the residual stream
    num_blocks: int = 3
    num_waves: int = 8  # frequencies that gamma is shown in


class Block(nnx.Module):
    """A residual perceptron block, told the noise level."""

    def __init__(self, config: Config, rngs: nnx.Rngs):
        h = config.width
        self.norm = nnx.LayerNorm(h, rngs=rngs)
        self.level = nnx.Linear(2 * config.num_waves, h, rngs=rngs)
        self.up = nnx.Linear(h, 2 * h, rngs=rngs)
        self.down = nnx.Linear(2 * h, h, kernel_init=nnx.initializers.normal(1e-2 / math.sqrt(h)), rngs=rngs)

    def __call__(self, x: Array, waves: Array) -> Array:
        return x + self.down(nnx.gelu(self.up(self.norm(x) + self.level(waves))))  # (B, width)


class Denoiser(nnx.Module):
    """A residual perceptron over pixels and the noise level."""

    def __init__(self, config: Config, rngs: nnx.Rngs):
        self.config = config
        self.inputs = nnx.Linear(config.num_pixels, config.width, rngs=rngs)
        self.blocks = nnx.List(Block(config, rngs) for _ in range(config.num_blocks))
        self.norm = nnx.LayerNorm(config.width, rngs=rngs)
        out = config.num_pixels * config.num_levels
        self.head = nnx.Linear(config.width, out, kernel_init=nnx.initializers.zeros, rngs=rngs)

    def __call__(self, x_t: Array, gamma: Array) -> Array:
        c = self.config
        phase = gamma[:, None] * (0.1 * 2.0 ** jnp.arange(c.num_waves, dtype=x_t.dtype) / 2)[None]  # (B, waves)
        waves = jnp.concatenate([jnp.sin(phase), jnp.cos(phase)], -1)  # (B, 2 waves)
        h = self.inputs(x_t)  # (B, width)
        for block in self.blocks:
            h = block(h, waves)  # (B, width)
        prior = self.head(self.norm(h)).reshape(-1, c.num_pixels, c.num_levels)  # (B, pixels, levels)
        signal = jnp.sqrt(jax.nn.sigmoid(-gamma))[:, None, None]  # alpha
        gap = x_t[..., None] - signal * levels(c.num_levels)[None, None]  # (B, pixels, levels)
        return prior - 0.5 * gap**2 / jax.nn.sigmoid(gamma)[:, None, None]  # (B, pixels, levels)


def levels(num_levels: int) -> Array:
    """The values that pixels take as the diffusion sees them: evenly spaced from -1 to 1, ``[num_levels]``."""
    return jnp.linspace(-1.0, 1.0, num_levels)


def create(config: Config, key: Array) -> Model:
    """Params drawn with ``key``, and ``apply(params, x_t, gamma)``: ``[B, pixels]``, ``[B]`` -> logits of levels.

    The logits are ``[B, pixels, num_levels]``; ``gamma`` is minus the log-SNR.
    """
    return split(lambda: Denoiser(config, nnx.Rngs(key)))
