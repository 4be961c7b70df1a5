"""Scores of numbers and classes: known values, propriety, and the laws that all scores share."""

import functools
import itertools
import math

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
import scipy.stats as st
from score_cases import CASES, Case, observations

import lik_jax as lj
from lik_jax import (
    bernoulli,
    categorical,
    discretized,
    independent,
    logistic,
    mixture,
    multivariate_normal,
    normal,
    poisson,
    scores,
    student_t,
    truncated,
)

B = 6
# one of each kind runs by default; the others are slow work
CORE = (
    "brier-categorical",
    "ranked_probability-categorical",
    "quantile_score-normal",
    "interval_score-weibull",
    "energy_score",
    "variogram_score",
)
FEW = ("brier-categorical", "energy_score")


def rows(names):
    """Every case, those that are not of ``names`` as slow work."""
    return [case if str(case) in names else pytest.param(case, marks=pytest.mark.slow) for case in CASES]


every_score = pytest.mark.parametrize("case", rows(CORE), ids=str)
every_score_slowly = pytest.mark.parametrize("case", rows(FEW), ids=str)
every_score_plainly = pytest.mark.parametrize("case", rows(FEW[:1]), ids=str)
CLASS_SCORES = [scores.log_score, scores.brier, scores.ranked_probability, scores.spherical]


@functools.cache
def compiled(case: Case):
    """One number an example, by weight, and the gradient of their sum."""

    def total(raw, y, mask, weights):
        each = case.loss(raw, y, mask=mask, weights=weights, reduction="none")
        return each.sum(), each

    both = jax.jit(jax.value_and_grad(total, has_aux=True))

    def run(raw, y, mask, weights):
        (_, each), slope = both(raw, y, mask, weights)
        return each, slope

    return run


def inputs(case: Case, key: jax.Array):
    first, second = jax.random.split(key)
    raw = jax.random.normal(first, (B, case.size), jnp.float64)
    y = observations(case.kind, second, B)
    return raw, y


