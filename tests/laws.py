"""What the laws share: compiled functions, quadrature, finite differences."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from case import Case


@functools.cache
def compiled(distribution: Any, name: str) -> Callable[..., Any]:
    """A function of a distribution under ``jit``: one for all the laws that ask for it."""
    return jax.jit(getattr(distribution, name))


@functools.cache
def compiled_sample(distribution: Any, shape: tuple[int, ...]) -> Callable[..., Any]:
    """``sample(params, key)`` of a fixed ``shape`` under ``jit``."""
    return jax.jit(lambda params, key: distribution.sample(params, key, shape))


@functools.cache
def compiled_slopes(distribution: Any) -> Callable[..., Any]:
    """``(log_prob, derivative towards each leaf of (params, y))``, one number an observation, by reverse mode."""

    def total(params: Any, y: Any) -> tuple[Any, Any]:
        value = distribution.log_prob(params, y)
        return value.sum(), value

    return jax.jit(jax.grad(total, (0, 1), has_aux=True, allow_int=True))


def cast(tree: Any, dtype: Any) -> Any:
    """A pytree of JAX arrays; booleans stay."""
    return jax.tree.map(lambda x: jnp.asarray(x, bool if np.asarray(x).dtype == bool else dtype), tree)


def close(got: Any, want: Any, rtol: float, atol: float = 0.0, about: str = "") -> None:
    """Assert that two arrays, of one shape after broadcasting, agree; infinities and NaN must match."""
    got, want = np.broadcast_arrays(np.asarray(got, np.float64), np.asarray(want, np.float64))
    np.testing.assert_allclose(got, want, rtol=rtol, atol=atol, err_msg=about)


def example(params: Any, i: int) -> Any:
    """The ``i``-th set of parameters of a batch."""
    return jax.tree.map(lambda x: np.asarray(x)[i], params)


def quadrature(case: Case, n: int = 12001) -> tuple[np.ndarray, np.ndarray]:
    """Nodes ``[n, batch]`` and log-weights for integrals over the support (or its counts, with weight 1).

    A double exponential trapezoid rule, which does not mind singular ends. Source: Takahasi and Mori (1974).
    """
    batch = np.shape(jax.tree.leaves(case.params)[0])[0]
    if isinstance(case.total, int):
        return np.arange(case.total)[:, None] * np.ones(batch), np.zeros((case.total, batch))
    t = np.linspace(-1, 1, n)[:, None] * {"real": 4.0, "positive": 5.5, "unit": 3.8}[case.total]
    step = t[1, 0] - t[0, 0]
    a = np.pi / 2 * np.sinh(t)
    log_da = np.log(np.pi / 2 * np.cosh(t) * step)
    if case.total == "unit":
        y, log_dy = 1 / (1 + np.exp(-a)), -a - 2 * np.log1p(np.exp(-a))
        return y * np.ones(batch), (log_dy + log_da) * np.ones(batch)
    middle, spread = location(case)
    if case.total == "positive":
        return middle * np.exp(a), np.log(middle) + a + log_da
    return middle + spread * np.sinh(a), np.log(spread) + np.log(np.cosh(a)) + log_da


def location(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Where each distribution of the batch lies, and how wide it is."""
    y = case.numbers()
    return np.median(y, 0), y.std(0)


def is_float(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jnp.floating)


def floats_of(args: Any) -> tuple[list[Any], Callable[[list[Any]], Any]]:
    """The leaves with a slope, and the function that puts others in their place."""
    flat, treedef = jax.tree.flatten(args)

    def rebuild(floats: list[Any]) -> Any:
        rest = iter(floats)
        return treedef.unflatten([next(rest) if is_float(x) else x for x in flat])

    return [x for x in flat if is_float(x)], rebuild


def directional(fn: Callable[..., Any], args: Any, direction: Any, step: float = 1e-4) -> np.ndarray:
    """The derivative of ``fn(*args)`` along ``direction`` by central differences of the fourth order."""

    def at(k: float) -> np.ndarray:
        return np.asarray(fn(*jax.tree.map(lambda x, v: x + k * step * v, args, direction)))

    return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * step)
