"""Quantile calibration: which level a predicted level turned out to be, for any continuous distribution.

The level of an observation in its own predicted distribution is its probability integral transform, ``P(Y <= y)``,
uniform for a perfect forecaster. The map is their empirical distribution: ``i / (n + 1)`` at the ``i``-th smallest of
``n``, straight lines between. (The isotonic regression of the shares that were observed is these shares themselves:
they never fall.) It turns the predicted cdf ``F`` into ``R(F)``, and a quantile ``F^-1(p)`` into ``F^-1(R^-1(p))``.
There is no density to it: the slope of an empirical distribution does not settle down, however many the data.

>>> import jax.numpy as jnp
>>> from lik_jax import normal
>>> params = normal.Params(loc=jnp.zeros(3), scale=jnp.ones(3))
>>> fitted = fit(normal, params, jnp.array([-2.0, 0.0, 2.0]))
>>> [round(float(p), 4) for p in apply(fitted, jnp.array([0.0, 0.5, 1.0]))]
[0.0, 0.5, 1.0]
>>> round(float(icdf(fitted, normal, normal.Params(10.0, 1.0), 0.75)), 4)
12.0

Source: Kuleshov, Fenner and Ermon (2018), "Accurate uncertainties for deep learning using calibrated regression".
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from .._arrays import as_floats
from ..distribution import UNIVARIATE, Univariate, name_of, require
from ..objectives.likelihood import check_shapes, fill_masked, observation_axes
from ..objectives.reduction import example_weights, finish

Norm = Literal["absolute", "squared", "max"]


class Params(NamedTuple):
    """Corners of the map. ``predicted``: levels, ``[n + 2]``; ``observed``: the share of examples at or below each,
    ``[n + 2]``. Both rise from 0 to 1."""

    predicted: ArrayLike
    observed: ArrayLike


@partial(jax.jit, static_argnames="distribution")
def fit(distribution: Univariate, params: Any, y: ArrayLike, *, mask: ArrayLike | None = None) -> Params:
    """The map from held-out data.

    Args:
        distribution: continuous, of numbers, with tails.
        params: those predicted for each example, or shared by all.
        y: ``[*examples]``.
        mask: True where an example counts, ``[*examples]``.

    Returns:
        Params, all NaN where the level of an example is NaN.

    Raises:
        TypeError: the distribution has no tails, or is discrete.
        ValueError: shapes that do not fit.
    """
    u, keep, _ = _levels("quantile_calibration.fit", distribution, params, y, mask, None)
    u = (u if keep is None else jnp.where(keep, u, 1)).ravel()
    count = jnp.full((), u.size, u.dtype) if keep is None else keep.sum().astype(u.dtype)
    # what is masked comes to lie at (1, 1)
    observed = jnp.minimum(jnp.arange(1, u.size + 1, dtype=u.dtype) / (count + 1), 1)
    ends = jnp.zeros(1, u.dtype), jnp.ones(1, u.dtype)
    corners = [jnp.concatenate([ends[0], inner, ends[1]]) for inner in (jnp.sort(u), observed)]
    broken = jnp.isnan(u).any()
    return Params(*(jnp.where(broken, jnp.nan, corner) for corner in corners))


def apply(params: Params, levels: ArrayLike) -> Array:
    """The share of examples that a predicted level turned out to hold, ``[...]``, for levels in [0, 1], ``[...]``."""
    return _interpolated(levels, params.predicted, params.observed)


def invert(params: Params, levels: ArrayLike) -> Array:
    """Inverse of `apply`: what level to predict so that a share ``levels`` of examples lies below, ``[...]``."""
    return _interpolated(levels, params.observed, params.predicted)


def cdf(fitted: Params, distribution: Univariate, params: Any, y: ArrayLike) -> Array:
    """The calibrated ``P(Y <= y)``, ``[...]``, from predicted params ``[...]``."""
    return apply(fitted, jnp.exp(distribution.log_cdf(params, y)))


def icdf(fitted: Params, distribution: Univariate, params: Any, p: ArrayLike) -> Array:
    """The calibrated quantile at ``p`` in [0, 1], ``[...]``, from predicted params ``[...]``."""
    return distribution.icdf(params, invert(fitted, p))


@partial(jax.jit, static_argnames="distribution")
def observed_shares(
    distribution: Univariate,
    params: Any,
    y: ArrayLike,
    levels: ArrayLike,
    *,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
) -> Array:
    """The share of examples below their predicted quantile at each of ``levels``, ``[m]`` to ``[m]``.

    Against ``levels`` they make the calibration curve of a regression. Other arguments as in `fit`, and
    ``weights``, by how much an example counts.
    """
    u, keep, w = _levels("observed_shares", distribution, params, y, mask, weights)
    p, u = as_floats(levels, u, ndims=(1, u.ndim))
    return jax.vmap(lambda p: finish((u <= p).astype(u.dtype), keep, w, "mean"))(p)


def quantile_calibration_error(
    distribution: Univariate,
    params: Any,
    y: ArrayLike,
    *,
    levels: ArrayLike | Sequence[float] = tuple(i / 20 for i in range(1, 20)),
    norm: Norm = "absolute",
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
) -> Array:
    """How far the observed shares are from the levels they were predicted at, ().

    The estimate is biased upwards: for a perfect forecaster it falls off as ``n ** -0.5`` ("squared": as
    ``1 / n``), and is not 0.

    Args:
        distribution: as in `fit`; ``params``, ``y`` and ``mask`` too.
        params: predicted.
        y: ``[*examples]``.
        levels: in (0, 1), ``[m]``; 0.05, 0.10, ..., 0.95 if not given.
        norm: "absolute" for the mean over levels of the difference, "squared" for that of its square, "max" for the
            greatest.
        mask: which examples count.
        weights: by how much.

    Raises:
        TypeError: the distribution has no tails, or is discrete.
        ValueError: shapes that do not fit, or another ``norm``.

    >>> from lik_jax import normal
    >>> y = jnp.linspace(-1.0, 1.0, 11)
    >>> round(float(quantile_calibration_error(normal, normal.Params(0.0, 1.0), y)), 4)
    0.0612
    """
    if norm not in ("absolute", "squared", "max"):
        raise ValueError(f"quantile_calibration_error: norm={norm!r}; want 'absolute', 'squared' or 'max'.")
    p = np.asarray(levels) if isinstance(levels, Sequence) else levels
    shares = observed_shares(distribution, params, y, p, mask=mask, weights=weights)
    gaps = jnp.abs(shares - jnp.asarray(p).astype(shares.dtype))
    if norm == "max":
        return gaps.max()
    return gaps.mean() if norm == "absolute" else (gaps**2).mean()


def _levels(
    name: str, distribution: Univariate, params: Any, y: Any, mask: ArrayLike | None, weights: ArrayLike | None
) -> tuple[Array, Array | None, Array | None]:
    """``P(Y <= y)`` of each example, which of them count, and their weights."""
    require(distribution, UNIVARIATE, name)
    if distribution.support.discrete:
        raise TypeError(
            f"{name}: {name_of(distribution)} is discrete: P(Y <= y) is not uniform even for a perfect forecaster. "
            f"conformal.distributional takes counts."
        )
    examples = observation_axes(distribution, y)
    check_shapes(distribution, params, examples)
    keep, w = example_weights(mask, weights, examples, name)
    if keep is not None:
        params, y = fill_masked(distribution, params, y, keep)
    return jnp.broadcast_to(jnp.exp(distribution.log_cdf(params, y)), examples), keep, w


def _interpolated(x: ArrayLike, corners: ArrayLike, values: ArrayLike) -> Array:
    n = jnp.ndim(x)
    x, corners, values = as_floats(x, corners, values, ndims=(n, 1, 1))
    return jnp.interp(x, corners, values)