@every_score
def test_the_gradient_is_the_slope(case: Case, key: jax.Array, x64: None):
    first, second = jax.random.split(key)
    raw, y = inputs(case, first)
    direction = jax.random.normal(second, raw.shape, jnp.float64)
    weights, mask, h = jnp.arange(1.0, B + 1), jnp.ones(B, bool), 1e-6
    run = compiled(case)
    each, slope = run(raw, y, mask, weights)
    up, down = (run(raw + step * direction, y, mask, weights)[0] for step in (h, -h))
    np.testing.assert_allclose((slope * direction).sum(), (up - down).sum() / (2 * h), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(each, weights * run(raw, y, mask, jnp.ones(B))[0], rtol=1e-14)


@every_score
def test_masked_junk_adds_exactly_nothing(case: Case, key: jax.Array, x64: None):
    raw, y = inputs(case, key)
    mask = jnp.array([True, False, True, True, False, True])
    weights = jnp.ones(B)
    run = compiled(case)
    clean, clean_slope = run(raw, y, mask, weights)
    junk = jnp.where(mask[:, None], raw, jnp.nan if case.direct else 1e300)
    bad = -7 if jnp.issubdtype(y.dtype, jnp.integer) else jnp.nan
    each, slope = run(junk, jnp.where(mask.reshape((B,) + (1,) * (y.ndim - 1)), y, bad), mask, weights)
    np.testing.assert_array_equal(each, clean)
    np.testing.assert_array_equal(slope, clean_slope)
    assert (np.asarray(each)[[1, 4]] == 0).all()
    assert (np.asarray(slope)[[1, 4]] == 0).all()
    assert (np.asarray(each)[[0, 2, 3, 5]] != 0).all()


@every_score_plainly
def test_plain_is_compiled_is_mapped(case: Case, key: jax.Array, x64: None):
    raw, y = inputs(case, key)
    each, _ = compiled(case)(raw, y, jnp.ones(B, bool), jnp.ones(B))
    plain = case.loss(raw, y, reduction="none")
    assert plain.shape == (B,)
    assert plain.dtype == jnp.float64
    np.testing.assert_allclose(plain, each, rtol=1e-12)
    if not case.sampled:
        np.testing.assert_allclose(jax.jit(jax.vmap(case.loss))(raw, y), each, rtol=1e-12)


@every_score_slowly
def test_a_linear_model_is_trained(case: Case, key: jax.Array):
    """By a few steps along the gradient, on data that depend on x."""
    first, second = jax.random.split(key)
    x = jax.random.uniform(first, (32, 1), minval=-1.0)
    y = observations(case.kind, second, 32, x[:, 0])

    def step(weights, _):
        value, slope = jax.value_and_grad(lambda w: case.loss(w[:1] + x * w[1:], y))(weights)
        return weights - 0.1 * slope / jnp.linalg.norm(slope), value

    # samples and the ends of intervals need a start at which they differ
    start = jnp.zeros((2, case.size)).at[0].set(jnp.linspace(-1.0, 1.0, case.size) if case.size > 2 else 0.0)
    values = jax.jit(lambda weights: jax.lax.scan(step, weights, length=30)[1])(start)
    assert bool(jnp.isfinite(values).all())
    assert float(values[-1]) < float(values[0]) - 0.05 * abs(float(values[0]))


def test_a_mean_is_by_weight(x64):
    params, y = categorical.Params(jnp.array([[1.0, 0.0, 3.0], [0.0, 0.5, 0.0]])), jnp.array([1, 2])
    weights = jnp.array([1.0, 3.0])
    each = scores.brier(categorical, params, y, reduction="none")
    total = scores.brier(categorical, params, y, weights=weights, reduction="total")
    np.testing.assert_allclose([total.value, total.weight], [weights @ each, 4], rtol=1e-14)
    np.testing.assert_allclose(scores.brier(categorical, params, y, weights=weights), weights @ each / 4, rtol=1e-14)


def test_float32_stays_float32(x64):
    def all_of_them(y, one):
        params = normal.Params(one, one)
        return (
            scores.log_score(normal, params, y),
            scores.quantile_score(normal, params, y, levels=(0.1, 0.5)),
            scores.interval_score(normal, params, y, level=0.9),
            scores.weighted_interval_score(normal, params, y),
            scores.weighted_interval_score_from_bounds(one, -y, y, y, levels=(0.3, 0.6, 0.9)),
            scores.interval_score_from_bounds(-one, one, y, level=0.9),
            scores.brier(categorical, categorical.Params(y), jnp.arange(3)),
            scores.ranked_probability(categorical, categorical.Params(y), jnp.arange(3)),
            scores.dawid_sebastiani(normal, params, y),
            scores.energy_score_from_samples(jnp.stack([y, y]), y),
            scores.variogram_score_from_samples(jnp.stack([y, y]), y),
            scores.risk_coverage(y, y).area,
        )

    values = jax.eval_shape(all_of_them, jnp.ones(3, jnp.float32), jnp.float32(1.0))
    assert [value.dtype for value in values] == [jnp.float32] * 12


# classes


def test_brier_is_the_squared_distance_to_the_one_that_came(x64):
    probs = np.array([[0.7, 0.2, 0.1], [0.0, 0.25, 0.75], [1.0, 0.0, 0.0]])
    y = np.array([0, 1, 2])
    got = scores.brier(categorical, categorical.from_probs(probs), y, reduction="none")
    np.testing.assert_allclose(got, ((probs - np.eye(3)[y]) ** 2).sum(1), rtol=1e-14)
    np.testing.assert_allclose(got, [0.14, 1.125, 2.0], rtol=1e-14)


def test_brier_of_yes_or_no_is_that_of_one_class(x64):
    z, y = jnp.array([0.3, -2.0, jnp.inf, -jnp.inf]), jnp.array([1, 0, 0, 0])
    binary = scores.brier(bernoulli, bernoulli.Params(z), y, reduction="none")
    p = 1 / (1 + np.exp(-np.asarray(z)))
    np.testing.assert_allclose(binary, (p - np.asarray(y)) ** 2, rtol=1e-14)
    for halved in (False, True):
        one = scores.brier(bernoulli, bernoulli.Params(z[:2]), y[:2], halved=halved)
        two = jnp.stack([jnp.zeros(2), z[:2]], -1)
        np.testing.assert_allclose(one, scores.brier(categorical, categorical.Params(two), y[:2], halved=halved))
    np.testing.assert_array_equal(scores.brier(bernoulli, bernoulli.Params(z), y == 1, reduction="none"), binary)


@jax.jit
def class_slopes(z, label):
    """Value and slope of every score of classes but the log score."""
    return [
        jax.value_and_grad(lambda z, score=score: score(categorical, categorical.Params(z), label))(z)
        for score in CLASS_SCORES[1:]
    ]


@pytest.mark.parametrize("label", [0, 1, 2])
def test_classes_are_accurate_where_one_has_nearly_all(label: int):
    """Float32 value and gradient of sure forecasts, right and wrong, against mpmath."""
    logits = [17.0, 0.0, -3.0]
    with mpmath.workdps(40):

        def p(z):
            top = [mpmath.exp(a) for a in z]
            return [a / sum(top) for a in top]

        def brier(*z):
            return sum((a - (k == label)) ** 2 for k, a in enumerate(p(z)))

        def ranked(*z):
            a = p(z)
            return sum((sum(a[: j + 1]) - (label <= j)) ** 2 for j in range(2))

        def spherical(*z):
            a = p(z)
            return 1 - a[label] / mpmath.sqrt(sum(b**2 for b in a))

        truths = {}
        for score, exact in ((scores.brier, brier), (scores.ranked_probability, ranked), (scores.spherical, spherical)):
            orders = [tuple(int(i == j) for j in range(3)) for i in range(3)]
            slope = [float(mpmath.diff(exact, logits, order)) for order in orders]
            truths[score] = (float(exact(*logits)), slope)
    seen = class_slopes(jnp.array(logits, jnp.float32), jnp.int32(label))
    for got, (score, (value, slope)) in zip(seen, truths.items(), strict=True):
        # the mass of the others is exp(-17), whose condition number is 17
        np.testing.assert_allclose(got[0], value, rtol=17 * 2e-7, err_msg=score.__name__)
        bound = 17 * 4e-7 * max(map(abs, slope))
        np.testing.assert_allclose(got[1], slope, rtol=0, atol=bound, err_msg=score.__name__)


@pytest.mark.parametrize(
    ("how", "score"),
    [
        pytest.param(jax.jit, scores.brier, id="brier"),
        pytest.param(jax.jit, scores.ranked_probability, id="ranked_probability"),
        pytest.param(jax.jit, scores.spherical, id="spherical", marks=pytest.mark.slow),
        pytest.param(lambda f: f, scores.brier, id="plain", marks=pytest.mark.slow),
    ],
)
def test_a_label_that_is_none_scores_inf(how, score):
    def each(z):
        params = categorical.Params(z)
        value = score(categorical, params, jnp.array([3.0, -1.0, 0.5, jnp.inf, 1e12, 1.0]), reduction="none")
        return value, (value, score(categorical, params, jnp.nan))

    slope, (value, missing) = how(jax.jacrev(each, has_aux=True))(jnp.array([0.5, -jnp.inf, 0.0]))
    np.testing.assert_array_equal(value[:5], np.full(5, np.inf))
    np.testing.assert_array_equal(slope[:5], np.zeros((5, 3)))
    # an impossible class that came is a bad forecast, not an illegal label
    assert bool(jnp.isfinite(value[5]))
    assert bool(jnp.isfinite(slope[5]).all())
    assert bool(jnp.isnan(missing))


def test_no_possible_class_is_nan():
    params = categorical.Params(jnp.full(3, -jnp.inf))
    assert all(math.isnan(float(score(categorical, params, 1))) for score in CLASS_SCORES)


def test_brier_of_a_bernoulli_outside():
    z = jnp.array(0.3)
    got = scores.brier(bernoulli, bernoulli.Params(z), jnp.array([2, -1]), reduction="none")
    np.testing.assert_array_equal(got, [np.inf, np.inf])
    assert float(jax.grad(lambda z: scores.brier(bernoulli, bernoulli.Params(z), 2))(z)) == 0
    assert bool(jnp.isnan(scores.brier(bernoulli, bernoulli.Params(z), jnp.nan)))
    assert bool(jnp.isnan(scores.brier(bernoulli, bernoulli.Params(jnp.nan), 1)))


def test_classes_are_best_forecast_as_they_are(key, x64):
    """The expectation over all outcomes: flat at the truth, and higher everywhere else."""
    truth = jnp.log(jnp.array([0.1, 0.4, 0.2, 0.3]))

    def expected(z):
        params, y = categorical.Params(jnp.tile(z, (4, 1))), jnp.arange(4)
        return jnp.stack([jnp.exp(truth) @ score(categorical, params, y, reduction="none") for score in CLASS_SCORES])

    @jax.jit
    def slopes_and_values(others):
        return jax.jacrev(expected)(truth), expected(truth), jax.vmap(expected)(others)

    slopes, least, values = slopes_and_values(truth[None] + jax.random.normal(key, (100, 4)))
    np.testing.assert_allclose(slopes, np.zeros((4, 4)), atol=1e-15)
    assert bool((values > least[None]).all())


def test_ranked_probability_is_the_crps_of_whole_numbers(x64):
    """``E|X - y| - E|X - X'| / 2`` by enumeration."""
    p, k = np.array([0.1, 0.0, 0.4, 0.2, 0.3]), np.arange(5)
    truth = [p @ abs(k - y) - p @ abs(k[:, None] - k) @ p / 2 for y in k]
    params = categorical.from_probs(p)
    np.testing.assert_allclose(scores.ranked_probability(categorical, params, k, reduction="none"), truth, rtol=1e-14)
    half = scores.ranked_probability(categorical, params, k, normalised=True)
    np.testing.assert_allclose(half, np.mean(truth) / 4, rtol=1e-14)
    rating = discretized(normal, low=-1, high=3)
    mass = np.diff(st.norm.cdf([-np.inf, -0.5, 0.5, 1.5, 2.5, np.inf], 0.7, 1.2))
    want = [mass @ abs(k - y) - mass @ abs(k[:, None] - k) @ mass / 2 for y in k]
    got = jax.jit(lambda y: scores.ranked_probability(rating, normal.Params(0.7, 1.2), y, reduction="none"))(k - 1)
    np.testing.assert_allclose(got, want, rtol=1e-13)


@pytest.mark.slow
def test_counts_between_bounds_are_classes(x64):
    few = truncated(poisson, low=1, high=3)
    mass = st.poisson.pmf([1, 2, 3], 2.0)
    want = ((mass / mass.sum() - np.array([0, 1, 0])) ** 2).sum()
    np.testing.assert_allclose(scores.brier(few, poisson.Params(math.log(2.0)), 2), want, rtol=1e-13)


def test_a_mixture_of_classifiers_scores_as_its_mean_does(x64):
    ensemble = mixture(categorical, 2)
    logits = jnp.array([[[1.0, 0.0, -1.0], [0.0, 2.0, 0.5]], [[0.3, 0.0, 0.1], [0.0, 0.0, 3.0]]])
    params = ensemble.Params(jnp.zeros((2, 2)), categorical.Params(logits))
    mean = categorical.from_probs(jax.nn.softmax(logits).mean(1))
    y = jnp.array([2, 0])

    @jax.jit
    def both(params, mean):
        return [(score(ensemble, params, y), score(categorical, mean, y)) for score in CLASS_SCORES[1:3]]

    for of_parts, of_mean in both(params, mean):
        np.testing.assert_allclose(of_parts, of_mean, rtol=1e-13)
    two = mixture(bernoulli, 2)
    params = two.Params(jnp.zeros(2), bernoulli.Params(jnp.array([0.0, 1.0])))
    got = jax.jit(lambda params: scores.brier(two, params, 1, halved=True))(params)
    np.testing.assert_allclose(got, (1 - (0.5 + 1 / (1 + math.exp(-1))) / 2) ** 2, rtol=1e-14)


def test_outcomes_without_end_are_an_error():
    with pytest.raises(TypeError, match=r"brier needs a distribution with finitely many outcomes.*got poisson"):
        scores.brier(poisson, poisson.Params(0.0), 1)
    with pytest.raises(TypeError, match="got normal"):
        scores.ranked_probability(normal, normal.Params(0.0, 1.0), 1)
    with pytest.raises(ValueError, match=r"logits has shape \(\)"):
        scores.brier(categorical, categorical.Params(0.0), 1)
    with pytest.raises(ValueError, match="Drop the trailing axis"):
        scores.brier(bernoulli, bernoulli.Params(jnp.zeros((3, 1))), jnp.zeros(3))


# quantiles and intervals


def test_quantile_score_is_the_pinball_of_the_quantiles(x64):
    y, levels = np.array([-1.0, 0.3, 4.0]), (0.1, 0.5, 0.95)
    loc, scale = np.array([0.0, 0.2, 1.0]), np.array([1.0, 0.4, 2.0])
    q = st.norm.ppf(np.array(levels)[:, None], loc, scale)
    want = np.mean([lj.pinball(q[i], y, quantile=p, reduction="none") for i, p in enumerate(levels)], 0)
    got = scores.quantile_score(normal, normal.Params(loc, scale), y, levels=levels, reduction="none")
    np.testing.assert_allclose(got, want, rtol=1e-13)
    given = scores.quantile_score_from_quantiles(q.T, y, levels=levels, reduction="none")
    np.testing.assert_allclose(given, want, rtol=1e-13)
    shared = scores.quantile_score_from_quantiles(q.T[0], y, levels=levels, reduction="none")
    np.testing.assert_allclose(shared[0], want[0], rtol=1e-13)


def test_twice_the_quantile_score_of_many_levels_is_the_crps(x64):
    levels = (np.arange(4000) + 0.5) / 4000
    got = 2 * scores.quantile_score(normal, normal.Params(0.2, 1.3), 0.7, levels=levels)
    np.testing.assert_allclose(got, 0.379591192230, rtol=2e-4)


def test_interval_score_charges_width_and_miss(x64):
    y = np.array([-1.0, 0.0, 0.4, 3.0])
    got = scores.interval_score_from_bounds(0.0, 1.0, y, level=0.8, reduction="none")
    np.testing.assert_allclose(got, [1 + 10 * 1, 1, 1, 1 + 10 * 2], rtol=1e-14)
    low, high = st.logistic.interval(0.8, 0.2, 1.3)
    params = logistic.Params(0.2, 1.3)
    given = scores.interval_score_from_bounds(low, high, y, level=0.8, reduction="none")
    got = scores.interval_score(logistic, params, y, level=0.8, reduction="none")
    np.testing.assert_allclose(got, given, rtol=1e-12)
    # bounds that cross are charged as their quantiles are
    pinball = [lj.pinball(1.0, y, quantile=0.1, reduction="none"), lj.pinball(0.0, y, quantile=0.9, reduction="none")]
    crossed = scores.interval_score_from_bounds(1.0, 0.0, y, level=0.8, reduction="none")
    np.testing.assert_allclose(crossed, 10 * sum(pinball), rtol=1e-13)


def test_an_interval_is_best_at_its_quantiles(x64):
    """The expectation over a gamma, by a fine grid of its quantiles, is flat at the true bounds and least there."""
    y = st.gamma.ppf((np.arange(20_000) + 0.5) / 20_000, 2.5)

    @jax.jit
    def expected(ends):
        return scores.interval_score_from_bounds(ends[0], ends[1], y, level=0.7)

    truth = jnp.array(st.gamma.ppf([0.15, 0.85], 2.5))
    np.testing.assert_allclose(jax.grad(expected)(truth), [0, 0], atol=1e-3)
    others = truth[None] + jnp.array([[0.1, 0.0], [-0.1, 0.0], [0.0, 0.2], [0.0, -0.2], [0.3, -0.3]])
    assert bool((jax.vmap(expected)(others) > expected(truth)).all())


def test_weighted_interval_score_is_that_of_bracher(x64):
    """The formula with its weights, term by term in plain Python."""
    levels, y = (0.3, 0.5, 0.95), [-3.0, 0.1, 2.5]
    want = []
    for one in y:
        total = 0.5 * abs(one - st.norm.ppf(0.5, 0.2, 1.3))
        for level in levels:
            alpha = 1 - level
            low, high = st.norm.ppf([alpha / 2, 1 - alpha / 2], 0.2, 1.3)
            miss = max(low - one, 0) + max(one - high, 0)
            total += alpha / 2 * (high - low + 2 / alpha * miss)
        want.append(total / (len(levels) + 0.5))
    y = jnp.array(y)
    params = normal.Params(0.2, 1.3)
    got = scores.weighted_interval_score(normal, params, y, levels=levels, reduction="none")
    np.testing.assert_allclose(got, want, rtol=1e-13)
    low, high = st.norm.interval(np.array(levels), 0.2, 1.3)
    given = scores.weighted_interval_score_from_bounds(0.2, low, high, y, levels=levels, reduction="none")
    np.testing.assert_allclose(given, want, rtol=1e-13)
    one = scores.weighted_interval_score_from_bounds(
        0.2, np.tile(low, (3, 1)), np.tile(high, (3, 1)), y, levels=levels, reduction="none"
    )
    np.testing.assert_allclose(one, want, rtol=1e-13)


def test_levels_may_be_traced(x64):
    params = normal.Params(0.0, 1.0)

    def three(level, levels):
        return (
            scores.interval_score(normal, params, 2.0, level=level),
            scores.quantile_score(normal, params, 2.0, levels=level),
            scores.weighted_interval_score(normal, params, 2.0, levels=levels),
        )

    traced = jax.jit(three)(0.9, jnp.array([0.5, 0.9]))
    np.testing.assert_allclose(traced, jax.jit(lambda: three(0.9, (0.5, 0.9)))(), rtol=1e-13)


def test_levels_are_probabilities():
    params = normal.Params(0.0, 1.0)
    for levels in (0.0, 1.0, (0.5, 1.5), (), (math.nan,)):
        with pytest.raises(ValueError, match="want probabilities strictly between 0 and 1"):
            scores.quantile_score(normal, params, 0.0, levels=levels)
    with pytest.raises(ValueError, match=r"interval_score: level=90\.0"):
        scores.interval_score(normal, params, 0.0, level=90.0)
    with pytest.raises(ValueError, match="want one number"):
        scores.interval_score_from_bounds(0.0, 1.0, 0.0, level=jnp.array([0.5, 0.9]))
    with pytest.raises(ValueError, match=r"forecast has shape \(2,\) and levels \(3,\)"):
        scores.quantile_score_from_quantiles(jnp.zeros(2), 0.0, levels=(0.1, 0.5, 0.9))
    with pytest.raises(ValueError, match=r"high has shape \(3,\)"):
        scores.weighted_interval_score_from_bounds(0.0, jnp.zeros(2), jnp.zeros(3), 0.0, levels=(0.5, 0.9))
    with pytest.raises(TypeError, match="interval_score needs icdf; multivariate_normal has no icdf"):
        scores.interval_score(multivariate_normal, multivariate_normal.Params(jnp.zeros(2), jnp.eye(2)), jnp.zeros(2))


# mean and variance


def test_dawid_sebastiani_of_a_normal_is_its_likelihood(x64):
    y, rows = jnp.array([0.3, -2.0]), np.array([[0.3, -2.0], [1.0, 0.0]])
    params = normal.Params(jnp.array([0.0, 1.0]), jnp.array([0.5, 2.0]))
    covariance = np.array([[2.0, 0.6], [0.6, 0.5]])
    row = independent(normal, 1)

    @jax.jit
    def all_of_them():
        many = multivariate_normal.from_covariance(np.array([0.1, 0.2]), covariance)
        return (
            scores.dawid_sebastiani(normal, params, y, reduction="none"),
            scores.dawid_sebastiani(multivariate_normal, many, rows, reduction="none"),
            scores.dawid_sebastiani(row, params, y),
            scores.dawid_sebastiani(row, normal.Params(0.0, 1.0), jnp.ones((4, 3)), reduction="none"),
        )

    one, many, apart, shared = all_of_them()
    np.testing.assert_allclose(one, -2 * st.norm.logpdf(y, *params) - math.log(2 * math.pi), rtol=1e-13)
    want = -2 * st.multivariate_normal([0.1, 0.2], covariance).logpdf(rows) - 2 * math.log(2 * math.pi)
    np.testing.assert_allclose(many, want, rtol=1e-12)
    np.testing.assert_allclose(apart, one.sum())
    np.testing.assert_allclose(shared, np.full(4, 3.0))


def test_dawid_sebastiani_needs_two_moments():
    two = mixture(multivariate_normal, 2)
    params = two.Params(jnp.zeros(2), multivariate_normal.Params(jnp.zeros((2, 3)), jnp.eye(3)))
    with pytest.raises(TypeError, match="has no covariance"):
        scores.dawid_sebastiani(two, params, jnp.zeros(3))
    with pytest.raises(TypeError, match="categorical has no mean"):
        scores.dawid_sebastiani(categorical, categorical.Params(jnp.zeros(3)), 1)
    stack = independent(multivariate_normal, 1)
    params = multivariate_normal.Params(jnp.zeros((2, 3)), jnp.eye(3))
    with pytest.raises(TypeError, match="events of rank 2"):
        scores.dawid_sebastiani(stack, params, jnp.zeros((2, 3)))
    assert float(scores.dawid_sebastiani(student_t, student_t.Params(1.5, 0.0, 1.0), 0.0)) == math.inf


def test_skill_is_the_share_of_the_way_to_perfect():
    assert float(scores.skill(0.75, 1.0)) == 0.25
    assert float(scores.skill(2.0, 1.0)) == -1
    assert float(scores.skill(0.0, 1.0)) == 1
    assert float(scores.skill(-1.0, 3.0, best=-2.0)) == pytest.approx(0.8)
    assert math.isnan(float(scores.skill(0.0, 0.0)))


# risk and coverage


def test_risk_is_the_mean_loss_of_those_kept(x64):
    curve = scores.risk_coverage(jnp.array([0.9, 0.6, 0.8, 0.7]), jnp.array([0.0, 3.0, 1.0, 2.0]))
    np.testing.assert_allclose(curve.coverage, [0.25, 0.5, 0.75, 1.0])
    np.testing.assert_allclose(curve.risk, [0, 0.5, 1, 1.5])
    np.testing.assert_allclose(curve.area, 0.75)


def test_equals_come_in_no_order(x64):
    """The mean over all orders of those of equal confidence."""
    confidence, loss = np.array([0.5, 0.9, 0.5, 0.5, 0.1]), np.array([1.0, 0.2, 0.0, 3.0, 0.7])
    orders = [[1, *tied, 4] for tied in itertools.permutations([0, 2, 3])]
    risks = [loss[order].cumsum() / np.arange(1, 6) for order in orders]
    curve = scores.risk_coverage(confidence, loss)
    np.testing.assert_allclose(curve.risk, np.mean(risks, 0), rtol=1e-14)
    np.testing.assert_allclose(curve.area, np.mean(risks), rtol=1e-14)
    flat = scores.risk_coverage(np.ones(5), loss)
    np.testing.assert_allclose(flat.risk, np.full(5, loss.mean()), rtol=1e-14)


def test_risk_counts_by_weight(x64):
    confidence, loss = jnp.array([0.5, jnp.nan, 0.7, 0.2]), jnp.array([1.0, jnp.nan, 0.5, 2.0])
    mask = jnp.array([True, False, True, True])

    def area(loss):
        curve = scores.risk_coverage(confidence, loss, mask=mask)
        return curve.area, curve

    (_, curve), slope = jax.value_and_grad(area, has_aux=True)(loss)
    np.testing.assert_allclose(curve.risk, [0.5, 0.75, 3.5 / 3, 3.5 / 3])
    np.testing.assert_allclose(curve.coverage, [1 / 3, 2 / 3, 1, 1])
    np.testing.assert_allclose(curve.area, (0.5 + 0.75 + 3.5 / 3) / 3)
    np.testing.assert_allclose(slope, [5 / 18, 0, 11 / 18, 1 / 9], rtol=1e-13)
    heavy = scores.risk_coverage(confidence, loss, weights=jnp.array([2.0, 0.0, 1.0, 0.0]))
    np.testing.assert_allclose(heavy.risk[:2], [0.5, 2.5 / 3])
    np.testing.assert_allclose(heavy.coverage[:2], [1 / 3, 1])
    nothing = scores.risk_coverage(confidence, loss, mask=jnp.zeros(4, bool))
    assert float(nothing.area) == 0
    assert bool(jnp.isnan(scores.risk_coverage(confidence, jnp.ones(4)).area))
    with pytest.raises(ValueError, match=r"confidence has shape \(3,\) and loss \(2,\)"):
        scores.risk_coverage(jnp.zeros(3), jnp.zeros(2))
