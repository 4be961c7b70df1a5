"""From nats to the units that people report."""

import math

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .._arrays import as_floats


def bits_per_dim(nats: ArrayLike, num_dims: int, *, bin_width: ArrayLike = 1.0) -> Array:
    """Bits a dimension of discrete data, from a negative log-likelihood in nats.

    A density of dequantised data (level plus uniform noise over its bin) is turned into a mass of levels by the
    volume of a bin, so the result does not depend on how the levels were scaled. A log-mass has ``bin_width`` 1.

    Args:
        nats: negative log-likelihood of an example, summed over its dimensions, any shape.
        num_dims: how many numbers an example has (784 for a 28 x 28 image).
        bin_width: distance between neighbouring levels in the units of the density: for 256 levels 1 on [0, 256),
            1 / 256 on [0, 1), 2 / 256 on [-1, 1).

    Returns:
        ``nats / (num_dims log 2) - log2(bin_width)``, the shape of ``nats``.

    >>> round(float(bits_per_dim(3 * math.log(2.0), 3, bin_width=2 / 256)), 6)
    8.0
    """
    nats, bin_width = as_floats(nats, bin_width)
    return nats / (num_dims * math.log(2)) - jnp.log2(bin_width)
