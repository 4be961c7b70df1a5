"""Shift and scale of numbers: ``y = shift + scale x``.

>>> import jax.numpy as jnp
>>> from lik_jax import bijectors
>>> params = bijectors.affine.Params(shift=0.3, scale=jnp.exp(-0.7))
>>> x, log_det = bijectors.affine().inverse(params, 1.1)
>>> round(float(x), 4), round(float(log_det), 4)
(1.611, 0.7)
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .. import supports
from .._arrays import as_floats, moments, nan_unless_finite, split_raw
from .bijector import spelled


class Params(NamedTuple):
    """``shift``: real, ``[...]``. ``scale``: positive, ``[...]``."""

    shift: ArrayLike
    scale: ArrayLike


@dataclass(frozen=True, repr=False)
class affine:
    """``y = shift + scale x``, each number on its own; NaN where ``scale`` is not positive."""

    event_ndim = 0
    domain = codomain = supports.real
    increasing = True
    Params = Params
    param_supports = Params(supports.real, supports.positive)  # type: ignore[arg-type]
    raw_size = 2

    def __repr__(self) -> str:
        return spelled(self)

    def forward(self, params: Params, x: ArrayLike) -> tuple[Array, Array]:
        """``shift + scale x`` and ``log scale``, both ``[...]``."""
        x, shift, scale = as_floats(x, *params)
        log_scale = _log(shift, scale)
        y = shift + scale * x + 0 * log_scale
        return y, jnp.broadcast_to(log_scale, y.shape)

    def inverse(self, params: Params, y: ArrayLike) -> tuple[Array, Array]:
        """``(y - shift) / scale`` and ``-log scale``, both ``[...]``."""
        y, shift, scale = as_floats(y, *params)
        log_scale = _log(shift, scale)
        x = (y - shift) / scale + 0 * log_scale
        return x, jnp.broadcast_to(-log_scale, x.shape)

    def constrain(self, raw: ArrayLike) -> Params:
        """Map raw ``[..., 2]`` to params ``[...]``; 0 is the identity."""
        shift, scale = split_raw(raw, 2, "affine")
        return Params(shift, supports.to_positive(scale))

    def unconstrain(self, params: Params) -> Array:
        """Inverse of `constrain`."""
        shift, scale = jnp.broadcast_arrays(*as_floats(*params))
        return jnp.stack([shift, supports.from_positive(scale)], -1)

    def init(self, y: ArrayLike, weights: ArrayLike | None = None) -> Params:
        """Params under which ``inverse(params, y)`` has mean 0 and variance 1 over every axis, weighted or not."""
        mean, variance = moments(y, weights)
        return Params(mean, jnp.sqrt(variance))


def _log(shift: Array, scale: Array) -> Array:
    """``log scale``, NaN where a param is not legal: by arithmetic alone, for couplings do little else."""
    log_scale = jnp.log(scale)
    return log_scale + nan_unless_finite(shift, log_scale)
