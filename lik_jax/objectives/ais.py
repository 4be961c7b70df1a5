"""Annealed importance sampling: estimates of ``log Z`` between a simple model and the one in question.

Chains start as exact draws of a model whose ``Z`` is known and are moved to the target at ``betas`` from 0 to 1; each
carries a weight whose mean is ``Z_target / Z_base``, at any number of steps. **The logarithm of a mean of weights is
too low on average** (Jensen), so `forward` gives too small a ``log Z``, and a log-likelihood that flatters the model.
`reverse` goes the same way back from draws of the target, and is too high on average: report both. They bracket the
truth in expectation; no standard error tells of modes that no chain has visited.

>>> import jax, jax.numpy as jnp
>>> from lik_jax.objectives import rbm
>>> params = rbm.Params(jnp.ones((4, 3)) / 2, jnp.zeros(4), jnp.zeros(3))
>>> estimate = rbm_forward(rbm, params, key=jax.random.key(0), num_chains=500, betas=50)
>>> bool(abs(estimate.log_z - rbm.log_partition(params)) < 4 * estimate.standard_error)
True

Source: Neal (2001), "Annealed importance sampling"; Burda, Grosse and Salakhutdinov (2015), "Accurate and conservative
estimates of MRF log-likelihood using reverse annealing".
"""

import statistics
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer
from jax.typing import ArrayLike

from .._arrays import as_floats
from .importance import effective_sample_size

PathEnergy = Callable[[Any, Array], Array]
PathKernel = Callable[[Array, Any, Array], Any]


class Estimate(NamedTuple):
    """An estimate of ``log Z`` in nats.

    Attributes:
        log_z: from `forward` too low on average, from `reverse` too high.
        standard_error: of ``log_z``, by the delta method; NaN for one chain.
        log_weights: of the chains, ``[C]``: log of ``Z`` of where they went over that of where they came from.
        effective_sample_size: of the weights, 1 to C.
        states: where the chains ended; weighted, they are draws of that end.
    """

    log_z: Array
    standard_error: Array
    log_weights: Array
    effective_sample_size: Array
    states: Any

    def interval(self, level: float = 0.95) -> tuple[Array, Array]:
        """Where ``log Z`` is with this confidence, by chance alone: the bias is not in it."""
        half = statistics.NormalDist().inv_cdf(0.5 + level / 2) * self.standard_error
        return self.log_z - half, self.log_z + half


def forward(
    energy: PathEnergy, kernel: PathKernel, start: Any, betas: ArrayLike, base_log_z: ArrayLike, *, key: Array
) -> Estimate:
    """Annealed importance sampling from a base whose ``log Z`` is known to the target.

    Args:
        energy: ``energy(state, beta)``, ``[C]`` in nats: of the base at ``betas[0]``, of the target at ``betas[-1]``.
        kernel: ``kernel(key, state, beta)`` gives the next state; it leaves ``exp(-energy(., beta))`` as it is.
        start: exact draws of the base, a pytree of ``[C, ...]``.
        betas: the way, ``[num_steps + 1]``.
        base_log_z: ``log Z`` of the base, everything that ``energy`` leaves out or sums over included.
        key: of the chains.

    Returns:
        An `Estimate`, whose ``log_z`` is too low on average.

    Raises:
        ValueError: fewer than two ``betas``, or an energy that is not one number a chain.
    """
    log_weights, states = _anneal(energy, kernel, start, betas, key)
    log_mean, error = log_mean_exp(log_weights)
    log_z = as_floats(base_log_z)[0].astype(log_mean.dtype) + log_mean
    return Estimate(log_z, error, log_weights, effective_sample_size(log_weights), states)


def reverse(
    energy: PathEnergy, kernel: PathKernel, start: Any, betas: ArrayLike, base_log_z: ArrayLike, *, key: Array
) -> Estimate:
    """The way back, from draws of the target to the base: an estimate of the target's ``log Z`` from above.

    Args:
        energy: as for `forward`.
        kernel: as for `forward`, and reversible: if it is a sequence of moves, with the moves in the other order.
        start: draws of the *target*, a pytree of ``[C, ...]``. The bound holds if they are exact; long chains are
            the best there is.
        betas: as for `forward`, from the base to the target.
        base_log_z: ``log Z`` of the base.
        key: of the chains.

    Returns:
        An `Estimate`, whose ``log_z`` is too high on average.

    Raises:
        ValueError: fewer than two ``betas``, or an energy that is not one number a chain.
    """
    log_weights, states = _anneal(energy, kernel, start, jnp.asarray(betas)[::-1], key)
    log_mean, error = log_mean_exp(log_weights)
    log_z = as_floats(base_log_z)[0].astype(log_mean.dtype) - log_mean
    return Estimate(log_z, error, log_weights, effective_sample_size(log_weights), states)


def rbm_forward(
    rbm: Any,
    params: Any,
    *,
    key: Array,
    num_chains: int = 100,
    betas: ArrayLike = 1000,
    visible_bias: ArrayLike | None = None,
) -> Estimate:
    """`forward` for a restricted Boltzmann machine, from one without weights.

    Args:
        rbm: the module `rbm` or `gaussian_rbm`.
        params: its parameters.
        key: PRNG key.
        num_chains: C.
        betas: the number of even steps, or the ``betas`` themselves, from 0 to 1.
        visible_bias: of the base, ``[visible]``: log-odds (means) of the data serve best; by default its own.
    """
    if num_chains < 1:
        raise ValueError(f"ais.rbm_forward: num_chains={num_chains}; want 1 or more, and 2 for a standard error.")
    base, energy, kernel = _way(rbm, params, visible_bias)
    first, second = jax.random.split(key)
    start = rbm.base_sample(base, first, num_chains)
    return forward(energy, kernel, start, _betas(betas), rbm.base_log_partition(base), key=second)


