"""From one number an example to a loss: the one place where anything is averaged."""

from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .._arrays import as_floats

Reduction = Literal["mean", "sum", "none", "total"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Total:
    """A weighted sum and its weight: what adds exactly over batches, devices and accumulation steps.

    Attributes:
        value: sum of weight times loss, in nats.
        weight: sum of the weights.

    >>> total = Total(jnp.float32(20.0), jnp.float32(10.0)) + Total(jnp.float32(10.0), jnp.float32(2.0))
    >>> float(total.mean())
    2.5
    """

    value: Array
    weight: Array

    def __add__(self, other: "Total") -> "Total":
        return Total(self.value + other.value, self.weight + other.weight)

    def __radd__(self, other: Any) -> "Total":
        # sum() starts from 0
        return self if isinstance(other, int) and other == 0 else NotImplemented

    def mean(self) -> Array:
        """``value / weight``, and 0 with zero gradient where there is no weight at all."""
        some = self.weight != 0
        return jnp.where(some, self.value / jnp.where(some, self.weight, 1), 0)


def reduce(losses: Array, weights: Array | None, reduction: Reduction) -> Array | Total:
    """Reduce per-example losses; those of weight 0 must already be exactly 0.

    Args:
        losses: one number an example, any shape.
        weights: the same shape, or None for all 1.
        reduction: "mean" (sum of weighted losses over sum of weights), "sum", "none" (weighted, not summed) or
            "total".

    Raises:
        ValueError: another ``reduction``.
    """
    if reduction not in ("mean", "sum", "none", "total"):
        raise ValueError(f"reduction={reduction!r}: want 'mean', 'sum', 'none' or 'total'.")
    weighted = losses if weights is None else losses * weights
    if reduction == "none":
        return weighted
    if reduction == "sum":
        return weighted.sum()
    weight = jnp.full((), losses.size, losses.dtype) if weights is None else weights.sum()
    total = Total(weighted.sum(), weight)
    return total if reduction == "total" else total.mean()


def example_weights(
    mask: ArrayLike | None, weights: ArrayLike | None, shape: tuple[int, ...], name: str
) -> tuple[Array | None, Array | None]:
    """Check ``mask`` and ``weights`` against the example axes; return which examples count, and their weights.

    Raises:
        ValueError: a shape that is neither () nor the example axes, or a mask of floats.
    """
    for word, array in (("mask", mask), ("weights", weights)):
        if array is not None and jnp.shape(array) not in ((), shape):
            raise ValueError(
                f"{name}: {word} has shape {jnp.shape(array)}, but there is one number an example and the example "
                f"axes are {shape}. Give {word} the shape {shape}."
            )
    if mask is not None and jnp.issubdtype(jnp.result_type(mask), jnp.floating):
        raise ValueError(f"{name}: mask is {jnp.result_type(mask)}; want bool (or integer). A share is weights=.")
    if mask is None and weights is None:
        return None, None
    w = jnp.ones(shape) if weights is None else jnp.broadcast_to(as_floats(weights)[0], shape)
    keep = w != 0
    if mask is not None:
        keep = keep & jnp.broadcast_to(jnp.asarray(mask).astype(bool), shape)
    return keep, jnp.where(keep, w, 0)


def finish(losses: Array, keep: Array | None, w: Array | None, reduction: Reduction) -> Any:
    """`reduce`, with what `example_weights` gave: an example that does not count adds exactly 0."""
    if keep is not None and w is not None:
        losses, w = jnp.where(keep, losses, 0), w.astype(losses.dtype)
    return reduce(losses, w, reduction)
