"""How masked diffusion hides tokens: the probability ``hidden(t)`` that a token is hidden at time ``t``.

It rises from 0 at ``t = 0``, the data, to 1 at ``t = 1``, where all is hidden; the share left to see is
``alpha(t) = 1 - hidden(t)`` in the papers. `hidden` is the primitive, so that nothing cancels where little is hidden.

>>> [round(float(schedule.hidden(0.5)), 4) for schedule in (Linear(), Cosine(), Polynomial(2.0))]
[0.5, 0.7071, 0.25]

Source: Shi et al. (2024), "Simplified and generalized masked diffusion for discrete data".
"""

import math
from dataclasses import dataclass
from typing import Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from .._arrays import as_floats


class MaskingSchedule(Protocol):
    """A masking schedule: ``hidden(t)``, differentiable, elementwise."""

    def hidden(self, t: ArrayLike) -> Array:
        """The probability that a token is hidden at time ``t`` in [0, 1], the shape of ``t``."""
        ...


@dataclass(frozen=True)
class Linear:
    """``hidden = t``.

    >>> float(Linear().hidden(0.25))
    0.25
    """

    def hidden(self, t: ArrayLike) -> Array:
        """The probability that a token is hidden at time ``t``."""
        return as_floats(t)[0]


@dataclass(frozen=True)
class Cosine:
    """``hidden = sin(pi t / 2)``, that is ``alpha = 1 - cos(pi (1 - t) / 2)``: few tokens change at a time near 1.

    >>> round(float(Cosine().hidden(0.5)), 4)
    0.7071
    """

    def hidden(self, t: ArrayLike) -> Array:
        """The probability that a token is hidden at time ``t``."""
        return jnp.sin(math.pi / 2 * as_floats(t)[0])


@dataclass(frozen=True)
class Polynomial:
    """``hidden = t^power``.

    Attributes:
        power: positive.

    >>> float(Polynomial(2.0).hidden(0.5))
    0.25
    """

    power: float = 2.0

    def hidden(self, t: ArrayLike) -> Array:
        """The probability that a token is hidden at time ``t``."""
        return as_floats(t)[0] ** self.power


def rate(schedule: MaskingSchedule, t: Array) -> Array:
    """``hidden'(t) / hidden(t)``, ``-alpha' / (1 - alpha)`` in the papers: the weight of a hidden token's surprise.

    >>> float(rate(Linear(), jnp.array(0.25)))
    4.0
    """
    hidden, slope = jax.jvp(schedule.hidden, (t,), (jnp.ones_like(t),))
    return slope / hidden


def check_schedule(schedule: MaskingSchedule, points: int = 1025) -> None:
    """See that a schedule is one: on an even grid it rises from 0 to 1 and never falls.

    Raises:
        ValueError: it does not; says where.
    """
    with jax.ensure_compile_time_eval():
        hidden = schedule.hidden(jnp.linspace(0.0, 1.0, points))
    try:
        values = np.asarray(hidden)
    except jax.errors.TracerArrayConversionError:
        return  # params of the schedule are being traced: there is no value to look at
    for end, value, want in ((0, values[0], 0), (1, values[-1], 1)):
        if not abs(value - want) <= 1e-6:
            raise ValueError(
                f"{schedule}: hidden({end}) is {value:.6g}; want {want}: nothing hidden at time 0, everything at time "
                f"1. Else the bound lacks a term, or is infinite."
            )
    falls = np.diff(values) < 0
    if falls.any() or not np.isfinite(values).all():
        at = float(np.argmax(falls | ~np.isfinite(values[1:]))) / (points - 1)
        raise ValueError(f"{schedule}: hidden(t) falls or is not finite at t = {at:.4g}; want it to rise from 0 to 1.")
