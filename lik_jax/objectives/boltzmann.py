"""Fully visible Boltzmann machine: ``E(v) = -b.v - sum_{i<j} J_ij v_i v_j``, bits 0 or 1.

``J`` is the symmetric part of ``couplings`` without its diagonal, so the matrix may be any: what is not symmetric, and
the diagonal, count for nothing and have no gradient.

>>> import jax.numpy as jnp
>>> params = Params(jnp.ones((2, 2)), jnp.zeros(2))
>>> round(float(log_partition(params)), 4)  # log(3 + e)
1.7437

Source: Ackley, Hinton and Sejnowski (1985), "A learning algorithm for Boltzmann machines".
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .. import special
from . import energy as energies
from ._batch import examples, promote, vector
from .mcmc import Kernel
from .reduction import Reduction, finish


class Params(NamedTuple):
    """``couplings`` ``[d, d]`` and ``bias`` b ``[d]``."""

    couplings: Array
    bias: Array


def energy(params: Params, v: ArrayLike) -> Array:
    """``E(v)`` in nats, ``[..., d]`` to ``[...]``."""
    params, bits = promote(params, v)
    return -(bits @ params.bias) - 0.5 * ((bits @ _symmetric(params)) * bits).sum(-1)


def logits(params: Params, v: ArrayLike) -> Array:
    """Log-odds of each bit given all others, ``[..., d]`` to the same."""
    params, bits = promote(params, v)
    return bits @ _symmetric(params) + vector(params.bias, bits)


def log_partition(params: Params, *, chunk_size: int = 2**12) -> Array:
    """``log Z`` in nats, exact: the sum over all ``2^d`` states, at most 2^30."""
    return energies.log_partition(lambda v: energy(params, v), params.bias.size, chunk_size=chunk_size)


def pseudo_nll(
    params: Params,
    y: ArrayLike,
    *,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """Negative pseudo-log-likelihood ``-sum_i log p(y_i | the others)`` in nats: d logistic regressions at once.

    Args:
        params: ``couplings`` and ``bias``.
        y: bits, ``[B, d]``.
        mask: True where an example counts, ``[B]``.
        weights: non-negative, ``[B]``.
        reduction: see `lik_jax.nll`.
    """
    params, bits = promote(params, y)
    bits, keep, w = examples(bits, mask, weights, "boltzmann.pseudo_nll")
    return finish(special.softplus((1 - 2 * bits) * logits(params, bits)).sum(-1), keep, w, reduction)


def gibbs(params: Params, *, symmetric: bool = False) -> Kernel:
    """Kernel that draws bit after bit given the others; ``symmetric``: there and back, which makes it reversible."""
    couplings = _symmetric(params)

    def kernel(key: Array, v: Array) -> Array:
        sites = jnp.arange(params.bias.size)
        sites = jnp.concatenate([sites, sites[::-1]]) if symmetric else sites
        noise = jax.random.logistic(key, (sites.size, v.shape[0]), v.dtype)

        def draw(v: Array, at: tuple[Array, Array]) -> tuple[Array, None]:
            i, noise = at
            odds = v @ couplings[i] + params.bias[i]
            # a NaN stays one: a draw would hide it
            return v.at[:, i].set(jnp.where(jnp.isnan(odds), odds, (noise < odds).astype(v.dtype))), None

        return jax.lax.scan(draw, v, (sites, noise))[0]

    return kernel


def _symmetric(params: Params) -> Array:
    j = 0.5 * (params.couplings + params.couplings.T)
    return jnp.where(jnp.eye(params.bias.size, dtype=bool), 0, j)
