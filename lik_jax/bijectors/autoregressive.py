"""Autoregressive flows: each coordinate is mapped by what a network makes of those before it.

The params are the network's, any pytree; the network is any function ``conditioner(params, v)`` from vectors
``[..., d]`` to raw numbers ``[..., d, r]`` or flat ``[..., d r]``, of which those of coordinate ``i`` may depend on
coordinates ``< i`` alone, ``r`` being the inner bijector's ``raw_size`` (`lik_jax.models.made` makes such networks).

``masked_autoregressive`` looks at ``y``: ``y_i = f(x_i; y_<i)``, so scoring (``inverse``) is one call of the network,
and drawing (``forward``) takes ``d``, one after the other. ``inverse_autoregressive`` looks at ``x``: the other way
round.

>>> import jax.numpy as jnp
>>> from lik_jax import bijectors
>>> def conditioner(params, v):  # the shift is params times the coordinate before; the raw scale 0
...     before = jnp.pad(v, [(0, 0)] * (v.ndim - 1) + [(1, 0)])[..., :-1]
...     return jnp.stack([params * before, 0 * before], -1)
>>> layer = bijectors.masked_autoregressive(conditioner)
>>> y, _ = layer.forward(jnp.array(2.0), jnp.array([1.0, 1.0, 1.0]))
>>> y.tolist(), layer.inverse(jnp.array(2.0), y)[0].tolist()
([1.0, 3.0, 7.0], [1.0, 1.0, 1.0])

Source: Papamakarios, Pavlakou and Murray (2017), "Masked autoregressive flow"; Kingma et al. (2016), "Improving
variational inference with inverse autoregressive flow".
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .. import supports
from .._arrays import as_floats
from .affine import affine
from .bijector import over_event, spelled, vector_length
from .coupling import Conditioner, check_inner, inner_params


@dataclass(frozen=True, repr=False)
class masked_autoregressive:
    """``y_i = f(x_i; y_<i)``: one pass to score, ``d`` to draw.

    Args:
        conditioner: ``conditioner(params, y)``, autoregressive; the same function is the same bijector.
        bijector: ``f``, of numbers, with ``constrain`` and a ``raw_size``.

    Raises:
        ValueError: the inner bijector maps vectors, or has no raw numbers.
    """

    conditioner: Conditioner
    bijector: Any = field(default_factory=affine)

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
        """``y`` ``[..., d]``, coordinate after coordinate, and its log-determinant ``[...]``."""
        return _one_by_one(self, params, x, self.bijector.forward)

    def inverse(self, params: Any, y: ArrayLike) -> tuple[Array, Array]:
        """``x`` ``[..., d]`` in one pass and its log-determinant ``[...]``."""
        return _at_once(self, params, y, self.bijector.inverse)


@dataclass(frozen=True, repr=False)
class inverse_autoregressive:
    """``y_i = f(x_i; x_<i)``: one pass to draw, ``d`` to score.

    Args:
        conditioner: ``conditioner(params, x)``, autoregressive; the same function is the same bijector.
        bijector: ``f``, of numbers, with ``constrain`` and a ``raw_size``.

    Raises:
        ValueError: the inner bijector maps vectors, or has no raw numbers.
    """

    conditioner: Conditioner
    bijector: Any = field(default_factory=affine)

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
        """``y`` ``[..., d]`` in one pass and its log-determinant ``[...]``."""
        return _at_once(self, params, x, self.bijector.forward)

    def inverse(self, params: Any, y: ArrayLike) -> tuple[Array, Array]:
        """``x`` ``[..., d]``, coordinate after coordinate, and its log-determinant ``[...]``."""
        return _one_by_one(self, params, y, self.bijector.inverse)


_Direction = Callable[[Any, Array], tuple[Array, Array]]


def _at_once(asker: Any, params: Any, seen: ArrayLike, direction: _Direction) -> tuple[Array, Array]:
    """Map ``seen``, which is what the network looks at."""
    (seen,) = as_floats(seen)
    vector_length(asker, seen)
    inner = inner_params(asker, asker.bijector, asker.conditioner(params, seen), seen)
    mapped, log_det = direction(inner, seen)
    return mapped, over_event(log_det, 1)


def _one_by_one(asker: Any, params: Any, x: ArrayLike, direction: _Direction) -> tuple[Array, Array]:
    """Map ``x`` to what the network looks at: each new coordinate is known once those before it are."""
    (x,) = as_floats(x)
    d = vector_length(asker, x)

    def step(known: Array, i: Array) -> tuple[Array, None]:
        inner = inner_params(asker, asker.bijector, asker.conditioner(params, known), x)
        mapped, _ = direction(inner, x)
        return jnp.where(jnp.arange(d).reshape((1,) * (x.ndim - 1) + (d,)) == i, mapped, known), None

    known, _ = jax.lax.scan(step, jnp.zeros_like(x), jnp.arange(d))
    inner = inner_params(asker, asker.bijector, asker.conditioner(params, known), x)
    return known, over_event(direction(inner, x)[1], 1)
