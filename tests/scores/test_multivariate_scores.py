"""Energy and variogram scores: known values, fairness by enumeration, memory."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lik_jax import categorical, independent, multivariate_normal, normal, scores
from lik_jax.objectives.distances import energy_distance

SCORES = [scores.energy_score_from_samples, scores.variogram_score_from_samples]
both = pytest.mark.parametrize("score", SCORES, ids=["energy", "variogram"])


def energy(samples, y, fair):
    """Pair by pair in plain Python."""
    m = len(samples)
    near = sum(math.dist(x, y) for x in samples) / m
    apart = sum(math.dist(a, b) for a, b in itertools.permutations(samples, 2))
    return near - apart / (2 * (m * (m - 1) if fair else m * m))


def variogram(samples, y, fair, order, weights):
    m, d, total = len(samples), len(y), 0.0
    for i, j in itertools.product(range(d), range(d)):
        drawn = [abs(x[i] - x[j]) ** order for x in samples]
        mean = sum(drawn) / m
        gap = (abs(y[i] - y[j]) ** order - mean) ** 2
        total += weights[i, j] * (gap - fair * sum((v - mean) ** 2 for v in drawn) / (m * (m - 1)))
    return total


@pytest.mark.parametrize("fair", [True, False])
@pytest.mark.parametrize("m", [2, 3, 6])
def test_energy_score_pair_by_pair(m: int, fair: bool, key: jax.Array, x64: None):
    first, second = jax.random.split(key)
    samples, y = jax.random.normal(first, (m, 2, 3)), jax.random.normal(second, (2, 3))
    got = scores.energy_score_from_samples(samples, y, fair=fair, reduction="none")
    want = [energy(np.asarray(samples)[:, i], np.asarray(y)[i], fair) for i in range(2)]
    np.testing.assert_allclose(got, want, rtol=1e-13)
    shared = scores.energy_score_from_samples(samples[:, 0], y, fair=fair, reduction="none")
    np.testing.assert_allclose(shared[0], want[0], rtol=1e-13)


@pytest.mark.parametrize("fair", [True, False])
@pytest.mark.parametrize("d", [2, 3, 4])
def test_variogram_score_pair_by_pair(d: int, fair: bool, key: jax.Array, x64: None):
    keys = jax.random.split(key, 3)
    samples, y = jax.random.normal(keys[0], (5, 2, d)), jax.random.normal(keys[1], (2, d))
    weights = jax.random.uniform(keys[2], (d, d))
    for pair_weights, order in ((weights, 1.5), (None, 0.5)):
        got = scores.variogram_score_from_samples(
            samples, y, order=order, pair_weights=pair_weights, fair=fair, reduction="none"
        )
        w = np.ones((d, d)) if pair_weights is None else np.asarray(weights)
        want = [variogram(np.asarray(samples)[:, i], np.asarray(y)[i], fair, order, w) for i in range(2)]
        np.testing.assert_allclose(got, want, rtol=1e-12)


def test_energy_score_of_numbers_is_the_crps_of_the_samples(key, x64):
    """The area between the samples' step function and that of ``y``, squared."""
    samples, y = np.asarray(jax.random.normal(key, (7,))), 0.4
    knots = np.sort(np.append(samples, y))
    share = (samples <= knots[:-1, None]).mean(1)
    want = ((share - (y <= knots[:-1])) ** 2 * np.diff(knots)).sum()
    np.testing.assert_allclose(scores.energy_score_from_samples(samples, y, event_ndim=0, fair=False), want, rtol=1e-13)
    one = scores.energy_score_from_samples(samples[:, None], np.array([y]), fair=False)
    np.testing.assert_allclose(one, want, rtol=1e-13)


@both
@pytest.mark.parametrize("m", [2, 3])
def test_fair_is_right_in_the_mean(score, m: int, x64: None):
    """The mean over all samples of m from three points is the score of the three points themselves."""
    points = np.array([[0.0, 1.0, 0.5], [2.0, -1.0, 0.3], [0.5, 0.2, 3.0]])
    y = np.array([0.3, 0.1, -1.0])
    draws = points[np.array(list(itertools.product(range(3), repeat=m)))].swapaxes(0, 1)
    many = np.tile(y, (3**m, 1))
    exact = score(points, y, fair=False)
    np.testing.assert_allclose(score(draws, many, fair=True), exact, rtol=1e-13)
    assert float(score(draws, many, fair=False)) > float(exact) + 0.1


def test_what_a_wrong_forecast_costs_is_half_the_energy_distance(key, x64):
    first, second = jax.random.split(key)
    p, q = jax.random.normal(first, (6, 2)), 0.5 + 2 * jax.random.normal(second, (4, 2))
    right = scores.energy_score_from_samples(p, p, fair=False)
    wrong = scores.energy_score_from_samples(q, p, fair=False)
    np.testing.assert_allclose(wrong - right, energy_distance(p, q, unbiased=False).value / 2, rtol=1e-12)


