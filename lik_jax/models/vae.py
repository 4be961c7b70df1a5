"""A variational autoencoder of binary images: an encoder to a normal posterior, a decoder to Bernoulli logits.

>>> import jax, jax.numpy as jnp
>>> model = create(Config(num_pixels=16, num_latents=3, width=8), jax.random.key(0))
>>> model.apply(model.params, jnp.zeros((2, 16)), method="encode").shape
(2, 3, 2)
>>> model.apply(model.params, jnp.zeros((2, 3)), method="decode").shape
(2, 16)
"""

from dataclasses import dataclass

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


class Vae(nnx.Module):
    """Two perceptrons; ``encode`` and ``decode`` are its methods."""

    def __init__(self, config: Config, rngs: nnx.Rngs):
        self.num_latents = config.num_latents
        d, z, h = config.num_pixels, config.num_latents, config.width
        small = nnx.initializers.normal(1e-2)
        self.encoder = nnx.List([nnx.Linear(d, h, rngs=rngs), nnx.Linear(h, h, rngs=rngs)])
        self.posterior = nnx.Linear(h, 2 * z, kernel_init=small, rngs=rngs)
        self.decoder = nnx.List([nnx.Linear(z, h, rngs=rngs), nnx.Linear(h, h, rngs=rngs)])
        self.logits = nnx.Linear(h, d, kernel_init=small, rngs=rngs)

    def encode(self, y: Array) -> Array:
        """Raw params of the posterior: ``[B, pixels]`` 0 or 1 -> ``[B, latents, 2]``."""
        h = 2 * y - 1  # (B, pixels)
        for layer in self.encoder:
            h = nnx.gelu(layer(h))  # (B, width)
        return self.posterior(h).reshape(y.shape[0], self.num_latents, 2)  # (B, latents, 2)

    def decode(self, z: Array) -> Array:
        """Logits of the pixels: ``[B, latents]`` -> ``[B, pixels]``."""
        h = z  # (B, latents)
        for layer in self.decoder:
            h = nnx.gelu(layer(h))  # (B, width)
        return self.logits(h)  # (B, pixels)


def create(config: Config, key: jax.Array) -> Model:
    """Params drawn with ``key``, and ``apply(params, inputs, method="encode" or "decode")``."""
    return split(lambda: Vae(config, nnx.Rngs(key)))
