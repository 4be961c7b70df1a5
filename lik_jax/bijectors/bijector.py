"""The contract of a bijector: an invertible, differentiable map and the logarithm of how it stretches volume.

A bijector is a frozen dataclass with static fields only: it holds no parameters, equal constructions are equal and hash
alike, so it is one static argument of ``jit``. Its methods are pure functions of params. Seen from a flow,
``y = forward(x)`` with ``x`` from the base: `forward` draws, `inverse` scores.

Both directions return the log-determinant of the direction named, ``log |det d output / d input|``, one number an
event, so ``forward``'s at ``x`` is minus ``inverse``'s at ``forward(x)``.
"""

from typing import Any, Protocol, runtime_checkable

import jax
from jax import Array
from jax.typing import ArrayLike

from ..supports import Support, stacked


@runtime_checkable
class Bijector(Protocol):
    """What every bijector offers.

    Attributes:
        event_ndim: rank of what is mapped as one: 0 for a map of numbers, 1 of vectors.
        domain: where ``x`` may lie.
        codomain: where ``y`` may lie.
        increasing: True for an increasing map of numbers: what a cdf can be carried through.
        Params: the type of its parameters, a pytree; None where any pytree goes (a network's weights).
        param_supports: where each parameter may lie, in the shape of the params; `supports.shared` stands for a whole
            pytree of weights.
        raw_size: how many raw numbers one set of parameters takes; None where they are no numbers of a fixed count.
    """

    @property
    def event_ndim(self) -> int: ...
    @property
    def domain(self) -> Support: ...
    @property
    def codomain(self) -> Support: ...
    @property
    def increasing(self) -> bool: ...
    @property
    def Params(self) -> Any: ...
    @property
    def param_supports(self) -> Any: ...
    @property
    def raw_size(self) -> int | None: ...

    def forward(self, params: Any, x: ArrayLike) -> tuple[Array, Array]:
        """``y`` ``[..., *event]`` and ``log |det dy/dx|`` ``[...]``."""
        ...

    def inverse(self, params: Any, y: ArrayLike) -> tuple[Array, Array]:
        """``x`` ``[..., *event]`` and ``log |det dx/dy|`` ``[...]``."""
        ...


def spelled(bijector: Any) -> str:
    """The expression that makes it, for messages and `repr`: ``bijectors.permutation(order=(1, 0))``."""
    fields = [f"{name}={_short(getattr(bijector, name))}" for name in bijector.__dataclass_fields__]
    return f"bijectors.{type(bijector).__name__}({', '.join(fields)})"


def _short(value: Any) -> str:
    return getattr(value, "__qualname__", None) or repr(value)


def over_event(log_det: Array, ndims: int) -> Array:
    """``log_det`` summed over its last ``ndims`` axes: that of an array whose elements are mapped each on its own."""
    return log_det.sum(tuple(range(log_det.ndim - ndims, log_det.ndim))) if ndims else log_det


def lifted(supports: Any, ndims: int) -> Any:
    """``param_supports`` of a bijector that maps each element of an array of ``ndims`` more axes."""
    return jax.tree.map(lambda support: stacked(support, ndims), supports)


def vector_length(bijector: Any, x: Array) -> int:
    """The length of the last axis.

    Raises:
        ValueError: ``x`` has no axis.
    """
    if x.ndim == 0:
        raise ValueError(f"{bijector!r} maps vectors, but x is a number; want [..., d].")
    return x.shape[-1]
