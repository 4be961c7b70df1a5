"""Ordinary differential equations that move densities: ``dx/dt = field(t, x)``, and what it does to log-probabilities.

Along a path the log-density changes by ``-div field``, so that a base density at the other end gives the likelihood of
what is here. ``field(t, x)`` takes a time ``[]`` and a batch ``[B, ...]``, and moves each example on its own; the steps
are adapted to each example as well, so a result does not depend on what else is in the batch. Works under ``jit``,
``vmap`` and ``grad`` (the derivative of the steps that were taken). Solved by diffrax: ``pip install 'lik-jax[ode]'``.

>>> import jax.numpy as jnp
>>> moved = flow(lambda t, x: -x, jnp.ones((2, 3)), 0.0, 1.0)  # a contraction: log_det is -3
>>> [round(float(v[0]), 3) for v in (moved.x[:, 0], moved.log_det)]
[0.368, -3.0]

Source: Chen et al. (2018), "Neural ordinary differential equations", theorem 1; Grathwohl et al. (2019), "FFJORD".
"""

import math
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ._arrays import as_floats
from ._extras import load

Field = Callable[[Array, Array], Array]


class Flow(NamedTuple):
    """Where a batch has got to.

    Attributes:
        x: at the end, ``[B, ...]``; NaN where the steps did not suffice.
        log_det: ``log |det dx(t1) / dx(t0)|``, the integral of the divergence, ``[B]``; 0 if it was not asked for.
        num_steps: taken, rejected ones included, ``[B]``.
    """

    x: Array
    log_det: Array
    num_steps: Array


def probes(
    key: Array,
    shape: tuple[int, ...],
    *,
    num: int = 1,
    kind: Literal["rademacher", "gaussian"] = "rademacher",
    dtype: jax.typing.DTypeLike = float,
) -> Array:
    """Random directions for Hutchinson's estimate of a divergence.

    Args:
        key: PRNG key.
        shape: of the batch, ``(B, ...)``.
        num: directions an example.
        kind: "rademacher" (-1 or 1), or "gaussian", whose variance is never lower.
        dtype: of the result.

    Returns:
        ``[num, B, ...]``.

    Raises:
        ValueError: another ``kind``.

    Source: Hutchinson (1990), "A stochastic estimator of the trace of the influence matrix".

    >>> probes(jax.random.key(0), (2, 3)).shape
    (1, 2, 3)
    """
    if kind not in ("rademacher", "gaussian"):
        raise ValueError(f"ode.probes: kind={kind!r}; want 'rademacher' or 'gaussian'.")
    if kind == "rademacher":
        return jax.random.rademacher(key, (num, *shape), jax.dtypes.canonicalize_dtype(dtype))
    return jax.random.normal(key, (num, *shape), dtype)


def divergence(field: Field, t: ArrayLike, x: ArrayLike, *, probes: ArrayLike | None = None) -> tuple[Array, Array]:
    """The field and its divergence, the trace of its Jacobian.

    Args:
        field: ``field(t, x)``, ``[]`` and ``[B, ...]`` to ``[B, ...]``.
        t: a time, ``[]``.
        x: a batch, ``[B, ...]``.
        probes: directions ``[num, B, ...]`` for an unbiased estimate, ``mean of v . J v``; without, the trace is
            exact, at as many derivatives as an example has dimensions.

    Returns:
        The field ``[B, ...]``, and its divergence ``[B]``.

    Raises:
        ValueError: shapes that do not fit.

    >>> divergence(lambda t, x: x @ jnp.array([[1.0, 3.0], [2.0, 4.0]]), 0.0, jnp.ones((1, 2)))[1].tolist()
    [5.0]
    """
    x, t = as_floats(x)[0], as_floats(t)[0]
    directions = _directions(probes, x)
    return jax.vmap(lambda x, v: _divergence(field, t.astype(x.dtype), x, v), (0, 1))(x, directions)


