"""A variational autoencoder of binary images with two layers of normal latents and a learned prior between them.

``p(top) p(bottom | top) p(y | bottom)``; the posterior goes the same way, ``q(top | y) q(bottom | top, y)``. Its raw
params at the bottom are the prior's plus what a network adds, so that a layer that has nothing to add costs nothing.

>>> import jax, jax.numpy as jnp
>>> model = create(Config(num_pixels=16, num_latents=3, num_top=2, width=8), jax.random.key(0))
>>> y, top = jnp.zeros((5, 16)), jnp.zeros((5, 2))
>>> model.apply(model.params, y, method="encode_top").shape
(5, 2, 2)
>>> model.apply(model.params, y, top, method="encode").shape, model.apply(model.params, top, method="prior").shape
((5, 3, 2), (5, 3, 2))
>>> model.apply(model.params, jnp.zeros((5, 3)), method="decode").shape
(5, 16)
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array

from . import vae
from .functional import Model, split
from .vae import Perceptron


@dataclass(frozen=True)
class Config(vae.Config):
    """The shape of the networks."""

    num_top: int = 4  # latents of the top layer


class HierarchicalVae(nnx.Module):
    """Four perceptrons; ``encode_top``, ``encode``, ``prior`` and ``decode`` are its methods."""

    def __init__(self, config: Config, rngs: nnx.Rngs):
        d, z, top = config.num_pixels, config.num_latents, config.num_top
        self.num_latents, self.num_top = z, top
        self.top_encoder = Perceptron(d, 2 * top, config, rngs)
        self.encoder = Perceptron(d + top, 2 * z, config, rngs)
        # not near zero: a prior that ignores the top layer at the start leaves it unused for good
        self.lower_prior = Perceptron(top, 2 * z, config, rngs, last=nnx.initializers.lecun_normal())
        self.decoder = Perceptron(z, d, config, rngs)

    def encode_top(self, y: Array, key: Array | None = None) -> Array:
        """Raw params of ``q(top | y)``: ``[B, pixels]`` 0 or 1 -> ``[B, top, 2]``."""
        return self.top_encoder(2 * y - 1, key).reshape(-1, self.num_top, 2)  # (B, top, 2)

    def encode(self, y: Array, top: Array, key: Array | None = None) -> Array:
        """Raw params of ``q(bottom | top, y)``: ``[B, pixels]`` and ``[B, top]`` -> ``[B, latents, 2]``."""
        both = jnp.concatenate([2 * y - 1, top], -1)  # (B, pixels + top)
        return self.prior(top) + self.encoder(both, key).reshape(-1, self.num_latents, 2)  # (B, latents, 2)

    def prior(self, top: Array) -> Array:
        """Raw params of ``p(bottom | top)``: ``[B, top]`` -> ``[B, latents, 2]``."""
        return self.lower_prior(top).reshape(-1, self.num_latents, 2)  # (B, latents, 2)

    def decode(self, z: Array, key: Array | None = None) -> Array:
        """Logits of the pixels: ``[B, latents]`` -> ``[B, pixels]``."""
        return self.decoder(z, key)  # (B, pixels)


def create(config: Config, key: jax.Array) -> Model:
    """Params drawn with ``key``, and ``apply(params, inputs, key, method=...)``, one of four."""
    return split(lambda: HierarchicalVae(config, nnx.Rngs(key)))
