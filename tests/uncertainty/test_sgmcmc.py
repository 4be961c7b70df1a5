"""Samples by stochastic gradients, against a conjugate posterior and the bias that the step is known to have."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lik_jax import nll, normal
from lik_jax.uncertainty import sgmcmc

pytest.importorskip("blackjax")
pytestmark = pytest.mark.usefixtures("x64")
NOISE, TAU, N, CHAINS = 0.8, 0.5, 20, 20_000
Y = np.random.default_rng(4).normal(size=N) + 1.0
V = 1 / (N / NOISE**2 + TAU)
M = V * Y.sum() / NOISE**2
START = {"mean": np.zeros(())}
PRIOR = sgmcmc.normal_prior(TAU)


def loss(params, y, key):
    return nll(normal, normal.Params(params["mean"], NOISE), y)


def chains(sampler, key, **options):
    """The last state of many chains, far from the start."""

    def one(key):
        return sampler(loss, PRIOR, START, Y, key, num_samples=1, burn_in=59, **options)["mean"][0]

    return np.asarray(jax.jit(jax.vmap(one))(jax.random.split(key, CHAINS)))


def gradient_noise(batch_size):
    """Variance of the gradient's estimate: of rows drawn with replacement."""
    return 0.0 if batch_size is None else N**2 / batch_size * Y.var() / NOISE**4


def check(draws, variance):
    assert abs(draws.mean() - M) < 4.5 * (variance / CHAINS) ** 0.5
    assert abs(draws.var() / variance - 1) < 4.5 * (2 / CHAINS) ** 0.5


@pytest.mark.parametrize("batch_size", [None, 5])
def test_langevin_settles_where_it_is_known_to(batch_size, key):
    """``x <- x + h (m - x + v e) / v + sqrt(2 h) n`` has the variance ``(2 h + h^2 s) / (1 - (1 - h / v)^2)``."""
    h = 0.4 * V
    draws = chains(sgmcmc.sgld, key, step_size=h, batch_size=batch_size)
    variance = (2 * h + h**2 * gradient_noise(batch_size)) / (1 - (1 - h / V) ** 2)
    assert variance > 1.2 * V
    check(draws, variance)


@pytest.mark.parametrize("batch_size", [None, 5])
def test_hamiltonian_settles_where_it_is_known_to(batch_size, key):
    """Position and momentum are a linear recursion: its stationary covariance solves ``S = A S A' + Q``."""
    h, friction = 0.5 * V**0.5, 2 / V**0.5
    draws = chains(sgmcmc.sghmc, key, step_size=h, friction=friction, batch_size=batch_size)
    a = np.array([[1, h], [-h / V, 1 - friction * h]])
    q = np.diag([0, 2 * friction * h + h**2 * gradient_noise(batch_size)])
    covariance = np.linalg.solve(np.eye(4) - np.kron(a, a), q.ravel()).reshape(2, 2)
    check(draws, covariance[0, 0])


def test_a_small_step_gives_the_posterior(key):
    draws = sgmcmc.sgld(
        loss, PRIOR, {"mean": jnp.asarray(M)}, Y, key, step_size=0.05 * V, num_samples=4000, thin=20, burn_in=100
    )["mean"]
    # consecutive samples of correlation (1 - 0.05)^20 = 0.36 count for about half as many
    assert abs(draws.mean() - M) < 4.5 * (2.2 * V / 4000) ** 0.5
    assert abs(draws.var() / (V / (1 - 0.025)) - 1) < 4.5 * (2.6 / 4000) ** 0.5


def test_schedule_burn_in_and_thinning_without_noise(key):
    """At temperature 0 it is gradient descent: how far each sample is from the mean is a product."""
    rate = sgmcmc.polynomial(0.3 * V, offset=2.0, power=0.6)
    found = jax.jit(
        lambda key: sgmcmc.sgld(
            loss, PRIOR, START, Y, key, step_size=rate, num_samples=3, burn_in=4, thin=2, temperature=0.0
        )
    )(key)["mean"]
    shrink = np.cumprod([1 - 0.3 * (2.0 + i) ** -0.6 for i in range(10)])
    np.testing.assert_allclose(found, M - M * shrink[[5, 7, 9]], rtol=1e-6)
    assert found.dtype == jnp.float64


def test_without_blackjax_the_extra_is_named(monkeypatch, key):
    monkeypatch.setitem(__import__("sys").modules, "blackjax", None)
    monkeypatch.delitem(__import__("sys").modules, "blackjax.sgmcmc.sgld", raising=False)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'lik-jax\[bayes\]'"):
        sgmcmc.sgld(loss, PRIOR, START, Y, key, step_size=0.1, num_samples=1)
