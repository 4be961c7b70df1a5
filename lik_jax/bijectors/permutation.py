"""Another order of the coordinates; volume stays.

>>> import jax.numpy as jnp
>>> from lik_jax import bijectors
>>> y, log_det = bijectors.permutation((2, 0, 1)).forward((), jnp.array([10.0, 20.0, 30.0]))
>>> y.tolist(), float(log_det)
([30.0, 10.0, 20.0], 0.0)
"""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from .. import supports
from .._arrays import as_floats
from .bijector import spelled, vector_length


@dataclass(frozen=True, repr=False)
class permutation:
    """``y[..., i] = x[..., order[i]]``; no params (give ``()``).

    Args:
        order: each of 0, ..., d - 1 once; ``tuple(range(d))[::-1]`` turns vectors round.

    Raises:
        ValueError: a coordinate is missing or named twice.
    """

    order: tuple[int, ...]

    event_ndim = 1
    domain = codomain = supports.real_vector
    increasing = False
    Params = tuple
    param_supports = ()
    raw_size = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "order", tuple(int(i) for i in self.order))
        if not self.order or sorted(self.order) != list(range(len(self.order))):
            raise ValueError(f"{self}: want each of 0 to {len(self.order) - 1} once.")

    def __repr__(self) -> str:
        return spelled(self)

    def forward(self, params: tuple, x: ArrayLike) -> tuple[Array, Array]:
        """The coordinates in ``order``, ``[..., d]``, and 0, ``[...]``."""
        return self._taken(x, np.array(self.order))

    def inverse(self, params: tuple, y: ArrayLike) -> tuple[Array, Array]:
        """The coordinates put back, ``[..., d]``, and 0, ``[...]``."""
        return self._taken(y, np.argsort(self.order))

    def constrain(self, raw: ArrayLike) -> tuple:
        """No params: ``()``."""
        return ()

    def unconstrain(self, params: tuple) -> Array:
        """No raw numbers: ``[0]``."""
        return jnp.zeros(0)

    def _taken(self, x: ArrayLike, order: np.ndarray) -> tuple[Array, Array]:
        (x,) = as_floats(x)
        if vector_length(self, x) != len(self.order):
            raise ValueError(f"{self}: got vectors of shape {x.shape}; want the last axis {len(self.order)} long.")
        return x[..., order], jnp.zeros(x.shape[:-1], x.dtype)
