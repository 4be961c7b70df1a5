"""From the least noised ``x_0`` to the data: the last term of the bound, for continuous and for discrete data.

Whole numbers 0 .. n - 1 ("levels") stand at equal distances from -1 to 1 in the eyes of the diffusion.

>>> params = in_levels(normal.Params(0.0, 0.5), 256)
>>> [round(float(level_normal(256).log_prob(params, k)), 6) for k in (128, 255)]
[-5.073949, -3.764598]
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ..._arrays import as_floats
from ...compose import discretized
from ...distributions import categorical, normal
from .. import schedules


def gaussian_decoder(x_0: Array, gamma_0: Array) -> normal.Params:
    """Params of a normal for continuous data: ``x_0 / alpha`` with the noise that is in it, ``sigma / alpha``."""
    a, s = schedules.alpha(gamma_0), schedules.sigma(gamma_0)
    return normal.Params(x_0 / a, jnp.broadcast_to(s / a, x_0.shape))


def level_decoder(levels: ArrayLike) -> Callable[[Array, Array], categorical.Params]:
    """A decoder for discrete data: ``p(k | x_0)`` proportional to ``N(x_0; alpha levels[k], sigma^2)``.

    Args:
        levels: the values that ``x`` takes, ``[k]``; the observation is the index among them (`categorical`).

    >>> decode = level_decoder(jnp.array([-1.0, 1.0]))
    >>> decode(jnp.array([[0.5]]), jnp.array(-2.0)).logits.shape
    (1, 1, 2)
    """

    def decode(x_0: Array, gamma_0: Array) -> categorical.Params:
        place, values, gamma = as_floats(x_0[..., None], levels, gamma_0)
        z = (place - schedules.alpha(gamma) * values) / schedules.sigma(gamma)
        return categorical.Params(-0.5 * z**2)

    return decode


def level_normal(num_levels: int) -> discretized:
    """The discretised Gaussian: a normal rounded to the levels 0 .. ``num_levels`` - 1, the outer ones open.

    Its params are in units of levels: `in_levels`. Log-masses are exact however far out: nothing is clamped.

    Source: Ho, Jain and Abbeel (2020), equation 13.

    >>> level_normal(256)
    discretized(normal, low=0, high=255)
    """
    return discretized(normal, 0, num_levels - 1)


def in_levels(params: normal.Params, num_levels: int, *, low: float = -1.0, high: float = 1.0) -> normal.Params:
    """Params of a normal in the units of the diffusion, where level 0 is ``low`` and the last ``high``, in levels.

    >>> params = in_levels(normal.Params(1.0, 0.5), 256)
    >>> float(params.loc), float(params.scale)
    (255.0, 63.75)
    """
    loc, scale = as_floats(*params)
    per_unit = (num_levels - 1) / (high - low)
    return normal.Params((loc - low) * per_unit, scale * per_unit)


def discretized_decoder(
    num_levels: int, *, low: float = -1.0, high: float = 1.0
) -> Callable[[Array, Array], normal.Params]:
    """A decoder to `level_normal`: the normal of `gaussian_decoder`, rounded to levels.

    >>> discretized_decoder(256)(jnp.zeros((1, 2)), jnp.array(-8.0)).loc.tolist()
    [[127.5, 127.5]]
    """

    def decode(x_0: Array, gamma_0: Array) -> normal.Params:
        return in_levels(gaussian_decoder(x_0, gamma_0), num_levels, low=low, high=high)

    return decode


def dequantized(
    y: ArrayLike,
    num_levels: int,
    *,
    key: Array | None = None,
    noise: ArrayLike | None = None,
    low: float = -1.0,
    high: float = 1.0,
) -> Array:
    """Levels as continuous data: each with uniform noise over its bin, the bins filling ``[low, high)``.

    The mean of ``-log p`` of a density at what this gives, in `bits_per_dim` with ``bin_width = (high - low) /
    num_levels``, is never below the entropy of the levels. Without the noise it can be anything.

    Args:
        y: whole numbers from 0 to ``num_levels`` - 1, any shape.
        num_levels: how many levels there are.
        key: draws the noise. Give exactly one of ``key`` and ``noise``.
        noise: uniform on [0, 1), the shape of ``y``.
        low: where the first bin begins.
        high: where the last bin ends.

    Raises:
        ValueError: not exactly one source of noise.

    Source: Theis, van den Oord and Bethge (2016), "A note on the evaluation of generative models".

    >>> dequantized(jnp.array([0, 1]), 2, noise=jnp.array([0.5, 0.5])).tolist()
    [-0.5, 0.5]
    """
    if (key is None) == (noise is None):
        raise ValueError("dequantized: give exactly one of key and noise: levels without noise have no density.")
    given: Any = noise
    if key is not None:
        given = jax.random.uniform(key, jnp.shape(y), as_floats(y)[0].dtype)
    y, noise = as_floats(y, given)
    return low + (high - low) * (y + noise) / num_levels
