"""Axes and fills of whole params: a `Support` for each leaf tells which of its axes are example axes."""

import math
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from .._arrays import float_dtype
from ..supports import Support, example_axes, shared


def widened(*trees: Any) -> Any:
    """``trees`` with floats of every leaf in float64 if one of them is; else as they are."""
    dtype = float_dtype(*jax.tree.leaves(trees))
    if dtype != jnp.float64:
        return trees

    def widen(x: Any) -> Any:
        return jnp.asarray(x).astype(dtype) if jnp.issubdtype(jnp.result_type(x), jnp.floating) else x

    return jax.tree.map(widen, trees)


def with_axis(supports: Any, params: Any) -> Any:
    """Give each leaf one more axis, of length 1, right after its example axes; a leaf without any stays as it is."""

    def expand(support: Support, x: Any) -> Any:
        if support == shared:
            return x
        x = jnp.asarray(x)
        return x if x.ndim <= support.event_ndim else jnp.expand_dims(x, x.ndim - support.event_ndim)

    return jax.tree.map(expand, supports, params)


def with_event_axis(y: Any, event_ndim: int) -> Any:
    """Give each leaf of an observation one more axis, of length 1, right before its event."""
    return jax.tree.map(lambda x: jnp.expand_dims(jnp.asarray(x), jnp.ndim(x) - event_ndim), y)


def filled(where: Array, support: Support, x: Any) -> Array:
    """``support.fill`` in place of the values of ``x`` where ``where``, broadcast to the axes of ``where``."""
    if support == shared:
        return x
    x = jnp.asarray(x)
    examples = x.ndim - support.event_ndim
    if x.ndim and examples < where.ndim:
        x = x.reshape((1,) * (where.ndim - max(examples, 0)) + x.shape)
    mask = where.reshape(where.shape + (1,) * support.event_ndim)
    return jnp.where(mask, support.legal(x), x)


def filled_params(where: Array, supports: Any, params: Any) -> Any:
    """Legal params where ``where``, each leaf broadcast to its axes."""
    return jax.tree.map(lambda support, x: filled(where, support, x), supports, params)


def filled_own_axes(where: Array, supports: Any, params: Any) -> Any:
    """Legal params where ``where``, with the shape of no leaf changed for want of example axes.

    A leaf that many examples share is filled only where all of them ask for it, one that all share not at all: to
    give each example its own copy could cost far more than the function it goes into.
    """

    def fill(support: Support, x: Any) -> Any:
        examples = len(example_axes(support, x))
        if not examples:
            return x
        return filled(where.all(tuple(range(where.ndim - examples))), support, x)

    return jax.tree.map(fill, supports, params)


def example_shape(supports: Any, params: Any) -> tuple[int, ...]:
    """What the example axes of all leaves broadcast to."""
    axes: list[tuple[int, ...]] = []
    jax.tree.map(lambda support, x: axes.append(example_axes(support, x)), supports, params)
    return jnp.broadcast_shapes(*axes)


def spread(examples: tuple[int, ...], supports: Any, params: Any) -> Any:
    """Each leaf broadcast to the example axes ``examples``."""

    def broadcast(support: Support, x: Any) -> Any:
        if support == shared:
            return x
        x = jnp.asarray(x)
        event = x.shape[max(0, x.ndim - support.event_ndim) :]
        lead = (1,) * (len(examples) - max(0, x.ndim - support.event_ndim))
        return jnp.broadcast_to(x.reshape(lead + x.shape), (*examples, *event))

    return jax.tree.map(broadcast, supports, params)


def finite_bound(x: Any, default: float, name: str) -> float:
    """A static bound as a float; ``default`` (an infinity) for None.

    Raises:
        TypeError: not a number, or a traced one.
        ValueError: NaN.
    """
    if x is None:
        return default
    try:
        bound = float(x)
    except (TypeError, ValueError, jax.errors.ConcretizationTypeError) as error:
        raise TypeError(f"{name} must be a number known before tracing, or None; got {x!r}.") from error
    if math.isnan(bound):
        raise ValueError(f"{name} is NaN; want a number, or None for no bound.")
    return bound
