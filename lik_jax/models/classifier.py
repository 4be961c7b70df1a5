"""A small convolutional classifier of images: its output is the logits of a categorical distribution.

>>> import jax, jax.numpy as jnp
>>> model = create(Config(channels=4, width=8), jax.random.key(0))
>>> model.apply(model.params, jnp.zeros((2, 8, 8))).shape
(2, 10)
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

    num_classes: int = 10
    height: int = 8  # pixels, a multiple of 2
    columns: int = 8  # pixels, a multiple of 2
    channels: int = 32  # of the first convolution; the second has twice as many
    width: int = 128  # of the hidden layer


class Classifier(nnx.Module):
    """Two convolutions, the second with stride 2, and two dense layers."""

    def __init__(self, config: Config, rngs: nnx.Rngs):
        c = config.channels
        pixels = (config.height // 2) * (config.columns // 2)
        self.first = nnx.Conv(1, c, (3, 3), rngs=rngs)
        self.second = nnx.Conv(c, 2 * c, (3, 3), strides=2, rngs=rngs)
        self.hidden = nnx.Linear(pixels * 2 * c, config.width, rngs=rngs)
        self.norm = nnx.LayerNorm(config.width, rngs=rngs)
        self.head = nnx.Linear(config.width, config.num_classes, kernel_init=nnx.initializers.zeros, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        x = x[..., None]  # (B, H, W, 1)
        x = nnx.relu(self.first(x))  # (B, H, W, C)
        x = nnx.relu(self.second(x))  # (B, H/2, W/2, 2C)
        x = x.reshape(x.shape[0], -1)  # (B, H W C / 2)
        x = nnx.relu(self.norm(self.hidden(x)))  # (B, width)
        return self.head(x)  # (B, num_classes)


def create(config: Config, key: Array) -> Model:
    """Params drawn with ``key``, and ``apply(params, images)``: images ``[B, H, W]`` in [0, 1] -> logits ``[B, K]``."""
    if config.height % 2 or config.columns % 2:
        raise ValueError(f"classifier: images are {config.height} x {config.columns}; both must be even.")
    return split(lambda: Classifier(config, nnx.Rngs(key)))


def random_shift(images: Array, key: Array) -> Array:
    """Move each image by -1, 0 or 1 pixels each way, with zeros coming in: ``[B, H, W]`` -> ``[B, H, W]``."""
    height, width = images.shape[1:]
    padded = jnp.pad(images, ((0, 0), (1, 1), (1, 1)))  # (B, H+2, W+2)
    corners = jax.random.randint(key, (images.shape[0], 2), 0, 3)  # (B, 2)
    return jax.vmap(lambda image, corner: jax.lax.dynamic_slice(image, corner, (height, width)))(padded, corners)
