"""Fixed units: ``y = shift + scale x`` with numbers known before tracing, such as pixels from [0, 256) to [0, 1).

Its log-determinant is what keeps a likelihood comparable when data are rescaled.

>>> from lik_jax import bijectors
>>> y, log_det = bijectors.scaling(1 / 256).forward((), 128.0)
>>> float(y), round(float(log_det), 4)
(0.5, -5.5452)
"""

import math
from dataclasses import dataclass

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .. import supports
from .._arrays import as_floats
from .bijector import spelled


@dataclass(frozen=True, repr=False)
class scaling:
    """``y = shift + scale x``, each number on its own; no params (give ``()``).

    Args:
        scale: a positive number.
        shift: a number.

    Raises:
        ValueError: ``scale`` is not positive, or one of them is not finite.
    """

    scale: float
    shift: float = 0.0

    event_ndim = 0
    domain = codomain = supports.real
    increasing = True
    Params = tuple
    param_supports = ()
    raw_size = 0

    def __post_init__(self) -> None:
        for name in ("scale", "shift"):
            object.__setattr__(self, name, float(getattr(self, name)))
        if not (math.isfinite(self.scale) and self.scale > 0 and math.isfinite(self.shift)):
            raise ValueError(f"{self}: want a finite scale above 0 and a finite shift.")

    def __repr__(self) -> str:
        return spelled(self)

    def forward(self, params: tuple, x: ArrayLike) -> tuple[Array, Array]:
        """``shift + scale x`` and ``log scale``, both ``[...]``."""
        (x,) = as_floats(x)
        return self.shift + self.scale * x, jnp.full_like(x, math.log(self.scale))

    def inverse(self, params: tuple, y: ArrayLike) -> tuple[Array, Array]:
        """``(y - shift) / scale`` and ``-log scale``, both ``[...]``."""
        (y,) = as_floats(y)
        return (y - self.shift) / self.scale, jnp.full_like(y, -math.log(self.scale))

    def constrain(self, raw: ArrayLike) -> tuple:
        """No params: ``()``."""
        return ()

    def unconstrain(self, params: tuple) -> Array:
        """No raw numbers: ``[0]``."""
        return jnp.zeros(0)
