"""Markov kernels: what they leave as it is, known biases, NaN in the open."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lik_jax.objectives import energy, mcmc

pytestmark = pytest.mark.usefixtures("x64")


def quadratic(y):
    return 0.5 * (y**2).sum(-1)


def test_runs_and_trajectories(key: jax.Array):
    keys = jax.random.split(key, 4)

    def kernel(key, y):
        return y + 1

    assert float(mcmc.run(kernel, keys[0], jnp.zeros(()), 5)) == 5
    assert float(mcmc.run(kernel, keys[1], jnp.zeros(()), 0)) == 0
    np.testing.assert_array_equal(mcmc.trajectory(kernel, keys[2], jnp.zeros(()), 3, thin=2), [2, 4, 6])
    walk = mcmc.trajectory(mcmc.langevin(lambda y: -y, 0.1), keys[3], jnp.zeros((1, 1)), 3)
    assert len(np.unique(np.diff(walk[:, 0, 0]))) == 2


@pytest.mark.parametrize("temperature", [1.0, 0.3])
def test_unadjusted_langevin_has_its_known_variance(key: jax.Array, temperature: float):
    """y <- (1 - h) y + sqrt(2 h t) e on N(0, 1) settles at variance t / (1 - h / 2)."""
    first, second = jax.random.split(key)
    n, h, variance = 100_000, 0.5, temperature / (1 - 0.25)
    start = jnp.sqrt(variance) * jax.random.normal(first, (n, 1))
    end = jax.jit(lambda k, y: mcmc.run(mcmc.langevin(lambda y: -y, h, temperature=temperature), k, y, 3))(
        second, start
    )
    assert abs((end**2).mean() - variance) < 4 * variance * (2 / n) ** 0.5


def test_adjusted_langevin_is_exact_at_a_large_step(key: jax.Array):
    """A quartic well, from exact draws (by inverting its cdf): moments stay as they are, and chains move."""
    first, second = jax.random.split(key)
    grid = jnp.linspace(-4.0, 4.0, 8001)
    density = jnp.exp(-((grid**2 - 1) ** 2))
    cdf = jnp.cumsum(density) / density.sum()
    start = jnp.interp(jax.random.uniform(first, (100_000,)), cdf, grid)[:, None]

    def well(y):
        return ((y**2 - 1) ** 2).sum(-1)

    end = jax.jit(lambda k, y: mcmc.run(mcmc.mala(well, 0.15), k, y, 4))(second, start)
    for power in (1, 2, 4):
        mean = (density * grid**power).sum() / density.sum()
        values = end**power
        assert abs(values.mean() - mean) < 4 * values.std() / 100_000**0.5
    assert 0.5 < float((end != start).mean()) <= 1


def test_adjusted_langevin_keeps_to_the_support_and_shows_nan(key: jax.Array):
    def half_line(y):
        return jnp.where(y > 0, y, jnp.inf).sum(-1)

    end = mcmc.run(mcmc.mala(half_line, 1.0), key, jnp.ones((500, 1)), 20)
    assert bool((end > 0).all())
    assert abs(float(end.mean()) - 1) < 4 / 500**0.5

    def broken(y):
        return jnp.where(y[:, 0] > 1.5, jnp.nan, quadratic(y))

    end = mcmc.run(mcmc.mala(broken, 1.0), jax.random.key(1), jnp.ones((500, 1)), 20)
    assert bool(jnp.isnan(end).any())


TABLE = np.random.default_rng(5).normal(size=(3, 3))


def table_energy(y):
    i, j = jnp.moveaxis(y.astype(jnp.int32), -1, 0)
    return jnp.asarray(TABLE)[i, j]


@pytest.mark.parametrize("symmetric", [False, True])
def test_gibbs_leaves_the_model_as_it_is(key: jax.Array, symmetric: bool):
    n, p = 100_000, np.exp(-TABLE).ravel() / np.exp(-TABLE).sum()
    first, second = jax.random.split(key)
    number = jax.random.choice(first, 9, (n,), p=jnp.asarray(p))
    kernel = mcmc.gibbs(table_energy, jnp.arange(3), symmetric=symmetric)
    end = jax.jit(kernel)(second, energy.states(2, jnp.arange(3.0))[number])
    after = np.asarray(end @ jnp.array([3.0, 1.0])).astype(int)
    share = np.bincount(after, minlength=9) / n
    assert (np.abs(share - p) / np.sqrt(p * (1 - p) / n)).max() < 4
    pairs = np.zeros((9, 9))
    np.add.at(pairs, (np.asarray(number), after), 1)
    gap = np.abs(pairs - pairs.T) / np.sqrt(np.maximum(pairs + pairs.T, 1))
    # there and back is reversible: as often from a to b as from b to a
    assert bool(gap.max() < 4) is symmetric


def test_gibbs_shows_nan(key: jax.Array):
    kernel = mcmc.gibbs(lambda y: y.sum(-1) * jnp.nan)
    assert bool(jnp.isnan(kernel(key, jnp.ones((2, 3)))).any())


@pytest.mark.parametrize("denoise", [False, True])
def test_annealed_langevin_by_recursion(key: jax.Array, denoise: bool):
    """Data N(2, .5^2): every step is linear, so the mean and variance of what comes out are known."""
    sigmas, steps, size, n = np.array([3.0, 1.0, 0.3, 0.1]), 20, 0.005, 50_000
    start = jax.random.normal(key, (n, 1)) * 3

    def score(y, sigma):
        return (2.0 - y) / (0.25 + sigma[:, None] ** 2)

    end = jax.jit(
        lambda key, y: mcmc.annealed_langevin(score, key, y, sigmas, num_steps=steps, step_size=size, denoise=denoise)
    )(jax.random.fold_in(jax.random.key(1), 2), start)
    mean, variance = -2.0, 9.0  # of what is left to the mean of the data
    for sigma in sigmas:
        alpha = size * (sigma / sigmas[-1]) ** 2
        keep = 1 - alpha / 2 / (0.25 + sigma**2)
        for _ in range(steps):
            mean, variance = keep * mean, keep**2 * variance + alpha
    if denoise:
        keep = 1 - 0.01 / 0.26
        mean, variance = keep * mean, keep**2 * variance
    assert abs(end.mean() - 2 - mean) < 4 * (variance / n) ** 0.5
    assert abs(end.var() - variance) < 4 * variance * (2 / n) ** 0.5


def test_a_score_of_the_wrong_shape_says_so(key: jax.Array):
    wrong = (
        ("score", mcmc.langevin(lambda y: y.sum(-1), 0.1)),
        ("energy", mcmc.mala(lambda y: y, 0.1)),
        ("energy", mcmc.gibbs(lambda y: y)),
    )
    for (name, kernel), draw in zip(wrong, jax.random.split(key, 3), strict=True):
        with pytest.raises(ValueError, match=f"{name} gave the shape"):
            kernel(draw, jnp.ones((3, 2)))