def test_variogram_score_is_best_at_the_truth(x64):
    """Over observations that are the forecast's own points, any other forecast costs more."""
    p = np.array([[0.0, 1.0, 2.0], [1.0, 1.5, -1.0], [2.0, 0.0, 0.3]])
    right = scores.variogram_score_from_samples(p, p, fair=False)
    for other in (p[:, ::-1], 2 * p, np.delete(p, 0, 0)):
        assert float(scores.variogram_score_from_samples(other, p, fair=False)) > float(right) + 1e-6


def test_energy_score_of_a_normal_at_its_mean(key, x64):
    """``E|X| = 2 sqrt(2 / pi)`` in three dimensions, and ``X - X'`` is the root of 2 wider."""
    params = multivariate_normal.Params(jnp.zeros(3), 2 * jnp.eye(3))
    each = scores.energy_score(
        multivariate_normal, params, jnp.zeros((64, 3)), key=key, num_samples=50, reduction="none"
    )
    want = 2 * 2 * math.sqrt(2 / math.pi) * (1 - math.sqrt(0.5))
    error = float(each.std()) / 8
    # shared params are drawn from anew for each example
    assert error > 0.001
    assert abs(float(each.mean()) - want) < 4 * error


@both
def test_sampling_and_samples_agree(score, key, x64):
    """Whatever the distribution's example axes are."""
    row = independent(normal, 1)
    sampled = {"energy_score_from_samples": scores.energy_score}.get(score.__name__, scores.variogram_score)
    params = normal.Params(jnp.arange(12.0).reshape(4, 3), 1.0)
    y = jnp.ones((4, 3))
    draws = row.sample(params, jax.random.clone(key), (8,))
    np.testing.assert_allclose(sampled(row, params, y, key=key, num_samples=8), score(draws, y), rtol=1e-13)


@pytest.mark.parametrize("name", ["energy_score", "variogram_score"])
def test_illegal_params_are_nan(name: str):
    """Though a normal drawn with a negative scale looks like any other."""
    scale = jnp.array([[1.0, 1.0], [-1.0, 1.0]])
    row = independent(normal, 1)

    def each(scale):
        params = normal.Params(jnp.zeros((2, 2)), scale)
        score = getattr(scores, name)
        return score(row, params, jnp.ones((2, 2)), key=jax.random.key(0), num_samples=4, reduction="none")

    np.testing.assert_array_equal(jnp.isnan(each(scale)), [False, True])
    slope = jax.grad(lambda scale: each(scale).sum())(scale)
    np.testing.assert_array_equal(jnp.isnan(slope).all(1), [False, True])


def test_an_energy_neither_overflows_nor_breaks_at_ties():
    samples = jnp.array([[1e30, 0.0], [-1e30, 0.0], [1e30, 0.0]])
    want = energy(np.asarray(samples, float), np.zeros(2), True)
    np.testing.assert_allclose(scores.energy_score_from_samples(samples, jnp.zeros(2)), want, rtol=1e-6)
    for score in SCORES:
        slope = jax.grad(lambda x, score=score: score(x, jnp.zeros(2)))(jnp.zeros((3, 2)))
        np.testing.assert_array_equal(slope, np.zeros((3, 2)))


def test_memory_is_linear_in_the_samples():
    m, d = 1024, 4

    def loss(samples):
        return scores.energy_score_from_samples(samples, jnp.zeros(d))

    memory = jax.jit(jax.grad(loss)).lower(jnp.zeros((m, d))).compile().memory_analysis()
    assert memory.temp_size_in_bytes < 4 * m * m / 10


def test_errors_say_what_is_wanted():
    y = jnp.zeros((5, 3))
    with pytest.raises(ValueError, match=r"1 samples; want 2 or more with fair=True"):
        scores.energy_score_from_samples(jnp.zeros((1, 5, 3)), y)
    assert float(scores.energy_score_from_samples(jnp.ones((1, 5, 3)), y, fair=False)) > 0
    with pytest.raises(ValueError, match=r"samples has shape \(5, 3, 8\) and y \(5, 3\)"):
        scores.energy_score_from_samples(jnp.zeros((5, 3, 8)), y)
    with pytest.raises(ValueError, match=r"pair_weights has shape \(2, 2\); want \(3, 3\)"):
        scores.variogram_score_from_samples(jnp.zeros((4, 3)), y, pair_weights=jnp.ones((2, 2)))
    with pytest.raises(ValueError, match="order=0; want a positive number"):
        scores.variogram_score_from_samples(jnp.zeros((4, 3)), y, order=0)
    with pytest.raises(TypeError, match="variogram_score: categorical is no distribution of vectors"):
        scores.variogram_score(categorical, categorical.Params(jnp.zeros(3)), 0, key=jax.random.key(0))
    params = multivariate_normal.Params(jnp.zeros((5, 1, 3)), jnp.eye(3))
    with pytest.raises(ValueError, match="example axes"):
        scores.energy_score(multivariate_normal, params, y, key=jax.random.key(0))
