"""A continuous flow is a bijection with the log-determinant of its Jacobian, and learns by maximum likelihood."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
import scipy.stats

import lik_jax as lj
from lik_jax import ode
from lik_jax.bijectors import continuous

pytest.importorskip("diffrax")
pytestmark = pytest.mark.usefixtures("x64")

A = np.array([[0.3, -0.8], [0.5, 0.4]])
TIGHT = {"rtol": 1e-10, "atol": 1e-10}


def linear(params, t, x):
    return x @ params.T


def bent(params, t, x):
    return jnp.tanh(x @ params) * (1 + t)


def test_forward_is_a_matrix_exponential_and_inverse_undoes_it(key: jax.Array):
    flow, x = continuous(linear, **TIGHT), jax.random.normal(key, (2, 3, 2), jnp.float64)
    y, up = flow.forward(jnp.asarray(A), x)
    np.testing.assert_allclose(y, x @ scipy.linalg.expm(A).T, rtol=1e-8)
    np.testing.assert_allclose(up, np.full((2, 3), 0.7), rtol=1e-8)
    back, down = flow.inverse(jnp.asarray(A), y)
    np.testing.assert_allclose(back, x, atol=1e-8)
    np.testing.assert_allclose(down, -up, rtol=1e-8)


@pytest.mark.slow
def test_points_of_any_rank_and_estimated_log_determinants(key: jax.Array):
    flow, first = continuous(bent, **TIGHT), jax.random.fold_in(key, 1)
    x = jnp.broadcast_to(jnp.array([0.3, -0.8]), (400, 2))
    exact = flow.inverse(jnp.asarray(A), x[0])[1]
    assert exact.shape == ()
    each = flow.inverse(jnp.asarray(A), x, probes=ode.probes(first, x.shape))[1]
    assert float(each.std()) > 0.01
    assert abs(float(each.mean() - exact)) < 4 * float(each.std()) / 20
    matrices = continuous(lambda params, t, x: params * x, event_ndim=2, **TIGHT)
    assert matrices.forward(jnp.float64(0.5), jnp.ones((3, 2, 2)))[1].tolist() == pytest.approx([2.0] * 3)


def test_equal_flows_are_one_static_argument():
    assert hash(continuous(linear)) == hash(continuous(linear))
    assert continuous(linear) == continuous(linear)
    assert continuous(linear) != continuous(bent)


@pytest.mark.slow
def test_maximum_likelihood_finds_the_scale():
    """x = exp(a) z: the best a is half the log of the mean square."""
    flow = continuous(lambda params, t, x: params * x, **TIGHT)
    x = jnp.array([[0.5], [-1.5], [2.0], [0.1]])

    def nll(a):
        z, log_det = flow.inverse(a, x)
        return -(ode.standard_normal(z) + log_det).mean()

    best = 0.5 * jnp.log((x**2).mean())
    slopes = jax.jit(jax.vmap(jax.grad(nll)))(jnp.stack([best, jnp.float64(0.2)]))
    # d/da of x^2 exp(-2 a) / 2 + a
    np.testing.assert_allclose(slopes, [0, 1 - (x**2).mean() * np.exp(-0.4)], atol=1e-7)


def test_a_distribution_carried_through_a_continuous_flow():
    module = pytest.importorskip("lik_jax.compose.transformed")
    through = module.transformed(lj.independent(lj.normal, 1), continuous(linear, **TIGHT))
    y = jnp.array([[0.7, -0.4], [1.1, 0.2]])
    params = module.Params(lj.normal.Params(jnp.zeros(2), jnp.ones(2)), jnp.asarray(A))
    map_ = scipy.linalg.expm(A)
    truth = scipy.stats.multivariate_normal(np.zeros(2), map_ @ map_.T).logpdf(y)
    np.testing.assert_allclose(through.log_prob(params, y), truth, rtol=1e-8)
    np.testing.assert_allclose(lj.nll(through, params, y), -truth.mean(), rtol=1e-8)
