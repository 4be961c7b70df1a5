"""Sums over all pairs of members in memory that is linear in their number."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array


def sum_over_pairs(term: Callable[[Any, Any, Array], Array], members: Any) -> Array:
    """The sum over unordered pairs of different members.

    Members are turned against themselves by 1, 2, ... places, one turn at a time, so that nothing of the size of all
    pairs is ever in memory, nor kept for the gradient.

    Args:
        term: ``term(members, partners, shift)``: the sum over members of what each has with its own partner, the one
            ``shift`` places after it.
        members: a pytree of arrays ``[n, ...]``.
    """
    n = jax.tree.leaves(members)[0].shape[0]
    doubled = jax.tree.map(lambda x: jnp.concatenate([x, x]), members)
    like = jax.eval_shape(term, members, members, jnp.int32(0))
    shifts = jnp.arange(1, n // 2 + 1, dtype=jnp.int32)
    # half way round each pair is met from both of its members
    shares = jnp.where(2 * shifts == n, 0.5, 1.0).astype(like.dtype)

    def turn(total: Array, at: tuple[Array, Array]) -> tuple[Array, None]:
        shift, share = at
        partners = jax.tree.map(lambda x: jax.lax.dynamic_slice_in_dim(x, shift, n), doubled)
        return total + share * term(members, partners, shift), None

    start = jnp.zeros(like.shape, like.dtype)
    return jax.lax.scan(jax.checkpoint(turn, prevent_cse=False), start, (shifts, shares))[0]
