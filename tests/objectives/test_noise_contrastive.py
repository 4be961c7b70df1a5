"""Telling data from noise: over a small space, the minimum is at the data distribution, normaliser and all."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lik_jax.objectives import noise_contrastive as contrast

pytestmark = pytest.mark.usefixtures("x64")

DATA, NOISE = np.array([0.5, 0.3, 0.15, 0.05]), np.array([0.1, 0.2, 0.3, 0.4])


def table(values):
    return lambda y: jnp.asarray(values)[y[:, 0].astype(jnp.int32)]


def everything(num: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every example with every draw of the noise: ``y`` [n, 1], negatives [n, K, 1], probabilities [n]."""
    rows = np.array(list(itertools.product(range(4), repeat=num + 1)))
    return rows[:, :1], rows[:, 1:, None], DATA[rows[:, 0]] * np.prod(NOISE[rows[:, 1:]], 1)


@pytest.mark.parametrize("num", [1, 2, 3])
def test_nce_is_stationary_at_the_data_distribution(num: int):
    y, negatives, p = everything(num)

    @jax.jit
    def loss(energies, log_z):
        return contrast.nce(table(energies), table(jnp.log(NOISE)), y, negatives, log_z=log_z, weights=p)

    truth = jnp.asarray(-np.log(DATA))
    slopes = jax.grad(loss, (0, 1))(truth + 0.7, jnp.asarray(0.7))  # 0.7 too much energy: log Z = -0.7
    assert abs(float(slopes[1])) > 1e-3
    slopes = jax.grad(loss, (0, 1))(truth + 0.7, jnp.asarray(-0.7))
    np.testing.assert_allclose(slopes[0], 0, atol=1e-14)
    np.testing.assert_allclose(slopes[1], 0, atol=1e-14)
    lowest = float(loss(truth, 0.0))
    # at the truth it is 2 JS-like: entropies of who it was, by hand
    share = DATA / (DATA + num * NOISE)
    np.testing.assert_allclose(lowest, -DATA @ np.log(share) - num * NOISE @ np.log1p(-share), rtol=1e-13)
    assert lowest < float(loss(truth.at[0].add(0.3), 0.0))


@pytest.mark.parametrize("num", [1, 3])
def test_ranking_is_stationary_at_the_data_distribution_whatever_the_constants(num: int):
    y, negatives, p = everything(num)

    @jax.jit
    def loss(energies, constant=0.0):
        return contrast.ranking(table(energies), table(np.log(NOISE) + constant), y, negatives, weights=p)

    truth = jnp.asarray(-np.log(DATA))
    np.testing.assert_allclose(jax.grad(loss)(truth + 5.0, 3.0), 0, atol=1e-14)
    np.testing.assert_allclose(loss(truth + 5.0, 3.0), loss(truth), rtol=1e-13)
    assert float(loss(truth)) < float(loss(truth.at[0].add(0.3)))


def test_info_nce_by_hand():
    scores = np.array([[1.0, 0.0, 2.0], [0.5, -1.0, 0.0]])
    p = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    np.testing.assert_allclose(contrast.info_nce(scores, reduction="none"), -np.log([p[0, 0], p[1, 1]]), rtol=1e-14)


def test_a_masked_row_of_scores_adds_exactly_nothing():
    scores, mask = jnp.array([[1.0, 0.0, 2.0], [jnp.nan, jnp.inf, 0.0]]), jnp.array([True, False])
    value, slope = jax.value_and_grad(lambda s: contrast.info_nce(s, mask=mask))(scores)
    np.testing.assert_allclose(value, contrast.info_nce(scores[:1]), rtol=1e-14)
    np.testing.assert_array_equal(slope[1], 0)
    assert bool(jnp.isfinite(slope).all())


def test_info_nce_bounds_the_mutual_information():
    """Partners known exactly among N: the bound saturates at log N, the information being log 4."""
    joint = np.eye(4) / 4
    scores = np.where(joint > 0, 50.0, 0.0)
    np.testing.assert_allclose(np.log(4) - contrast.info_nce(scores), np.log(4), atol=1e-9)


def test_nce_and_ranking_with_one_draw_at_a_time():
    """One draw: ranking is logistic in the difference of the log-ratios."""
    y, negatives, _ = everything(1)
    energies = jnp.array([0.3, -0.2, 1.0, 0.4])
    ratio = np.asarray(-energies - np.log(NOISE))
    got = contrast.ranking(table(energies), table(np.log(NOISE)), y, negatives, reduction="none")
    gap = ratio[y[:, 0]] - ratio[negatives[:, 0, 0]]
    np.testing.assert_allclose(got, np.log1p(np.exp(-gap)), rtol=1e-13)


def test_what_does_not_fit_says_so():
    flat = table(np.zeros(4))
    with pytest.raises(ValueError, match=r"want \[B, \.\.\.\] and \[B, K, \.\.\.\]"):
        contrast.nce(flat, flat, jnp.zeros((3, 1)), jnp.zeros((3, 1)))
    with pytest.raises(ValueError, match="noise_log_prob gave the shape"):
        contrast.ranking(flat, lambda y: y, jnp.zeros((3, 1)), jnp.zeros((3, 2, 1)))
    with pytest.raises(ValueError, match="N >= B"):
        contrast.info_nce(jnp.zeros((3, 2)))
