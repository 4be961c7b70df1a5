"""Restricted Boltzmann machines of bits and of numbers, against sums and integrals over everything."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lik_jax.objectives import energy, gaussian_rbm, rbm

pytestmark = pytest.mark.usefixtures("x64")

ROW, COLUMN = np.arange(4)[:, None], np.arange(3)[None]
W = 0.1 * (ROW + 1) - 0.2 * (COLUMN + 1) * (-1.0) ** ROW
B, C = np.array([0.1, -0.2, 0.3, 0.0]), np.array([-0.1, 0.2, 0.05])
V, H = (np.array(list(itertools.product([0, 1], repeat=n)), float) for n in (4, 3))


def machine() -> rbm.Params:
    return rbm.Params(jnp.asarray(W), jnp.asarray(B), jnp.asarray(C))


def joint() -> np.ndarray:
    """exp(-E) of every pair of states, ``[16, 8]``."""
    return np.exp(V @ W @ H.T + (V @ B)[:, None] + (H @ C)[None])


def test_the_known_numbers():
    v = jnp.array([1, 0, 1, 1])

    def log_prob(params):
        return -rbm.free_energy(params, v) - rbm.log_partition(params)

    np.testing.assert_allclose(rbm.log_partition(machine()), 6.43008970, atol=5e-9)
    value, slope = jax.value_and_grad(log_prob)(machine())
    np.testing.assert_allclose(value, -3.19258534, atol=5e-9)
    np.testing.assert_allclose(slope.weights[0], [0.38525615, 0.38616259, 0.31485766], atol=5e-9)


def test_free_energy_sums_the_hidden_bits_out():
    np.testing.assert_allclose(-rbm.energy(machine(), V[:, None], H[None]), np.log(joint()), atol=1e-14)
    np.testing.assert_allclose(rbm.free_energy(machine(), V), -np.log(joint().sum(1)), rtol=1e-14)


def test_log_partition_by_either_side():
    w, b, c = machine()
    np.testing.assert_allclose(rbm.log_partition(machine()), np.log(joint().sum()), rtol=1e-14)
    np.testing.assert_allclose(
        rbm.log_partition(rbm.Params(w.T, c, b), chunk_size=3), np.log(joint().sum()), rtol=1e-14
    )


def test_gradient_is_data_minus_model():
    p = joint() / joint().sum()
    slope = jax.grad(lambda params: rbm.log_partition(params, chunk_size=3))(machine())
    np.testing.assert_allclose(slope.weights, np.einsum("vh,vi,hj->ij", p, V, H), rtol=1e-12)
    np.testing.assert_allclose(slope.visible_bias, p.sum(1) @ V, rtol=1e-12)
    np.testing.assert_allclose(slope.hidden_bias, p.sum(0) @ H, rtol=1e-12)


def test_each_side_given_the_other():
    given_v = (joint() @ H) / joint().sum(1, keepdims=True)
    given_h = (joint().T @ V) / joint().sum(0)[:, None]
    np.testing.assert_allclose(jax.nn.sigmoid(rbm.hidden_logits(machine(), V)), given_v, rtol=1e-13)
    np.testing.assert_allclose(jax.nn.sigmoid(rbm.visible_logits(machine(), H)), given_h, rtol=1e-13)


def test_gibbs_leaves_the_model_as_it_is(key: jax.Array):
    n, p = 100_000, joint().sum(1) / joint().sum()
    first, second = jax.random.split(key)
    start = jnp.asarray(V)[jax.random.choice(first, 16, (n,), p=jnp.asarray(p))]
    end = np.asarray(jax.jit(rbm.gibbs(machine()))(second, start))
    number = (end @ [8, 4, 2, 1]).astype(int)
    share = np.bincount(number, minlength=16) / n
    assert (np.abs(share - p) / np.sqrt(p * (1 - p) / n)).max() < 4
    assert float((end != np.asarray(start)).mean()) > 0.2


@pytest.mark.parametrize("bias", [None, np.array([0.5, -1.0, 2.0, 0.0])])
def test_a_base_counts_its_free_hidden_bits(bias):
    base = rbm.base(machine(), bias)
    np.testing.assert_allclose(rbm.base_log_partition(base), rbm.log_partition(base), rtol=1e-14)
    np.testing.assert_allclose(
        rbm.base_log_partition(base), 3 * np.log(2) + np.log1p(np.exp(B if bias is None else bias)).sum(), rtol=1e-14
    )
    same = rbm.anneal(machine(), base, 0.0), rbm.anneal(machine(), base, 1.0)
    for leaf, wanted in zip(jax.tree.leaves(same), jax.tree.leaves((base, machine())), strict=True):
        np.testing.assert_allclose(leaf, wanted)


def test_a_start_has_the_marginals_of_the_data(key: jax.Array):
    y = np.tile([[1, 0, 1], [1, 0, 0]], (500, 1))
    params = rbm.init(key, 5, y)
    share = jax.nn.sigmoid(rbm.visible_logits(params, jnp.zeros(5)))
    np.testing.assert_allclose(share, [1, 0, 0.5], atol=1e-3)
    assert params.weights.shape == (3, 5)


def test_nan_is_kept(key: jax.Array):
    broken = machine()._replace(weights=jnp.asarray(W).at[0, 0].set(jnp.nan))
    assert jnp.isnan(rbm.free_energy(broken, jnp.ones((2, 4)))).all()
    assert jnp.isnan(rbm.gibbs(broken)(key, jnp.ones((2, 4)))).any()
    assert jnp.isnan(rbm.log_partition(broken))


def test_a_base_of_another_size_says_so():
    with pytest.raises(ValueError, match=r"\(3,\); want \(4,\)"):
        rbm.base(machine(), jnp.zeros(3))
    with pytest.raises(ValueError, match=r"\(3,\); want \(2,\)"):
        gaussian_rbm.base(numbers(), jnp.zeros(3))


GRID = np.linspace(-9, 9, 361)


def numbers() -> gaussian_rbm.Params:
    return gaussian_rbm.Params(
        jnp.array([[0.7, -0.4, 1.1], [-0.3, 0.9, 0.2]]),
        jnp.array([0.3, -0.2]),
        jnp.array([0.1, -0.5, 0.2]),
        jnp.array([0.8, 1.3]),
    )


def plane() -> np.ndarray:
    return np.stack(np.meshgrid(GRID, GRID, indexing="ij"), -1).reshape(-1, 2)


def test_gaussian_log_partition_is_the_integral():
    cell = (GRID[1] - GRID[0]) ** 2
    density = np.exp(-np.asarray(gaussian_rbm.free_energy(numbers(), plane())))
    np.testing.assert_allclose(gaussian_rbm.log_partition(numbers()), np.log(density.sum() * cell), rtol=1e-9)
    base = gaussian_rbm.base(numbers(), jnp.array([1.0, -0.5]))
    flat = np.exp(-np.asarray(gaussian_rbm.free_energy(base, plane())))
    np.testing.assert_allclose(gaussian_rbm.base_log_partition(base), np.log(flat.sum() * cell), rtol=1e-9)


def test_gaussian_free_energy_and_conditionals():
    v = np.array([[0.4, -1.2], [2.0, 0.1]])
    weights = np.exp(-np.asarray(gaussian_rbm.energy(numbers(), v[:, None], H[None])))
    np.testing.assert_allclose(gaussian_rbm.free_energy(numbers(), v), -np.log(weights.sum(1)), rtol=1e-13)
    given_v = weights @ H / weights.sum(1, keepdims=True)
    np.testing.assert_allclose(jax.nn.sigmoid(gaussian_rbm.hidden_logits(numbers(), v)), given_v, rtol=1e-13)
    for h in H:
        density = np.exp(-np.asarray(gaussian_rbm.energy(numbers(), plane(), np.broadcast_to(h, (len(plane()), 3)))))
        mean = density @ plane() / density.sum()
        np.testing.assert_allclose(gaussian_rbm.visible_mean(numbers(), h), mean, atol=1e-8)


@pytest.mark.slow
def test_gaussian_gibbs_leaves_the_model_as_it_is(key: jax.Array):
    n, params = 50_000, numbers()
    keys = jax.random.split(key, 3)
    # exact draws: hidden states by their probability, visible numbers given them
    shift = H @ np.asarray(params.weights).T
    logs = H @ np.asarray(params.hidden_bias) + shift @ np.asarray(params.visible_bias / params.visible_scale)
    p = jax.nn.softmax(jnp.asarray(logs + 0.5 * (shift**2).sum(1)))

    @jax.jit
    def both(keys):
        h = jnp.asarray(H)[jax.random.choice(keys[0], 8, (n,), p=p)]
        start = gaussian_rbm.sample_visible(params, keys[1], h)
        return start, gaussian_rbm.gibbs(params)(keys[2], start)

    start, end = (np.asarray(draws) for draws in both(keys))
    mean = np.asarray(p) @ np.asarray(gaussian_rbm.visible_mean(params, H))
    for draws in (start, end):
        assert (np.abs(draws.mean(0) - mean) / (draws.std(0) / n**0.5)).max() < 4
    cell = (GRID[1] - GRID[0]) ** 2
    density = np.exp(-np.asarray(gaussian_rbm.free_energy(params, plane()) + gaussian_rbm.log_partition(params))) * cell
    square = density @ plane() ** 2
    assert (np.abs((end**2).mean(0) - square) / ((end**2).std(0) / n**0.5)).max() < 4


def test_a_gaussian_start_has_the_moments_of_the_data(key: jax.Array):
    y = np.random.default_rng(0).normal(2.0, 3.0, (1000, 2))
    params = gaussian_rbm.init(key, 4, y)
    np.testing.assert_allclose(params.visible_bias, y.mean(0))
    np.testing.assert_allclose(params.visible_scale, y.std(0))
    assert jnp.isnan(gaussian_rbm.sample_hidden(params, jax.random.key(1), jnp.full((1, 2), jnp.nan))).all()


def test_energy_module_agrees():
    exact = energy.log_partition(lambda v: rbm.free_energy(machine(), v), 4)
    np.testing.assert_allclose(exact, rbm.log_partition(machine()), rtol=1e-14)