def rbm_reverse(
    rbm: Any,
    params: Any,
    samples: Array,
    *,
    key: Array,
    betas: ArrayLike = 1000,
    visible_bias: ArrayLike | None = None,
) -> Estimate:
    """`reverse` for a restricted Boltzmann machine.

    Args:
        rbm: the module `rbm` or `gaussian_rbm`.
        params: its parameters.
        samples: visible states drawn from the machine, ``[C, visible]``.
        key: PRNG key.
        betas: as for `rbm_forward`.
        visible_bias: as for `rbm_forward`.
    """
    base, energy, kernel = _way(rbm, params, visible_bias)
    return reverse(energy, kernel, samples, _betas(betas), rbm.base_log_partition(base), key=key)


def log_mean_exp(log_weights: ArrayLike) -> tuple[Array, Array]:
    """``log mean w`` of ``[C]`` log-weights, and its standard error by the delta method (NaN for one).

    >>> [round(float(x), 4) for x in log_mean_exp(jnp.log(jnp.array([1.0, 3.0])))]
    [0.6931, 0.5]
    """
    (logs,) = as_floats(log_weights)
    value = jax.nn.logsumexp(logs) - jnp.log(jnp.asarray(logs.size, logs.dtype))
    if logs.size < 2:
        return value, jnp.full_like(value, jnp.nan)
    return value, jnp.exp(logs - value).std(ddof=1) / logs.size**0.5


def bootstrap_interval(
    log_weights: ArrayLike, *, key: Array, level: float = 0.95, num_resamples: int = 1000
) -> tuple[Array, Array]:
    """Where ``log mean w`` is with this confidence, by drawing the chains again with replacement, ``[C]``.

    Less symmetric than the delta method where weights are uneven; the bias is not in it either.

    >>> low, high = bootstrap_interval(jnp.log(jnp.array([1.0, 3.0])), key=jax.random.key(0))
    >>> round(float(low), 4), round(float(high), 4)
    (0.0, 1.0986)
    """
    (logs,) = as_floats(log_weights)

    def once(key: Array) -> Array:
        return log_mean_exp(logs[jax.random.randint(key, logs.shape, 0, logs.size)])[0]

    means = jax.lax.map(once, jax.random.split(key, num_resamples))
    low, high = jnp.quantile(means, jnp.asarray([0.5 - level / 2, 0.5 + level / 2], means.dtype))
    return low, high


def resample(estimate: Estimate, key: Array, num: int) -> Any:
    """Draws of the end of the way: chains picked by their weights, ``num`` of them, evenly spaced (systematic)."""
    shares = jnp.cumsum(jax.nn.softmax(estimate.log_weights))
    points = (jax.random.uniform(key, (), shares.dtype) + jnp.arange(num, dtype=shares.dtype)) / num
    chosen = jnp.minimum(jnp.searchsorted(shares, points), shares.size - 1)
    return jax.tree.map(lambda leaf: leaf[chosen], estimate.states)


def _anneal(energy: PathEnergy, kernel: PathKernel, start: Any, betas: ArrayLike, key: Array) -> tuple[Array, Any]:
    """Log-weights ``[C]`` and last states of chains from ``betas[0]`` to ``betas[-1]``."""
    (betas,) = as_floats(betas)
    if betas.ndim != 1 or betas.size < 2:
        raise ValueError(f"ais: betas have shape {betas.shape}; want at least two, [num_steps + 1].")
    chains = jax.tree.leaves(start)[0].shape[0]

    def at(state: Any, beta: Array) -> Array:
        energies = energy(state, beta)
        if jnp.shape(energies) != (chains,):
            raise ValueError(
                f"ais: energy gave the shape {jnp.shape(energies)} for {chains} chains; want {(chains,)}: one number "
                "a chain."
            )
        return energies

    def step(carry: tuple[Any, Array], now: tuple[Array, Array, Array]) -> tuple[tuple[Any, Array], None]:
        state, log_weights = carry
        before, beta, key = now
        # the state was drawn at the beta before: it is weighted first, and moved then
        log_weights = log_weights + at(state, before) - at(state, beta)
        return (kernel(key, state, beta), log_weights), None

    zero = jnp.zeros_like(at(start, betas[0]))
    steps = betas[:-1], betas[1:], jax.random.split(key, betas.size - 1)
    (state, log_weights), _ = jax.lax.scan(step, (start, zero), steps)
    return log_weights, state


def _way(rbm: Any, params: Any, visible_bias: ArrayLike | None) -> tuple[Any, PathEnergy, PathKernel]:
    base = rbm.base(params, visible_bias)

    def energy(v: Array, beta: Array) -> Array:
        return rbm.free_energy(rbm.anneal(params, base, beta), v)

    def kernel(key: Array, v: Array, beta: Array) -> Array:
        return rbm.gibbs(rbm.anneal(params, base, beta))(key, v)

    return base, energy, kernel


def _betas(betas: Any) -> Array:
    if jnp.ndim(betas) == 0:
        if isinstance(betas, float) or int(betas) < 1:
            raise ValueError(f"ais: betas={betas}; want a whole number of steps, 1 or more, or the betas from 0 to 1.")
        return jnp.linspace(0.0, 1.0, int(betas) + 1)
    if not isinstance(betas, Tracer):
        known = np.asarray(betas)
        rising = known.ndim == 1 and known.size > 1 and (np.diff(known) >= 0).all()
        if not rising or known[0] != 0 or known[-1] != 1:
            raise ValueError(f"ais: betas of shape {known.shape} must rise from 0 to 1, or bound another log Z.")
    return jnp.asarray(betas)
