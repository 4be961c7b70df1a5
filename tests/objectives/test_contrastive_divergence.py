"""Contrastive divergence: the gradient of the likelihood, none through the sampler, and a value of no meaning."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lik_jax.objectives import contrastive_divergence as divergence
from lik_jax.objectives import energy, rbm

pytestmark = pytest.mark.usefixtures("x64")

PARAMS = rbm.Params(np.array([[0.7, -0.4], [0.2, 1.1], [-0.9, 0.3]]), np.array([0.1, -0.5, 0.4]), np.array([0.3, -0.2]))
Y = np.array([[1.0, 0, 1], [1, 1, 1]])


def params() -> rbm.Params:
    return jax.tree.map(jnp.asarray, PARAMS)


def of(params):
    return lambda v: rbm.free_energy(params, v)


def exact_nll(params):
    return energy.nll(of(params), Y, rbm.log_partition(params))


def probabilities() -> jax.Array:
    return jnp.exp(-rbm.free_energy(params(), energy.states(3)) - rbm.log_partition(params()))


def test_exact_draws_give_the_gradient_of_the_likelihood():
    """The mean over the model, state by state: no sampling in this test."""

    def slope(negative):
        return jax.grad(lambda p: divergence.surrogate(of(p), Y, negative[None]))(params())

    slopes = jax.jit(jax.vmap(slope))(energy.states(3))
    mean = jax.tree.map(lambda leaf: jnp.einsum("n,n...->...", probabilities(), leaf), slopes)
    for got, wanted in zip(mean, jax.jit(jax.grad(exact_nll))(params()), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-14)


def test_weighted_sums_have_the_gradient_of_weighted_sums():
    weights, negative = jnp.array([0.5, 3.0]), energy.states(3)[5][None]
    for reduction in ("mean", "sum"):

        def loss(p, reduction=reduction):
            return divergence.surrogate(of(p), Y, negative, weights=weights, reduction=reduction)

        def by_hand(p, reduction=reduction):
            each = weights * (of(p)(Y) - of(p)(negative)[0])
            return each.sum() / (3.5 if reduction == "mean" else 1)

        for got, wanted in zip(jax.jit(jax.grad(loss))(params()), jax.jit(jax.grad(by_hand))(params()), strict=True):
            np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("loss", ["cd", "pcd"])
def test_no_gradient_passes_the_sampler(loss: str):
    """A kernel that depends on the params smoothly would leak, if it could."""

    def value(w):
        def square(y):
            return w * (y**2).sum(-1)

        def kernel(key, y):
            return w * y

        y = jnp.full((1, 1), 3.0)
        if loss == "cd":
            return divergence.cd(square, kernel, y, key=jax.random.key(0))
        return divergence.pcd(square, kernel, y, jnp.full((1, 1), 5.0), key=jax.random.key(0))[0]

    start = {"cd": 3.0, "pcd": 5.0}[loss]
    np.testing.assert_allclose(jax.grad(value)(0.5), 9 - (0.5 * start) ** 2, rtol=1e-14)


def test_negatives_are_constants():
    slope = jax.grad(lambda n: divergence.surrogate(of(params()), Y, n))(jnp.array([[0.0, 1, 0]]))
    np.testing.assert_array_equal(slope, 0)
    slope = jax.grad(
        lambda c: divergence.pcd(of(params()), lambda key, y: 2 * y, Y, c, key=jax.random.key(0))[1].sum()
    )(jnp.ones((1, 3)))
    np.testing.assert_array_equal(slope, 0)


def test_the_value_is_an_energy_difference_and_no_likelihood():
    negatives = energy.states(3)[jnp.array([1, 6, 6])]
    value = divergence.surrogate(of(params()), Y, negatives)
    np.testing.assert_allclose(value, of(params())(Y).mean() - of(params())(negatives).mean(), rtol=1e-14)
    # 0 where negatives and data are the same, however bad the model is
    for scale in (1.0, 100.0):
        bad = jax.tree.map(lambda leaf: scale * leaf, params())  # noqa: B023
        np.testing.assert_allclose(divergence.surrogate(of(bad), Y, Y), 0, atol=1e-12)
    assert float(exact_nll(params())) > 1


def test_chains_go_on_where_they_stopped(key: jax.Array):
    kernel = rbm.gibbs(params())
    keys = jax.random.split(key)
    chains = jnp.zeros((4000, 3))
    _, once = jax.jit(lambda c, k: divergence.pcd(of(params()), kernel, Y, c, key=k, num_steps=20))(chains, keys[0])
    share = jnp.bincount((once @ jnp.array([4.0, 2, 1])).astype(jnp.int32), length=8) / 4000
    p = probabilities()
    assert float((jnp.abs(share - p) / jnp.sqrt(p * (1 - p) / 4000)).max()) < 4
    loss, again = divergence.pcd(of(params()), kernel, Y, once, key=keys[1], num_steps=0)
    np.testing.assert_array_equal(again, once)
    np.testing.assert_allclose(loss, divergence.surrogate(of(params()), Y, once), rtol=1e-14)


@pytest.mark.slow
def test_many_steps_from_the_data_have_the_gradient_of_the_likelihood(key: jax.Array):
    """CD-30 of a chain that mixes fast: within four standard errors, weight by weight."""
    repeated = jnp.tile(Y, (2000, 1))
    kernel = rbm.gibbs(params())

    def each(p):
        return divergence.cd(of(p), kernel, repeated, key=key, num_steps=30, reduction="none")

    slopes = jax.jit(jax.jacrev(each))(params()).weights  # (4000, 3, 2)
    error = slopes.std(0) / 4000**0.5
    assert float((jnp.abs(slopes.mean(0) - jax.jit(jax.grad(exact_nll))(params()).weights) / error).max()) < 4


def test_data_and_negatives_of_other_shapes_say_so():
    with pytest.raises(ValueError, match=r"y has shape \(2, 3\) and negatives \(5, 2\)"):
        divergence.surrogate(of(params()), Y, jnp.zeros((5, 2)))
