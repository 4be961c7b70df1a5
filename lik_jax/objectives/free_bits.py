"""Free bits: nats that a latent may hold without paying for them, so that it is not given up early in training."""

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .._arrays import as_floats


def free_bits(kl: ArrayLike, least: ArrayLike, *, num_groups: int | None = None) -> Array:
    """KL in which no group of dimensions counts for less than ``least`` nats, and has gradient 0 below that.

    Args:
        kl: of each dimension, ``[..., d]``: of one example, or averaged over a batch first, as in the paper.
        least: nats a group may hold for free.
        num_groups: how many groups of neighbouring dimensions there are; by default each dimension is one.

    Returns:
        ``[...]``: the sum over groups.

    Raises:
        ValueError: ``num_groups`` does not divide ``d``.

    Source: Kingma et al. (2016), "Improving variational inference with inverse autoregressive flow".

    >>> float(free_bits(jnp.array([0.02, 0.7, 1.3]), 0.5))
    2.5
    >>> float(free_bits(jnp.array([0.25, 0.5, 1.0, 2.0]), 1.0, num_groups=2))
    4.0
    """
    kl, least = as_floats(kl, least)
    if num_groups is not None:
        if num_groups < 1 or kl.shape[-1] % num_groups:
            raise ValueError(f"free_bits: num_groups={num_groups} does not divide the {kl.shape[-1]} dimensions.")
        kl = kl.reshape(*kl.shape[:-1], num_groups, -1).sum(-1)
    return jnp.where(kl < least, least, kl).sum(-1)
