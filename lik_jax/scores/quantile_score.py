"""The quantile score: the pinball loss of a predictive distribution's quantiles, or of quantiles as they are."""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .. import supports
from .._arrays import as_floats, float_dtype
from ..distribution import Distribution, require
from ..objectives.likelihood import average
from ..objectives.losses import Kernel, Quantile, minus_pinball
from ..objectives.reduction import Reduction
from ._levels import probabilities, quantiles


class Forecast(NamedTuple):
    """``quantiles``: one a level, ``[..., k]``."""

    quantiles: ArrayLike


def quantile_score(
    distribution: Distribution,
    params: Any,
    y: ArrayLike,
    *,
    levels: ArrayLike | tuple[float, ...],
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """Mean over ``levels`` of the pinball loss of the distribution's quantiles, in the units of ``y``.

    Proper; over evenly spaced levels twice the score approaches the CRPS. Gradients flow where ``icdf`` carries them,
    which that of a discrete distribution does not.

    Args:
        distribution: with ``icdf``.
        params: its parameters; their example axes are those of ``y``, or none.
        y: observations, ``[*examples]``.
        levels: probabilities in (0, 1), one or ``[k]``.
        mask: see `lik_jax.nll`.
        weights: see `lik_jax.nll`.
        reduction: see `lik_jax.nll`.

    Returns:
        A scalar, ``[*examples]`` or a `Total`.

    Raises:
        ValueError: shapes that do not fit, or a level that is no probability in (0, 1).
        TypeError: a distribution without ``icdf``.

    Source: Koenker and Bassett (1978), "Regression quantiles"; Gneiting and Raftery (2007), section 6.1.

    >>> from lik_jax import normal
    >>> round(float(quantile_score(normal, normal.Params(0.0, 1.0), 2.0, levels=0.9)), 4)
    0.6466
    """
    require(distribution, ("icdf",), "quantile_score")
    p = probabilities(levels, "quantile_score")

    def loss(params: Any, y: ArrayLike) -> Array:
        return mean_pinball(*quantiles(distribution, params, [p], y), y)

    return average(loss, distribution, params, y, mask, weights, reduction, "quantile_score")


def quantile_score_from_quantiles(
    forecast: ArrayLike,
    y: ArrayLike,
    *,
    levels: ArrayLike | tuple[float, ...],
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """`quantile_score` of quantiles that are given: several outputs of a network, one a level.

    For one quantile see `lik_jax.pinball`. Quantiles that cross are not mended; they cost what they cost.

    Args:
        forecast: quantiles, ``[*examples, k]``, or ``[k]`` shared by all.
        y: observations, ``[*examples]``.
        levels: their probabilities in (0, 1), ``[k]``.
        mask: see `lik_jax.nll`.
        weights: see `lik_jax.nll`.
        reduction: see `lik_jax.nll`.

    Returns:
        A scalar, ``[*examples]`` or a `Total`.

    Raises:
        ValueError: shapes that do not fit, or a level that is no probability in (0, 1).

    >>> round(float(quantile_score_from_quantiles(jnp.array([-1.0, 0.0, 1.0]), 2.0, levels=(0.1, 0.5, 0.9))), 4)
    0.7333
    """
    name = "quantile_score_from_quantiles"
    p = probabilities(levels, name)
    if jnp.ndim(p) != 1 or jnp.ndim(forecast) == 0 or jnp.shape(forecast)[-1:] != jnp.shape(p):
        raise ValueError(
            f"{name}: forecast has shape {jnp.shape(forecast)} and levels {jnp.shape(p)}; want [*examples, k] and [k]."
        )

    def loss(params: Forecast, y: ArrayLike) -> Array:
        at = jnp.moveaxis(jnp.asarray(params.quantiles), -1, 0)
        return mean_pinball(at, jnp.asarray(p, float_dtype(at, y)), y)

    kernel: Any = Kernel(name, lambda params, y: -loss(params, y), Forecast(supports.stacked(supports.real)))  # type: ignore[arg-type]
    return average(loss, kernel, Forecast(forecast), y, mask, weights, reduction, name)


def mean_pinball(at: Array, p: Array, y: ArrayLike) -> Array:
    """Pinball loss of quantiles ``at`` ``[k, ...]`` at probabilities ``p`` ``[k]``, averaged over them, ``[...]``."""
    (y,) = as_floats(y)
    at = at.reshape((*p.shape, *(1,) * (y.ndim + 1 - at.ndim), *at.shape[1:]))
    return -minus_pinball(Quantile(at, p.reshape((-1,) + (1,) * y.ndim)), y[None]).mean(0)
