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


@pytest.mark.parametrize(("m", "fair"), [(2, True), (3, False), (6, True)])
def test_energy_score_pair_by_pair(m: int, fair: bool, key: jax.Array, x64: None):
    first, second = jax.random.split(key)
    samples, y = jax.random.normal(first, (m, 2, 3)), jax.random.normal(second, (2, 3))

    @jax.jit
    def own_and_shared(samples, y):
        return [scores.energy_score_from_samples(x, y, fair=fair, reduction="none") for x in (samples, samples[:, 0])]

    own, shared = own_and_shared(samples, y)
    want = [energy(np.asarray(samples)[:, i], np.asarray(y)[i], fair) for i in range(2)]
    np.testing.assert_allclose(own, want, rtol=1e-13)
    np.testing.assert_allclose(shared[0], want[0], rtol=1e-13)


@pytest.mark.parametrize(("d", "fair"), [(3, False), (4, True)])
def test_variogram_score_pair_by_pair(d: int, fair: bool, key: jax.Array, x64: None):
    keys = jax.random.split(key, 3)
    samples, y = jax.random.normal(keys[0], (5, 2, d)), jax.random.normal(keys[1], (2, d))
    weights = jax.random.uniform(keys[2], (d, d))
    options = [(weights, np.asarray(weights), 1.5), (None, np.ones((d, d)), 0.5)]

    @jax.jit
    def both_ways(samples, y):
        return [
            scores.variogram_score_from_samples(samples, y, order=order, pair_weights=w, fair=fair, reduction="none")
            for w, _, order in options
        ]

    for got, (_, w, order) in zip(both_ways(samples, y), options, strict=True):
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
def test_fair_is_right_in_the_mean(score, x64: None):
    """The mean over all samples of three from three points is the score of the three points themselves."""
    points = np.array([[0.0, 1.0, 0.5], [2.0, -1.0, 0.3], [0.5, 0.2, 3.0]])
    y = np.array([0.3, 0.1, -1.0])
    draws = points[np.array(list(itertools.product(range(3), repeat=3)))].swapaxes(0, 1)

    @jax.jit
    def all_three():
        means = [score(draws, np.tile(y, (27, 1)), fair=fair) for fair in (True, False)]
        return score(points, y, fair=False), *means

    exact, fair, plain = all_three()
    np.testing.assert_allclose(fair, exact, rtol=1e-13)
    assert float(plain) > float(exact) + 0.1


def test_what_a_wrong_forecast_costs_is_half_the_energy_distance(key, x64):
    first, second = jax.random.split(key)
    p, q = jax.random.normal(first, (6, 2)), 0.5 + 2 * jax.random.normal(second, (4, 2))

    @jax.jit
    def all_three(p, q):
        right, wrong = (scores.energy_score_from_samples(x, p, fair=False) for x in (p, q))
        return right, wrong, energy_distance(p, q, unbiased=False).value

    right, wrong, distance = all_three(p, q)
    np.testing.assert_allclose(wrong - right, distance / 2, rtol=1e-12)


def test_variogram_score_is_best_at_the_truth(x64):
    """Over observations that are the forecast's own points, any other forecast costs more."""
    p = np.array([[0.0, 1.0, 2.0], [1.0, 1.5, -1.0], [2.0, 0.0, 0.3]])
    right = scores.variogram_score_from_samples(p, p, fair=False)
    for other in (p[:, ::-1], 2 * p, np.delete(p, 0, 0)):
        assert float(scores.variogram_score_from_samples(other, p, fair=False)) > float(right) + 1e-6


def test_energy_score_of_a_normal_at_its_mean(key, x64):
    """``E|X| = 2 sqrt(2 / pi)`` in three dimensions, and ``X - X'`` is the root of 2 wider."""
    params = multivariate_normal.Params(jnp.zeros(3), 2 * jnp.eye(3))

    @jax.jit
    def scored(key):
        y = jnp.zeros((64, 3))
        return scores.energy_score(multivariate_normal, params, y, key=key, num_samples=50, reduction="none")

    each = scored(key)
    want = 2 * 2 * math.sqrt(2 / math.pi) * (1 - math.sqrt(0.5))
    error = float(each.std()) / 8
    # shared params are drawn from anew for each example
    assert error > 0.001
    assert abs(float(each.mean()) - want) < 4 * error


@both
def test_sampling_and_samples_agree(score, x64):
    """Whatever the distribution's example axes are."""
    row = independent(normal, 1)
    sampled = {"energy_score_from_samples": scores.energy_score}.get(score.__name__, scores.variogram_score)
    y = jnp.ones((4, 3))

    @jax.jit
    def twice():
        params = normal.Params(jnp.arange(12.0).reshape(4, 3), 1.0)
        draws = row.sample(params, jax.random.key(3), (8,))
        return sampled(row, params, y, key=jax.random.key(3), num_samples=8), score(draws, y)

    np.testing.assert_allclose(*twice(), rtol=1e-13)


@pytest.mark.parametrize("name", ["energy_score", pytest.param("variogram_score", marks=pytest.mark.slow)])
def test_illegal_params_are_nan(name: str):
    """Though a normal drawn with a negative scale looks like any other."""
    row = independent(normal, 1)

    def total(scale):
        params = normal.Params(jnp.zeros((2, 2)), scale)
        score = getattr(scores, name)
        each = score(row, params, jnp.ones((2, 2)), key=jax.random.key(0), num_samples=4, reduction="none")
        return each.sum(), each

    slope, each = jax.jit(jax.grad(total, has_aux=True))(jnp.array([[1.0, 1.0], [-1.0, 1.0]]))
    np.testing.assert_array_equal(jnp.isnan(each), [False, True])
    np.testing.assert_array_equal(jnp.isnan(slope).all(1), [False, True])


def test_an_energy_neither_overflows_nor_breaks_at_ties():
    slopes = jax.jit(jax.value_and_grad(lambda x: scores.energy_score_from_samples(x, jnp.zeros(2))))
    samples = jnp.array([[1e30, 0.0], [-1e30, 0.0], [1e30, 0.0]])
    want = energy(np.asarray(samples, float), np.zeros(2), True)
    value, slope = slopes(samples)
    np.testing.assert_allclose(value, want, rtol=1e-6)
    assert bool(jnp.isfinite(slope).all())
    np.testing.assert_array_equal(slopes(jnp.zeros((3, 2)))[1], np.zeros((3, 2)))
    slope = jax.jit(jax.grad(lambda x: scores.variogram_score_from_samples(x, jnp.zeros(2))))(jnp.zeros((3, 2)))
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
