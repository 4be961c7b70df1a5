"""A ring of eight normal distributions in the plane: data whose density, entropy and modes are known.

>>> y = draw(seed=0, count=1000)
>>> y.shape, modes_found(y), share_near_a_mode(y) > 0.97
((1000, 2), 8, True)
"""

import math

import jax.numpy as jnp
import numpy as np
from jax import Array

from ..compose import independent, mixture
from ..distributions import normal

MODES = 8
SCALE = 0.2
CENTRES = 2.0 * np.stack(
    [np.cos(2 * np.pi * np.arange(MODES) / MODES), np.sin(2 * np.pi * np.arange(MODES) / MODES)], -1
)
_DENSITY = mixture(independent(normal, 1), MODES)


def draw(seed: int, count: int) -> np.ndarray:
    """Points of the ring, ``[count, 2]`` float32."""
    rng = np.random.default_rng(seed)
    which = rng.integers(0, MODES, count)
    return (CENTRES[which] + SCALE * rng.normal(size=(count, 2))).astype(np.float32)


def log_prob(y: Array, noise: Array | float = 0.0) -> Array:
    """The log-density they are drawn from, nats, ``[..., 2]`` to ``[...]``.

    Args:
        y: points.
        noise: standard deviation of normal noise that has been added to them, a scalar.
    """
    loc = jnp.asarray(CENTRES, y.dtype)
    scale = jnp.sqrt(SCALE**2 + jnp.square(jnp.asarray(noise, y.dtype)))
    params = _DENSITY.Params(jnp.zeros(MODES, y.dtype), normal.Params(loc, jnp.broadcast_to(scale, loc.shape)))
    return _DENSITY.log_prob(params, y)


def floor() -> float:
    """The entropy, nats: the least NLL anyone can reach. The modes are 7.6 scales apart, so what overlaps is nothing.

    >>> round(floor(), 4)
    1.6984
    """
    return math.log(MODES) + math.log(2 * math.pi * math.e * SCALE**2)


def share_near_a_mode(y: np.ndarray, noise: float = 0.0) -> float:
    """The share of points within 3 scales of a centre; of the data themselves 1 - exp(-4.5) = 0.989.

    ``noise`` widens the scale as in `log_prob`.
    """
    return float((_distances(y).min(1) <= 3 * math.hypot(SCALE, noise)).mean())


def share_of_each_mode(y: np.ndarray) -> np.ndarray:
    """The share of points nearest to each centre, ``[8]``; of the data themselves 1/8."""
    return np.bincount(_distances(y).argmin(1), minlength=MODES) / len(y)


def modes_found(y: np.ndarray) -> int:
    """How many modes have at least a fifth of their due, one in eight, within 3 scales of their centre."""
    distances = _distances(y)
    near = distances.argmin(1)[distances.min(1) <= 3 * SCALE]
    return int((np.bincount(near, minlength=MODES) >= len(y) / MODES / 5).sum())


def _distances(y: np.ndarray) -> np.ndarray:
    return np.linalg.norm(np.asarray(y)[:, None] - CENTRES, axis=-1)
