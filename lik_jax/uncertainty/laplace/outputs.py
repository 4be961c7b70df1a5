"""A normal over raw outputs, and the predictive distributions that it gives.

>>> import jax, jax.numpy as jnp
>>> unsure = Outputs(jnp.array([[2.0, 0.0]]), 9 * jnp.eye(2)[None])
>>> [round(float(p), 2) for p in jax.nn.softmax(probit(unsure).logits)[0]]
[0.67, 0.33]
"""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from ..._arrays import as_floats
from ...compose import mixture
from ...distribution import Distribution
from ...distributions import bernoulli, categorical, normal
from ..predictive import predictive
from ._curvature import Constrain, root


class Outputs(NamedTuple):
    """``mean``: of the raw outputs, those of the weights at the centre, ``[n, r]``. ``covariance``: ``[n, r, r]``."""

    mean: Array
    covariance: Array


def probit(outputs: Outputs) -> Any:
    """The mean probability of each class, in closed form.

    Of two classes, ``E sigmoid(z) = sigmoid(m / sqrt(1 + pi v / 8))`` to a good approximation. Of more, each pair is
    treated so: ``1 / p_k = sum_j exp(-m_kj / sqrt(1 + pi v_kj / 8))``, with mean and variance of ``z_k - z_j``, then
    normalised. So what moves all logits alike changes nothing, and two classes are the case above.

    Args:
        outputs: of logits: ``[n, k]`` of `categorical`.

    Returns:
        ``categorical.Params``, logits ``[n, k]``.

    Source: MacKay (1992), "The evidence framework applied to classification networks"; Daunizeau (2017),
    "Semi-analytical approximations to statistical moments of sigmoid and softmax mappings of normal variables".
    """
    mean, covariance = as_floats(*outputs, ndims=(1, 2))
    variance = jnp.diagonal(covariance, axis1=-2, axis2=-1)
    spread = variance[..., :, None] + variance[..., None, :] - 2 * covariance
    gap = mean[..., :, None] - mean[..., None, :]
    return categorical.Params(jax.nn.log_softmax(-jax.nn.logsumexp(-gap * _shrink(spread), axis=-1), axis=-1))


def probit_bernoulli(outputs: Outputs) -> Any:
    """The mean probability of a yes, in closed form: raw ``[n, 1]`` -> ``bernoulli.Params`` ``[n]``; see `probit`."""
    mean, covariance = as_floats(*outputs, ndims=(1, 2))
    return bernoulli.Params(mean[..., 0] * _shrink(covariance[..., 0, 0]))


def sampled(
    distribution: Distribution, outputs: Outputs, key: Array, num_samples: int, constrain: Constrain | None = None
) -> tuple[mixture, Any]:
    """The mixture of as many predictions as raw outputs are drawn, for any distribution.

    Args:
        distribution: what raw is of.
        outputs: of raw ``[n, r]``.
        key: of the draws.
        num_samples: how many.
        constrain: raw ``[..., r]`` to params; the distribution's own if not given.

    Returns:
        ``mixture(distribution, num_samples)`` and its params.
    """
    mean, covariance = as_floats(*outputs, ndims=(1, 2))
    noise = jax.random.normal(key, (num_samples, *mean.shape), mean.dtype)
    raw = mean[None] + (root(covariance)[None] @ noise[..., None])[..., 0]
    return predictive(distribution, (distribution.constrain if constrain is None else constrain)(raw))


def added_variance(outputs: Outputs, constrain: Constrain | None = None) -> Any:
    """The normal whose variance is that of the noise, at the mean raw outputs, and that of the predicted mean.

    Exact where raw's first number is the mean and the noise does not depend on the weights.

    Args:
        outputs: of raw ``[n, r]``, the first of which is the mean.
        constrain: raw ``[..., r]`` to ``normal.Params``; that of `normal` if not given.

    Returns:
        ``normal.Params``, ``[n]``.
    """
    params = (normal.constrain if constrain is None else constrain)(outputs.mean)
    loc, scale, variance = as_floats(*params, outputs.covariance[..., 0, 0])
    return normal.from_variance(loc, scale**2 + variance)


def _shrink(variance: Array) -> Array:
    return jax.lax.rsqrt(1 + math.pi / 8 * variance)
