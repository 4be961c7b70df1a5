"""A variational autoencoder of binary images: an encoder to a normal posterior, a decoder to Bernoulli logits.

>>> import jax, jax.numpy as jnp
>>> model = create(Config(num_pixels=16, num_latents=3, width=8), jax.random.key(0))
>>> model.apply(model.params, jnp.zeros((2, 16)), method="encode").shape
(2, 3, 2)
>>> model.apply(model.params, jnp.zeros((2, 3)), method="decode").shape
(2, 16)
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import jax
from flax import nnx
from jax import Array

from .functional import Model, split


@dataclass(frozen=True)
class Config:
    """The shape of the networks."""

    num_pixels: int = 64
    num_latents: int = 8
    width: int = 256  # of the two hidden layers each way
    dropout: float = 0.0  # share of hidden units left out, where a key is given


class Perceptron(nnx.Module):
    """Two hidden layers; the outputs start near zero, if ``last`` does not say otherwise."""

    def __init__(self, inputs: int, outputs: int, config: Config, rngs: nnx.Rngs, last: Any = None):
        last = nnx.initializers.normal(1e-2) if last is None else last
        self.dropout = config.dropout
        sizes = (inputs, config.width, config.width)
        self.hidden = nnx.List([nnx.Linear(a, b, rngs=rngs) for a, b in pairwise(sizes)])
        self.out = nnx.Linear(config.width, outputs, kernel_init=last, rngs=rngs)

    def __call__(self, x: Array, key: Array | None = None) -> Array:
        keys = [None] * len(self.hidden) if key is None else jax.random.split(key, len(self.hidden))
        for layer, own in zip(self.hidden, keys, strict=True):
            x = dropped(nnx.gelu(layer(x)), self.dropout, own)  # (B, width)
        return self.out(x)  # (B, outputs)


class Vae(nnx.Module):
    """Two perceptrons; ``encode`` and ``decode`` are its methods. With a key, hidden units are dropped."""

    def __init__(self, config: Config, rngs: nnx.Rngs):
        self.num_latents = config.num_latents
        self.encoder = Perceptron(config.num_pixels, 2 * config.num_latents, config, rngs)
        self.decoder = Perceptron(config.num_latents, config.num_pixels, config, rngs)

    def encode(self, y: Array, key: Array | None = None) -> Array:
        """Raw params of the posterior: ``[B, pixels]`` 0 or 1 -> ``[B, latents, 2]``."""
        return self.encoder(2 * y - 1, key).reshape(y.shape[0], self.num_latents, 2)  # (B, latents, 2)

    def decode(self, z: Array, key: Array | None = None) -> Array:
        """Logits of the pixels: ``[B, latents]`` -> ``[B, pixels]``."""
        return self.decoder(z, key)  # (B, pixels)


def dropped(x: Array, share: float, key: Array | None) -> Array:
    """``x`` with a share of its units at 0 and the others larger for it; without a key ``x`` itself."""
    if key is None or not share:
        return x
    return x * jax.random.bernoulli(key, 1 - share, x.shape).astype(x.dtype) / (1 - share)


def create(config: Config, key: jax.Array) -> Model:
    """Params drawn with ``key``, and ``apply(params, inputs, key, method="encode" or "decode")``."""
    return split(lambda: Vae(config, nnx.Rngs(key)))
