"""A continuous normalizing flow: the map from where a point is at ``t0`` to where a field has moved it at ``t1``.

>>> import jax.numpy as jnp
>>> flow = continuous(lambda params, t, x: params * x)
>>> y, log_det = flow.forward(jnp.float32(0.5), jnp.ones((3, 2)))
>>> back, _ = flow.inverse(jnp.float32(0.5), y)
>>> [round(float(v), 3) for v in (y[0, 0], log_det[0], back[0, 0])]
[1.649, 1.0, 1.0]

Source: Chen et al. (2018), "Neural ordinary differential equations"; Grathwohl et al. (2019), "FFJORD".
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from jax import Array
from jax.typing import ArrayLike

from .. import ode, supports
from .._arrays import as_floats


@dataclass(frozen=True)
class continuous:
    """Moves points by ``dx/dt = field(params, t, x)`` from ``t0`` to ``t1``; the inverse moves them back.

    Attributes:
        field: ``field(params, t, x)``, a time ``[]`` and a batch ``[B, *event]`` to ``[B, *event]``, each example
            moving on its own; a function that lives as long as the flow, so that equal flows are one static argument.
        event_ndim: axes of one point.
        t0: the time of what goes in.
        t1: the time of what comes out.
        rtol: see `ode.flow`.
        atol: see `ode.flow`.
        max_steps: see `ode.flow`; the result is NaN where more are needed.
    """

    field: Callable[[Any, Array, Array], Array]
    event_ndim: int = 1
    t0: float = 0.0
    t1: float = 1.0
    rtol: float = 1e-5
    atol: float = 1e-5
    max_steps: int = 4096

    increasing = False
    Params = None
    param_supports = supports.shared
    raw_size = None

    @property
    def domain(self) -> supports.Support:
        """Every point."""
        return supports.stacked(supports.real, self.event_ndim)

    codomain = domain

    def forward(self, params: Any, x: ArrayLike, *, probes: ArrayLike | None = None) -> tuple[Array, Array]:
        """``y`` and ``log |det dy/dx|``: ``[..., *event]`` to ``[..., *event]`` and ``[...]``.

        Args:
            params: what ``field`` is given, any pytree.
            x: points, ``[..., *event]``.
            probes: directions ``[num, ..., *event]`` for an unbiased estimate of the log-determinant, by `ode.probes`;
                exact without.
        """
        return self._moved(params, x, self.t0, self.t1, probes)

    def inverse(self, params: Any, y: ArrayLike, *, probes: ArrayLike | None = None) -> tuple[Array, Array]:
        """``x`` and ``log |det dx/dy|``, see `forward`."""
        return self._moved(params, y, self.t1, self.t0, probes)

    def _moved(self, params: Any, x: ArrayLike, start: float, end: float, probes: Any) -> tuple[Array, Array]:
        (x,) = as_floats(x)
        if x.ndim < self.event_ndim:
            raise ValueError(f"continuous: a point has {self.event_ndim} axes, but x has shape {x.shape}.")
        axes = x.shape[: x.ndim - self.event_ndim]
        flat = (math.prod(axes), *x.shape[len(axes) :])
        moved = ode.flow(
            lambda t, x: self.field(params, t, x),
            x.reshape(flat),
            start,
            end,
            probes=None if probes is None else as_floats(probes)[0].reshape(-1, *flat),
            rtol=self.rtol,
            atol=self.atol,
            max_steps=self.max_steps,
        )
        return moved.x.reshape(x.shape), moved.log_det.reshape(axes)
