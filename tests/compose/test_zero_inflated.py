"""Extra zeros: gates of 0 and 1, bases that are themselves at an edge."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from mpmath import mp
from special.accuracy import worst

import lik_jax as lj
from lik_jax import bernoulli, poisson
from lik_jax.compose import zero_inflated

coin, visits = zero_inflated(bernoulli), zero_inflated(poisson)


def true_log_prob(y):
    def fn(logit, log_rate):
        gate = 1 / (1 + mp.exp(-logit))
        rate = mp.exp(log_rate)
        mass = mp.exp(y * log_rate - rate) / mp.factorial(y)
        return mp.log(gate * (y == 0) + (1 - gate) * mass)

    return fn


@pytest.mark.parametrize("y", [0, 3, 200])
@pytest.mark.parametrize("argument", [None, 0, 1])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_accuracy(y, argument, dtype):
    mp.dps = 200
    points = [(0.5, 1.0), (-20.7, 5.3), (30.0, -2.0), (-80.0, 0.0), (60.0, -70.0)]
    orders = tuple(int(i == argument) for i in range(2))

    def fn(logit, log_rate):
        return visits.log_prob(visits.Params(logit, poisson.Params(log_rate)), y)

    error, point = worst(fn, true_log_prob(y), points, dtype, orders)
    assert error < 100, point


@pytest.mark.parametrize(
    ("gate", "rate", "y", "want"),
    [
        (0.0, 3.0, 0, -3.0),
        (1.0, 3.0, 0, 0.0),
        (1.0, 3.0, 2, -np.inf),
        (0.3, 0.0, 0, 0.0),
        (0.3, 0.0, 1, -np.inf),
        (0.0, 0.0, 0, 0.0),
        (0.5, 1e30, 0, np.log(0.5)),
        (0.5, 2.0, 1.5, -np.inf),
        (0.5, 2.0, -1, -np.inf),
    ],
)
def test_edges(gate, rate, y, want):
    params = visits.from_probs(gate, poisson.from_rate(rate))
    value, slopes = jax.value_and_grad(visits.log_prob)(params, y)
    np.testing.assert_allclose(value, want, rtol=1e-6, atol=1e-6)
    assert all(np.isfinite(leaf) for leaf in jax.tree.leaves(slopes))


def test_nan_goes_through():
    params = coin.constrain(jnp.zeros(2))
    assert np.isnan(coin.log_prob(params, jnp.nan))
    assert np.isnan(coin.log_prob(coin.Params(jnp.nan, params.base), 0))


def test_moments_tails_and_quantiles(key):
    params = coin.constrain(jnp.array([[0.5, 1.0], [-2.0, 0.0]]))
    one = jnp.exp(coin.log_prob(params, 1))
    np.testing.assert_allclose(coin.mean(params), one, rtol=1e-6)
    np.testing.assert_allclose(coin.variance(params), one * (1 - one), rtol=1e-6)
    np.testing.assert_allclose(jnp.exp(coin.log_sf(params, 0)), one, rtol=1e-6)
    np.testing.assert_allclose(jnp.exp(coin.log_cdf(params, 0.5)), 1 - one, rtol=1e-6)
    assert coin.icdf(params, jnp.array([0.2, 0.9])).tolist() == [0, 1]
    draws = coin.sample(params, key, (20_000,))
    np.testing.assert_allclose(draws.mean(0), one, atol=0.02)


def test_one_gate_for_many_and_many_gates_for_one(key):
    shared = coin.Params(jnp.array(0.3), bernoulli.Params(jnp.zeros(4)))
    assert coin.sample(shared, key, (2,)).shape == (2, 4)
    assert lj.nll(coin, shared, jnp.array([0, 1, 0, 0]), reduction="none").shape == (4,)
    gates = coin.Params(jnp.zeros((3, 4)), bernoulli.Params(jnp.array(0.0)))
    draws = coin.sample(gates, jax.random.fold_in(key, 1), (200,))
    assert draws.shape == (200, 3, 4)
    assert (draws.std(0) > 0).all()
    assert coin.unconstrain(gates).shape == (3, 4, 2)


def test_start_values_see_the_extra_zeros(key):
    truth = visits.from_probs(0.4, poisson.from_rate(5.0))
    y = visits.sample(truth, key, (5000,))
    start = visits.init(y)
    np.testing.assert_allclose(jax.nn.sigmoid(start.logits), 0.4, atol=0.05)
    np.testing.assert_allclose(jnp.exp(start.base.log_rate), 5.0, atol=0.6)
