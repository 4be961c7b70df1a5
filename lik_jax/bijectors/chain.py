"""One bijector after another.

>>> import jax.numpy as jnp
>>> from lik_jax import bijectors
>>> both = bijectors.chain([bijectors.scaling(2.0), bijectors.permutation((1, 0))])
>>> y, log_det = both.forward(((), ()), jnp.array([1.0, 3.0]))
>>> y.tolist(), round(float(log_det), 4)
([6.0, 2.0], 1.3863)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .. import supports
from .._arrays import as_floats
from .bijector import lifted, over_event, spelled


@dataclass(frozen=True, repr=False)
class chain:
    """``forward`` applies the first bijector first; params are a tuple, those of each.

    A bijector of numbers among those of vectors maps every coordinate, and its log-determinant is summed over them.

    Args:
        bijectors: one or more.

    Raises:
        ValueError: none at all.
    """

    bijectors: Sequence[Any]

    Params = tuple

    def __post_init__(self) -> None:
        object.__setattr__(self, "bijectors", tuple(self.bijectors))
        if not self.bijectors:
            raise ValueError("chain: want at least one bijector.")

    def __repr__(self) -> str:
        return spelled(self)

    @property
    def event_ndim(self) -> int:
        """The largest among them."""
        return max(bijector.event_ndim for bijector in self.bijectors)

    @property
    def domain(self) -> supports.Support:
        """That of the first."""
        return self._lifted(self.bijectors[0], self.bijectors[0].domain)

    @property
    def codomain(self) -> supports.Support:
        """That of the last."""
        return self._lifted(self.bijectors[-1], self.bijectors[-1].codomain)

    @property
    def increasing(self) -> bool:
        """True if each is."""
        return all(bijector.increasing for bijector in self.bijectors)

    @property
    def param_supports(self) -> Any:
        """A tuple: those of each, with the axes of the chain's event."""
        return tuple(self._lifted(bijector, bijector.param_supports) for bijector in self.bijectors)

    @property
    def raw_size(self) -> int | None:
        """The sum over all of them, where each has one and all map events of one rank."""
        sizes = [bijector.raw_size for bijector in self.bijectors]
        mixed = any(bijector.event_ndim != self.event_ndim and bijector.raw_size for bijector in self.bijectors)
        return None if None in sizes or mixed else sum(sizes)

    def forward(self, params: Any, x: ArrayLike) -> tuple[Array, Array]:
        """``y`` ``[..., *event]`` and the sum of their log-determinants ``[...]``."""
        return self._through("forward", list(zip(self.bijectors, self._each(params), strict=True)), x)

    def inverse(self, params: Any, y: ArrayLike) -> tuple[Array, Array]:
        """``x`` ``[..., *event]`` and the sum of their log-determinants ``[...]``."""
        return self._through("inverse", list(zip(self.bijectors, self._each(params), strict=True))[::-1], y)

    def constrain(self, raw: ArrayLike) -> tuple:
        """Map raw ``[..., raw_size]``, that of the first bijector first, to params.

        Raises:
            ValueError: another last axis, or no fixed `raw_size`.
        """
        size = self._known_size("constrain")
        (raw,) = as_floats(raw)
        if raw.ndim == 0 or raw.shape[-1] != size:
            raise ValueError(f"{self}.constrain: raw has shape {raw.shape}; want the last axis {size} long.")
        params, start = [], 0
        for bijector in self.bijectors:
            params.append(bijector.constrain(raw[..., start : start + bijector.raw_size]))
            start += bijector.raw_size
        return tuple(params)

    def unconstrain(self, params: Any) -> Array:
        """Inverse of `constrain`."""
        self._known_size("unconstrain")
        pairs = zip(self.bijectors, self._each(params), strict=True)
        parts = [bijector.unconstrain(own) for bijector, own in pairs if bijector.raw_size]
        if not parts:
            return jnp.zeros(0)
        lead = jnp.broadcast_shapes(*(part.shape[:-1] for part in parts))
        return jnp.concatenate([jnp.broadcast_to(part, (*lead, part.shape[-1])) for part in parts], -1)

    def _through(self, direction: str, pairs: list[tuple[Any, Any]], value: ArrayLike) -> tuple[Array, Array]:
        total: Any = None
        for bijector, own in pairs:
            value, log_det = getattr(bijector, direction)(own, value)
            log_det = over_event(log_det, self.event_ndim - bijector.event_ndim)
            total = log_det if total is None else jnp.add(*as_floats(total, log_det))
        return jnp.asarray(value), total

    def _each(self, params: Any) -> Any:
        if not isinstance(params, (tuple, list)) or len(params) != len(self.bijectors):
            got = len(params) if isinstance(params, (tuple, list)) else type(params).__name__
            raise ValueError(
                f"chain of {len(self.bijectors)} bijectors: params is {got}; want a tuple of {len(self.bijectors)}, "
                f"one for each bijector, () where it has none."
            )
        return params

    def _known_size(self, asker: str) -> int:
        if self.raw_size is None:
            raise ValueError(
                f"{self}.{asker}: not every bijector in it takes a fixed count of raw numbers of the same event; "
                f"constrain each by itself and give the params as a tuple."
            )
        return self.raw_size

    def _lifted(self, bijector: Any, of: Any) -> Any:
        return lifted(of, self.event_ndim - bijector.event_ndim)
