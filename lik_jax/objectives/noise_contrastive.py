"""Noise-contrastive estimation: learn an energy by telling data from noise of a known density.

`nce` learns the energy and its normaliser together; in `ranking` the normaliser cancels; `info_nce` is the ranking of
any scores, as contrastive representations use it.

>>> import jax.numpy as jnp
>>> flat = lambda y: 0 * y.sum(-1)
>>> round(float(nce(flat, flat, jnp.ones((3, 1)), jnp.zeros((3, 1, 1)))), 4)  # no way to tell: 2 log 2
1.3863
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .. import special
from .._arrays import as_floats
from ._batch import examples, one_each
from .energy import Energy
from .reduction import Reduction, example_weights, finish


def nce(
    energy: Energy,
    noise_log_prob: Energy,
    y: ArrayLike,
    negatives: ArrayLike,
    *,
    log_z: ArrayLike = 0.0,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """Logistic loss of telling an example from its K noise draws: ``-log s(g(y)) - sum_k log s(-g(negative_k))``.

    ``g = -E - log Z - log p_noise - log K`` is the log-odds of being data. Where the model can be the data
    distribution, the minimum over the energy **and** ``log_z`` is there, whatever the noise.

    Args:
        energy: ``energy(y)``, ``[n, ...]`` to ``[n]``, its params closed over.
        noise_log_prob: ``log p_noise(y)``, normalised, ``[n, ...]`` to ``[n]``, in nats.
        y: observations, ``[B, ...]``.
        negatives: draws of the noise, ``[B, K, ...]``.
        log_z: learned beside the energy, unless that has a free constant of its own.
        mask: True where an example counts, ``[B]``; its negatives go with it.
        weights: non-negative, ``[B]``.
        reduction: see `lik_jax.nll`.

    Raises:
        ValueError: shapes that do not fit.

    Source: Gutmann and Hyvärinen (2012), "Noise-contrastive estimation of unnormalized statistical models".
    """
    y, flat, num, keep, w = _prepare(y, negatives, mask, weights, "nce")

    def log_odds(y: Array) -> Array:
        ratio, log_normaliser = as_floats(_log_ratio(energy, noise_log_prob, y), log_z)
        return ratio - log_normaliser - math.log(num)

    wrong = special.softplus(log_odds(flat)).reshape(y.shape[0], num).sum(-1)
    return finish(special.softplus(-log_odds(y)) + wrong, keep, w, reduction)


def ranking(
    energy: Energy,
    noise_log_prob: Energy,
    y: ArrayLike,
    negatives: ArrayLike,
    *,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """Cross-entropy of picking the example out of itself and K noise draws, by ``exp(-E) / p_noise``: ``Z`` cancels.

    Args:
        energy: ``energy(y)``, ``[n, ...]`` to ``[n]``, its params closed over.
        noise_log_prob: ``log p_noise(y)``, up to a constant, ``[n, ...]`` to ``[n]``, in nats.
        y: observations, ``[B, ...]``.
        negatives: draws of the noise, ``[B, K, ...]``.
        mask: True where an example counts, ``[B]``; its negatives go with it.
        weights: non-negative, ``[B]``.
        reduction: see `lik_jax.nll`.

    Raises:
        ValueError: shapes that do not fit.

    Source: Ma and Collins (2018), "Noise contrastive estimation and negative sampling for conditional models".

    >>> flat = lambda y: 0 * y.sum(-1)
    >>> round(float(ranking(flat, flat, jnp.ones((2, 1)), jnp.zeros((2, 3, 1)))), 4)  # log 4
    1.3863
    """
    y, flat, num, keep, w = _prepare(y, negatives, mask, weights, "ranking")
    own = _log_ratio(energy, noise_log_prob, y)
    others = _log_ratio(energy, noise_log_prob, flat).reshape(y.shape[0], num)
    logits = jnp.concatenate([own[:, None], others], -1)
    return finish(jax.nn.logsumexp(logits, -1) - own, keep, w, reduction)


def info_nce(
    scores: ArrayLike,
    *,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """Cross-entropy of finding each example's partner: ``-log softmax(scores)_ii``.

    ``log N`` minus its mean is a lower bound on the mutual information of the partners, never above ``log N``.

    Args:
        scores: ``[B, N]`` with ``N >= B``: of example i with candidate j; the partner of i is candidate i.
        mask: True where an example counts, ``[B]``. It drops a row; candidates stay for the others.
        weights: non-negative, ``[B]``.
        reduction: see `lik_jax.nll`.

    Raises:
        ValueError: scores that are no such matrix.

    Source: van den Oord, Li and Vinyals (2018), "Representation learning with contrastive predictive coding",
    equation 4.

    >>> round(float(info_nce(jnp.zeros((2, 4)))), 4)  # log 4
    1.3863
    """
    (scores,) = as_floats(scores)
    if scores.ndim != 2 or scores.shape[1] < scores.shape[0]:
        raise ValueError(f"info_nce: scores have shape {scores.shape}; want [B, N] with N >= B: partners come first.")
    keep, w = example_weights(mask, weights, scores.shape[:1], "info_nce")
    if keep is not None:
        scores = jnp.where(keep[:, None], scores, 0)
    return finish(jax.nn.logsumexp(scores, -1) - jnp.diagonal(scores), keep, w, reduction)


def _log_ratio(energy: Energy, noise_log_prob: Energy, y: Array) -> Array:
    model, noise = as_floats(one_each(energy(y), y, "energy"), one_each(noise_log_prob(y), y, "noise_log_prob"))
    return -model - noise


def _prepare(y: Any, negatives: Any, mask: Any, weights: Any, name: str) -> tuple[Array, Array, int, Any, Any]:
    y, negatives = (jnp.asarray(x) for x in (y, negatives))
    if y.ndim == 0 or negatives.ndim < 2 or (negatives.shape[0], *negatives.shape[2:]) != y.shape:
        raise ValueError(
            f"{name}: y has shape {y.shape}, negatives {negatives.shape}; want [B, ...] and [B, K, ...]: K draws of "
            "the noise an example."
        )
    dtype = as_floats(jnp.zeros((), y.dtype), jnp.zeros((), negatives.dtype))[0].dtype
    y, keep, w = examples(y.astype(dtype), mask, weights, name)
    negatives = negatives.astype(dtype)
    if keep is not None:
        # the noise of an example that does not count may be junk as well
        negatives = jnp.where(keep.reshape(-1, *(1,) * (negatives.ndim - 1)), negatives, y[:, None])
    return y, negatives.reshape(-1, *y.shape[1:]), negatives.shape[1], keep, w
