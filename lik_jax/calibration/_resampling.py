"""A statistic of many random copies of the data, as many at once as memory allows."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

_AT_ONCE = 2**22


def check_level(level: float, name: str) -> None:
    """
    Raises:
        ValueError: ``level`` does not lie between 0 and 1.
    """
    if not 0 < level < 1:
        raise ValueError(f"{name}: level={level}; want a number between 0 and 1, such as 0.95.")


def replicates(
    statistic: Callable[[Array], Any], key: Array, num_resamples: int, size: int, batch_size: int | None, name: str
) -> Any:
    """``statistic(key)`` for ``num_resamples`` keys, stacked.

    Args:
        statistic: of a key to what is wanted.
        key: folded with the number of each.
        num_resamples: how many.
        size: numbers that one copy of the data holds.
        batch_size: copies at once; if None as many as hold 4 million numbers.
        name: of the caller, for messages.

    Raises:
        ValueError: ``num_resamples`` is less than 2, or ``batch_size`` less than 1.
    """
    if num_resamples < 2 or (batch_size is not None and batch_size < 1):
        raise ValueError(
            f"{name}: num_resamples={num_resamples} and batch_size={batch_size}; want 2 or more, and 1 or more."
        )
    at_once = min(num_resamples, max(1, _AT_ONCE // max(size, 1)) if batch_size is None else batch_size)
    return jax.lax.map(lambda i: statistic(jax.random.fold_in(key, i)), jnp.arange(num_resamples), batch_size=at_once)


def central(draws: Array, level: float) -> tuple[Array, Array]:
    """The two quantiles over the first axis between which ``level`` of the draws lie."""
    tail = jnp.asarray([(1 - level) / 2, (1 + level) / 2], draws.dtype)
    low, high = jnp.quantile(draws, tail, axis=0)
    return low, high
