"""The Dawid-Sebastiani score: of mean and variance alone."""

import math
from typing import Any

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .._arrays import as_floats
from ..compose import independent
from ..distribution import Distribution, name_of, require
from ..distributions import multivariate_normal
from ..objectives.likelihood import average
from ..objectives.reduction import Reduction


def dawid_sebastiani(
    distribution: Distribution,
    params: Any,
    y: ArrayLike,
    *,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """Dawid-Sebastiani score ``log variance + (y - mean)^2 / variance``; of vectors, ``log det covariance`` plus the
    squared Mahalanobis distance.

    Proper, not strictly: distributions of one mean and variance score alike. For a normal it is
    ``2 * nll - d log(2 pi)``.

    Args:
        distribution: of numbers with ``mean`` and ``variance``; `independent` of such; or of vectors with ``mean`` and
            ``covariance``.
        params: its parameters; their example axes are those of ``y``, or none.
        y: observations, ``[*examples, *event]``.
        mask: see `lik_jax.nll`.
        weights: see `lik_jax.nll`.
        reduction: see `lik_jax.nll`.

    Returns:
        A scalar, ``[*examples]`` or a `Total`; inf where the variance is infinite.

    Raises:
        ValueError: shapes that do not fit.
        TypeError: a distribution that lacks what is needed.

    Source: Dawid and Sebastiani (1999), "Coherent dispersion criteria for optimal experimental design".

    >>> from lik_jax import poisson
    >>> round(float(dawid_sebastiani(poisson, poisson.Params(log_rate=jnp.log(4.0)), 6)), 4)
    2.3863
    """
    apart = isinstance(distribution, independent) and distribution.base.event_ndim == 0
    if distribution.event_ndim > 1 and not apart:
        raise TypeError(f"dawid_sebastiani: {name_of(distribution)} has events of rank {distribution.event_ndim}.")
    spread = "variance" if distribution.event_ndim == 0 or apart else "covariance"
    require(distribution, ("mean", spread), "dawid_sebastiani")
    known: Any = distribution

    def loss(params: Any, y: ArrayLike) -> Array:
        if spread == "covariance":
            normal = multivariate_normal.from_covariance(known.mean(params), known.covariance(params))
            log_prob = multivariate_normal.log_prob(normal, y)
            return -2 * log_prob - jnp.shape(y)[-1] * math.log(2 * math.pi)
        mean, variance, y = as_floats(known.mean(params), known.variance(params), y)
        each = jnp.log(variance) + ((y - mean) / jnp.sqrt(variance)) ** 2
        return each.sum(tuple(range(each.ndim - known.event_ndim, each.ndim)))

    return average(loss, distribution, params, y, mask, weights, reduction, "dawid_sebastiani")
