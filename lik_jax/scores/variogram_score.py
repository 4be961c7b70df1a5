"""The variogram score: does a distribution know how coordinates go together?"""

from functools import partial
from typing import Any

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ..distribution import Distribution, name_of
from ..objectives.reduction import Reduction
from ._pairs import sum_over_pairs
from ._samples import by_sampling, enough, of_samples


def variogram_score(
    distribution: Distribution,
    params: Any,
    y: ArrayLike,
    *,
    key: Array,
    num_samples: int = 100,
    order: float = 0.5,
    pair_weights: ArrayLike | None = None,
    fair: bool = True,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """Variogram score ``sum_ij w_ij (|y_i - y_j|^order - E|X_i - X_j|^order)^2`` by samples ``X`` of the distribution.

    Proper, and sharper than `energy_score` on correlations; blind to a shift of all coordinates, so use it beside
    another. Both ``(i, j)`` and ``(j, i)`` count. Gradients flow to the params where they do through ``sample``.

    Args:
        distribution: of vectors, with ``sample``.
        params: its parameters; their example axes are those of ``y``, or none: each example has draws of its own.
        y: observations, ``[*examples, d]``.
        key: PRNG key.
        num_samples: draws for each example.
        order: positive; 0.5 is the usual.
        pair_weights: not negative, ``[d, d]``, such as 1 over a distance; all 1 if not given.
        fair: take off the variance of the samples' mean: right in the mean, and below 0 by chance. Otherwise the score
            of the draws as they are, which is too high by that.
        mask: see `lik_jax.nll`.
        weights: of examples; see `lik_jax.nll`.
        reduction: see `lik_jax.nll`.

    Returns:
        A scalar, ``[*examples]`` or a `Total`; NaN where params are not legal.

    Raises:
        ValueError: shapes that do not fit, too few samples, or an ``order`` that is not positive.
        TypeError: a distribution whose event is no vector.

    Source: Scheuerer and Hamill (2015), "Variogram-based proper scoring rules for probabilistic forecasts of
    multivariate quantities".

    >>> from lik_jax import multivariate_normal
    >>> params = multivariate_normal.Params(jnp.zeros(2), jnp.eye(2))
    >>> y = jnp.zeros((5, 2))
    >>> variogram_score(multivariate_normal, params, y, key=jax.random.key(0), reduction="none").shape
    (5,)
    """
    if distribution.event_ndim != 1:
        raise TypeError(f"variogram_score: {name_of(distribution)} is no distribution of vectors.")
    enough(num_samples, fair, "variogram_score")
    score = _scorer(order, pair_weights, jnp.shape(y)[-1:], fair, "variogram_score")
    return by_sampling(score, distribution, params, y, key, num_samples, mask, weights, reduction, "variogram_score")


def variogram_score_from_samples(
    samples: ArrayLike,
    y: ArrayLike,
    *,
    order: float = 0.5,
    pair_weights: ArrayLike | None = None,
    fair: bool = True,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """`variogram_score` of samples that are given.

    Args:
        samples: ``[m, *examples, d]``, or ``[m, d]`` shared by all examples.
        y: observations, ``[*examples, d]``.
        order: see `variogram_score`.
        pair_weights: see `variogram_score`.
        fair: see `variogram_score`.
        mask: see `lik_jax.nll`.
        weights: see `lik_jax.nll`.
        reduction: see `lik_jax.nll`.

    Returns:
        A scalar, ``[*examples]`` or a `Total`.

    Raises:
        ValueError: shapes that do not fit, too few samples, or an ``order`` that is not positive.

    >>> samples = jnp.array([[0.0, 1.0], [0.0, 3.0]])
    >>> float(variogram_score_from_samples(samples, jnp.array([0.0, 4.0]), order=1.0, fair=False))
    8.0
    """
    name = "variogram_score_from_samples"
    enough(jnp.shape(samples)[0] if jnp.ndim(samples) else 0, fair, name)
    score = _scorer(order, pair_weights, jnp.shape(y)[-1:], fair, name)
    return of_samples(score, samples, y, 1, mask, weights, reduction, name)


def _scorer(order: float, pair_weights: ArrayLike | None, d: tuple[int, ...], fair: bool, asker: str) -> Any:
    if not order > 0:
        raise ValueError(f"{asker}: order={order}; want a positive number.")
    if pair_weights is not None and jnp.shape(pair_weights) != d * 2:
        raise ValueError(f"{asker}: pair_weights has shape {jnp.shape(pair_weights)}; want {d * 2}.")
    return partial(_variogram, order=order, pair_weights=pair_weights, fair=fair)


def _variogram(samples: Array, y: Array, *, order: float, pair_weights: ArrayLike | None, fair: bool) -> Array:
    m, d = samples.shape[0], samples.shape[-1]
    places = jnp.arange(d, dtype=jnp.int32)
    weight = None if pair_weights is None else jnp.asarray(pair_weights).astype(y.dtype)

    def term(members: tuple[Array, Array], partners: tuple[Array, Array], shift: Array) -> Array:
        seen, drawn = (_power(a - b, order) for a, b in zip(members, partners, strict=True))
        mean = drawn.mean(1)
        square = (seen - mean) ** 2
        if fair:
            square = square - ((drawn - mean[:, None]) ** 2).sum(1) / (m * (m - 1))
        if weight is None:
            return 2 * square.sum(0)
        other = (places + shift) % d
        both = weight[places, other] + weight[other, places]
        return jnp.tensordot(both, square, 1)

    return sum_over_pairs(term, (jnp.moveaxis(y, -1, 0), jnp.moveaxis(samples, -1, 0)))


def _power(x: Array, order: float) -> Array:
    """``|x|^order``; 0 has slope 0."""
    zero = x == 0
    return jnp.where(zero, 0, jnp.abs(jnp.where(zero, 1, x)) ** order)
