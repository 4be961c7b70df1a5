"""Newton's method, safeguarded: the least value of a smooth function, to the last digits and with a status.

>>> import jax.numpy as jnp
>>> y = jnp.array([0.0, 1.0, 1.0, 1.0])
>>> found = minimise(lambda logit: -(y * logit - jnp.logaddexp(0.0, logit)).mean(), 0.0)
>>> round(float(found.x), 5), found.status_name
(1.09861, 'OK')
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.flatten_util import ravel_pytree
from jax.typing import ArrayLike

from .._arrays import as_floats
from .status import Status


class Result(NamedTuple):
    """What `minimise` found.

    Attributes:
        x: like ``start``.
        value: the loss there, ().
        gradient: like ``start``.
        hessian: ``[p, p]``, in the order of `jax.flatten_util.ravel_pytree`.
        decrement: ``g' H^-1 g``, twice what a step more promises to gain: (), 0 up to rounding where the status is OK.
        steps: how often the loss was looked at after the start, ().
        status: a `Status`, whole number, ().
    """

    x: Any
    value: Array
    gradient: Any
    hessian: Array
    decrement: Array
    steps: Array
    status: Array

    @property
    def status_name(self) -> str:
        """The status in a word."""
        return Status(int(self.status)).name


class _Point(NamedTuple):
    """The quadratic model of the loss at ``x``, along the principal axes of its Hessian in units of ``units``."""

    x: Array
    value: Array
    slopes: Array
    curvatures: Array
    stiffness: Array
    axes: Array
    units: Array
    decrement: Array


class _State(NamedTuple):
    here: _Point
    first_hessian: Array
    first_decrement: Array
    length: Array
    steps: Array
    done: Array


def minimise(
    loss: Callable[..., Array], start: Any, *args: Any, max_steps: int = 100, tolerance: float | None = None
) -> Result:
    """The ``x`` near ``start`` where ``loss(x, *args)`` is least.

    Newton steps on the Hessian by autodiff, shortened where a full one does not help, with the sign of negative
    curvatures turned. It costs a Hessian and its eigenvalues a step, so ``x`` may have some hundred numbers.
    A step does not depend on the units of ``x``, up to rounding: standardised data are the caller's part.

    Under vmap each member stops for itself. ``x`` is differentiable in ``args`` and in whatever ``loss`` closes over,
    by the implicit function theorem, to any order, where the Hessian has an inverse; not in ``start``. With ``loss`` a
    mean negative log-likelihood in nats over ``n`` observations, ``inverse(n hessian)`` is the covariance by the
    observed information.

    Args:
        loss: ``loss(x, *args)`` is a number, twice differentiable. Not finite means that ``x`` is not allowed.
        start: array or pytree of arrays, where the loss is finite.
        args: passed on.
        max_steps: how often the loss is looked at, at most.
        tolerance: a last step is made once the decrement is below ``tolerance`` times the loss (or the first
            decrement, if that is less); the machine epsilon of the dtype if not given.

    Returns:
        A `Result`. OK: a minimum inside. SEPARATION: a direction of ``x`` had curvature at the start and lost all of
        it on the way, as where the loss falls for ever. SINGULAR: a direction without curvature from the start, or
        the end is no minimum. INVALID_DATA: loss, gradient or Hessian is not finite at the start; ``x`` is the start.
        MAX_STEPS: not there yet, or no step helps.

    Raises:
        TypeError: ``loss`` does not give a scalar.

    Source: Nocedal and Wright (2006), Numerical Optimization, sections 3.1 and 3.4; Boyd and Vandenberghe (2004),
    Convex Optimization, section 9.5 for the decrement.
    """
    flat, unravel = ravel_pytree(jax.tree.map(lambda leaf: as_floats(leaf)[0], start))
    tolerance = float(jnp.finfo(flat.dtype).eps) if tolerance is None else tolerance

    def objective(x: Array) -> Array:
        return loss(unravel(x), *args)

    def solve(_: Any, x: Array) -> tuple[Array, tuple[Array, Array]]:
        state = _search(objective, x, max_steps, tolerance)
        # what comes beside a root has to be float
        return state.here.x, (state.steps.astype(x.dtype), _status(state).astype(x.dtype))

    x, about = jax.lax.custom_root(jax.grad(objective), flat, solve, _solve_linear, has_aux=True)
    value, gradient = jax.value_and_grad(objective)(x)
    point, hessian = _point(objective, x, jnp.zeros_like(x))
    steps, status = (number.astype(jnp.int32) for number in about)
    return Result(unravel(x), value, unravel(gradient), hessian, jax.lax.stop_gradient(point.decrement), steps, status)


def _derivatives(objective: Callable[[Array], Array], x: Array) -> tuple[Array, Array, Array]:
    """Value, gradient and Hessian."""
    value, gradient = jax.value_and_grad(objective)(x)
    if x.size <= 64:
        return value, gradient, jax.hessian(objective)(x)
    # few directions at a time: a Hessian of hundreds of params does not keep hundreds of copies of the data
    _, along = jax.linearize(jax.grad(objective), x)
    return value, gradient, jax.lax.map(along, jnp.eye(x.size, dtype=x.dtype), batch_size=64)


def _point(objective: Callable[[Array], Array], x: Array, units: Array) -> tuple[_Point, Array]:
    """The model at ``x`` and the Hessian; a value of NaN if any of it is not finite."""
    value, gradient, hessian = _derivatives(objective, x)
    finite = jnp.isfinite(value) & jnp.isfinite(gradient).all() & jnp.isfinite(hessian).all()
    hessian = jnp.where(finite, hessian, jnp.eye(x.size, dtype=x.dtype))
    units = jnp.maximum(units, jnp.sqrt(jnp.abs(jnp.diagonal(hessian))))
    divisor = jnp.where(units > 0, units, 1)
    curvatures, axes = jnp.linalg.eigh(hessian / divisor[:, None] / divisor[None])
    axes = axes / divisor[:, None]
    slopes = axes.T @ gradient
    # where there is no curvature a step would be rounding errors blown up
    stiffness = jnp.where(curvatures > _flat(curvatures), curvatures, jnp.maximum(-curvatures, 0.01))
    decrement = (slopes**2 / stiffness).sum()
    value = jnp.where(finite, value, jnp.nan)
    return _Point(x, value, slopes, curvatures, stiffness, axes, units, decrement), hessian


def _flat(curvatures: Array) -> Array:
    """What cannot be told from no curvature, where the greatest is one of these."""
    return 16 * jnp.finfo(curvatures.dtype).eps * jnp.maximum(jnp.abs(curvatures).max(), 1)


def _search(objective: Callable[[Array], Array], x: Array, max_steps: int, tolerance: float) -> _State:
    def step(state: _State) -> _State:
        here = state.here
        move = -state.length * here.slopes / here.stiffness
        there, hessian = _point(objective, here.x + here.axes @ move, here.units)
        close = _settled(state) & _convex(here)
        gain = there.value <= here.value + 1e-4 * here.slopes @ move
        # close to the end a gain is lost in the rounding of the loss, and the gradient judges
        better = jnp.where(close, there.decrement < 0.9 * here.decrement, gain) & jnp.isfinite(there.value)
        started = state.steps >= 0
        bound = tolerance * jnp.minimum(jnp.abs(here.value), state.first_decrement)
        end = (here.decrement <= bound) & _convex(here) & (state.length >= 1)
        stuck = ~better & (~started | (state.length < jnp.where(close, 0.1, 1e-12)))
        return _State(
            jax.tree.map(lambda new, old: jnp.where(better, new, old), there, here),
            jnp.where(started, state.first_hessian, hessian),
            jnp.where(started, state.first_decrement, there.decrement),
            jnp.where(better, jnp.minimum(4 * state.length, 1), state.length / 4),
            state.steps + 1,
            (started & (end | (here.decrement == 0))) | stuck,
        )

    p = x.size
    nowhere = _Point(x, *(jnp.zeros(s, x.dtype) for s in ((), (p,), (p,), (p,), (p, p), (p,), ())))
    infinite, one = jnp.full((), jnp.inf, x.dtype), jnp.ones((), x.dtype)
    nowhere = nowhere._replace(value=infinite, decrement=infinite, stiffness=jnp.ones(p, x.dtype))
    # the first look is one at the start itself
    before = jnp.full((), -1, jnp.int32)
    state = _State(nowhere, jnp.eye(p, dtype=x.dtype), one, one, before, jnp.zeros((), bool))
    return jax.lax.while_loop(lambda s: ~s.done & (s.steps < max_steps), step, state)


def _convex(point: _Point) -> Array:
    return point.curvatures.min() >= -_flat(point.curvatures)


def _settled(state: _State) -> Array:
    """True where no gain is left that the rounding of the loss would show."""
    here, eps = state.here, float(jnp.finfo(state.here.x.dtype).eps)
    return here.decrement <= jnp.maximum(eps**0.5 * jnp.abs(here.value), eps * state.first_decrement)


def _status(state: _State) -> Array:
    here = state.here
    flat = _flat(here.curvatures)
    # curvature that each axis of today had at the start
    had = jnp.einsum("ij,ik,kj->j", here.axes, state.first_hessian, here.axes)
    dead = here.curvatures <= flat
    choices = (
        (~jnp.isfinite(here.value), Status.INVALID_DATA),
        ((dead & (had > 64 * flat)).any(), Status.SEPARATION),
        (~(state.done & _settled(state)), Status.MAX_STEPS),
        (dead.any(), Status.SINGULAR),
    )
    status = jnp.full((), Status.OK, jnp.int32)
    return functools.reduce(lambda s, choice: jnp.where(choice[0], jnp.int32(choice[1]), s), reversed(choices), status)


def _solve_linear(linear: Callable[[Array], Array], y: ArrayLike) -> Array:
    (y,) = as_floats(y)
    return jnp.linalg.solve(jax.vmap(linear)(jnp.eye(y.size, dtype=y.dtype)), y)
