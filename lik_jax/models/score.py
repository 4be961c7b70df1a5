"""A score network for data with noise of any deviation: a perceptron that knows the scale it looks at.

The network ``F`` sees ``y`` scaled to unit size, and speaks of what a linear guess of the clean data leaves:
``denoised = skip y + out F`` with ``skip = s^2 / (s^2 + sigma^2)`` and ``out = sigma s / sqrt(s^2 + sigma^2)``, ``s``
being the deviation of the data; ``score = (denoised - y) / sigma^2``. With ``F = 0`` it is right for normal data.

>>> import jax, jax.numpy as jnp
>>> model = create(Config(num_dims=2, width=8), jax.random.key(0))
>>> model.apply(model.params, jnp.ones((3, 2)), jnp.ones(3)).shape
(3, 2)

Source: Karras et al. (2022), "Elucidating the design space of diffusion-based generative models", equation 7.
"""

from dataclasses import dataclass

import jax.numpy as jnp
from flax import nnx
from jax import Array

from .functional import Model, split


@dataclass(frozen=True)
class Config:
    """The shape of the network."""

    num_dims: int = 2
    width: int = 128  # of the hidden layers
    num_layers: int = 3
    num_waves: int = 8  # frequencies that log sigma is shown in
    data_scale: float = 1.0  # deviation of the data, a dim


class Score(nnx.Module):
    """A perceptron told the noise level in every layer."""

    def __init__(self, config: Config, rngs: nnx.Rngs):
        self.config = config
        c, h = config, config.width
        sizes = [c.num_dims] + [h] * c.num_layers
        self.layers = nnx.List(nnx.Linear(a, h, rngs=rngs) for a in sizes[:-1])
        self.levels = nnx.List(nnx.Linear(2 * c.num_waves, h, rngs=rngs) for _ in range(c.num_layers))
        self.head = nnx.Linear(h, c.num_dims, kernel_init=nnx.initializers.zeros, rngs=rngs)

    def __call__(self, y: Array, sigma: Array) -> Array:
        c = self.config
        phase = jnp.log(sigma)[:, None] * (0.25 * 2.0 ** (jnp.arange(c.num_waves, dtype=y.dtype) / 2))[None]
        waves = jnp.concatenate([jnp.sin(phase), jnp.cos(phase)], -1)  # (B, 2 waves)
        sigma = sigma[:, None]
        total = sigma**2 + c.data_scale**2  # (B, 1)
        h = y / jnp.sqrt(total)  # (B, dims)
        for layer, level in zip(self.layers, self.levels, strict=True):
            h = nnx.silu(layer(h) + level(waves))  # (B, width)
        out = c.data_scale / (sigma * jnp.sqrt(total)) * self.head(h)  # (B, dims)
        return out - y / total  # (B, dims)


def create(config: Config, key: Array) -> Model:
    """Params drawn with ``key``, and ``apply(params, y, sigma)``: ``[B, dims]``, ``[B]`` -> ``[B, dims]``."""
    return split(lambda: Score(config, nnx.Rngs(key)))
