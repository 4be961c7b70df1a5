"""A linear map of vectors by its LU factors: ``y = L U x``, whose determinant is the product of ``U``'s diagonal.

On the last axis of an image ``[h, w, channels]`` it is a 1 x 1 convolution: `transformed` sums over the pixels.

>>> import jax.numpy as jnp
>>> from lik_jax import bijectors
>>> linear = bijectors.lu_linear(2)
>>> params = linear.Params(lower=jnp.array([[1.0, 0.0], [0.5, 1.0]]), upper=jnp.array([[2.0, 1.0], [0.0, 3.0]]))
>>> y, log_det = linear.forward(params, jnp.array([1.0, 1.0]))
>>> y.tolist(), round(float(log_det), 4)
([3.0, 4.5], 1.7918)

Source: Kingma and Dhariwal (2018), "Glow", section 3.2.
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.lax.linalg import triangular_solve
from jax.typing import ArrayLike

from .. import supports
from .._arrays import as_floats, guard
from .bijector import spelled, vector_length


class Params(NamedTuple):
    """Both ``[..., d, d]``. ``lower``: what is below its diagonal counts, on the diagonal stand ones.

    ``upper``: its diagonal is positive, what is below it does not count.
    """

    lower: ArrayLike
    upper: ArrayLike


def _finite(x: Array) -> Array:
    return jnp.isfinite(x)


def _positive_diagonal(x: Array) -> Array:
    return jnp.isfinite(x).all((-2, -1)) & (jnp.diagonal(x, axis1=-2, axis2=-1) > 0).all(-1)


_matrix = supports.Support("a matrix of finite numbers", _finite, 0.0, event_ndim=2)
_upper = supports.Support("a matrix with a positive diagonal", _positive_diagonal, 1.0, event_ndim=2)


@dataclass(frozen=True, repr=False)
class lu_linear:
    """``y = L U x`` for vectors; NaN where ``U``'s diagonal is not positive.

    Args:
        dims: length of the vectors.

    Raises:
        ValueError: ``dims`` is no whole number above 0.
    """

    dims: int

    event_ndim = 1
    domain = codomain = supports.real_vector
    increasing = False
    Params = Params
    param_supports = Params(_matrix, _upper)  # type: ignore[arg-type]

    def __post_init__(self) -> None:
        if self.dims != int(self.dims) or self.dims < 1:
            raise ValueError(f"{self}: want dims 1 or more.")

    def __repr__(self) -> str:
        return spelled(self)

    @property
    def raw_size(self) -> int:
        """``dims ** 2``."""
        return self.dims**2

    def forward(self, params: Params, x: ArrayLike) -> tuple[Array, Array]:
        """``L U x``, ``[..., dims]``, and ``sum log diag U``, ``[...]``."""
        x, lower, upper, log_det = self._parts(params, x)
        y = jnp.matmul(lower, jnp.matmul(upper, x[..., None], precision="highest"), precision="highest")[..., 0]
        return _with_log_det(y, log_det)

    def inverse(self, params: Params, y: ArrayLike) -> tuple[Array, Array]:
        """``U^-1 L^-1 y`` by two triangular solves, ``[..., dims]``, and ``-sum log diag U``, ``[...]``."""
        y, lower, upper, log_det = self._parts(params, y)
        half = _solve(lower, y, lower=True)
        return _with_log_det(_solve(upper, half, lower=False), -log_det)

    def constrain(self, raw: ArrayLike) -> Params:
        """Map raw ``[..., dims ** 2]``, the matrix ``L - 1 + U`` row by row, to params; 0 is the identity.

        Raises:
            ValueError: another last axis.
        """
        (raw,) = as_floats(raw)
        d = self.dims
        if raw.ndim == 0 or raw.shape[-1] != d**2:
            raise ValueError(
                f"{self}.constrain: raw has shape {raw.shape}; want the last axis {d**2} long, a {d} x {d} matrix."
            )
        both = raw.reshape((*raw.shape[:-1], d, d))
        diagonal = supports.to_positive(jnp.diagonal(both, axis1=-2, axis2=-1))
        eye = jnp.broadcast_to(jnp.eye(d, dtype=raw.dtype), both.shape)
        return Params(jnp.tril(both, -1) + eye, jnp.triu(both, 1) + eye * diagonal[..., None])

    def unconstrain(self, params: Params) -> Array:
        """Inverse of `constrain`."""
        lower, upper = as_floats(*params, ndims=(2, 2))
        diagonal = supports.from_positive(jnp.diagonal(upper, axis1=-2, axis2=-1))
        eye = jnp.broadcast_to(jnp.eye(self.dims, dtype=upper.dtype), upper.shape)
        both = jnp.tril(lower, -1) + jnp.triu(upper, 1) + eye * diagonal[..., None]
        return both.reshape((*both.shape[:-2], -1))

    def _parts(self, params: Params, x: ArrayLike) -> tuple[Array, Array, Array, Array]:
        """``x``, ``L``, ``U`` and ``log det``, example axes lined up."""
        for name, matrix in zip(Params._fields, params, strict=True):
            if jnp.shape(matrix)[-2:] != (self.dims, self.dims):
                raise ValueError(
                    f"{self}: params.{name} has shape {jnp.shape(matrix)}; only a square matrix has an inverse and a "
                    f"determinant: want [..., {self.dims}, {self.dims}]."
                )
        x, lower, upper = as_floats(x, *params, ndims=(1, 2, 2))
        if vector_length(self, x) != self.dims:
            raise ValueError(f"{self}: got vectors of shape {x.shape}; want the last axis {self.dims} long.")
        diagonal = jnp.diagonal(upper, axis1=-2, axis2=-1)
        valid = jnp.isfinite(lower).all((-2, -1)) & _positive_diagonal(upper)
        log_det = guard(jnp.log(diagonal).sum(-1), valid=valid)
        eye = jnp.eye(self.dims, dtype=lower.dtype)
        return x, jnp.tril(lower, -1) + jnp.broadcast_to(eye, lower.shape), jnp.triu(upper), log_det


def _with_log_det(x: Array, log_det: Array) -> tuple[Array, Array]:
    log_det = jnp.broadcast_to(log_det, x.shape[:-1])
    return jnp.where(jnp.isnan(log_det)[..., None], jnp.nan, x), log_det


def _solve(matrix: Array, x: Array, lower: bool) -> Array:
    """``matrix^-1 x``; where all vectors share the matrix they are solved for together."""
    if matrix.size == matrix.shape[-1] ** 2:
        square, rows = matrix.reshape(matrix.shape[-2:]), x.reshape((-1, x.shape[-1]))
        return triangular_solve(square, rows, left_side=False, lower=lower, transpose_a=True).reshape(x.shape)
    lead = jnp.broadcast_shapes(matrix.shape[:-2], x.shape[:-1])
    matrix = jnp.broadcast_to(matrix, (*lead, *matrix.shape[-2:]))
    column = jnp.broadcast_to(x, (*lead, x.shape[-1]))[..., None]
    return triangular_solve(matrix, column, left_side=True, lower=lower)[..., 0]
