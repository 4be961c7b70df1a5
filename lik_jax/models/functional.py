"""A Flax NNX module as a pure function and a plain pytree, split once.

>>> import jax.numpy as jnp
>>> from flax import nnx
>>> model = split(lambda: nnx.Linear(2, 3, rngs=nnx.Rngs(0)))
>>> model.apply(model.params, jnp.ones((4, 2))).shape
(4, 3)
>>> sorted(model.params)
['bias', 'kernel']
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array


class Model(NamedTuple):
    """What the rest of the library sees of a network.

    ``params``: a nested dict of arrays. ``apply(params, *inputs, method="__call__")``: pure, made for ``jax.jit``.
    """

    params: Any
    apply: Callable[..., Any]


def split(make: Callable[[], nnx.Module]) -> Model:
    """Build a module once, and take it apart into params and a pure function.

    Args:
        make: builds the module, drawing its params from the ``nnx.Rngs`` it holds.
    """
    graph, state = nnx.split(make(), nnx.Param)
    params = nnx.to_pure_dict(state)

    def apply(params: Any, *inputs: Any, method: str = "__call__", **options: Any) -> Any:
        filled = jax.tree.map(lambda leaf: leaf, state)
        nnx.replace_by_pure_dict(filled, params)
        return getattr(nnx.merge(graph, filled), method)(*inputs, **options)

    return Model(params, apply)


def size(params: Any) -> int:
    """How many numbers ``params`` holds."""
    return sum(leaf.size for leaf in jax.tree.leaves(params))


def dropout(x: Array, rate: float, key: Array | None) -> Array:
    """Leave out each number with probability ``rate`` and scale up the rest; without a key, ``x`` itself."""
    if key is None or not rate:
        return x
    keep = jax.random.bernoulli(key, 1 - rate, x.shape)
    return jnp.where(keep, x / (1 - rate), 0)
