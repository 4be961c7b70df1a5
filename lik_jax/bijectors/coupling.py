"""Coupling: some coordinates pass unchanged and tell, through a network, how the others are mapped.

The Jacobian is triangular, so both directions cost one call of the network. The params are the network's, any pytree;
the network is any function ``conditioner(params, kept)`` from the coordinates that pass, ``[..., k]``, to raw numbers
of the others, ``[..., d - k, r]`` or flat ``[..., (d - k) r]``, with ``r`` the inner bijector's ``raw_size``.

>>> import jax.numpy as jnp
>>> from lik_jax import bijectors
>>> def conditioner(params, kept):
...     return kept @ params  # [..., 1] @ [1, 2]: shift and raw scale
>>> layer = bijectors.coupling(conditioner)
>>> y, log_det = layer.forward(jnp.array([[2.0, 0.0]]), jnp.array([3.0, 1.0]))
>>> y.tolist(), float(log_det)
([3.0, 7.0], 0.0)

Source: Dinh, Sohl-Dickstein and Bengio (2017), "Density estimation using Real NVP", for the affine kind; Durkan et al.
(2019), "Neural spline flows".
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .. import supports
from .._arrays import as_floats
from .affine import affine
from .bijector import over_event, spelled, vector_length

Conditioner = Callable[[Any, Array], Array]


@dataclass(frozen=True, repr=False)
class coupling:
    """Map some coordinates of a vector by what a network makes of the others.

    Args:
        conditioner: ``conditioner(params, kept)``, any pure function of the bijector's params, which are the network's,
            and of the coordinates that pass, ``[..., kept]``, to raw numbers of the others: ``[..., d - kept, r]`` or
            ``[..., (d - kept) r]``, with ``r`` the inner bijector's ``raw_size``. The same function is the same
            bijector.
        bijector: of numbers, with ``constrain`` and a ``raw_size``: `affine` is RealNVP's, or a spline.
        kept: how many coordinates pass unchanged; half of them by default.
        flip: the last ``kept`` pass, not the first.

    Raises:
        ValueError: the inner bijector maps vectors, or has no raw numbers.

    >>> import jax.numpy as jnp
    >>> layer = coupling(lambda w, kept: kept @ w, kept=1)  # of 3 coordinates, 2 are mapped: 4 raw numbers
    >>> y, log_det = layer.forward(jnp.zeros((1, 4)), jnp.array([1.0, 2.0, 3.0]))
    >>> y.tolist(), float(log_det)
    ([1.0, 2.0, 3.0], 0.0)
    """

    conditioner: Conditioner
    bijector: Any = field(default_factory=affine)
    kept: int | None = None
    flip: bool = False

    event_ndim = 1
    domain = codomain = supports.real_vector
    increasing = False
    Params = None
    param_supports = supports.shared
    raw_size = None

    def __post_init__(self) -> None:
        check_inner(self, self.bijector)

    def __repr__(self) -> str:
        return spelled(self)

    def forward(self, params: Any, x: ArrayLike) -> tuple[Array, Array]:
        """``y`` ``[..., d]`` and its log-determinant ``[...]``."""
        return self._mapped(params, x, self.bijector.forward)

    def inverse(self, params: Any, y: ArrayLike) -> tuple[Array, Array]:
        """``x`` ``[..., d]`` and its log-determinant ``[...]``."""
        return self._mapped(params, y, self.bijector.inverse)

    def _mapped(self, params: Any, x: ArrayLike, direction: Any) -> tuple[Array, Array]:
        (x,) = as_floats(x)
        d = vector_length(self, x)
        kept = self._kept(d)
        passed, moved = (x[..., d - kept :], x[..., : d - kept]) if self.flip else (x[..., :kept], x[..., kept:])
        inner = inner_params(self, self.bijector, self.conditioner(params, passed), moved)
        moved, log_det = direction(inner, moved)
        passed = jnp.broadcast_to(passed, (*moved.shape[:-1], kept))
        return jnp.concatenate([moved, passed] if self.flip else [passed, moved], -1), over_event(log_det, 1)

    def _kept(self, d: int) -> int:
        if self.kept is None and d % 2:
            raise ValueError(f"{self}: {d} coordinates have no half; say how many pass unchanged, kept={d // 2}.")
        kept = d // 2 if self.kept is None else self.kept
        if not 0 < kept < d:
            raise ValueError(f"{self}: of {d} coordinates {kept} would pass; want at least 1 that passes and 1 mapped.")
        return kept


def check_inner(asker: Any, bijector: Any) -> None:
    """Raise unless ``bijector`` maps numbers and takes raw ones."""
    if getattr(bijector, "event_ndim", None) != 0 or not getattr(bijector, "raw_size", None):
        raise ValueError(
            f"{type(asker).__name__}: the inner bijector is {bijector!r}; want one of numbers (event_ndim 0) with a "
            f"raw_size above 0, such as affine() or rational_quadratic_spline()."
        )


def inner_params(asker: Any, bijector: Any, raw: ArrayLike, like: Array) -> Any:
    """The inner bijector's params for each number of ``like`` ``[..., m]`` from what a conditioner gave.

    Raises:
        ValueError: neither ``[..., m, r]`` nor ``[..., m r]``.
    """
    (raw,) = as_floats(raw)
    m, r = like.shape[-1], bijector.raw_size
    flat = raw.ndim == like.ndim and raw.shape[-1] == m * r
    if flat:
        raw = raw.reshape((*raw.shape[:-1], m, r))
    elif raw.ndim != like.ndim + 1 or raw.shape[-2:] != (m, r):
        raise ValueError(
            f"{type(asker).__name__}: the conditioner gave the shape {raw.shape} for {m} coordinates of shape "
            f"{like.shape}; want [..., {m}, {r}] or [..., {m * r}]: {r} raw numbers each for {bijector!r}."
        )
    return bijector.constrain(raw)
