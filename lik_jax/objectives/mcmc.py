"""Markov chains: kernels ``kernel(key, state) -> state`` that leave ``exp(-E)`` as it is, and scans that run them.

Nothing here keeps state or learns: a sampler's chains are arrays that you pass on. States are ``[chains, ...]``.

>>> import jax, jax.numpy as jnp
>>> kernel = mala(lambda y: 0.5 * (y**2).sum(-1), 0.5)
>>> draws = trajectory(kernel, jax.random.key(0), jnp.zeros((100, 1)), 50)
>>> draws.shape, bool(abs(draws[10:].std() - 1) < 0.1)
((50, 100, 1), True)
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ._batch import one_each, over, same_shape, sum_each
from .energy import Energy, Values

Kernel = Callable[[Array, Any], Any]
Score = Callable[[Array], Array]


def run(kernel: Kernel, key: Array, state: Any, num_steps: int) -> Any:
    """The state after ``num_steps`` steps of ``kernel``, each with a key of its own."""

    def step(state: Any, key: Array) -> tuple[Any, None]:
        return kernel(key, state), None

    return jax.lax.scan(step, state, jax.random.split(key, num_steps))[0]


def trajectory(kernel: Kernel, key: Array, state: Any, num_steps: int, *, thin: int = 1) -> Any:
    """The states after ``thin``, ``2 thin``, ... ``num_steps thin`` steps: a leading axis ``[num_steps]``."""

    def step(state: Any, key: Array) -> tuple[Any, Any]:
        state = run(kernel, key, state, thin)
        return state, state

    return jax.lax.scan(step, state, jax.random.split(key, num_steps))[1]


def langevin(score: Score, step_size: ArrayLike, *, temperature: ArrayLike = 1.0) -> Kernel:
    """Unadjusted Langevin: ``y + step score(y) + sqrt(2 step temperature) noise``.

    It leaves ``exp(-E / temperature)`` as it is only in the limit of small steps; `mala` does at every step size.

    Args:
        score: ``d log p / dy``, which is minus the gradient of the energy (`score_matching.of_energy`),
            ``[chains, ...]`` to the same.
        step_size: above 0.
        temperature: below 1 the chains climb more and diffuse less, as SGLD samplers of networks do.

    Source: Roberts and Tweedie (1996), "Exponential convergence of Langevin distributions".
    """

    def kernel(key: Array, y: Array) -> Array:
        noise = jax.random.normal(key, y.shape, y.dtype)
        spread = jnp.sqrt(jnp.asarray(2 * step_size * temperature, y.dtype))
        return y + jnp.asarray(step_size, y.dtype) * same_shape(score(y), y, "score") + spread * noise

    return kernel


def mala(energy: Energy, step_size: ArrayLike) -> Kernel:
    """Metropolis-adjusted Langevin: a Langevin step that is accepted or refused so that ``exp(-E)`` stays exact.

    A proposal of energy inf is refused. One of energy NaN is not: the chain becomes NaN, to be seen.

    Args:
        energy: ``energy(y)``, ``[chains, ...]`` to ``[chains]``.
        step_size: above 0; each chain should accept about 0.57 of its proposals.

    Source: Roberts and Tweedie (1996), the same paper.
    """

    def value_and_drift(y: Array) -> tuple[Array, Array]:
        energies, back = jax.vjp(lambda y: one_each(energy(y), y, "energy"), y)
        return energies, -back(jnp.ones_like(energies))[0]

    def kernel(key: Array, y: Array) -> Array:
        first, second = jax.random.split(key)
        step = jnp.asarray(step_size, y.dtype)
        old, drift = value_and_drift(y)
        moved = y + step * drift + jnp.sqrt(2 * step) * jax.random.normal(first, y.shape, y.dtype)
        new, drift_back = value_and_drift(moved)

        def log_q(to: Array, start: Array, drift: Array) -> Array:
            return -sum_each((to - start - step * drift) ** 2) / (4 * step)

        log_ratio = old - new + log_q(y, moved, drift_back) - log_q(moved, y, drift)
        log_ratio = jnp.where(new == jnp.inf, -jnp.inf, log_ratio)
        accept = -jax.random.exponential(second, old.shape, old.dtype) < log_ratio
        # neither refused nor taken on in silence
        moved = jnp.where(over(jnp.isnan(log_ratio), y), jnp.nan, moved)
        return jnp.where(over(accept | jnp.isnan(log_ratio), y), moved, y)

    return kernel


def gibbs(energy: Energy, values: Values = (0.0, 1.0), *, symmetric: bool = False) -> Kernel:
    """One sweep over the sites, each drawn anew given all others.

    Args:
        energy: ``energy(y)``, ``[chains, d]`` to ``[chains]``, called once a site and value.
        values: what a site may be, ``[k]``.
        symmetric: sweep there and back, which makes the kernel reversible, as `ais.reverse` wants it.

    Source: Geman and Geman (1984), "Stochastic relaxation, Gibbs distributions".
    """

    def kernel(key: Array, y: Array) -> Array:
        choices = jnp.asarray(values, y.dtype)
        sites = jnp.arange(y.shape[1])
        sites = jnp.concatenate([sites, sites[::-1]]) if symmetric else sites

        def draw(y: Array, at: tuple[Array, Array]) -> tuple[Array, None]:
            i, key = at
            logs = jax.vmap(lambda value: -one_each(energy(y.at[:, i].set(value)), y, "energy"))(choices)
            drawn = y.at[:, i].set(choices[jax.random.categorical(key, logs, axis=0)])
            # categorical would make a choice among NaNs; a chain that met one says so
            return jnp.where(jnp.isnan(logs).any(0)[:, None], jnp.nan, drawn), None

        return jax.lax.scan(draw, y, (sites, jax.random.split(key, len(sites))))[0]

    return kernel


def annealed_langevin(
    score: Callable[[Array, Array], Array],
    key: Array,
    start: Array,
    sigmas: ArrayLike,
    *,
    num_steps: int = 100,
    step_size: float = 2e-5,
    denoise: bool = True,
) -> Array:
    """Sample by Langevin steps at noise levels that fall.

    At level ``sigma`` the step is ``alpha = step_size (sigma / sigmas[-1])^2``, and
    ``y + alpha / 2 score(y, sigma) + sqrt(alpha) noise``.

    Args:
        score: ``score(y, sigma)``, ``[B, ...]`` and ``[B]`` to ``[B, ...]``: of data with noise of that deviation.
        key: PRNG key.
        start: about as wide as the data with the first noise, ``[B, ...]``.
        sigmas: falling, ``[levels]``.
        num_steps: at each level.
        step_size: at the last level; of the order of its ``sigma`` squared.
        denoise: end on the mean of the data given what is there, ``y + sigma^2 score``, without the last noise.

    Source: Song and Ermon (2019), "Generative modeling by estimating gradients of the data distribution", algorithm 1.
    """
    sigmas = jnp.asarray(sigmas, start.dtype)

    def at(y: Array, sigma: Array) -> Array:
        return same_shape(score(y, jnp.broadcast_to(sigma, y.shape[:1])), y, "score")

    def level(y: Array, at_level: tuple[Array, Array]) -> tuple[Array, None]:
        sigma, key = at_level
        alpha = step_size * (sigma / sigmas[-1]) ** 2
        return run(langevin(lambda y: at(y, sigma), alpha / 2), key, y, num_steps), None

    y, _ = jax.lax.scan(level, start, (sigmas, jax.random.split(key, sigmas.size)))
    return y + sigmas[-1] ** 2 * at(y, sigmas[-1]) if denoise else y
