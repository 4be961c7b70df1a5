"""How far a function is from the truth, in units of its own rounding."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import mpmath
import numpy as np

mpmath.mp.dps = 40


def _truth(fn: Callable, args: Sequence, orders: tuple[int, ...]) -> tuple[float, float]:
    """A mixed derivative of ``fn`` and how far it moves when every argument moves by its own size."""

    def at(orders: Sequence[int]):
        return mpmath.diff(fn, tuple(args), tuple(orders)) if any(orders) else fn(*args)

    steps = [[o + (i == j) for j, o in enumerate(orders)] for i in range(len(args))]
    moved = sum(abs(x * at(step)) for x, step in zip(args, steps, strict=True) if x != 0)
    return float(at(orders)), float(moved)


def errors(
    fn: Callable,
    truth: Callable,
    points: Sequence[Sequence[float]],
    dtype: type,
    orders: tuple[int, ...] = (0,),
    floor: float = 1.0,
) -> np.ndarray:
    """Errors of a derivative of ``fn`` in eps times (the truth, at least ``floor``, plus its conditioning).

    Args:
        fn: a function of scalars.
        truth: the same for mpmath numbers.
        points: ``[n, number of arguments]``; rounded to ``dtype`` first.
        orders: how often to differentiate towards each argument.
        floor: errors below it are measured as absolute ones.
    """
    derivative = fn
    for i, order in enumerate(orders):
        for _ in range(order):
            derivative = jax.grad(derivative, argnums=i)
    columns = np.asarray(points, dtype).T
    with jax.enable_x64(dtype is np.float64):
        got = np.asarray(jax.jit(jax.vmap(derivative))(*map(jnp.asarray, columns)))
    assert got.dtype == dtype
    out = []
    for value, args in zip(got, columns.T, strict=True):
        exact, moved = _truth(truth, [mpmath.mpf(float(x)) for x in args], orders)
        out.append(abs(float(value) - exact) / (max(abs(exact), floor) + moved) / np.finfo(dtype).eps)
    return np.asarray(out)


def worst(*args, **kwargs) -> tuple[float, tuple]:
    """The largest of `errors` and the point it is at."""
    found = errors(*args, **kwargs)
    i = int(np.argmax(np.where(np.isnan(found), np.inf, found)))
    return float(found[i]), tuple(args[2][i])
