"""Contrastive divergence: losses whose *gradient* is that of the likelihood, or near it, without ``Z``.

``d(-log p(y)) = dE(y) - E_model[dE]``. The loss here is ``E(y) - mean E(negatives)``, with negatives drawn from the
model by a Markov chain that no gradient passes. Exact samples give the likelihood's gradient without bias; chains of
``num_steps`` from the data (`cd`) or from where they stopped last time (`pcd`) come close.

**The value is an energy difference. It is no likelihood and no bound: it may fall while the model gets worse, and is 0
where data and negatives look alike.** Choose a model by `ais` or, where it is small, `energy.nll`.

>>> import jax, jax.numpy as jnp
>>> loss = lambda w: surrogate(lambda y: w * y.sum(-1), jnp.ones((2, 1)), jnp.zeros((5, 1)))
>>> float(loss(3.0)), float(jax.grad(loss)(3.0))
(3.0, 1.0)
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .._arrays import as_floats
from . import mcmc
from ._batch import examples, one_each
from .energy import Energy
from .mcmc import Kernel
from .reduction import Reduction, finish


def surrogate(
    energy: Energy,
    y: ArrayLike,
    negatives: ArrayLike,
    *,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """``E(y) - mean E(negatives)``: its gradient estimates that of ``-log p(y)``; its value means nothing.

    Args:
        energy: ``energy(y)``, ``[n, ...]`` to ``[n]``, its params closed over.
        y: observations, ``[B, ...]``.
        negatives: drawn from the model, ``[N, ...]``, constants to the gradient.
        mask: True where an example counts, ``[B]``.
        weights: non-negative, ``[B]``.
        reduction: see `lik_jax.nll`.

    Raises:
        ValueError: shapes that do not fit, or an energy that is not one number an example.

    Source: Hinton (2002), "Training products of experts by minimizing contrastive divergence".
    """
    y, negatives = _floats(y, negatives)
    y, keep, w = examples(y, mask, weights, "contrastive_divergence")
    mean = one_each(energy(negatives), negatives, "energy").mean()
    return finish(one_each(energy(y), y, "energy") - mean, keep, w, reduction)


def cd(
    energy: Energy,
    kernel: Kernel,
    y: ArrayLike,
    *,
    key: Array,
    num_steps: int = 1,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """CD-k: the negative of each example is where a chain started at it is after ``num_steps``.

    Its gradient is biased towards chains that have not moved; more steps cost time and take the bias away.

    Args:
        energy: ``energy(y)``, ``[B, ...]`` to ``[B]``, its params closed over.
        kernel: ``kernel(key, y)`` that leaves ``exp(-E)`` as it is (`rbm.gibbs`, `mcmc.mala`), its params closed
            over; no gradient passes it, so give it ``jax.lax.stop_gradient(params)`` and save the work.
        y: observations, ``[B, ...]``.
        key: of the chains.
        num_steps: k.
        mask: True where an example counts, ``[B]``.
        weights: non-negative, ``[B]``.
        reduction: see `lik_jax.nll`.

    Returns:
        The loss; its value means nothing.

    Source: Hinton (2002), the same paper.
    """
    y, keep, w = examples(_floats(y, y)[0], mask, weights, "contrastive_divergence")
    ends = jax.lax.stop_gradient(mcmc.run(kernel, key, jax.lax.stop_gradient(y), num_steps))
    each = one_each(energy(y), y, "energy") - one_each(energy(ends), ends, "energy")
    return finish(each, keep, w, reduction)


def pcd(
    energy: Energy,
    kernel: Kernel,
    y: ArrayLike,
    chains: Array,
    *,
    key: Array,
    num_steps: int = 1,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> tuple[Any, Array]:
    """Persistent CD: the negatives are chains that go on from step to step of the training.

    Args:
        energy: ``energy(y)``, ``[n, ...]`` to ``[n]``, its params closed over.
        kernel: as for `cd`.
        y: observations, ``[B, ...]``.
        chains: where they stopped last time, ``[N, ...]``: keep them beside the params (``carry`` of the loop).
        key: of the chains.
        num_steps: between two steps of the training.
        mask: True where an example counts, ``[B]``.
        weights: non-negative, ``[B]``.
        reduction: see `lik_jax.nll`.

    Returns:
        The loss, whose value means nothing, and the chains to pass next time, which carry no gradient.

    Source: Tieleman (2008), "Training restricted Boltzmann machines using approximations to the likelihood gradient".
    """
    chains = jax.lax.stop_gradient(mcmc.run(kernel, key, jax.lax.stop_gradient(chains), num_steps))
    loss = surrogate(energy, y, chains, mask=mask, weights=weights, reduction=reduction)
    return loss, chains


def _floats(y: ArrayLike, negatives: ArrayLike) -> tuple[Array, Array]:
    if jnp.shape(y)[1:] != jnp.shape(negatives)[1:]:
        raise ValueError(
            f"contrastive_divergence: y has shape {jnp.shape(y)} and negatives {jnp.shape(negatives)}; all but the "
            "first axis must agree."
        )
    y, negatives = as_floats(y, negatives)
    return y, jax.lax.stop_gradient(negatives)
