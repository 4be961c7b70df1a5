"""Importance weights: a model whose likelihood is known, any chunk size, bounded memory, weights that are 0."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lik_jax as lj
from lik_jax.distributions import bernoulli, normal

pytestmark = pytest.mark.usefixtures("x64")

Y = np.array([[1.0], [-0.5], [2.0]])
# z ~ N(0, 1), y | z ~ N(z, 1): y ~ N(0, 2) and z | y ~ N(y / 2, 1 / 2)
EVIDENCE = -0.5 * (np.log(2 * np.pi * 2) + Y[:, 0] ** 2 / 2)


def weight(q, y=Y):
    return lambda key: lj.log_weight(normal, lambda z: normal.Params(z, 1.0), q, jnp.asarray(y), key=key)


def test_the_exact_posterior_gives_the_evidence_with_every_sample(key: jax.Array):
    q = normal.Params(jnp.asarray(Y) / 2, jnp.full((3, 1), 0.5**0.5))
    found = lj.marginal_log_likelihood(weight(q), key, 30, chunk_size=7)
    np.testing.assert_allclose(found.log_likelihood, EVIDENCE, rtol=1e-13)
    np.testing.assert_allclose(found.effective_sample_size, 30, rtol=1e-12)
    np.testing.assert_allclose(found.standard_error, 0, atol=1e-6)


def test_another_posterior_gives_it_within_the_standard_error(key: jax.Array):
    q = normal.Params(jnp.zeros((3, 1)), jnp.ones((3, 1)))
    found = jax.jit(lambda key: lj.marginal_log_likelihood(weight(q), key, 40_000, chunk_size=1000))(key)
    # E[w]^2 / E[w^2] for weights N(y; z, 1) with z ~ N(0, 1): N(y; 0, 2)^2 over N(y; 0, 3/2) / sqrt(4 pi)
    second = np.exp(-0.5 * Y[:, 0] ** 2 / 1.5) / np.sqrt(2 * np.pi * 1.5) / np.sqrt(4 * np.pi)
    np.testing.assert_allclose(found.effective_sample_size / 40_000, np.exp(2 * EVIDENCE) / second, rtol=0.02)
    np.testing.assert_allclose(found.standard_error, np.sqrt((second / np.exp(2 * EVIDENCE) - 1) / 40_000), rtol=0.02)
    assert (np.abs(found.log_likelihood - EVIDENCE) < 4 * found.standard_error).all()


@pytest.mark.slow
def test_the_size_of_a_chunk_changes_nothing(key: jax.Array):
    q = normal.Params(jnp.zeros((3, 1)), jnp.ones((3, 1)))
    logs = jax.vmap(weight(q))(jax.random.split(key, 60))
    whole = lj.importance_bound(logs)
    np.testing.assert_allclose(whole.bound, np.log(np.exp(np.asarray(logs)).mean(0)), rtol=1e-12)
    for chunk in (7, 20, 1000):
        found = lj.marginal_log_likelihood(weight(q), jax.random.clone(key), 60, chunk_size=chunk)
        np.testing.assert_allclose(found.log_likelihood, whole.bound, rtol=1e-12)
        np.testing.assert_allclose(found.effective_sample_size, whole.effective_sample_size, rtol=1e-12)
        np.testing.assert_allclose(found.standard_error, whole.standard_error, rtol=1e-12)


def test_memory_is_that_of_a_chunk(key: jax.Array):
    q = normal.Params(jnp.zeros((20, 50)), jnp.ones((20, 50)))

    def temporary(count):
        def estimate(key):
            return lj.marginal_log_likelihood(weight(q, np.zeros((20, 50))), key, count, chunk_size=10)

        return jax.jit(estimate).lower(key).compile().memory_analysis().temp_size_in_bytes

    # 2000 draws more of [20, 50] doubles would be 16 MB
    assert temporary(2100) - temporary(100) < 100_000


def test_there_is_no_gradient(key: jax.Array):
    def total(loc):
        q = normal.Params(loc, jnp.ones((3, 1)))
        return lj.marginal_log_likelihood(weight(q), key, 4, chunk_size=2).log_likelihood.sum()

    assert not jax.grad(total)(jnp.zeros((3, 1))).any()


def test_one_bound_an_example():
    """The mean over examples is taken outside the logarithm."""
    logs = jnp.log(jnp.array([[1.0, 2.0], [3.0, 10.0]]))
    found = lj.importance_bound(logs)
    np.testing.assert_allclose(found.bound, [np.log(2.0), np.log(6.0)], rtol=1e-14)
    np.testing.assert_allclose(found.effective_sample_size, [1.6, 144 / 104], rtol=1e-13)
    np.testing.assert_allclose(found.standard_error, [0.5, (np.sqrt(2) * 4 / np.sqrt(2)) / 6], rtol=1e-12)


def test_weights_of_zero():
    logs = jnp.array([[-jnp.inf, -jnp.inf], [-jnp.inf, 0.0]])
    found = lj.importance_bound(logs)
    assert found.bound.tolist() == [-jnp.inf, -np.log(2)]
    assert found.effective_sample_size.tolist() == [0, 1]
    assert jax.grad(lambda logs: lj.importance_bound(logs).bound[1])(logs).tolist() == [[0, 0], [0, 1]]
    assert not jax.grad(lambda logs: lj.importance_bound(logs).bound[0])(logs).any()


def test_one_sample_says_nothing_about_its_error():
    assert lj.importance_bound(jnp.zeros((1, 2))).standard_error.tolist() == [jnp.inf, jnp.inf]


def test_discrete_latents(key: jax.Array):
    """One bit: p(y = 1) is the mean over both of its values."""
    q = bernoulli.Params(jnp.full((1, 1), 0.7))
    bits = {"posterior": bernoulli, "prior": bernoulli, "prior_params": bernoulli.Params(-0.4)}

    def log_weight(key):
        return lj.log_weight(
            bernoulli, lambda z: bernoulli.Params(2.0 * z.astype(float) - 0.5), q, jnp.ones((1, 1)), key=key, **bits
        )

    found = lj.marginal_log_likelihood(log_weight, key, 2000, chunk_size=500)
    share, on, off = (1 / (1 + np.exp(-x)) for x in (-0.4, 1.5, -0.5))
    assert abs(float(found.log_likelihood[0]) - np.log(share * on + (1 - share) * off)) < 4 * found.standard_error[0]


@pytest.mark.parametrize(("count", "chunk"), [(0, 5), (5, 0)])
def test_no_samples_are_an_error(count: int, chunk: int, key: jax.Array):
    q = normal.Params(jnp.zeros((3, 1)), jnp.ones((3, 1)))
    with pytest.raises(ValueError, match="want both 1 or more"):
        lj.marginal_log_likelihood(weight(q), key, count, chunk_size=chunk)
    with pytest.raises(ValueError, match="K of 1 or more"):
        lj.importance_bound(jnp.zeros((0, 3)))
    with pytest.raises(ValueError, match="exactly one of key and z"):
        lj.log_weight(normal, lambda z: normal.Params(z, 1.0), q, jnp.asarray(Y))
