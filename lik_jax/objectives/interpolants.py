"""Paths from noise to data, for flow matching: ``x_t = signal(t) x + spread(t) noise``, noise at 0 and data at 1.

>>> path = ConditionalOT()
>>> float(path.signal(0.25)), float(path.spread(0.25))
(0.25, 0.75)
"""

import math
from dataclasses import dataclass
from typing import Protocol

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .._arrays import as_floats
from . import schedules


class Interpolant(Protocol):
    """A path from noise to data: two functions of time, differentiable, elementwise."""

    def signal(self, t: ArrayLike) -> Array:
        """What the data are multiplied by at time ``t`` in [0, 1]: from 0 to 1, or almost."""
        ...

    def spread(self, t: ArrayLike) -> Array:
        """What the noise is multiplied by: from 1 to 0, or almost."""
        ...


@dataclass(frozen=True)
class ConditionalOT:
    """Straight lines at constant speed: ``x_t = t x + (1 - (1 - noise_left) t) noise``.

    Attributes:
        noise_left: standard deviation of the noise that is left at ``t = 1``.

    Source: Lipman et al. (2023), section 4.1, example II.

    >>> round(float(ConditionalOT(noise_left=0.1).spread(1.0)), 4)
    0.1
    """

    noise_left: float = 0.0

    def signal(self, t: ArrayLike) -> Array:
        """``t``."""
        return as_floats(t)[0]

    def spread(self, t: ArrayLike) -> Array:
        """``1 - (1 - noise_left) t``."""
        return 1 - (1 - self.noise_left) * as_floats(t)[0]


@dataclass(frozen=True)
class VariancePreserving:
    """A quarter of a circle: ``x_t = sin(pi t / 2) x + cos(pi t / 2) noise``; the squares sum to 1.

    Source: Albergo and Vanden-Eijnden (2023).

    >>> round(float(VariancePreserving().signal(0.5)), 4)
    0.7071
    """

    def signal(self, t: ArrayLike) -> Array:
        """``sin(pi t / 2)``."""
        return jnp.sin(math.pi / 2 * as_floats(t)[0])

    def spread(self, t: ArrayLike) -> Array:
        """``cos(pi t / 2)``, exactly 0 at 1."""
        return jnp.sin(math.pi / 2 * (1 - as_floats(t)[0]))


@dataclass(frozen=True)
class Diffused:
    """The path of a diffusion, backwards: ``signal(t)`` is ``alpha`` and ``spread(t)`` ``sigma`` at its time ``1 - t``.

    Attributes:
        schedule: one of `schedules`.

    >>> path = Diffused(schedules.Linear(-5.0, 5.0))
    >>> round(float(path.signal(0.3) ** 2 + path.spread(0.3) ** 2), 4)
    1.0
    """

    schedule: schedules.Schedule

    def signal(self, t: ArrayLike) -> Array:
        """``alpha`` of the diffusion at its time ``1 - t``."""
        return schedules.alpha(self.schedule.gamma(1 - as_floats(t)[0]))

    def spread(self, t: ArrayLike) -> Array:
        """``sigma`` of the diffusion at its time ``1 - t``."""
        return schedules.sigma(self.schedule.gamma(1 - as_floats(t)[0]))
