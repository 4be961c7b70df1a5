"""Shift and scale of each coordinate, started from data: normalisation that does not look at the batch.

>>> import jax.numpy as jnp
>>> from lik_jax import bijectors
>>> y = jnp.array([[1.0, 10.0], [3.0, 30.0]])
>>> x, _ = bijectors.actnorm(2).inverse(bijectors.actnorm(2).init(y), y)
>>> x.tolist()
[[-1.0, -1.0], [1.0, 1.0]]

Source: Kingma and Dhariwal (2018), "Glow", section 3.1.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .. import supports
from .._arrays import as_floats, moments
from .affine import Params, affine
from .bijector import lifted, over_event, spelled, vector_length

_ELEMENT = affine()


@dataclass(frozen=True, repr=False)
class actnorm:
    """``y = shift + scale * x`` for vectors, coordinate by coordinate; NaN where a ``scale`` is not positive.

    Args:
        dims: coordinates.

    Raises:
        ValueError: ``dims`` is no whole number above 0.
    """

    dims: int

    event_ndim = 1
    domain = codomain = supports.real_vector
    increasing = False
    Params = Params
    param_supports = lifted(_ELEMENT.param_supports, 1)

    def __post_init__(self) -> None:
        if self.dims != int(self.dims) or self.dims < 1:
            raise ValueError(f"{self}: want dims 1 or more.")

    def __repr__(self) -> str:
        return spelled(self)

    @property
    def raw_size(self) -> int:
        """``2 dims``."""
        return 2 * self.dims

    def forward(self, params: Params, x: ArrayLike) -> tuple[Array, Array]:
        """``shift + scale x``, ``[..., dims]``, and the sum of ``log scale``, ``[...]``."""
        y, log_det = _ELEMENT.forward(params, self._checked(x))
        return y, over_event(log_det, 1)

    def inverse(self, params: Params, y: ArrayLike) -> tuple[Array, Array]:
        """``(y - shift) / scale``, ``[..., dims]``, and minus the sum of ``log scale``, ``[...]``."""
        x, log_det = _ELEMENT.inverse(params, self._checked(y))
        return x, over_event(log_det, 1)

    def constrain(self, raw: ArrayLike) -> Params:
        """Map raw ``[..., 2 dims]``, shifts then scales, to params; 0 is the identity.

        Raises:
            ValueError: another last axis.
        """
        (raw,) = as_floats(raw)
        if raw.ndim == 0 or raw.shape[-1] != self.raw_size:
            raise ValueError(f"{self}.constrain: raw has shape {raw.shape}; want the last axis {self.raw_size} long.")
        return Params(raw[..., : self.dims], supports.to_positive(raw[..., self.dims :]))

    def unconstrain(self, params: Params) -> Array:
        """Inverse of `constrain`."""
        shift, scale = jnp.broadcast_arrays(*as_floats(*params))
        return jnp.concatenate([shift, supports.from_positive(scale)], -1)

    def init(self, y: ArrayLike, weights: ArrayLike | None = None) -> Params:
        """Params under which ``inverse(params, y)`` has mean 0 and variance 1 in every coordinate.

        Args:
            y: data, ``[*examples, dims]``; a coordinate that never varies keeps its scale.
            weights: non-negative, ``[*examples]``.
        """
        mean, variance = jax.vmap(moments, in_axes=(-1, None))(self._checked(y), weights)
        varies = variance > 0
        return Params(mean, jnp.where(varies, jnp.sqrt(jnp.where(varies, variance, 1.0)), 1.0))

    def _checked(self, x: ArrayLike) -> Array:
        (x,) = as_floats(x)
        if vector_length(self, x) != self.dims:
            raise ValueError(f"{self}: got vectors of shape {x.shape}; want the last axis {self.dims} long.")
        return x
