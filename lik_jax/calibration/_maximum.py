"""Maximum likelihood of a map that is smooth in its params."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.flatten_util import ravel_pytree

from ..estimation import newton
from ..estimation.status import Status
from ._fit import Fit


def maximum_likelihood(
    loss: Callable[..., Array],
    start: Any,
    natural: Callable[..., Any],
    total: Array,
    *args: Any,
    reported: Callable[..., Any] | None = None,
) -> tuple[Any, Fit, Array]:
    """Params, how they were found, and the loss there.

    Args:
        loss: ``loss(x, *args)``, a mean; NaN where data are invalid, which gives params of NaN.
        start: of ``x``.
        natural: ``natural(x, *args)`` gives the map's params.
        total: the weight that the mean is over.
        reported: ``reported(x, *args)`` gives what the standard errors are of, by the delta method; ``natural`` if
            not given. They are NaN where the status is not OK.
    """
    found = newton.minimise(loss, start, *args)
    flat, unravel = ravel_pytree(found.x)
    values, shape = ravel_pytree((reported or natural)(found.x, *args))
    slopes = jax.jacfwd(lambda x: ravel_pytree((reported or natural)(unravel(x), *args))[0])(flat)
    fine = found.status == Status.OK
    information = jnp.where(fine, found.hessian, jnp.eye(flat.size, dtype=flat.dtype)) * total
    variances = (slopes * jnp.linalg.solve(information, slopes.T).T).sum(1)
    # a number that a face holds fixed has variance 0, where the root has no slope
    some = variances > 0
    roots = jnp.where(some, jnp.sqrt(jnp.where(some, variances, 1)), variances)
    errors = shape(jnp.where(fine, roots, jnp.nan).astype(values.dtype))
    valid = jnp.where(found.status == Status.INVALID_DATA, jnp.nan, 1.0)
    params = jax.tree.map(lambda a: a * valid.astype(a.dtype), natural(found.x, *args))
    return params, Fit(found.status, errors), found.value


def over_faces(
    loss: Callable[..., Array],
    start: Any,
    natural: Callable[..., Any],
    total: Array,
    faces: Any,
    allowed: Callable[[Any], Array],
    reported: Callable[..., Any] | None = None,
) -> tuple[Any, Fit]:
    """`maximum_likelihood` under bounds: on each face of what is allowed, and the best of what is.

    Args:
        faces: what ``loss``, ``natural`` and ``reported`` take after ``x``, stacked along a leading axis, the inside
            first. On a face the loss is strictly convex in what the face holds fixed.
        allowed: of natural params. With another face than the inside the status is BOUNDARY.
    """
    params, fits, losses = jax.vmap(
        lambda face: maximum_likelihood(loss, start, natural, total, face, reported=reported)
    )(faces)
    best = jnp.argmin(jnp.where(jax.vmap(allowed)(params), losses, jnp.inf))
    params, fit = jax.tree.map(lambda a: a[best], (params, fits))
    edge = (best > 0) & (fit.status == Status.OK)
    return params, fit._replace(status=jnp.where(edge, jnp.int32(Status.BOUNDARY), fit.status))
