"""Annealed importance sampling: unbiased at every number of steps, by all paths; its two sides; its spread."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lik_jax.objectives import ais, boltzmann, energy, gaussian_rbm, rbm

pytestmark = pytest.mark.usefixtures("x64")

SMALL = rbm.Params(np.array([[1.5, -0.7], [0.4, 2.0]]), np.array([-0.6, 0.3]), np.array([0.2, -0.9]))
BIAS = np.array([0.5, -0.4])
STATES = np.array(list(itertools.product([0.0, 1.0], repeat=2)))


def small() -> rbm.Params:
    return rbm.Params(*(jnp.asarray(leaf) for leaf in SMALL))


def numpy_free_energy(beta: float) -> np.ndarray:
    w, b, c = SMALL
    bias = (1 - beta) * BIAS + beta * b
    return -STATES @ bias - np.log1p(np.exp(beta * (STATES @ w + c))).sum(1)


def numpy_transition(beta: float) -> np.ndarray:
    """Probability of going from state to state by one block Gibbs step, ``[4, 4]``."""
    w, b, c = SMALL
    bias = (1 - beta) * BIAS + beta * b
    on_h = 1 / (1 + np.exp(-beta * (STATES @ w + c)))
    on_v = 1 / (1 + np.exp(-(bias + beta * STATES @ w.T)))

    def mass(on: np.ndarray) -> np.ndarray:
        return np.prod(np.where(STATES[None] == 1, on[:, None], 1 - on[:, None]), -1)

    return mass(on_h) @ mass(on_v)


def every_path(betas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Paths through the states at ``betas[0]``, ``[1]``, ... ``[-2]``, ``[n, T]``, and their probabilities."""
    paths = np.array(list(itertools.product(range(4), repeat=len(betas) - 1)))
    first = np.exp(-numpy_free_energy(betas[0]))
    p = (first / first.sum())[paths[:, 0]]
    for t in range(1, len(betas) - 1):
        p = p * numpy_transition(betas[t])[paths[:, t - 1], paths[:, t]]
    np.testing.assert_allclose(p.sum(), 1, rtol=1e-12)
    return paths, p


def log_weights_of(paths: np.ndarray, betas: np.ndarray, run) -> ais.Estimate:
    """What the library makes of chains that are told where to go: each state carries its path and its place on it."""
    base = rbm.base(small(), BIAS)

    def at(state, beta):
        path, place = state
        number = jnp.take_along_axis(path, place[:, None], 1, mode="clip")[:, 0]
        return rbm.free_energy(rbm.anneal(small(), base, beta), jnp.asarray(STATES)[number])

    def move(key, state, beta):
        return state[0], state[1] + 1

    start = jnp.asarray(paths), jnp.zeros(len(paths), jnp.int64)
    return run(at, move, start, jnp.asarray(betas), rbm.base_log_partition(base), key=jax.random.key(0))


LOG_Z = np.log(np.exp(-numpy_free_energy(1.0)).sum())
LOG_Z0 = np.log(np.exp(-numpy_free_energy(0.0)).sum())


@pytest.mark.parametrize("steps", [1, 2, 3, 5])
def test_the_mean_weight_is_the_ratio_at_every_number_of_steps(steps: int):
    betas = np.linspace(0, 1, steps + 1) ** 1.5
    paths, p = every_path(betas)
    forward = log_weights_of(paths, betas, ais.forward)
    np.testing.assert_allclose(p @ np.exp(forward.log_weights), np.exp(LOG_Z - LOG_Z0), rtol=1e-12)
    back, q = every_path(betas[::-1])
    reverse = log_weights_of(back, betas, ais.reverse)
    np.testing.assert_allclose(q @ np.exp(reverse.log_weights), np.exp(LOG_Z0 - LOG_Z), rtol=1e-12)


