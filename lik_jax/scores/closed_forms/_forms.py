"""What the closed forms have in common.

With ``C(z)`` the score of the standard distribution, that of a location-scale family is ``scale C((y - loc) / scale)``.
As ``C'(z)`` is always ``2 F(z) - 1``, here called the *lean*, the partial derivatives are the lean towards ``y``, and
the *rest* ``C(z) - z C'(z)`` towards ``scale``: nothing has to be differentiated.
"""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from ... import special
from ..._arrays import guard, guard_slope
from ..._derivatives import with_partials
from ...distributions import _location_scale


def along(value: Callable[..., Array], index: int) -> Callable[..., Array]:
    """The partial derivative of an elementwise ``value(*args)`` towards one of its arguments, as a function of them."""

    def partial(*args: Array) -> Array:
        before, at, after = args[:index], args[index], args[index + 1 :]
        at = jnp.broadcast_to(at, jnp.broadcast_shapes(*(a.shape for a in args)))
        # of one argument alone, so that nothing is differentiated towards the others
        return jax.jvp(lambda x: value(*before, x, *after), (at,), (jnp.ones_like(at),))[1]

    return partial


def mean_over_unit(fn: Callable[[Array], Array], like: Array, count: int) -> Array:
    """The integral of ``fn(t)`` over t from 0 to 1 by Gauss and Legendre, all nodes in one call.

    Args:
        fn: of nodes on a last axis of their own, to an array ``[..., count]``.
        like: has the dtype and, without that axis, the rank of the result.
        count: of nodes.
    """
    nodes, weights = (
        jnp.asarray(x, like.dtype).reshape((1,) * like.ndim + (-1,)) for x in np.polynomial.legendre.leggauss(count)
    )
    return 0.5 * (fn(0.5 + 0.5 * nodes) * weights).sum(-1)


def lean_of(log_sf: Array) -> Array:
    """``2 F - 1`` from the logarithm of ``1 - F``."""
    return -jnp.expm1(math.log(2) + log_sf)


def finished(value: Array, y: Array, valid: ArrayLike) -> Array:
    """inf where ``y`` is infinite, NaN (gradient too) where params are invalid."""
    return guard(jnp.where(jnp.isinf(y), jnp.inf, value), valid=valid)


def finished_slope(slope: Array, y: Array, valid: ArrayLike) -> Array:
    """A partial derivative of the above."""
    return guard_slope(slope + 0 * jnp.where(jnp.isinf(y), 0.0, y), valid=valid)


def location_scale(
    lean: Callable[..., Array],
    rest: Callable[..., Array],
    *shape_slopes: Callable[..., Array],
    shapes_valid: Callable[..., ArrayLike] = lambda *shapes: True,
) -> Callable[..., Array]:
    """The score of ``(y, loc, scale, *shapes)``, with its partial derivatives.

    Args:
        lean: ``2 F(z) - 1`` of ``(z, *shapes)``.
        rest: ``C(z) - z (2 F(z) - 1)`` of ``(z, *shapes)``.
        shape_slopes: the derivative of ``C`` towards each shape, of ``(z, *shapes)``.
        shapes_valid: where shapes are legal.
    """

    def parts(y: Array, loc: Array, scale: Array, shapes: tuple[Array, ...]) -> tuple[Array, Array, ArrayLike]:
        gap = jnp.where(jnp.isinf(y), 0.0, y - loc)
        most = float(jnp.finfo(gap.dtype).max) ** 0.4
        z = jnp.clip(special.ratio(gap, scale), -most, most)
        return gap, z, _location_scale.valid(loc, scale) & shapes_valid(*shapes)

    def value(y: Array, loc: Array, scale: Array, *shapes: Array) -> Array:
        gap, z, valid = parts(y, loc, scale, shapes)
        return finished(gap * lean(z, *shapes) + scale * rest(z, *shapes), y, valid)

    def by_y(y: Array, loc: Array, scale: Array, *shapes: Array) -> Array:
        _, z, valid = parts(y, loc, scale, shapes)
        return finished_slope(jnp.where(jnp.isinf(y), jnp.sign(y), lean(z, *shapes)), y, valid)

    def by_scale(y: Array, loc: Array, scale: Array, *shapes: Array) -> Array:
        _, z, valid = parts(y, loc, scale, shapes)
        return finished_slope(rest(z, *shapes), y, valid)

    def by_shape(slope: Callable[..., Array]) -> Callable[..., Array]:
        def partial(y: Array, loc: Array, scale: Array, *shapes: Array) -> Array:
            _, z, valid = parts(y, loc, scale, shapes)
            return finished_slope(scale * slope(z, *shapes), y, valid)

        return partial

    return with_partials(value, by_y, lambda *args: -by_y(*args), by_scale, *map(by_shape, shape_slopes))
