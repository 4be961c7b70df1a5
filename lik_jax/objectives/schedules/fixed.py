"""Noise schedules without parameters to learn: each a few numbers, and ``gamma(t)``.

What is no schedule (ends in the wrong order, a power of 0, a function that falls) is an error when it is made.

>>> [round(float(s.gamma(0.5)), 3) for s in (Linear(), Cosine(), Sigmoid())]
[-4.15, 0.0, 0.0]
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from ..._arrays import as_floats


class Schedule(Protocol):
    """A noise schedule: ``gamma(t)``, differentiable, elementwise, rising."""

    def gamma(self, t: ArrayLike) -> Array:
        """Minus the log-SNR at time ``t`` in [0, 1], the shape of ``t``."""
        ...


@dataclass(frozen=True)
class Linear:
    """``gamma`` linear in ``t``: the fixed schedule of variational diffusion models.

    >>> float(Linear(-10.0, 6.0).gamma(0.5))
    -2.0
    """

    gamma_min: float = -13.3
    gamma_max: float = 5.0

    def __post_init__(self) -> None:
        _rising(self, gamma_min=self.gamma_min, gamma_max=self.gamma_max)

    def gamma(self, t: ArrayLike) -> Array:
        """Minus the log-SNR at time ``t``."""
        (t,) = as_floats(t)
        return self.gamma_min + (self.gamma_max - self.gamma_min) * t


@dataclass(frozen=True)
class Cosine:
    """``alpha = cos(u pi / 2)``, with ``u`` running over the part of [0, 1] where ``gamma`` is within its bounds.

    Source: Nichol and Dhariwal (2021), "Improved denoising diffusion probabilistic models".

    >>> round(float(Cosine(-8.0, 8.0).gamma(0.5)), 5)
    0.0
    """

    gamma_min: float = -13.3
    gamma_max: float = 13.3

    def __post_init__(self) -> None:
        _rising(self, gamma_min=self.gamma_min, gamma_max=self.gamma_max)

    def gamma(self, t: ArrayLike) -> Array:
        """Minus the log-SNR at time ``t``."""
        (t,) = as_floats(t)
        low, high = (math.atan(math.exp(gamma / 2)) for gamma in (self.gamma_min, self.gamma_max))
        # gamma = 2 log tan(angle), and tan(angle) = cot(pi/2 - angle): the smaller of the two angles is the exact one
        angle, left = low + (high - low) * t, (math.pi / 2 - high) + (high - low) * (1 - t)
        return 2 * (jnp.log(jnp.sin(angle)) - jnp.log(jnp.sin(left)))


@dataclass(frozen=True)
class Sigmoid:
    """``alpha^2`` falls from 1 to 0 as ``sigmoid(-x)`` does from ``start`` to ``end``, over the part within the bounds.

    Source: Jabri, Fleet and Chen (2022), "Scalable adaptive computation for iterative generation".

    >>> schedule = Sigmoid(-8.0, 7.0)
    >>> [round(float(schedule.gamma(t)), 4) for t in (0.0, 1.0)]
    [-8.0, 7.0]
    """

    gamma_min: float = -13.3
    gamma_max: float = 13.3
    start: float = -3.0
    end: float = 3.0

    def __post_init__(self) -> None:
        _rising(self, gamma_min=self.gamma_min, gamma_max=self.gamma_max)
        _rising(self, start=self.start, end=self.end)

    def gamma(self, t: ArrayLike) -> Array:
        """Minus the log-SNR at time ``t``."""
        (t,) = as_floats(t)
        # a difference of sigmoids is sinh(half the gap) over two cosh, so SNR is a ratio of sinh: nothing cancels
        half = (self.end - self.start) / 2
        shift = math.log(math.cosh(self.end / 2)) - math.log(math.cosh(self.start / 2))
        ratio = [math.exp(gamma - shift) for gamma in (self.gamma_min, self.gamma_max)]
        low = math.atanh(ratio[0] * math.sinh(half) / (1 + ratio[0] * math.cosh(half)))
        rest = math.atanh(math.sinh(half) / (ratio[1] + math.cosh(half)))
        span = half - low - rest
        return shift + jnp.log(jnp.sinh(low + span * t)) - jnp.log(jnp.sinh(rest + span * (1 - t)))


@dataclass(frozen=True)
class Polynomial:
    """``alpha = 1 - u^power``, with ``u`` running over the part of [0, 1] where ``gamma`` is within its bounds.

    Source: Hoogeboom et al. (2022), "Equivariant diffusion for molecule generation in 3D", which has power 2.

    >>> schedule = Polynomial(-8.0, 7.0)
    >>> [round(float(schedule.gamma(t)), 4) for t in (0.0, 1.0)]
    [-8.0, 7.0]
    """

    gamma_min: float = -13.3
    gamma_max: float = 13.3
    power: float = 2.0

    def __post_init__(self) -> None:
        _rising(self, gamma_min=self.gamma_min, gamma_max=self.gamma_max)
        if not 0 < self.power < math.inf:
            raise ValueError(f"Polynomial: power={self.power}; noise would not rise: want a positive number.")

    def gamma(self, t: ArrayLike) -> Array:
        """Minus the log-SNR at time ``t``."""
        (t,) = as_floats(t)
        alpha = [math.exp(-0.5 * math.log1p(math.exp(gamma))) for gamma in (self.gamma_min, self.gamma_max)]
        # 1 - alpha = sigma^2 / (1 + alpha), and 1 - u from alpha itself: each end is exact
        low = (1 / (1 + math.exp(-self.gamma_min)) / (1 + alpha[0])) ** (1 / self.power)
        rest = -math.expm1(math.log1p(-alpha[1]) / self.power)
        span = 1 - low - rest
        log_u = jnp.where(t < 0.5, jnp.log(low + span * t), jnp.log1p(-(rest + span * (1 - t))))
        lost = jnp.exp(self.power * log_u)
        return self.power * log_u + jnp.log(2 - lost) - 2 * jnp.log(-jnp.expm1(self.power * log_u))


@dataclass(frozen=True)
class Karras:
    """EDM's: the noise ``sigma / alpha`` to the power ``1 / rho`` is linear in ``t``.

    Source: Karras et al. (2022), "Elucidating the design space of diffusion-based generative models", equation 5.

    >>> [round(float(jnp.exp(Karras().gamma(t) / 2)), 3) for t in (0.0, 1.0)]
    [0.002, 80.0]
    """

    sigma_min: float = 0.002
    sigma_max: float = 80.0
    rho: float = 7.0

    def __post_init__(self) -> None:
        _rising(self, zero=0.0, sigma_min=self.sigma_min, sigma_max=self.sigma_max)
        if not 0 < self.rho < math.inf:
            raise ValueError(f"Karras: rho={self.rho}; want a positive number.")

    def gamma(self, t: ArrayLike) -> Array:
        """Minus the log-SNR at time ``t``."""
        (t,) = as_floats(t)
        low, high = self.sigma_min ** (1 / self.rho), self.sigma_max ** (1 / self.rho)
        return 2 * self.rho * jnp.log(low + (high - low) * t)


@dataclass(frozen=True)
class BetaLinear:
    """The discrete schedule of denoising diffusion models: ``num_betas`` variances from ``beta_min`` to ``beta_max``.

    ``gamma(i / (num_betas - 1))`` is that of the noise after ``i + 1`` steps; between those times it is interpolated.
    A bound with ``num_steps = num_betas - 1`` has exactly the terms of that model.

    Source: Ho, Jain and Abbeel (2020), "Denoising diffusion probabilistic models".

    >>> round(float(BetaLinear().gamma(0.0)), 4)
    -9.2102
    """

    num_betas: int = 1000
    beta_min: float = 1e-4
    beta_max: float = 0.02

    def __post_init__(self) -> None:
        if not (0 < self.beta_min <= self.beta_max < 1 and self.num_betas > 1):
            raise ValueError(
                f"{self}: noise would not rise; want 0 < beta_min <= beta_max < 1 and at least 2 of them (num_betas)."
            )

    def gamma(self, t: ArrayLike) -> Array:
        """Minus the log-SNR at time ``t``."""
        (t,) = as_floats(t)
        log_alpha2 = np.cumsum(np.log1p(-np.linspace(self.beta_min, self.beta_max, self.num_betas)))
        table = jnp.asarray(np.log(np.expm1(-log_alpha2)), t.dtype)
        place = t * (self.num_betas - 1)
        left = jnp.clip(jnp.floor(place), 0, self.num_betas - 2)
        index = left.astype(jnp.int32)
        return table[index] + (place - left) * (table[index + 1] - table[index])


@dataclass(frozen=True)
class Function:
    """A schedule of the user's own, ``function(t)``, elementwise: it is checked when it is made.

    >>> float(Function(lambda t: 10 * t - 5).gamma(0.5))
    0.0
    """

    function: Callable[[Array], Array]

    def __post_init__(self) -> None:
        check(self)

    def gamma(self, t: ArrayLike) -> Array:
        """Minus the log-SNR at time ``t``."""
        return self.function(as_floats(t)[0])


def check(schedule: Any, *, num_times: int = 1001) -> None:
    """See, on a grid of times, that ``gamma`` is finite and rises; at once, inside ``jit`` too.

    Args:
        schedule: has ``gamma(t)``; one whose params are being traced cannot be checked.
        num_times: of the grid.

    Raises:
        ValueError: it does not; says where.

    >>> check(Function(lambda t: 1 - t))
    Traceback (most recent call last):
    ...
    ValueError: gamma of a schedule must rise with t: noise grows. It goes from 1 at t=0 to 0.999 at t=0.001.
    """
    with jax.ensure_compile_time_eval():
        times = np.linspace(0, 1, num_times)
        gamma = np.asarray(schedule.gamma(jnp.asarray(times, float)))
    if gamma.shape != times.shape:
        raise ValueError(f"gamma of a schedule is elementwise; of shape {times.shape} it made {gamma.shape}.")
    for i in np.flatnonzero(~np.isfinite(gamma))[:1]:
        raise ValueError(f"gamma of a schedule must be finite on [0, 1]; it is {gamma[i]:g} at t={times[i]:g}.")
    for i in np.flatnonzero(np.diff(gamma) <= 0)[:1]:
        raise ValueError(
            f"gamma of a schedule must rise with t: noise grows. It goes from {gamma[i]:g} at t={times[i]:g} to "
            f"{gamma[i + 1]:g} at t={times[i + 1]:g}."
        )


def ensure(schedule: Any) -> None:
    """`check` a schedule of the user's own, where it is first used; those of this package were checked when made.

    Raises:
        TypeError: it has no ``gamma``.
        ValueError: ``gamma`` does not rise.
    """
    if not callable(getattr(schedule, "gamma", None)):
        raise TypeError(
            f"a schedule has gamma(t), and {schedule!r} has none; want one of lik_jax.schedules: Function(f) makes one "
            f"of a function, Monotone(...).at(params) one of params."
        )
    if type(schedule).__module__.startswith(__name__.rpartition(".")[0]):
        return
    try:
        check(schedule, num_times=101)
    except jax.errors.TracerArrayConversionError:
        return  # its params are being traced: there is no value to look at


def _rising(schedule: Any, **values: float) -> None:
    names, numbers = list(values), list(values.values())
    if not (all(a < b for a, b in pairwise(numbers)) and all(map(math.isfinite, numbers))):
        given = ", ".join(f"{name}={value}" for name, value in values.items())
        raise ValueError(f"{type(schedule).__name__}: {given}; noise must rise: want {' < '.join(names)}, all finite.")
