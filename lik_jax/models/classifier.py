"""A small convolutional classifier of images: its output is the logits of a categorical distribution.

>>> import jax, jax.numpy as jnp
>>> model = create(Config(channels=4, width=8), jax.random.key(0))
>>> model.apply(model.params, jnp.zeros((2, 8, 8))).shape
(2, 10)
"""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array

from .functional import Model, dropout, split


@dataclass(frozen=True)
class Config:
    """The shape of the network."""

    num_classes: int = 10
    height: int = 8  # pixels, a multiple of 2
    columns: int = 8  # pixels, a multiple of 2
    channels: int = 32  # of the first convolution; the second has twice as many
    width: int = 128  # of the hidden layer
    dropout: float = 0.0  # share of convolved pixels and of hidden units left out, where a key is given
    by_products: bool = False  # convolve by products of matrices: on CPU far faster where networks are vmapped


class Classifier(nnx.Module):
    """Two convolutions, the second with stride 2, and two dense layers."""

    def __init__(self, config: Config, rngs: nnx.Rngs):
        self.dropout, self.by_products = config.dropout, config.by_products
        c = config.channels
        pixels = (config.height // 2) * (config.columns // 2)
        self.first = nnx.Conv(1, c, (3, 3), rngs=rngs)
        self.second = nnx.Conv(c, 2 * c, (3, 3), strides=2, rngs=rngs)
        self.hidden = nnx.Linear(pixels * 2 * c, config.width, rngs=rngs)
        self.norm = nnx.LayerNorm(config.width, rngs=rngs)
        self.head = nnx.Linear(config.width, config.num_classes, kernel_init=nnx.initializers.zeros, rngs=rngs)

    def features(self, x: Array, key: Array | None = None) -> Array:
        """What the last layer sees, ``[B, width]``."""
        convolve = _by_products if self.by_products else lambda layer, x: layer(x)
        first, second = (None, None) if key is None else jax.random.split(key)
        x = x[..., None]  # (B, H, W, 1)
        x = nnx.relu(convolve(self.first, x))  # (B, H, W, C)
        x = nnx.relu(convolve(self.second, x))  # (B, H/2, W/2, 2C)
        x = dropout(x.reshape(x.shape[0], -1), self.dropout, first)  # (B, H W C / 2)
        return dropout(nnx.relu(self.norm(self.hidden(x))), self.dropout, second)  # (B, width)

    def __call__(self, x: Array, key: Array | None = None) -> Array:
        return self.head(self.features(x, key))  # (B, num_classes)


def _by_products(layer: nnx.Conv, x: Array) -> Array:
    """A 3 x 3 convolution as one product: pixels by their neighbourhood, and the kernel."""
    stride, height, width = layer.strides, *x.shape[1:3]
    stride = stride if isinstance(stride, int) else 1
    before = 2 - stride  # as padding "SAME" does for even sides
    padded = jnp.pad(x, ((0, 0), (before, 1), (before, 1), (0, 0)))
    moved = [padded[:, i : i + height : stride, j : j + width : stride] for i in range(3) for j in range(3)]
    bias: Any = layer.bias
    kernel, bias = layer.kernel[...], bias[...]
    around = jnp.concatenate(moved, -1)  # (B, H / stride, W / stride, 9 C)
    out = around @ kernel.reshape(-1, kernel.shape[-1])
    return out + bias.reshape((1,) * (out.ndim - 1) + bias.shape)


def create(config: Config, key: Array) -> Model:
    """Params drawn with ``key``, and ``apply(params, images)``: images ``[B, H, W]`` in [0, 1] -> logits ``[B, K]``.

    ``apply(params, images, key)`` drops units; ``method="features"`` gives what the last layer sees.
    """
    if config.height % 2 or config.columns % 2:
        raise ValueError(f"classifier: images are {config.height} x {config.columns}; both must be even.")
    return split(lambda: Classifier(config, nnx.Rngs(key)))


def random_shift(images: Array, key: Array) -> Array:
    """Move each image by -1, 0 or 1 pixels each way, with zeros coming in: ``[B, H, W]`` -> ``[B, H, W]``."""
    height, width = images.shape[1:]
    padded = jnp.pad(images, ((0, 0), (1, 1), (1, 1)))  # (B, H+2, W+2)
    corners = jax.random.randint(key, (images.shape[0], 2), 0, 3)  # (B, 2)
    return jax.vmap(lambda image, corner: jax.lax.dynamic_slice(image, corner, (height, width)))(padded, corners)
