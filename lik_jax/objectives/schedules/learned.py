"""A schedule that is learned: a small network that rises by construction, its params a pytree of their own.

>>> learned = Monotone(gamma_min=-8.0, gamma_max=6.0)
>>> schedule = learned.at(learned.init(jax.random.key(0)))
>>> [round(float(schedule.gamma(t)), 4) for t in (0.0, 1.0)]
[-8.0, 6.0]

Source: Kingma et al. (2021), "Variational diffusion models", appendix H.
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ... import special, supports
from ..._arrays import as_floats
from .fixed import Linear


class Interior(NamedTuple):
    """Raw numbers of the curve between its ends: a line, and ``width`` steps, all of positive slope."""

    line: Array
    slopes: Array
    places: Array
    heights: Array


class Params(NamedTuple):
    """What is learned.

    Attributes:
        ends: ``[2]``: ``gamma(0)``, and the raw number of ``gamma(1) - gamma(0)``.
        interior: the shape in between, which the bound in continuous time does not depend on, but its variance does.
    """

    ends: Array
    interior: Interior


@dataclass(frozen=True)
class Monotone:
    """A monotone network for ``gamma``: a line plus ``width`` sigmoids, all weights positive, scaled to its ends.

    Args:
        gamma_min: ``gamma(0)``, or where it starts if it is learned.
        gamma_max: ``gamma(1)`` likewise.
        width: of the hidden layer.
        learn_ends: whether the ends are learned; else they have no gradient.
    """

    gamma_min: float = -13.3
    gamma_max: float = 5.0
    width: int = 64
    learn_ends: bool = True

    def __post_init__(self) -> None:
        Linear(self.gamma_min, self.gamma_max)
        if self.width < 1:
            raise ValueError(f"Monotone: width={self.width}; want at least 1.")

    def init(self, key: Array) -> Params:
        """Params of a curve that is nearly a line."""
        (low,) = as_floats(self.gamma_min)
        span = jnp.asarray(self.gamma_max - self.gamma_min, low.dtype)
        places = jax.random.uniform(key, (self.width,), low.dtype, -8.0, 0.0)
        small = jnp.full((self.width,), -5.0, low.dtype)
        interior = Interior(jnp.zeros_like(low), jnp.full_like(small, 8.0), places, small)
        return Params(jnp.stack([low, supports.from_positive(span)]), interior)

    def at(self, params: Params) -> "Learned":
        """The schedule that ``params`` stand for."""
        ends = params.ends if self.learn_ends else jax.lax.stop_gradient(params.ends)
        return Learned(Params(ends, params.interior))


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Learned:
    """A schedule with params: made by `Monotone.at`; a pytree, so it goes through ``jit``."""

    params: Params

    def gamma(self, t: ArrayLike) -> Array:
        """Minus the log-SNR at time ``t``."""
        t, start, raw = as_floats(t, *self.params.ends)
        share = (self._curve(t) - self._curve(jnp.zeros_like(t))) / (
            self._curve(jnp.ones_like(t)) - self._curve(jnp.zeros_like(t))
        )
        return start + supports.to_positive(raw) * share

    def _curve(self, t: Array) -> Array:
        line, slopes, places, heights = self.params.interior
        line, slopes, heights = (supports.to_positive(raw).astype(t.dtype) for raw in (line, slopes, heights))
        lead = (1,) * t.ndim
        steps = special.sigmoid(
            slopes.reshape((*lead, -1)) * t[..., None] + places.astype(t.dtype).reshape((*lead, -1))
        )
        return line * t + (steps * heights.reshape((*lead, -1))).sum(-1)
