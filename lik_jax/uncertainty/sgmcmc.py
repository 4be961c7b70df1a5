"""Samples of the posterior of a network's params by stochastic gradients: SGLD and SGHMC, by blackjax.

The log-posterior is ``log_prior(params) - n loss(params)``, where ``loss`` is any mean loss of lik_jax in nats and
``n`` the number of examples; its gradient is estimated from batches that are drawn with replacement. There is no
accept step: the step size biases the samples. For a normal posterior of variance ``v``, SGLD with all data and the step
``h`` settles at the variance ``v / (1 - h / (2 v))``.

Source: Welling and Teh (2011), "Bayesian learning via stochastic gradient Langevin dynamics"; Chen, Fox and Guestrin
(2014), "Stochastic gradient Hamiltonian Monte Carlo".
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .._extras import load

Rate = float | Callable[[Array], Any]
Move = Callable[[Array, Any, Any, Any, Array], tuple[Any, Any]]


class _Plan(NamedTuple):
    num_samples: int
    burn_in: int
    thin: int
    batch_size: int | None


def normal_prior(precision: ArrayLike) -> Callable[[Any], Array]:
    """``log_prior(params)`` of independent normals around 0, up to a constant: ``-precision / 2 |params|^2``."""

    def log_prior(params: Any) -> Array:
        sums = [(leaf**2).sum() for leaf in jax.tree.leaves(params)]
        return jnp.asarray(-0.5 * precision * sum(sums[1:], start=sums[0]))

    return log_prior


def polynomial(scale: float, offset: float = 1.0, power: float = 0.55) -> Callable[[Array], Array]:
    """The step size ``scale (offset + step)^-power``; it vanishes slowly enough for ``power`` in (0.5, 1]."""
    return lambda step: scale * (offset + step.astype(jnp.float32)) ** -power


def sgld(
    loss: Callable[..., Array],
    log_prior: Callable[[Any], Array],
    params: Any,
    data: Any,
    key: Array,
    *,
    step_size: Rate,
    num_samples: int,
    burn_in: int = 0,
    thin: int = 1,
    batch_size: int | None = None,
    temperature: float = 1.0,
) -> Any:
    """Stochastic gradient Langevin dynamics: ``params + h gradient + sqrt(2 h temperature) noise``.

    Args:
        loss: ``loss(params, batch, key)``, the mean over a batch, nats.
        log_prior: of params, up to a constant: `normal_prior`.
        params: where to start; near the mode saves burn-in.
        data: all examples, a pytree of arrays ``[n, ...]``.
        key: of batches and noise.
        step_size: ``h``, a number or a function of the step's number: `polynomial`.
        num_samples: samples to keep.
        burn_in: steps before the first of them.
        thin: steps for each.
        batch_size: examples a step, drawn with replacement; all data, each once, if not given.
        temperature: of the posterior: 1 is the posterior itself, below 1 a colder one.

    Returns:
        Params with a leading axis of samples, ``[num_samples, ...]``: members for `over_members` and `predictive`.

    Raises:
        ModuleNotFoundError: blackjax is not installed.
    """
    kernel = load("blackjax.sgmcmc.sgld", "bayes", "sampling by stochastic gradients").build_kernel()

    def move(key: Array, params: Any, memory: Any, gradient: Any, h: Array) -> tuple[Any, Any]:
        return kernel(key, params, lambda params, gradient: gradient, gradient, h, temperature), memory

    return _sample(
        move, None, loss, log_prior, params, data, key, step_size, _Plan(num_samples, burn_in, thin, batch_size)
    )


def sghmc(
    loss: Callable[..., Array],
    log_prior: Callable[[Any], Array],
    params: Any,
    data: Any,
    key: Array,
    *,
    step_size: Rate,
    num_samples: int,
    friction: float = 1.0,
    gradient_noise: float = 0.0,
    burn_in: int = 0,
    thin: int = 1,
    batch_size: int | None = None,
    temperature: float = 1.0,
) -> Any:
    """Stochastic gradient Hamiltonian Monte Carlo with friction; the momentum is kept from step to step.

    ``params + h momentum`` and ``(1 - friction h) momentum + h gradient + sqrt(h temperature (2 friction - h
    temperature gradient_noise)) noise``, both from the values before the step.

    Args:
        loss: see `sgld`; ``log_prior``, ``params``, ``data``, ``key`` and what else is not said here too.
        log_prior: of params.
        params: where to start.
        data: all examples.
        key: of batches, noise and the first momentum.
        step_size: ``h``: of the order of the posterior's deviation, where that of `sgld` is of the variance.
        num_samples: samples to keep.
        friction: how fast momentum is lost, one over time; above ``h`` over the smallest posterior variance.
        gradient_noise: variance of the gradient's estimate, which then counts as a part of the noise.
        burn_in: steps before the first sample.
        thin: steps for each.
        batch_size: examples a step.
        temperature: of the posterior.

    Returns:
        Params with a leading axis of samples, ``[num_samples, ...]``.

    Raises:
        ModuleNotFoundError: blackjax is not installed.
    """
    diffusions = load("blackjax.sgmcmc.diffusions", "bayes", "sampling by stochastic gradients")
    # blackjax's own kernel draws momentum and noise from one key: its integrator is used with keys apart
    integrate = diffusions.sghmc(friction, gradient_noise)

    def move(key: Array, params: Any, momentum: Any, gradient: Any, h: Array) -> tuple[Any, Any]:
        return integrate(key, params, momentum, gradient, h, temperature)

    key, own = jax.random.split(key)
    leaves, tree = jax.tree.flatten(jax.tree.map(jnp.asarray, params))
    keys = jax.random.split(own, len(leaves))
    draws = [jax.random.normal(k, leaf.shape, leaf.dtype) for k, leaf in zip(keys, leaves, strict=True)]
    momentum = jax.tree.unflatten(tree, [temperature**0.5 * draw for draw in draws])
    plan = _Plan(num_samples, burn_in, thin, batch_size)
    return _sample(move, momentum, loss, log_prior, params, data, key, step_size, plan)


def _sample(
    move: Move,
    memory: Any,
    loss: Callable[..., Array],
    log_prior: Callable[[Any], Array],
    params: Any,
    data: Any,
    key: Array,
    step_size: Rate,
    plan: _Plan,
) -> Any:
    """Burn in, then keep every ``thin``-th params."""
    params, data = jax.tree.map(jnp.asarray, (params, data))
    n = len(jax.tree.leaves(data)[0])

    def step(i: Array, state: tuple[Any, Any]) -> tuple[Any, Any]:
        params, memory = state
        rows_key, loss_key, noise_key = jax.random.split(jax.random.fold_in(key, i), 3)
        batch = data
        if plan.batch_size is not None:
            rows = jax.random.randint(rows_key, (plan.batch_size,), 0, n)
            batch = jax.tree.map(lambda leaf: leaf[rows], data)
        gradient = jax.grad(lambda params: log_prior(params) - n * loss(params, batch, loss_key))(params)
        h = jnp.asarray(step_size(i) if callable(step_size) else step_size, jnp.float32)
        # blackjax counts on JAX's standard promotion
        with jax.numpy_dtype_promotion("standard"):
            moved = move(noise_key, params, memory, gradient, h)
        return jax.tree.map(lambda new, old: new.astype(old.dtype), moved, state)

    def kept(state: tuple[Any, Any], k: Array) -> tuple[tuple[Any, Any], Any]:
        first = plan.burn_in + k * plan.thin
        state = jax.lax.fori_loop(first, first + plan.thin, step, state)
        return state, state[0]

    state = jax.lax.fori_loop(jnp.int32(0), jnp.int32(plan.burn_in), step, (params, memory))
    return jax.lax.scan(kept, state, jnp.arange(plan.num_samples, dtype=jnp.int32))[1]
