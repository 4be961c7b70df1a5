"""Distances between two samples, without a density: differentiable, so that they train, and report.

Maximum mean discrepancy and energy distance are one thing with two kernels:
``E k(X, X') + E k(Y, Y') - 2 E k(X, Y)``, at least 0, and 0 only for equal distributions. Estimated with pairs of an
observation and itself ("biased") it is that of the samples themselves, never below 0; without them its mean is right.

>>> import jax, jax.numpy as jnp
>>> x = jax.random.normal(jax.random.key(0), (500, 2))
>>> near, far = energy_distance(x, x[::-1] * 1.01), energy_distance(x, x + 1)
>>> bool(near.value < 0.01), bool(far.value > 0.3), bool(far.standard_error < 0.1)
(True, True, True)
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .. import special
from .._arrays import as_floats

Kernel = Callable[[Array], Array]


class Distance(NamedTuple):
    """An estimate, ``()``.

    Attributes:
        value: the distance.
        standard_error: its spread by chance; no gradient. See the function that gave it for what it takes in.
    """

    value: Array
    standard_error: Array


def rbf(*bandwidths: float) -> Kernel:
    """Gaussian kernel ``exp(-d^2 / (2 h^2))``, averaged over the bandwidths ``h``, as a function of ``d^2``.

    >>> round(float(rbf(1.0)(jnp.float32(2.0))), 4)
    0.3679
    """
    scales = _positive(bandwidths, "rbf")
    return lambda square: sum((jnp.exp(-square / (2 * h**2)) for h in scales), jnp.zeros_like(square)) / len(scales)


def inverse_multiquadric(*scales: float) -> Kernel:
    """``(1 + d^2 / c^2)^(-1/2)``, averaged over the scales ``c``, as a function of ``d^2``: tails that are felt afar.

    >>> float(inverse_multiquadric(1.0)(jnp.float32(3.0)))
    0.5
    """
    scales = _positive(scales, "inverse_multiquadric")
    return lambda square: sum((jax.lax.rsqrt(1 + square / c**2) for c in scales), jnp.zeros_like(square)) / len(scales)


def maximum_mean_discrepancy(
    x: ArrayLike,
    y: ArrayLike,
    *,
    kernel: Kernel | None = None,
    unbiased: bool = True,
    x_weights: ArrayLike | None = None,
    y_weights: ArrayLike | None = None,
) -> Distance:
    """Squared maximum mean discrepancy ``E k(X, X') + E k(Y, Y') - 2 E k(X, Y)``.

    Args:
        x: a sample, ``[n, *event]``.
        y: another, ``[m, *event]``.
        kernel: a positive definite function of squared distances: `rbf`, `inverse_multiquadric`, or yours. By default
            `rbf` with bandwidths 0.5, 1 and 2.
        unbiased: leave out pairs of an observation and itself: right in the mean, and below 0 by chance. Otherwise the
            distance of the two samples as they are.
        x_weights: non-negative, ``[n]``; weight 0 leaves a row out, whatever it holds, so a mask will do.
        y_weights: the same, ``[m]``.

    Returns:
        A `Distance`. Its standard error is of first order in the sampling of both (Hoeffding's projection): right for
        distributions that differ; where they are equal that order vanishes, and it says no more than a magnitude.

    Raises:
        ValueError: shapes that do not fit.

    Source: Gretton et al. (2012), "A kernel two-sample test", lemma 6.

    >>> x = jnp.array([[0.0], [1.0]])
    >>> float(maximum_mean_discrepancy(x, x, unbiased=False).value)
    0.0
    """
    kernel = rbf(0.5, 1.0, 2.0) if kernel is None else kernel
    return _discrepancy(x, y, kernel, unbiased, x_weights, y_weights, "maximum_mean_discrepancy")


def energy_distance(
    x: ArrayLike,
    y: ArrayLike,
    *,
    unbiased: bool = True,
    x_weights: ArrayLike | None = None,
    y_weights: ArrayLike | None = None,
) -> Distance:
    """Energy distance ``2 E|X - Y| - E|X - X'| - E|Y - Y'|`` in the units of the data, with no bandwidth to choose.

    Args:
        x: a sample, ``[n, *event]``.
        y: another, ``[m, *event]``.
        unbiased: see `maximum_mean_discrepancy`.
        x_weights: see `maximum_mean_discrepancy`.
        y_weights: see `maximum_mean_discrepancy`.

    Returns:
        A `Distance`, its standard error as that of `maximum_mean_discrepancy`.

    Raises:
        ValueError: shapes that do not fit.

    Source: Székely and Rizzo (2013), "Energy statistics: a class of statistics based on distances".

    >>> float(energy_distance(jnp.array([0.0, 0.0]), jnp.array([1.0, 1.0])).value)
    2.0
    """
    return _discrepancy(x, y, lambda square: -special.root(square), unbiased, x_weights, y_weights, "energy_distance")


def sliced_wasserstein(
    x: ArrayLike,
    y: ArrayLike,
    *,
    key: Array | None = None,
    directions: ArrayLike | None = None,
    num_directions: int = 64,
    power: int = 2,
) -> Distance:
    """``E_u[W_p(u.X, u.Y)^p]`` over directions ``u`` of the unit sphere: optimal transport of sorted projections.

    Args:
        x: a sample, ``[n, *event]``.
        y: another of as many, ``[n, *event]``.
        key: draws the directions. Give exactly one of ``key`` and ``directions``.
        directions: unit vectors, ``[num_directions, size of an event]``.
        num_directions: how many are drawn.
        power: p, 1 or 2.

    Returns:
        A `Distance`: the ``p``-th power, and the standard error of its mean over directions (not over samples).

    Raises:
        ValueError: shapes that do not fit, another ``power``, or not exactly one source of directions.

    Source: Bonneel et al. (2015), "Sliced and Radon Wasserstein barycenters of measures".

    >>> x = jnp.array([[0.0], [1.0]])
    >>> float(sliced_wasserstein(x, x + 3, directions=jnp.array([[1.0], [-1.0]])).value)
    9.0
    """
    x, y = _rows(x, y, "sliced_wasserstein")
    if x.shape != y.shape:
        raise ValueError(f"sliced_wasserstein: {x.shape[0]} rows of x, {y.shape[0]} of y; want as many of either.")
    if (key is None) == (directions is None):
        raise ValueError("sliced_wasserstein: give exactly one of key and directions.")
    if power not in (1, 2):
        raise ValueError(f"sliced_wasserstein: power={power}; want 1 or 2.")
    if directions is None:
        drawn = jax.random.normal(key, (num_directions, x.shape[1]), x.dtype)  # type: ignore[arg-type]
        units = drawn / jnp.linalg.norm(drawn, axis=-1, keepdims=True)
    else:
        units = jnp.asarray(directions).astype(x.dtype)
    if units.ndim != 2 or units.shape[1] != x.shape[1]:
        raise ValueError(
            f"sliced_wasserstein: directions has shape {units.shape}; want [num_directions, {x.shape[1]}]."
        )
    gaps = jnp.sort(x @ units.T, 0) - jnp.sort(y @ units.T, 0)  # (n, directions)
    each = jnp.abs(gaps).mean(0) if power == 1 else (gaps**2).mean(0)
    count = each.shape[0]
    error = jnp.sqrt(((each - each.mean()) ** 2).sum() / (max(count - 1, 1) * count))
    return Distance(each.mean(), jax.lax.stop_gradient(error))


def _discrepancy(
    x: ArrayLike,
    y: ArrayLike,
    kernel: Kernel,
    unbiased: bool,
    x_weights: ArrayLike | None,
    y_weights: ArrayLike | None,
    name: str,
) -> Distance:
    x, y = _rows(x, y, name)
    (x, p), (y, q) = _weighed(x, x_weights, f"{name}: x"), _weighed(y, y_weights, f"{name}: y")
    xx, yy, xy = (kernel(_squares(a, b)) for a, b in ((x, x), (y, y), (x, y)))
    mean_xx, own_xx = _mean_of_pairs(xx, p, unbiased)
    mean_yy, own_yy = _mean_of_pairs(yy, q, unbiased)
    over_y, over_x = xy @ q, p @ xy  # each x against all y, each y against all x
    value = mean_xx + mean_yy - 2 * (p @ over_y)
    variance = 4 * (_spread(own_xx - over_y, p) + _spread(own_yy - over_x, q))
    return Distance(value, jax.lax.stop_gradient(special.root(variance)))


def _mean_of_pairs(k: Array, p: Array, unbiased: bool) -> tuple[Array, Array]:
    """The mean of a kernel over pairs, and that over the partners of each."""
    if not unbiased:
        partners = k @ p
        return p @ partners, partners
    off = k * (1 - jnp.eye(len(p), dtype=k.dtype))
    partners = off @ p
    return (p @ partners) / (1 - (p**2).sum()), partners / (1 - p)


def _spread(projection: Array, p: Array) -> Array:
    """The variance of the weighted mean of a projection."""
    return (p**2 * (projection - p @ projection) ** 2).sum()


def _rows(x: ArrayLike, y: ArrayLike, name: str) -> tuple[Array, Array]:
    x, y = as_floats(x)[0], as_floats(y)[0]
    if x.ndim == 0 or x.ndim != y.ndim or x.shape[1:] != y.shape[1:]:
        raise ValueError(
            f"{name}: x has shape {x.shape} and y {y.shape}; want [n, *event] and [m, *event] with one event."
        )
    x, y = as_floats(x, y)
    return x.reshape(len(x), -1), y.reshape(len(y), -1)


def _weighed(rows: Array, weights: ArrayLike | None, name: str) -> tuple[Array, Array]:
    """Rows with those of weight 0 filled, and weights that sum to 1."""
    if weights is None:
        return rows, jnp.full(len(rows), 1 / len(rows), rows.dtype)
    if jnp.shape(weights) != (len(rows),):
        raise ValueError(f"{name} has {len(rows)} rows, but its weights have shape {jnp.shape(weights)}.")
    w = jnp.asarray(weights).astype(rows.dtype)
    return jnp.where((w != 0)[:, None], rows, 0), w / w.sum()


def _squares(a: Array, b: Array) -> Array:
    """Squared distances ``[n, m]``, by differences: nothing cancels."""
    return ((a[:, None] - b[None]) ** 2).sum(-1)


def _positive(scales: tuple[float, ...], name: str) -> tuple[float, ...]:
    if not scales or not all(s > 0 for s in scales):
        raise ValueError(f"{name}{scales}: give one or more positive scales, in the units of the data.")
    return scales
