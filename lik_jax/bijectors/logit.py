"""From the unit interval to the real line: ``y = log(p / (1 - p))`` with ``p = low + (1 - 2 low) x``.

A ``low`` above 0 keeps the ends of [0, 1] at finite values: the usual preprocessing of dequantised pixels, whose
log-determinant belongs to their likelihood. ``inverted(logit())`` is the logistic function.

>>> from lik_jax import bijectors
>>> y, log_det = bijectors.logit(0.05).forward((), 1.0)
>>> round(float(y), 4), round(float(log_det), 4)
(2.9444, 2.9417)

Source: Dinh, Sohl-Dickstein and Bengio (2017), "Density estimation using Real NVP", section 4.1.
"""

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .. import supports
from .._arrays import as_floats
from .bijector import spelled


@dataclass(frozen=True)
class _Inside:
    low: float

    def __call__(self, x: Array) -> Array:
        margin = self.low / (1 - 2 * self.low)
        return (x > -margin) & (x < 1 + margin)


@dataclass(frozen=True, repr=False)
class logit:
    """The logit of ``low + (1 - 2 low) x``, each number on its own; no params (give ``()``).

    All real ``y`` are the image of ``-low / (1 - 2 low) < x < 1 + low / (1 - 2 low)``, a little more than [0, 1].

    Args:
        low: where 0 goes before the logit, from 0 to below 1/2.

    Raises:
        ValueError: another ``low``.
    """

    low: float = 0.0

    event_ndim = 0
    codomain = supports.real
    increasing = True
    Params = tuple
    param_supports = ()
    raw_size = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "low", float(self.low))
        if not 0 <= self.low < 0.5:
            raise ValueError(f"{self}: want low from 0 to below 1/2.")

    def __repr__(self) -> str:
        return spelled(self)

    @property
    def domain(self) -> supports.Support:
        """The open interval that all real numbers come from."""
        margin = self.low / (1 - 2 * self.low)
        return supports.Support(f"a number strictly between {-margin:g} and {1 + margin:g}", _Inside(self.low), 0.5)

    def forward(self, params: tuple, x: ArrayLike) -> tuple[Array, Array]:
        """``log(p / (1 - p))`` and its log-slope, both ``[...]``."""
        (x,) = as_floats(x)
        width = 1 - 2 * self.low
        log_p, log_q = jnp.log(self.low + width * x), jnp.log(self.low + width * (1 - x))
        return log_p - log_q, math.log(width) - log_p - log_q

    def inverse(self, params: tuple, y: ArrayLike) -> tuple[Array, Array]:
        """``(p - low) / (1 - 2 low)`` with ``p = 1 / (1 + exp(-y))``, and its log-slope, both ``[...]``."""
        (y,) = as_floats(y)
        width = 1 - 2 * self.low
        log_slope = jax.nn.log_sigmoid(y) + jax.nn.log_sigmoid(-y) - math.log(width)
        return (jax.nn.sigmoid(y) - self.low) / width, log_slope

    def constrain(self, raw: ArrayLike) -> tuple:
        """No params: ``()``."""
        return ()

    def unconstrain(self, params: tuple) -> Array:
        """No raw numbers: ``[0]``."""
        return jnp.zeros(0)
