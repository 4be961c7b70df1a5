"""Functions that carry their own derivatives."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.custom_derivatives import SymbolicZero


def with_partials(value: Callable[..., Array], *partials: Callable[..., Array]) -> Callable[..., Array]:
    """An elementwise function whose partial derivatives are given in closed form.

    Only the partials that are asked for are computed, from the inputs: nothing is kept from the forward pass.
    Works in forward and reverse mode, under vmap, and to any order that the partials can be differentiated to.

    Args:
        value: ``value(*args)``, elementwise with broadcasting.
        partials: one function of the same ``args`` for each of them.
    """
    fn: Any = jax.custom_jvp(value)

    def rule(primals: tuple[Array, ...], tangents: tuple[Any, ...]) -> tuple[Array, Array]:
        out = fn(*primals)
        # what value and slopes have in common would be kept in memory between them: cheaper to compute it twice
        terms = [
            partial(*jax.lax.optimization_barrier(primals)) * tangent
            for partial, tangent in zip(partials, tangents, strict=True)
            if not isinstance(tangent, SymbolicZero)
        ]
        total = sum(terms[1:], start=terms[0]) if terms else jnp.zeros_like(out)
        return out, jnp.broadcast_to(total, out.shape)

    fn.defjvp(rule, symbolic_zeros=True)
    return fn


def in_one_pass(value: Callable[..., Array]) -> Callable[..., Array]:
    """``value``, for densities of more than a little arithmetic, so that a sum over it keeps one array and not many.

    XLA on CPU pulls arithmetic into the sum that follows, and keeps in memory each input of it that it could not pull
    in: twenty arrays for a Poisson. It never pulls in a select, so one at the end leaves the whole density in one loop.
    """

    @functools.wraps(value)
    def ended(*args: Array) -> Array:
        out = value(*args)
        return jnp.where(jnp.isnan(out), jnp.nan, out)

    return ended


def by_forward_mode(fn: Callable[..., Array]) -> Callable[..., Array]:
    """An elementwise function whose derivatives of every order are computed in forward mode.

    For functions with loops of unknown length, which reverse mode cannot run backwards.
    """

    def partial(i: int) -> Callable[..., Array]:
        def one(*args: Array) -> Array:
            seeds = tuple(jnp.ones_like(a) if i == j else jnp.zeros_like(a) for j, a in enumerate(args))
            return jax.jvp(fn, args, seeds)[1]

        return lambda *args: by_forward_mode(one)(*args)

    wrapped: Any = jax.custom_jvp(fn)

    def rule(primals: tuple[Array, ...], tangents: tuple[Any, ...]) -> tuple[Array, Array]:
        primals = tuple(jnp.broadcast_arrays(*primals))
        out = wrapped(*primals)
        terms = [partial(i)(*primals) * t for i, t in enumerate(tangents) if not isinstance(t, SymbolicZero)]
        total = sum(terms[1:], start=terms[0]) if terms else jnp.zeros_like(out)
        return out, jnp.broadcast_to(total, out.shape)

    wrapped.defjvp(rule, symbolic_zeros=True)
    return wrapped
