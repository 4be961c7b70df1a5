"""What the location-scale families have in common: the derivatives of a function of ``z = (y - loc) / scale``."""

from collections.abc import Callable

import jax.numpy as jnp
from jax import Array

from .. import special, supports
from .._arrays import guard, guard_slope
from .._derivatives import with_partials


def valid(loc: Array, scale: Array) -> Array:
    """True where ``loc`` is finite and ``scale`` positive and finite."""
    return jnp.isfinite(loc) & supports.positive.contains(scale)


def density(
    value: Callable[..., Array],
    slope: Callable[..., Array],
    gain: Callable[..., Array],
    *shape_slopes: Callable[..., Array],
) -> Callable[..., Array]:
    """A log-density of ``(y, loc, scale, *shapes)`` with its partial derivatives.

    Args:
        value: the log-density itself, of ``(y, loc, scale, *shapes)``.
        slope: its derivative towards ``z``, of ``(z, *shapes)``.
        gain: ``-(1 + z * slope)``, of ``(z, *shapes)``: scale times the derivative towards scale.
        shape_slopes: its derivative towards each shape, of ``(z, *shapes)``.
    """

    def guarded(y: Array, loc: Array, scale: Array, x: Array) -> Array:
        return guard_slope(x, outside=jnp.isinf(y), valid=valid(loc, scale))

    def by_y(y: Array, loc: Array, scale: Array, *shapes: Array) -> Array:
        inverse = special.ratio(jnp.ones_like(scale), scale)  # one division, not two: this loop is the hot one
        return guarded(y, loc, scale, slope((y - loc) * inverse, *shapes) * inverse)

    def by_scale(y: Array, loc: Array, scale: Array, *shapes: Array) -> Array:
        inverse = special.ratio(jnp.ones_like(scale), scale)
        return guarded(y, loc, scale, gain((y - loc) * inverse, *shapes) * inverse)

    def by_shape(shape_slope: Callable[..., Array]) -> Callable[..., Array]:
        def partial(y: Array, loc: Array, scale: Array, *shapes: Array) -> Array:
            return guarded(y, loc, scale, shape_slope(special.ratio(y - loc, scale), *shapes))

        return partial

    return with_partials(value, by_y, lambda *args: -by_y(*args), by_scale, *map(by_shape, shape_slopes))


def tail(
    value: Callable[..., Array], slope: Callable[..., Array], *shape_slopes: Callable[..., Array]
) -> Callable[..., Array]:
    """The log-probability of a tail, of ``(y, loc, scale, *shapes)``, from that of the standard distribution.

    Args:
        value: the log-probability, of ``(z, *shapes)``.
        slope: its derivative towards ``z``, of ``(z, *shapes)``.
        shape_slopes: its derivative towards each shape, of ``(z, *shapes)``.
    """

    def log_tail(y: Array, loc: Array, scale: Array, *shapes: Array) -> Array:
        return guard(value((y - loc) / scale, *shapes), valid=valid(loc, scale))

    def guarded(y: Array, loc: Array, scale: Array, x: Array) -> Array:
        return guard_slope(x, outside=jnp.isinf(y), valid=valid(loc, scale))

    def by_y(y: Array, loc: Array, scale: Array, *shapes: Array) -> Array:
        z = special.ratio(y - loc, scale)
        return guarded(y, loc, scale, special.ratio(slope(z, *shapes), scale))

    def by_scale(y: Array, loc: Array, scale: Array, *shapes: Array) -> Array:
        z = special.ratio(y - loc, scale)
        # slope before 1 / scale: far out on the side of 1, 0 * inf would follow
        return guarded(y, loc, scale, -special.ratio(special.weighted(slope(z, *shapes), z), scale))

    def by_shape(shape_slope: Callable[..., Array]) -> Callable[..., Array]:
        def partial(y: Array, loc: Array, scale: Array, *shapes: Array) -> Array:
            return guarded(y, loc, scale, shape_slope(special.ratio(y - loc, scale), *shapes))

        return partial

    return with_partials(log_tail, by_y, lambda *args: -by_y(*args), by_scale, *map(by_shape, shape_slopes))


def expected_shortfall(gap: Array, scale: Array) -> Array:
    """``E[max(gap - X, 0)]`` for ``gap >= 0`` and exponential ``X`` of mean ``scale``, whatever their ratio."""
    z = special.ratio(gap, scale)
    near = z < 1
    small = -scale * special.log1pmx(jnp.expm1(-jnp.where(near, z, 0.0)))
    return jnp.where(near, small, gap + scale * jnp.expm1(-jnp.where(near, 1.0, z)))