def flow(
    field: Field,
    x: ArrayLike,
    t0: float,
    t1: float,
    *,
    log_det: bool = True,
    probes: ArrayLike | None = None,
    rtol: float = 1e-5,
    atol: float = 1e-5,
    max_steps: int = 4096,
    solver: Any = None,
    adjoint: Any = None,
) -> Flow:
    """Follow a field from ``t0`` to ``t1``, which may be before ``t0``.

    Called eagerly it compiles anew each time, because the field is a new function: put it under ``jax.jit``.

    Args:
        field: ``field(t, x)``, ``[]`` and ``[B, ...]`` to ``[B, ...]``, each example moving on its own.
        x: where it starts, ``[B, ...]``.
        t0: when.
        t1: until when.
        log_det: integrate the divergence too.
        probes: see `divergence`; one set serves the whole path, so that the estimate of ``log_det`` is unbiased.
        rtol: relative error that a step may make, in root mean square over an example, and in ``log_det``.
        atol: absolute error that it may make.
        max_steps: of an example; the result is NaN, gradient included, where more are needed.
        solver: a diffrax solver; Tsit5 by default.
        adjoint: how diffrax differentiates; by default through the steps, backwards, with checkpoints. For
            ``jax.jvp`` give ``diffrax.ForwardMode()``.

    Returns:
        A `Flow`.

    Raises:
        ValueError: shapes that do not fit.
        ModuleNotFoundError: diffrax is not installed.

    >>> back = flow(lambda t, x: -x, jnp.ones((1, 2)), 1.0, 0.0)
    >>> round(float(back.log_det[0]), 3)
    2.0
    """
    diffrax = load("diffrax", "ode", "solving a differential equation")
    (x,) = as_floats(x)
    if x.ndim < 1:
        raise ValueError("ode.flow: x has shape (); want a batch, [B, ...].")
    directions = _directions(probes, x)
    controller = diffrax.PIDController(rtol=rtol, atol=atol, norm=_norm)

    def slope(t: Array, state: tuple[Array, Array], directions: Array | None) -> tuple[Array, Array]:
        x, total = state
        t = jnp.asarray(t, x.dtype)
        return _divergence(field, t, x, directions) if log_det else (_alone(field, t, x), jnp.zeros_like(total))

    def one(x: Array, directions: Array | None) -> Flow:
        done = diffrax.diffeqsolve(
            diffrax.ODETerm(slope),
            diffrax.Tsit5() if solver is None else solver,
            t0,
            t1,
            None,
            (x, jnp.zeros((), x.dtype)),
            directions,
            stepsize_controller=controller,
            adjoint=diffrax.RecursiveCheckpointAdjoint() if adjoint is None else adjoint,
            max_steps=max_steps,
            throw=False,
        )
        # a product, not a choice: the gradient is NaN as well
        reached = jnp.where(done.result == diffrax.RESULTS.successful, 1, jnp.nan).astype(x.dtype)
        end, total = (leaf[0] * reached for leaf in done.ys)
        return Flow(end, total, done.stats["num_steps"])

    return jax.vmap(one, (0, 1))(x, directions)


def log_prob(
    field: Field,
    x: ArrayLike,
    base: Callable[[Array], Array] | None = None,
    *,
    t0: float = 0.0,
    t1: float = 1.0,
    probes: ArrayLike | None = None,
    rtol: float = 1e-5,
    atol: float = 1e-5,
    max_steps: int = 4096,
) -> Array:
    """Log-density at ``t0`` of what has the density ``base`` at ``t1`` and moves with the field, nats.

    Args:
        field: ``field(t, x)``, ``[]`` and ``[B, ...]`` to ``[B, ...]``, each example moving on its own.
        x: observations at ``t0``, ``[B, ...]``.
        base: log-density at ``t1``, ``[B, ...]`` to ``[B]``; standard normal by default.
        t0: the time of the data.
        t1: the time of the base.
        probes: directions ``[num, B, ...]`` for an unbiased estimate instead of the exact value, see `divergence`.
        rtol: see `flow`.
        atol: see `flow`.
        max_steps: see `flow`.

    Returns:
        ``base(x(t1)) + integral of div field from t0 to t1``, ``[B]``.

    >>> round(float(log_prob(lambda t, x: 0 * x, jnp.zeros((1, 1)))[0]), 4)
    -0.9189
    """
    moved = flow(field, x, t0, t1, probes=probes, rtol=rtol, atol=atol, max_steps=max_steps)
    log_base = (standard_normal if base is None else base)(moved.x)
    if jnp.shape(log_base) != moved.log_det.shape:
        raise ValueError(
            f"base gave the shape {jnp.shape(log_base)} for x of shape {moved.x.shape}; want one number an example, "
            f"{moved.log_det.shape}."
        )
    return log_base + moved.log_det


def standard_normal(x: Array) -> Array:
    """Log-density of independent standard normals, ``[B, ...]`` to ``[B]``."""
    return (-0.5 * (x**2 + math.log(2 * math.pi))).sum(tuple(range(1, x.ndim)))


def _divergence(field: Field, t: Array, x: Array, directions: Array | None) -> tuple[Array, Array]:
    """Of one example ``[...]``: the field, and its divergence, or the mean of ``v . J v`` over directions."""
    value, push = jax.linearize(lambda x: _alone(field, t, x), x)
    exact = directions is None
    vectors = jnp.eye(x.size, dtype=x.dtype).reshape(x.size, *x.shape) if exact else directions
    products = jax.vmap(lambda v: (v * push(v)).sum())(vectors)
    return value, products.sum() if exact else products.mean()


def _alone(field: Field, t: Array, x: Array) -> Array:
    value = field(t, x[None])
    if jnp.shape(value) != (1, *x.shape):
        raise ValueError(f"field gave the shape {jnp.shape(value)} for x of shape {(1, *x.shape)}; want the same.")
    return value[0]


def _directions(probes: ArrayLike | None, x: Array) -> Array | None:
    if probes is None:
        return None
    directions = jnp.asarray(probes).astype(x.dtype)
    if directions.ndim != x.ndim + 1 or directions.shape[1:] != x.shape or directions.shape[0] == 0:
        raise ValueError(
            f"probes has shape {directions.shape}, but x has {x.shape}: want [num, *x.shape], num at least 1."
        )
    return directions


def _norm(scaled: tuple[Array, Array]) -> Array:
    """Of the error of one example: the greater of the root mean square over ``x`` and what ``log_det`` has."""
    x, total = scaled
    return jnp.maximum(jnp.sqrt((x**2).mean()), jnp.abs(total))
