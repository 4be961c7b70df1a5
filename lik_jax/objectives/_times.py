"""Random times of low discrepancy, for losses that are an integral over time."""

import jax
import jax.numpy as jnp
from jax import Array


def antithetic_times(key: Array, num: int, dtype: jax.typing.DTypeLike = float) -> Array:
    """``num`` times in (0, 1], evenly spaced from a random start: each uniform, together of low discrepancy.

    Never 0, where nothing is hidden or noised and the weight of some losses is infinite.

    Source: Kingma et al. (2021), "Variational diffusion models", appendix I.

    >>> times = antithetic_times(jax.random.key(0), 49)
    >>> times.shape, bool((times > 0).all() & (times <= 1).all())
    ((49,), True)
    """
    start = jax.random.uniform(key, (), dtype)
    return 1 - (start + jnp.arange(num, dtype=start.dtype) / num) % 1
