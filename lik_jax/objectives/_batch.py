"""Functions of a batch, checked; and examples that do not count, put out of the way."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .._arrays import as_floats, float_dtype
from .reduction import example_weights


def one_each(values: Any, y: Array, name: str) -> Array:
    """``values``, if there is one an example of ``y`` ``[B, ...]``.

    Raises:
        ValueError: another shape; says which, and the likely fix.
    """
    shape, want = jnp.shape(values), y.shape[:1]
    if shape == want:
        return jnp.asarray(values)
    if shape == (*want, 1):
        fix = "Drop the trailing axis (values[:, 0])."
    elif shape == ():
        fix = "Return one number an example, without summing or averaging over the batch."
    elif shape == y.shape:
        fix = "Sum over the axes of an example."
    else:
        fix = "Return one number an example."
    raise ValueError(f"{name} gave the shape {shape} for a batch of shape {y.shape}; want {want}. {fix}")


def same_shape(values: Any, y: Array, name: str) -> Array:
    """``values``, if they have the shape of ``y``.

    Raises:
        ValueError: another shape.
    """
    if jnp.shape(values) != y.shape:
        raise ValueError(f"{name} gave the shape {jnp.shape(values)} for a batch of shape {y.shape}; want the same.")
    return jnp.asarray(values)


def examples(
    y: Any, mask: ArrayLike | None, weights: ArrayLike | None, name: str
) -> tuple[Array, Array | None, Array | None]:
    """``y`` with a legal example in place of each that does not count; which count, and their weights."""
    if y.ndim == 0:
        raise ValueError(f"{name}: y is one number; give it an axis of examples in front: y[None].")
    keep, w = example_weights(mask, weights, y.shape[:1], name)
    if keep is None:
        return y, None, None
    some = y[jnp.argmax(keep)]
    some = jnp.where(keep.any(), some, jnp.zeros_like(some))
    return jnp.where(over(keep, y), y, some[None]), keep, w


def over(per_example: Array, y: Array) -> Array:
    """``[B]`` to ``[B, 1, ...]``, of the rank of ``y``."""
    return per_example.reshape(per_example.shape + (1,) * (y.ndim - 1))


def sum_each(x: Array) -> Array:
    """``[B, ...]`` to ``[B]``."""
    return x.sum(tuple(range(1, x.ndim)))


def promote(params: Any, *vectors: ArrayLike) -> tuple[Any, ...]:
    """``params`` and ``vectors`` ``[..., n]`` in one float dtype, the example axes of the vectors lined up."""
    dtype = float_dtype(*jax.tree.leaves(params), *vectors)
    params = jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), params)
    return params, *as_floats(*(jnp.asarray(x, dtype) for x in vectors), ndims=(1,) * len(vectors))


def vector(values: Any, x: Any) -> Array:
    """``[n]`` with axes of size 1 in front, of the rank of ``x``."""
    return values.reshape((1,) * (x.ndim - 1) + values.shape)
