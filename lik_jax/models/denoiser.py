"""A denoiser for diffusion over pictures whose pixels take few levels: it puts out a softmax over them.

A small transformer over patches, told the noise level in every block. What the noise alone says about each level,
``-(x_t - alpha level)^2 / (2 sigma^2)``, is added to the network's logits: this is Bayes' rule with the network as the
prior, so almost clean pixels need no learning.

>>> import jax, jax.numpy as jnp
>>> model = create(Config(num_pixels=16, num_levels=3, width=8), jax.random.key(0))
>>> model.apply(model.params, jnp.zeros((2, 16)), jnp.zeros(2)).shape
(2, 16, 3)
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

    num_pixels: int = 64  # of a square picture, in rows
    num_levels: int = 17
    width: int = 64  # of the residual stream; a multiple of num_heads
    num_blocks: int = 3
    num_heads: int = 4
    patch: int = 2  # side of a patch, in pixels
    num_waves: int = 8  # frequencies that gamma is shown in


class Block(nnx.Module):
    """Attention and a perceptron over patches, each shifted and scaled by the noise level."""

    def __init__(self, config: Config, rngs: nnx.Rngs):
        h, small = config.width, nnx.initializers.normal(1e-2 / math.sqrt(config.width))
        self.num_heads = config.num_heads
        self.level = nnx.Linear(2 * config.num_waves, 4 * h, rngs=rngs)
        self.attention_norm = nnx.LayerNorm(h, use_scale=False, use_bias=False, rngs=rngs)
        self.qkv = nnx.Linear(h, 3 * h, rngs=rngs)
        self.out = nnx.Linear(h, h, kernel_init=small, rngs=rngs)
        self.mlp_norm = nnx.LayerNorm(h, use_scale=False, use_bias=False, rngs=rngs)
        self.up = nnx.Linear(h, 2 * h, rngs=rngs)
        self.down = nnx.Linear(2 * h, h, kernel_init=small, rngs=rngs)

    def __call__(self, x: Array, waves: Array) -> Array:
        b, t, h = x.shape
        scale, shift, mlp_scale, mlp_shift = jnp.split(self.level(waves)[:, None], 4, -1)  # (B, 1, width)
        y = self.attention_norm(x) * (1 + scale) + shift  # (B, T, width)
        qkv = self.qkv(y).reshape(b, t, 3, self.num_heads, h // self.num_heads)  # (B, T, 3, H, width/H)
        y = jax.nn.dot_product_attention(qkv[:, :, 0], qkv[:, :, 1], qkv[:, :, 2])  # (B, T, H, width/H)
        x = x + self.out(y.reshape(b, t, h))  # (B, T, width)
        y = self.mlp_norm(x) * (1 + mlp_scale) + mlp_shift
        return x + self.down(nnx.gelu(self.up(y)))  # (B, T, width)


class Denoiser(nnx.Module):
    """A transformer over patches and the noise level."""

    def __init__(self, config: Config, rngs: nnx.Rngs):
        side, p = math.isqrt(config.num_pixels), config.patch
        if side**2 != config.num_pixels or side % p:
            raise ValueError(f"{config.num_pixels} pixels are no square picture that patches of {p} x {p} fill.")
        if config.width % config.num_heads:
            raise ValueError(f"width is {config.width}; want a multiple of the {config.num_heads} heads of attention.")
        self.config = config
        tokens = (side // p) ** 2
        self.inputs = nnx.Linear(p * p, config.width, rngs=rngs)
        self.positions = nnx.Embed(tokens, config.width, embedding_init=nnx.initializers.normal(0.5), rngs=rngs)
        self.blocks = nnx.List(Block(config, rngs) for _ in range(config.num_blocks))
        self.norm = nnx.LayerNorm(config.width, rngs=rngs)
        zeros = nnx.initializers.zeros
        self.head = nnx.Linear(config.width, p * p * config.num_levels, kernel_init=zeros, rngs=rngs)
        self.pixels = nnx.Embed(config.num_pixels, config.num_levels, embedding_init=zeros, rngs=rngs)

    def __call__(self, x_t: Array, gamma: Array) -> Array:
        c = self.config
        n, p = math.isqrt(c.num_pixels) // c.patch, c.patch
        phase = gamma[:, None] * (0.1 * 2.0 ** jnp.arange(c.num_waves, dtype=x_t.dtype) / 2)[None]  # (B, waves)
        waves = jnp.concatenate([jnp.sin(phase), jnp.cos(phase)], -1)  # (B, 2 waves)
        patches = x_t.reshape(-1, n, p, n, p).transpose(0, 1, 3, 2, 4).reshape(-1, n * n, p * p)  # (B, T, p p)
        h = self.inputs(patches) + self.positions(jnp.arange(n * n))[None]  # (B, T, width)
        for block in self.blocks:
            h = block(h, waves)  # (B, T, width)
        prior = self.head(self.norm(h)).reshape(-1, n, n, p, p, c.num_levels)
        prior = prior.transpose(0, 1, 3, 2, 4, 5).reshape(-1, c.num_pixels, c.num_levels)  # (B, pixels, levels)
        prior = prior + self.pixels(jnp.arange(c.num_pixels))[None]
        signal = jnp.sqrt(jax.nn.sigmoid(-gamma))[:, None, None]  # alpha
        gap = x_t[..., None] - signal * levels(c.num_levels)[None, None]  # (B, pixels, levels)
        return prior - 0.5 * gap**2 / jax.nn.sigmoid(gamma)[:, None, None]  # (B, pixels, levels)


def levels(num_levels: int) -> Array:
    """The values that pixels take as the diffusion sees them: evenly spaced from -1 to 1, ``[num_levels]``."""
    return jnp.linspace(-1.0, 1.0, num_levels)


def create(config: Config, key: Array) -> Model:
    """Params drawn with ``key``, and ``apply(params, x_t, gamma)``: ``[B, pixels]``, ``[B]`` -> logits of levels.

    The logits are ``[B, pixels, num_levels]``; ``gamma`` is minus the log-SNR.

    Raises:
        ValueError: pixels that are no square of patches, or a width that the heads do not share.
    """
    return split(lambda: Denoiser(config, nnx.Rngs(key)))