@pytest.mark.parametrize("steps", [1, 2, 7, 100])
def test_the_mean_weight_by_matrices_with_the_machines_own_parts(steps: int):
    base, params = rbm.base(small(), BIAS), small()

    def mass(logits):
        chosen = jnp.where(STATES[None] == 1, logits[:, None], -logits[:, None])
        return jnp.exp(jax.nn.log_sigmoid(chosen).sum(-1))

    @jax.jit
    def propagate(measure, betas):
        before, after = (rbm.anneal(params, base, beta) for beta in betas)
        measure = measure * jnp.exp(rbm.free_energy(before, STATES) - rbm.free_energy(after, STATES))
        return measure @ (mass(rbm.hidden_logits(after, STATES)) @ mass(rbm.visible_logits(after, STATES)))

    betas = np.linspace(0, 1, steps + 1)
    measure = jnp.exp(-rbm.free_energy(base, STATES) - rbm.base_log_partition(base))
    for pair in itertools.pairwise(betas):
        measure = propagate(measure, jnp.asarray(pair))
    total = jnp.log(measure.sum()) + rbm.base_log_partition(base)
    np.testing.assert_allclose(total, rbm.log_partition(params), rtol=1e-12)


def test_the_log_mean_is_too_low_one_way_and_too_high_the_other():
    betas = np.array([0.0, 0.5, 1.0])
    paths, p = every_path(betas)
    back, q = every_path(betas[::-1])
    forward = log_weights_of(paths, betas, ais.forward)
    reverse = log_weights_of(back, betas, ais.reverse)

    def expected(estimate, p, sign, chains):
        """E[log Z] of this many independent chains, over all of their paths."""
        rows = np.array(list(itertools.product(range(len(p)), repeat=chains)))
        means = jax.vmap(lambda logs: ais.log_mean_exp(logs)[0])(estimate.log_weights[rows])
        return LOG_Z0 + sign * float(np.prod(p[rows], 1) @ means)

    low, high = ([expected(*about, n) for n in (1, 2)] for about in ((forward, p, 1), (reverse, q, -1)))
    assert low[0] < low[1] < LOG_Z - 0.01
    assert high[0] > high[1] > LOG_Z + 0.01


def test_an_estimate_is_the_log_of_the_mean_weight():
    betas = np.array([0.0, 0.5, 1.0])
    estimate = log_weights_of(every_path(betas)[0], betas, ais.forward)
    np.testing.assert_allclose(estimate.log_z, LOG_Z0 + np.log(np.exp(estimate.log_weights).mean()), rtol=1e-13)
    reverse = log_weights_of(every_path(betas)[0], betas, ais.reverse)
    np.testing.assert_allclose(reverse.log_z, LOG_Z0 - np.log(np.exp(reverse.log_weights).mean()), rtol=1e-13)


@pytest.fixture(scope="module")
def forward():
    """AIS of a machine of eight and five bits, compiled once; and of one of two numbers and two bits."""
    bits = jax.jit(lambda params, key: ais.rbm_forward(rbm, params, key=key, num_chains=400, betas=60))
    numbers = jax.jit(
        lambda params, key: ais.rbm_forward(
            gaussian_rbm, params, key=key, num_chains=400, betas=40, visible_bias=jnp.array([0.5, 0.5])
        )
    )
    return {rbm: bits, gaussian_rbm: numbers}


@pytest.mark.parametrize("model", [rbm, gaussian_rbm], ids=["bits", "numbers"])
def test_without_weights_there_is_no_variance(model, forward, key: jax.Array):
    params = rbm.Params(jnp.zeros((8, 5)), jnp.linspace(-1.0, 1.0, 8), jnp.linspace(0.0, 0.4, 5))
    if model is gaussian_rbm:
        params = gaussian_rbm.Params(
            jnp.zeros((2, 2)), jnp.array([0.5, 0.5]), jnp.array([0.4, -0.2]), jnp.array([0.5, 2.0])
        )
    estimate = forward[model](params, key)
    np.testing.assert_allclose(estimate.log_weights, estimate.log_weights[0], atol=1e-12)
    np.testing.assert_allclose(estimate.log_z, model.log_partition(params), rtol=1e-13)
    np.testing.assert_allclose(estimate.standard_error, 0, atol=1e-12)


