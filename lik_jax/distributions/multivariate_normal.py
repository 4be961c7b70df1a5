"""Multivariate normal distribution.

``y`` and ``loc`` are vectors ``[..., d]``, ``scale_tril`` ``[..., d, d]`` is the lower Cholesky factor ``L`` of the
covariance, with a positive diagonal; anything but 0 above it is NaN (a covariance is for `from_covariance`).
With ``z = L^-1 (y - loc)``
``log p(y) = -z.z / 2 - sum log diag L - d log(2 pi) / 2``.
A ``y`` with an infinite coordinate has density 0 (log_prob -inf).

>>> import jax.numpy as jnp
>>> from lik_jax import multivariate_normal
>>> params = multivariate_normal.Params(loc=jnp.zeros(2), scale_tril=jnp.eye(2))
>>> round(float(multivariate_normal.log_prob(params, jnp.array([0.3, 0.1]))), 4)
-1.8879

Source: Bishop (2006), Pattern Recognition and Machine Learning, section 2.3.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .. import special, supports
from .._arrays import as_floats, guard

event_ndim = 1
support = supports.real_vector


class Params(NamedTuple):
    """``loc``: mean, ``[..., d]``. ``scale_tril``: Cholesky factor of the covariance, ``[..., d, d]``."""

    loc: ArrayLike
    scale_tril: ArrayLike


param_supports = Params(supports.real_vector, supports.lower_cholesky)  # type: ignore[arg-type]

_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


def from_covariance(loc: ArrayLike, covariance: ArrayLike) -> Params:
    """Params from a mean ``[..., d]`` and a positive definite covariance ``[..., d, d]``; NaN where it is not."""
    loc, covariance = as_floats(loc, covariance, ndims=(1, 2))
    return Params(loc, jnp.linalg.cholesky(covariance))


def from_precision(loc: ArrayLike, precision: ArrayLike) -> Params:
    """Params from a mean ``[..., d]`` and a positive definite precision (inverse covariance) ``[..., d, d]``."""
    loc, precision = as_floats(loc, precision, ndims=(1, 2))
    # precision = U U^T with U upper triangular, so that covariance = L L^T with L the inverse of U^T: lower
    upper = jnp.linalg.cholesky(precision[..., ::-1, ::-1])[..., ::-1, ::-1]
    return Params(loc, _inverse(jnp.swapaxes(upper, -1, -2)))


def from_precision_tril(loc: ArrayLike, precision_tril: ArrayLike) -> Params:
    """Params from a mean ``[..., d]`` and the lower Cholesky factor of the precision ``[..., d, d]``."""
    loc, tril = as_floats(loc, precision_tril, ndims=(1, 2))
    return Params(loc, _lower_factor(_inverse(jnp.tril(tril))))


def _inverse(tril: Array) -> Array:
    return jax.lax.linalg.triangular_solve(
        tril, jnp.broadcast_to(jnp.eye(tril.shape[-1], dtype=tril.dtype), tril.shape), left_side=True, lower=True
    )


def _lower_factor(x: Array) -> Array:
    """The lower triangular ``L`` with positive diagonal and ``L L^T = x^T x``, without squaring ``x``."""
    r = jnp.linalg.qr(x)[1]
    sign = jnp.where(jnp.diagonal(r, axis1=-2, axis2=-1) < 0, -1, 1).astype(r.dtype)
    return jnp.swapaxes(r * sign[..., None], -1, -2)


def _solve(tril: Array, x: Array) -> Array:
    """``tril^-1 x`` for ``[..., d, d]`` and ``[..., d]``: vectors that share a matrix are solved for together."""
    own = [i for i, n in enumerate(tril.shape[:-2]) if n != 1]
    shared = [i for i, n in enumerate(tril.shape[:-2]) if n == 1]
    x = jnp.broadcast_to(x, tuple(tril.shape[i] if i in own else n for i, n in enumerate(x.shape[:-1])) + x.shape[-1:])
    order = (*own, x.ndim - 1, *shared)
    turned = jnp.transpose(x, order)
    own_shape = tuple(tril.shape[i] for i in own)
    d = tril.shape[-1]
    solved = jax.lax.linalg.triangular_solve(
        tril.reshape((*own_shape, d, d)), turned.reshape((*own_shape, d, -1)), left_side=True, lower=True
    )
    back = sorted(range(x.ndim), key=lambda i: order[i])
    return jnp.transpose(solved.reshape(turned.shape), back)


def _valid(loc: Array, tril: Array) -> Array:
    return jnp.isfinite(loc).all(-1) & supports.lower_cholesky.contains(tril)


def _log_diagonal(tril: Array) -> Array:
    return jnp.log(jnp.diagonal(tril, axis1=-2, axis2=-1)).sum(-1)


def log_prob(params: Params, y: ArrayLike) -> Array:
    """Log-density in nats.

    Args:
        params: ``loc``, ``[..., d]``, and ``scale_tril``, ``[..., d, d]``.
        y: real, ``[..., d]``.

    Returns:
        ``[...]``; -inf where a coordinate of ``y`` is infinite, NaN where ``scale_tril`` has no positive diagonal.
    """
    y, loc, tril = as_floats(y, *params, ndims=(1, 1, 2))
    tril = jnp.tril(tril)
    outside = jnp.isinf(y).any(-1) & ~jnp.isnan(y).any(-1)
    z = _solve(tril, jnp.where(outside[..., None], 0.0, y) - loc)
    log_density = -0.5 * (z**2).sum(-1) - _log_diagonal(tril) - z.shape[-1] * _HALF_LOG_2PI
    return guard(log_density, outside=outside, valid=_valid(loc, tril))


def sample(params: Params, key: Array, shape: tuple[int, ...] = ()) -> Array:
    """Draw ``[*shape, ..., d]``; gradients flow to the params (reparametrised)."""
    loc, tril = as_floats(*params, ndims=(1, 2))
    batch = jnp.broadcast_shapes(loc.shape[:-1], tril.shape[:-2])
    noise = jax.random.normal(key, (*shape, *batch, loc.shape[-1]), loc.dtype)
    front = (1,) * len(shape)
    tril = jnp.tril(tril).reshape(front + tril.shape)
    return loc.reshape(front + loc.shape) + jnp.matmul(tril, noise[..., None], precision="highest")[..., 0]


def mean(params: Params) -> Array:
    """``loc``, ``[..., d]``."""
    loc, tril = as_floats(*params, ndims=(1, 2))
    return guard(loc, valid=_valid(loc, tril)[..., None])


def variance(params: Params) -> Array:
    """The variance of each coordinate, ``[..., d]``: the diagonal of `covariance`."""
    loc, tril = as_floats(*params, ndims=(1, 2))
    return guard((jnp.tril(tril) ** 2).sum(-1), valid=_valid(loc, tril)[..., None])


def covariance(params: Params) -> Array:
    """``scale_tril scale_tril^T``, ``[..., d, d]``."""
    loc, tril = as_floats(*params, ndims=(1, 2))
    lower = jnp.tril(tril)
    value = jnp.matmul(lower, jnp.swapaxes(lower, -1, -2), precision="highest")
    return guard(value, valid=_valid(loc, tril)[..., None, None])


def mode(params: Params) -> Array:
    """``loc``, ``[..., d]``."""
    return mean(params)


def entropy(params: Params) -> Array:
    """Differential entropy in nats, ``[...]``."""
    loc, tril = as_floats(*params, ndims=(1, 2))
    value = _log_diagonal(tril) + loc.shape[-1] * (0.5 + _HALF_LOG_2PI)
    return guard(value, valid=_valid(loc, tril))


def kl_divergence(p: Params, q: Params) -> Array:
    """``KL(p || q)`` in nats, ``[...]``."""
    p_loc, p_tril, q_loc, q_tril = as_floats(*p, *q, ndims=(1, 2, 1, 2))
    p_tril, q_tril = jnp.tril(p_tril), jnp.tril(q_tril)
    z = _solve(q_tril, p_loc - q_loc)
    # the columns of q_tril^-1 p_tril, without its diagonal: that is the ratio of the diagonals
    columns = _solve(q_tril[..., None, :, :], jnp.swapaxes(p_tril, -1, -2))
    d = columns.shape[-1]
    beside = jnp.where(jnp.eye(d, dtype=bool).reshape((1,) * (columns.ndim - 2) + (d, d)), 0.0, columns)
    a, b = (jnp.diagonal(x, axis1=-2, axis2=-1) for x in (p_tril, q_tril))
    # one of normal distributions in each direction: no term is below 0
    spread = (0.5 * (special.ratio(a, b) - 1) ** 2 + special.itakura_saito(a, b)).sum(-1)
    value = 0.5 * (z**2).sum(-1) + 0.5 * (beside**2).sum((-2, -1)) + spread
    return guard(value, valid=_valid(p_loc, p_tril) & _valid(q_loc, q_tril))


def constrain(raw: ArrayLike) -> Params:
    """Map raw ``[..., d + d (d + 1) / 2]`` (loc, then the lower triangle by rows, its diagonal by
    `supports.to_positive`) to params.

    Raises:
        ValueError: the last axis has no such length.
    """
    (array,) = as_floats(raw)
    d = supports.tril_size(array.shape[-1]) if array.ndim else 0
    if not d:
        raise ValueError(
            f"multivariate_normal.constrain: raw has shape {array.shape}; its last axis must have length "
            f"d + d (d + 1) / 2 for vectors of d numbers: 2, 5, 9, 14, ... for d = 1, 2, 3, 4, ..."
        )
    return Params(array[..., :d], supports.to_tril(array[..., d:], d))


def unconstrain(params: Params) -> Array:
    """Inverse of `constrain`: params to raw ``[..., d + d (d + 1) / 2]``."""
    loc, tril = as_floats(*params, ndims=(1, 2))
    raw = supports.from_tril(tril)
    batch = jnp.broadcast_shapes(loc.shape[:-1], raw.shape[:-1])
    return jnp.concatenate([jnp.broadcast_to(x, (*batch, x.shape[-1])) for x in (loc, raw)], -1)


raw_size = None


def init(y: ArrayLike, weights: ArrayLike | None = None) -> Params:
    """Starting params from data ``[..., d]``: the mean, and the standard deviations on the diagonal."""
    loc, centred = _centred(y, weights)
    return Params(loc, jnp.diag(jnp.sqrt((centred**2).sum(0))))


def mle(y: ArrayLike, weights: ArrayLike | None = None) -> Params:
    """Maximum likelihood: the mean and the factor of the (population) covariance over every example axis of ``y``.

    Args:
        y: observations, ``[..., d]``, more than d of them that span all directions.
        weights: non-negative, one an observation, broadcastable to ``[...]``.
    """
    loc, centred = _centred(y, weights)
    n, d = centred.shape
    return Params(loc, _lower_factor(jnp.pad(centred, ((0, max(0, d - n)), (0, 0)))))


def _centred(y: ArrayLike, weights: ArrayLike | None) -> tuple[Array, Array]:
    """The mean ``[d]``, and each observation less it, times the root of its share of the weight, ``[n, d]``."""
    (y,) = as_floats(y)
    one = y[..., 0]
    w = jnp.ones_like(one) if weights is None else jnp.broadcast_to(as_floats(one, weights)[1], one.shape)
    share = (w / w.sum()).reshape(-1, 1)
    y = y.reshape(-1, y.shape[-1])
    loc = (share * y).sum(0)
    return loc, jnp.sqrt(share) * (y - loc[None])
