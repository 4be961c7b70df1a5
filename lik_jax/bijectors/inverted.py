"""A bijector the other way round.

>>> from lik_jax import bijectors
>>> logistic = bijectors.inverted(bijectors.logit())
>>> y, log_det = logistic.forward((), 0.0)
>>> float(y), round(float(log_det), 4)
(0.5, -1.3863)
"""

from dataclasses import dataclass
from typing import Any

from jax import Array
from jax.typing import ArrayLike

from .. import supports
from .bijector import spelled


@dataclass(frozen=True, repr=False)
class inverted:
    """``forward`` is the ``inverse`` of ``bijector``, and ``inverse`` its ``forward``; params are the same.

    Args:
        bijector: any bijector.
    """

    bijector: Any

    def __repr__(self) -> str:
        return spelled(self)

    @property
    def event_ndim(self) -> int:
        """That of ``bijector``."""
        return self.bijector.event_ndim

    @property
    def domain(self) -> supports.Support:
        """The codomain of ``bijector``."""
        return self.bijector.codomain

    @property
    def codomain(self) -> supports.Support:
        """The domain of ``bijector``."""
        return self.bijector.domain

    @property
    def increasing(self) -> bool:
        """As ``bijector`` is."""
        return self.bijector.increasing

    @property
    def Params(self) -> Any:
        """Those of ``bijector``."""
        return self.bijector.Params

    @property
    def param_supports(self) -> Any:
        """Those of ``bijector``."""
        return self.bijector.param_supports

    @property
    def raw_size(self) -> int | None:
        """That of ``bijector``."""
        return self.bijector.raw_size

    def forward(self, params: Any, x: ArrayLike) -> tuple[Array, Array]:
        """``bijector.inverse``."""
        return self.bijector.inverse(params, x)

    def inverse(self, params: Any, y: ArrayLike) -> tuple[Array, Array]:
        """``bijector.forward``."""
        return self.bijector.forward(params, y)

    def constrain(self, raw: ArrayLike) -> Any:
        """``bijector.constrain``."""
        return self.bijector.constrain(raw)

    def unconstrain(self, params: Any) -> Array:
        """``bijector.unconstrain``."""
        return self.bijector.unconstrain(params)
