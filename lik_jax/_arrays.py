"""What happens to inputs at the door, and to values on the way out."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike


def float_dtype(*xs: ArrayLike) -> np.dtype:
    """The dtype a computation on ``xs`` has: float64 if one of them is, else at least float32.

    Python numbers, integers and bools follow the arrays beside them; alone they take JAX's default float.
    """
    floats = [
        jax.dtypes.canonicalize_dtype(dtype)
        for x in xs
        if (dtype := _strong_dtype(x)) is not None and jnp.issubdtype(dtype, jnp.floating)
    ]
    if not floats:
        return jax.dtypes.canonicalize_dtype(np.float64)
    return np.dtype(np.float64) if np.dtype(np.float64) in floats else np.dtype(np.float32)


def _strong_dtype(x: Any) -> np.dtype | None:
    weak = isinstance(x, (bool, int, float)) and not isinstance(x, np.generic)
    return None if weak or getattr(x, "weak_type", False) else np.dtype(jnp.result_type(x))


def as_floats(*xs: ArrayLike, ndims: tuple[int, ...] | None = None) -> tuple[Array, ...]:
    """Promote ``xs`` to one float dtype and line up their example axes.

    Args:
        xs: anything array-like: floats of any width, integers, bools, Python numbers.
        ndims: the event rank of each; all 0 if not given. Axes before the event are example axes, and missing
            ones are added in front, so that what follows is plain arithmetic.
    """
    dtype = float_dtype(*xs)
    arrays = [jnp.asarray(x).astype(dtype) for x in xs]
    events = (0,) * len(arrays) if ndims is None else ndims
    rank = max(a.ndim - n for a, n in zip(arrays, events, strict=True))
    return tuple(
        a if a.ndim == 0 or a.ndim - n == rank else a.reshape((1,) * (rank - a.ndim + n) + a.shape)
        for a, n in zip(arrays, events, strict=True)
    )


def as_same_shape(*xs: ArrayLike) -> list[Array]:
    """Promote ``xs`` to one float dtype and broadcast them to one shape."""
    return jnp.broadcast_arrays(*as_floats(*xs))


def guard(log_density: Array, *, outside: ArrayLike = False, valid: ArrayLike = True) -> Array:
    """-inf with zero gradient where ``y`` is outside the support, NaN (gradient too) where params are invalid.

    The caller has put a legal value in place of each ``y`` that is outside, so ``log_density`` is finite there.
    """
    inside = jnp.where(outside, -jnp.inf, log_density)
    return inside * jnp.where(valid, 1.0, jnp.nan).astype(inside.dtype)


def guard_slope(slope: Array, *, outside: ArrayLike = False, valid: ArrayLike = True) -> Array:
    """A partial derivative of a log-density: 0 where ``y`` is outside the support, NaN where params are invalid."""
    return jnp.where(valid, jnp.where(outside, 0.0, slope), jnp.nan)


def nan_unless_finite(*xs: Array) -> Array:
    """0, or NaN where one of ``xs`` is not finite: a check without a comparison, which XLA on CPU would not fuse."""
    # -0.0, not 0: a constant that slopes have as well is not fused into a sum either
    terms = [-0.0 * x for x in xs]
    return sum(terms[1:], start=terms[0])


def not_integer(y: Array) -> Array:
    """True where ``y`` is a number but not a whole one; infinities count as not whole, NaN as whole."""
    return (jnp.abs(y - jnp.floor(y)) > 0) | jnp.isinf(y)


def sample_shape(shape: tuple[int, ...], *params: Array) -> tuple[int, ...]:
    """``shape`` followed by the shape that ``params`` broadcast to."""
    return tuple(shape) + jnp.broadcast_shapes(*(p.shape for p in params))


def for_samples(shape: tuple[int, ...], *params: ArrayLike) -> tuple[Array, ...]:
    """Promote scalar params to one float dtype and broadcast them to what a sample has: ``shape``, then their own."""
    arrays = as_floats(*params)
    full = sample_shape(shape, *arrays)
    return tuple(jnp.broadcast_to(a.reshape((1,) * (len(full) - a.ndim) + a.shape), full) for a in arrays)


def split_raw(raw: ArrayLike, size: int, name: str) -> tuple[Array, ...]:
    """Unstack ``raw`` ``[..., size]`` along its last axis.

    Raises:
        ValueError: the last axis is not ``size`` long.
    """
    (array,) = as_floats(raw)
    if array.ndim == 0 or array.shape[-1] != size:
        raise ValueError(
            f"{name}.constrain: raw has shape {array.shape}; its last axis must have length {size} "
            f"({name}.raw_size). Give the network's last layer {size} outputs, or, if an observation is a vector, "
            f"independent({name}, 1).constrain takes {size} for each of its numbers."
        )
    return tuple(array[..., i] for i in range(size))


def moments(y: ArrayLike, weights: ArrayLike | None = None) -> tuple[Array, Array]:
    """Weighted mean and (population) variance of scalar observations over every axis of ``y``."""
    (y,) = as_floats(y)
    w = jnp.ones_like(y) if weights is None else jnp.broadcast_to(as_floats(y, weights)[1], y.shape)
    total = w.sum()
    mean = (w * y).sum() / total
    return mean, (w * (y - mean) ** 2).sum() / total


def median_deviation(y: ArrayLike, weights: ArrayLike | None = None) -> tuple[Array, Array]:
    """Weighted median (the middle one where there are several) and mean absolute deviation from it, over every axis."""
    (y,) = as_floats(y)
    w = jnp.ones_like(y) if weights is None else jnp.broadcast_to(as_floats(y, weights)[1], y.shape)
    order = jnp.argsort(y.ravel())
    values, below = y.ravel()[order], jnp.cumsum(w.ravel()[order])
    half = below[-1] / 2
    median = 0.5 * values[jnp.argmax(below >= half)] + 0.5 * values[jnp.argmax(below > half)]
    return median, (w * jnp.abs(y - median)).sum() / w.sum()
