"""The energy score: the CRPS of vectors."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .. import special
from ..distribution import Distribution
from ..objectives.reduction import Reduction
from ._pairs import sum_over_pairs
from ._samples import by_sampling, enough, of_samples


def energy_score(
    distribution: Distribution,
    params: Any,
    y: ArrayLike,
    *,
    key: Array,
    num_samples: int = 100,
    fair: bool = True,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """Energy score ``E|X - y| - E|X - X'| / 2`` by samples ``X`` of the distribution, in the units of ``y``.

    Strictly proper for distributions with a mean; ``|.|`` is the Euclidean length of an event. Gradients flow to the
    params where they do through ``sample``. Memory grows with the number of samples, not with its square.

    Args:
        distribution: any with ``sample``; of vectors as a rule (of numbers, the score is the CRPS).
        params: its parameters; their example axes are those of ``y``, or none: each example has draws of its own.
        y: observations, ``[*examples, *event]``.
        key: PRNG key.
        num_samples: draws for each example.
        fair: divide by the pairs of different draws: right in the mean, and below 0 by chance. Otherwise the score of
            the draws as they are, which is too high by ``E|X - X'| / (2 num_samples)``.
        mask: see `lik_jax.nll`.
        weights: see `lik_jax.nll`.
        reduction: see `lik_jax.nll`.

    Returns:
        A scalar, ``[*examples]`` or a `Total`; NaN where params are not legal.

    Raises:
        ValueError: shapes that do not fit, or too few samples.

    Source: Gneiting and Raftery (2007), "Strictly proper scoring rules, prediction, and estimation", section 4.3.

    >>> from lik_jax import multivariate_normal
    >>> params = multivariate_normal.Params(jnp.zeros(2), jnp.eye(2))
    >>> score = energy_score(multivariate_normal, params, jnp.zeros((5, 2)), key=jax.random.key(0), reduction="none")
    >>> score.shape
    (5,)
    """
    enough(num_samples, fair, "energy_score")
    score = partial(_energy, fair=fair, event_ndim=distribution.event_ndim)
    return by_sampling(score, distribution, params, y, key, num_samples, mask, weights, reduction, "energy_score")


def energy_score_from_samples(
    samples: ArrayLike,
    y: ArrayLike,
    *,
    event_ndim: int = 1,
    fair: bool = True,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """`energy_score` of samples that are given: those of an ensemble, a diffusion model, a GAN.

    Args:
        samples: ``[m, *examples, *event]``, or ``[m, *event]`` shared by all examples.
        y: observations, ``[*examples, *event]``.
        event_ndim: rank of an event: 1 for vectors, 0 for numbers, 2 for images.
        fair: see `energy_score`.
        mask: see `lik_jax.nll`.
        weights: see `lik_jax.nll`.
        reduction: see `lik_jax.nll`.

    Returns:
        A scalar, ``[*examples]`` or a `Total`.

    Raises:
        ValueError: shapes that do not fit, or too few samples.

    >>> samples = jnp.array([[0.0, 0.0], [3.0, 4.0]])
    >>> float(energy_score_from_samples(samples, jnp.zeros(2), fair=False))
    1.25
    """
    name = "energy_score_from_samples"
    enough(jnp.shape(samples)[0] if jnp.ndim(samples) else 0, fair, name)
    score = partial(_energy, fair=fair, event_ndim=event_ndim)
    return of_samples(score, samples, y, event_ndim, mask, weights, reduction, name)


def _energy(samples: Array, y: Array, *, fair: bool, event_ndim: int) -> Array:
    m = samples.shape[0]
    samples, y = (x.reshape((*x.shape[: x.ndim - event_ndim], -1)) for x in (samples, y))
    off = _length(samples - y[None]).mean(0)
    apart = sum_over_pairs(lambda x, partner, _: _length(x - partner).sum(0), samples)
    return off - apart / (m * (m - 1) if fair else m * m)


def _length(x: Array) -> Array:
    """Euclidean length over the last axis, without overflow; 0 has slope 0."""
    top = jax.lax.stop_gradient(jnp.abs(x).max(-1))
    zero = top == 0
    scale = jnp.where(zero, 1, top)
    square = ((x / scale[..., None]) ** 2).sum(-1)
    return scale * special.root(square)
