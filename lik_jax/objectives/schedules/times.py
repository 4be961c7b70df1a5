"""Which times are drawn in training, and which are visited in sampling.

>>> [round(float(t), 3) for t in uniform_grid(4)]
[1.0, 0.75, 0.5, 0.25, 0.0]
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ..._arrays import as_floats
from ...compose import truncated
from ...distributions import normal


class DrawnTimes(NamedTuple):
    """Times that are not uniform, and how much more often they are drawn than if they were.

    Attributes:
        t: in [0, 1], ``[num]``.
        density: of ``t``, relative to the uniform, ``[num]``: a loss divided by it keeps its mean.
    """

    t: Array
    density: Array


def antithetic_times(key: Array, num: int, dtype: jax.typing.DTypeLike = float) -> Array:
    """``num`` times in [0, 1), evenly spaced from a random start: each uniform, together of low discrepancy.

    Source: Kingma et al. (2021), "Variational diffusion models", appendix I.

    >>> t = antithetic_times(jax.random.key(0), 49)
    >>> t.shape, bool((jnp.diff(jnp.sort(t)) < 0.021).all())
    ((49,), True)
    """
    start = jax.random.uniform(key, (), dtype)
    return (start + jnp.arange(num, dtype=start.dtype) / num) % 1


def piecewise_times(key: Array, num: int, masses: ArrayLike) -> DrawnTimes:
    """Times from a density that is constant on equal parts of [0, 1], antithetic: importance sampling of ``t``.

    Args:
        key: PRNG key.
        num: how many.
        masses: how often each part is wanted, positive, ``[k]``; they need not sum to 1.

    >>> times = piecewise_times(jax.random.key(0), 1000, jnp.array([3.0, 1.0]))
    >>> round(float((times.t < 0.5).mean()), 2), round(float(times.density.max()), 4)
    (0.75, 1.5)
    """
    (masses,) = as_floats(masses)
    shares = masses / masses.sum()
    edges = jnp.cumsum(shares)
    u = antithetic_times(key, num, masses.dtype)
    part = jnp.searchsorted(edges[:-1], u, side="right")
    within = jnp.clip((u - (edges - shares)[part]) / shares[part], 0, 1)
    count = masses.shape[0]
    return DrawnTimes((part.astype(u.dtype) + within) / count, count * shares[part])


def log_normal_times(key: Array, num: int, schedule: Any, *, mean: float = -1.2, std: float = 1.2) -> DrawnTimes:
    """Times at which the logarithm of EDM's noise ``exp(gamma / 2)`` is normal, cut to the range of the schedule.

    The schedule is a fixed one: not one whose params are being traced.

    Source: Karras et al. (2022), "Elucidating the design space of diffusion-based generative models", table 1.

    >>> from lik_jax.objectives.schedules import Karras
    >>> times = jax.jit(lambda key: log_normal_times(key, 999, Karras()))(jax.random.key(0))
    >>> round(float((Karras().gamma(times.t) / 2).mean()), 2)
    -1.2
    """
    u = antithetic_times(key, num)
    with jax.ensure_compile_time_eval():
        low, high = (float(schedule.gamma(t)) / 2 for t in (0.0, 1.0))
    law, params = truncated(normal, low, high), normal.Params(jnp.asarray(mean, u.dtype), jnp.asarray(std, u.dtype))
    level = law.icdf(params, u)
    t = time_of(schedule, 2 * level)
    slope = jax.jvp(schedule.gamma, (t,), (jnp.ones_like(t),))[1]
    return DrawnTimes(t, jnp.exp(law.log_prob(params, level)) * slope / 2)


def time_of(schedule: Any, gamma: ArrayLike) -> Array:
    """The time at which a schedule has this ``gamma``, by bisection; 0 or 1 beyond its ends.

    >>> from lik_jax.objectives.schedules import Linear
    >>> round(float(time_of(Linear(-10.0, 6.0), -2.0)), 6)
    0.5
    """
    (gamma,) = as_floats(gamma)
    gamma = jax.lax.stop_gradient(gamma)

    def halve(ends: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], None]:
        low, high = ends
        middle = 0.5 * (low + high)
        above = schedule.gamma(middle) > gamma
        return (jnp.where(above, low, middle), jnp.where(above, middle, high)), None

    ends = jnp.zeros_like(gamma), jnp.ones_like(gamma)
    (low, high), _ = jax.lax.scan(halve, ends, None, length=jnp.finfo(gamma.dtype).nmant + 2)
    at_ends = jnp.where(gamma <= schedule.gamma(ends[0]), 0.0, jnp.where(gamma >= schedule.gamma(ends[1]), 1.0, -1.0))
    return jnp.where(at_ends < 0, 0.5 * (low + high), at_ends)


def uniform_grid(num_steps: int) -> Array:
    """Times from 1 to 0 in equal steps, ``[num_steps + 1]``."""
    return jnp.arange(num_steps, -1, -1) / num_steps


def rho_grid(schedule: Any, num_steps: int, *, rho: float = 7.0) -> Array:
    """Times from 1 to 0 at which EDM's noise ``exp(gamma / 2)`` to the power ``1 / rho`` falls in equal steps.

    Args:
        schedule: one of `schedules`.
        num_steps: how many.
        rho: 1 for equal steps in the noise; the larger, the more of them where there is little noise.

    Returns:
        ``[num_steps + 1]``.

    Source: Karras et al. (2022), equation 5.

    >>> from lik_jax.objectives.schedules import Karras
    >>> [round(float(t), 3) for t in rho_grid(Karras(), 4)]
    [1.0, 0.75, 0.5, 0.25, 0.0]
    """
    high, low = (schedule.gamma(t) / (2 * rho) for t in (1.0, 0.0))
    share = uniform_grid(num_steps)
    # sigma^(1/rho) = exp(gamma / (2 rho)), relative to the larger end
    gamma = 2 * rho * (high + jnp.log(share + (1 - share) * jnp.exp(low - high)))
    inner = time_of(schedule, gamma[1:-1])
    return jnp.concatenate([jnp.ones(1, inner.dtype), inner, jnp.zeros(1, inner.dtype)])