@pytest.mark.slow
def test_both_sides_of_a_machine_agree_with_its_truth(forward, key: jax.Array):
    keys = jax.random.split(key, 4)
    params = rbm.Params(jax.random.normal(keys[0], (8, 5)), jnp.zeros(8), jnp.zeros(5))
    truth = rbm.log_partition(params)
    there = forward[rbm](params, keys[1])
    assert abs(there.log_z - truth) < 4 * there.standard_error < 0.2
    low, high = there.interval(0.9999)
    assert low < truth < high
    assert 1 < there.effective_sample_size < 400
    every = energy.states(8)
    samples = every[jax.random.choice(keys[2], 256, (400,), p=jnp.exp(-rbm.free_energy(params, every) - truth))]
    back = jax.jit(lambda key: ais.rbm_reverse(rbm, params, samples, key=key, betas=60))(keys[3])
    assert abs(back.log_z - truth) < 4 * back.standard_error < 0.2


def test_gaussian_visible_numbers(forward, key: jax.Array):
    params = gaussian_rbm.Params(
        jnp.array([[1.0, -0.5], [0.3, 1.2]]), jnp.array([0.2, -0.3]), jnp.array([0.1, -0.2]), jnp.array([0.7, 1.5])
    )
    estimate = forward[gaussian_rbm](params, key)
    assert abs(estimate.log_z - gaussian_rbm.log_partition(params)) < 4 * estimate.standard_error < 0.4


@pytest.mark.slow
def test_any_energy_and_kernel(key: jax.Array):
    """A fully visible machine, tempered."""
    keys = jax.random.split(key, 4)
    params = boltzmann.Params(jax.random.normal(keys[0], (4, 4)), jnp.array([0.5, -0.5, 0.2, 0.0]))

    def tempered(beta):
        return jax.tree.map(lambda leaf: beta * leaf, params)

    @jax.jit
    def run(key, start):
        def move(key, v, beta):
            return boltzmann.gibbs(tempered(beta), symmetric=True)(key, v)

        betas = jnp.linspace(0.0, 1.0, 11)
        return ais.forward(
            lambda v, beta: boltzmann.energy(tempered(beta), v), move, start, betas, 4 * np.log(2), key=key
        )

    truth, every = boltzmann.log_partition(params), energy.states(4)
    estimate = run(keys[1], jax.random.bernoulli(keys[2], 0.5, (1000, 4)).astype(jnp.float64))
    assert abs(estimate.log_z - truth) < 4 * estimate.standard_error < 0.2
    ends = ais.resample(estimate, keys[3], 1000)
    means = jnp.exp(-boltzmann.energy(params, every) - truth) @ every
    np.testing.assert_allclose(ends.mean(0), means, atol=0.08)


def test_spread(key: jax.Array):
    logs = jax.random.normal(key, (400,))
    value, error = ais.log_mean_exp(logs)
    np.testing.assert_allclose(value, np.log(np.exp(logs).mean()), rtol=1e-13)
    np.testing.assert_allclose(error, np.exp(logs).std(ddof=1) / 20 / np.exp(logs).mean(), rtol=1e-12)
    low, high = ais.bootstrap_interval(logs, key=jax.random.key(1), num_resamples=2000)
    np.testing.assert_allclose([low - value, high - value], [-1.96 * error, 1.96 * error], atol=0.05)
    # far below the smallest double: still right
    np.testing.assert_allclose(ais.log_mean_exp(logs - 5000)[0], value - 5000, rtol=1e-13)
    assert jnp.isnan(ais.log_mean_exp(logs[:1])[1])


def test_nan_is_kept():
    assert jnp.isnan(ais.log_mean_exp(jnp.array([0.0, jnp.nan]))[0])
    betas, start = jnp.array([0.0, 1.0]), jnp.array([1.0, jnp.nan])
    estimate = ais.forward(lambda y, beta: beta * y, lambda key, y, b: y, start, betas, 0.0, key=jax.random.key(0))
    assert jnp.isnan(estimate.log_z)


def test_what_does_not_fit_says_so():
    def run(energy=lambda state, beta: beta * state, betas=(0.0, 1.0)):
        return ais.forward(energy, lambda key, s, b: s, jnp.ones(3), jnp.asarray(betas), 0.0, key=jax.random.key(0))

    with pytest.raises(ValueError, match=r"shape \(\) for 3 chains; want \(3,\)"):
        run(lambda state, beta: (beta * state).sum())
    with pytest.raises(ValueError, match="at least two"):
        run(betas=(1.0,))
