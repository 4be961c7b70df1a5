"""A decoder-only transformer over characters: logits of the next one given those before.

Pre-norm blocks, learned positions, GELU, as GPT-2 (Radford et al. 2019) has them.

>>> import jax, jax.numpy as jnp
>>> model = create(Config(vocab_size=7, block_size=8, num_layers=1, num_heads=2, width=8), jax.random.key(0))
>>> model.apply(model.params, jnp.zeros((2, 5), int)).shape
(2, 5, 7)
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array

from .functional import Model, split


@dataclass(frozen=True)
class Config:
    """The shape of the network."""

    vocab_size: int
    block_size: int = 64  # longest context, in characters
    num_layers: int = 4
    num_heads: int = 4
    width: int = 128  # of the residual stream; a multiple of num_heads


class Attention(nnx.Module):
    """Causal self-attention."""

    def __init__(self, config: Config, rngs: nnx.Rngs):
        self.num_heads = config.num_heads
        self.qkv = nnx.Linear(config.width, 3 * config.width, use_bias=False, rngs=rngs)
        self.out = nnx.Linear(config.width, config.width, use_bias=False, kernel_init=_small(config), rngs=rngs)

    def __call__(self, x: Array) -> Array:
        b, t, c = x.shape
        qkv = self.qkv(x).reshape(b, t, 3, self.num_heads, c // self.num_heads)  # (B, T, 3, H, C/H)
        y = jax.nn.dot_product_attention(qkv[:, :, 0], qkv[:, :, 1], qkv[:, :, 2], is_causal=True)  # (B, T, H, C/H)
        return self.out(y.reshape(b, t, c))  # (B, T, C)


class Block(nnx.Module):
    """Attention and a two-layer perceptron, each added to the residual stream."""

    def __init__(self, config: Config, rngs: nnx.Rngs):
        self.attention_norm = nnx.LayerNorm(config.width, use_bias=False, rngs=rngs)
        self.attention = Attention(config, rngs)
        self.mlp_norm = nnx.LayerNorm(config.width, use_bias=False, rngs=rngs)
        self.up = nnx.Linear(config.width, 4 * config.width, rngs=rngs)
        self.down = nnx.Linear(4 * config.width, config.width, kernel_init=_small(config), rngs=rngs)

    def __call__(self, x: Array) -> Array:
        x = x + self.attention(self.attention_norm(x))  # (B, T, C)
        return x + self.down(nnx.gelu(self.up(self.mlp_norm(x))))  # (B, T, C)


class Transformer(nnx.Module):
    """Token and position embeddings, blocks, and a head of its own."""

    def __init__(self, config: Config, rngs: nnx.Rngs):
        init = nnx.initializers.normal(0.02)
        self.tokens = nnx.Embed(config.vocab_size, config.width, embedding_init=init, rngs=rngs)
        self.positions = nnx.Embed(config.block_size, config.width, embedding_init=init, rngs=rngs)
        self.blocks = nnx.List(Block(config, rngs) for _ in range(config.num_layers))
        self.norm = nnx.LayerNorm(config.width, use_bias=False, rngs=rngs)
        self.head = nnx.Linear(config.width, config.vocab_size, use_bias=False, kernel_init=init, rngs=rngs)

    def __call__(self, tokens: Array) -> Array:
        t = tokens.shape[1]
        x = self.tokens(tokens) + self.positions(jnp.arange(t))[None]  # (B, T, C)
        for block in self.blocks:
            x = block(x)  # (B, T, C)
        return self.head(self.norm(x))  # (B, T, vocab_size)


def _small(config: Config) -> nnx.Initializer:
    # the residual stream's variance stays the same however many layers add to it
    return nnx.initializers.normal(0.02 / (2 * config.num_layers) ** 0.5)


def create(config: Config, key: Array) -> Model:
    """Params drawn with ``key``, and ``apply(params, tokens)``: ``[B, T <= block_size]`` -> ``[B, T, vocab_size]``."""
    if config.width % config.num_heads:
        raise ValueError(f"transformer: width {config.width} is no multiple of num_heads {config.num_heads}.")
    return split(lambda: Transformer(config, nnx.Rngs(key)))
