"""How the likelihood of each example curves in its raw outputs."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ..._arrays import as_floats
from ...distribution import Distribution, name_of
from ...objectives.likelihood import nll, observation_axes
from ...objectives.reduction import example_weights

Constrain = Callable[[Array], Any]


class Curvature(NamedTuple):
    """``log_likelihood``: weighted sum over examples, (). ``factor``: ``S`` with ``S S' = H``, ``[n, r, r]``.
    ``weights``: of the examples, 0 where masked, ``[n]``."""

    log_likelihood: Array
    factor: Array
    weights: Array


def row_weights(
    distribution: Distribution, y: Any, n: int, mask: ArrayLike | None, weights: ArrayLike | None, name: str
) -> Array | None:
    """The weight of each of ``n`` rows, 0 where masked; None if all are 1.

    Raises:
        ValueError: ``y`` has other example axes than ``[n]``, or mask or weights a wrong shape.
    """
    examples = observation_axes(distribution, y)
    if examples != (n,):
        raise ValueError(
            f"{name}: x has {n} rows and y the example axes {examples}; want ({n},). More example axes, such as those "
            f"of a sequence, go into the rows first."
        )
    return example_weights(mask, weights, examples, name)[1]


def blanked(x: Any, weights: Array | None) -> Any:
    """``x`` ``[n, ...]``, any pytree, with 0 in rows of weight 0: what a masked row holds must reach nothing."""
    if weights is None:
        return x

    def blank(leaf: Any) -> Array:
        leaf = jnp.asarray(leaf)
        return jnp.where((weights != 0).reshape(-1, *(1,) * (leaf.ndim - 1)), leaf, jnp.zeros_like(leaf))

    return jax.tree.map(blank, x)


def curvature(
    distribution: Distribution, raw: ArrayLike, y: Any, constrain: Constrain | None, weights: Array | None, name: str
) -> Curvature:
    """Value and curvature of the likelihood in raw.

    Args:
        distribution: of each example.
        raw: ``[n, r]``.
        y: ``[n, *event]``.
        constrain: raw ``[r]`` of one example to its params; the distribution's own if not given.
        weights: ``[n]``, or None for all 1.
        name: for messages.
    """
    (raw,) = as_floats(raw)
    if raw.ndim != 2:
        raise ValueError(f"{name}: raw outputs of {name_of(distribution)} have shape {raw.shape}; want [n, r].")
    to_params = distribution.constrain if constrain is None else constrain
    weights = jnp.ones(raw.shape[0], raw.dtype) if weights is None else weights.astype(raw.dtype)

    def loss(raw: Array, y: Any, weight: Array) -> Array:
        return nll(distribution, to_params(raw), y, weights=weight, reduction="none")

    each = (blanked(raw, weights), jax.tree.map(jnp.asarray, y), weights)
    return Curvature(-jax.vmap(loss)(*each).sum(), root(jax.vmap(jax.hessian(loss))(*each)), weights)


def root(symmetric: Array) -> Array:
    """``S`` with ``S S'`` the part of a symmetric ``[..., r, r]`` that has no negative eigenvalue."""
    if symmetric.shape[-1] == 1:
        return jnp.sqrt(jnp.maximum(symmetric, 0))
    values, vectors = jnp.linalg.eigh(symmetric)
    return vectors * jnp.sqrt(jnp.maximum(values, 0))[..., None, :]


def summed(fn: Callable[..., Any], data: Any, batch_size: int) -> Any:
    """The sum over rows of ``fn(row)``, a pytree, ``batch_size`` rows at a time."""
    n = len(jax.tree.leaves(data)[0])
    whole, size = n // batch_size, batch_size

    def of(part: Any) -> Any:
        return jax.tree.map(lambda leaf: leaf.sum(0), jax.vmap(fn)(part))

    rest = of(jax.tree.map(lambda leaf: leaf[whole * size :], data))
    if not whole:
        return rest
    parts = jax.tree.map(lambda leaf: leaf[: whole * size].reshape(whole, size, *leaf.shape[1:]), data)
    return jax.lax.scan(lambda total, part: (jax.tree.map(jnp.add, total, of(part)), None), rest, parts)[0]
