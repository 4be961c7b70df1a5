"""PIT, ranks, coverage, sharpness: flat and as promised for a right forecast, telling for a wrong one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats as st

from lik_jax import bernoulli, calibration, categorical, mixture, multivariate_normal, normal, poisson


def counts(key, n=400):
    """Params of counts, counts drawn from them."""
    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    log_rate = 0.8 * rng.normal(size=n) + 0.3
    return poisson.Params(jnp.asarray(log_rate)), jnp.asarray(rng.poisson(np.exp(log_rate)))


def numbers(key, n=400, narrow=1.0):
    """Params of real forecasts, too narrow by a factor, and what came."""
    one, two, three = jax.random.split(key, 3)
    loc, scale = jax.random.normal(one, (n,)), jnp.exp(0.5 * jax.random.normal(two, (n,)))
    return normal.Params(loc, scale / narrow), loc + scale * jax.random.normal(three, (n,))


def test_pit_is_the_cdf(x64, key):
    params, y = numbers(key)
    np.testing.assert_allclose(calibration.pit(normal, params, y), st.norm.cdf(y, *params), rtol=1e-12)
    two = mixture(normal, 2)
    weights = two.Params(jnp.log(jnp.array([0.3, 0.7])), normal.Params(jnp.array([-1.0, 1.0]), jnp.array([0.5, 2.0])))
    expected = 0.3 * st.norm.cdf(y, -1, 0.5) + 0.7 * st.norm.cdf(y, 1, 2)
    np.testing.assert_allclose(calibration.pit(two, weights, y), expected, rtol=1e-12)


def test_pit_of_counts_fills_the_step_at_random(x64, key):
    params, y = counts(key, 4000)
    u = np.asarray(calibration.pit(poisson, params, y, key=jax.random.fold_in(key, 1)))
    rate = np.exp(np.asarray(params.log_rate))
    assert (u >= st.poisson.cdf(np.asarray(y) - 1, rate)).all()
    assert (u <= st.poisson.cdf(y, rate)).all()
    assert st.kstest(u, "uniform").pvalue > 1e-3
    # the upper end of the step is not spread evenly
    assert st.kstest(st.poisson.cdf(y, rate), "uniform").pvalue < 1e-6
    with pytest.raises(ValueError, match="give key="):
        calibration.pit(poisson, params, y)


def test_histogram_of_a_continuous_forecast_is_the_plain_one(x64, key):
    params, y = numbers(key, 300)
    u = st.norm.cdf(y, *params)
    found = calibration.pit_histogram(normal, params, y, bins=8, level=0.9)
    np.testing.assert_allclose(found.density, np.histogram(u, 8, (0, 1))[0] * 8 / 300, rtol=1e-12)
    expected = st.binom.ppf([0.05, 0.95], 300, 1 / 8) * 8 / 300
    np.testing.assert_allclose([found.low, found.high], expected, rtol=1e-12)
    # an observation on the right edge of a bin belongs to it
    on_edge = calibration.pit_histogram(normal, normal.Params(0.0, 1.0), jnp.zeros(3), bins=2)
    assert on_edge.density.tolist() == [2.0, 0.0]


def test_histogram_of_counts_by_the_formula(x64, key):
    """Czado, Gneiting and Held (2009): the mean of the conditional cdfs, observation by observation."""
    params, y = counts(key, 50)
    bins = 7
    share = np.zeros(bins + 1)
    for log_rate, count in zip(params.log_rate.tolist(), y.tolist(), strict=True):
        below, upto = st.poisson.cdf([count - 1, count], np.exp(log_rate))
        for j in range(bins + 1):
            u = j / bins
            share[j] += 0.0 if u <= below else 1.0 if u >= upto else (u - below) / (upto - below)
    found = calibration.pit_histogram(poisson, params, y, bins=bins)
    np.testing.assert_allclose(found.density, np.diff(share / 50) * bins, rtol=1e-10)
    np.testing.assert_allclose(found.density.mean(), 1.0, rtol=1e-12)


@pytest.mark.parametrize(("narrow", "where"), [(1.0, None), (2.0, "ends"), (0.5, "middle")])
def test_the_shape_tells_what_is_wrong(narrow, where, key):
    params, y = numbers(key, 2000, narrow)
    density, low, high = calibration.pit_histogram(normal, params, y, bins=10)
    covered = calibration.coverage(normal, params, y, jnp.array([0.5, 0.9])).covered
    assert density.dtype == low.dtype == high.dtype == covered.dtype == jnp.float32
    if where is None:
        assert ((density >= low) & (density <= high)).sum() >= 8
    else:
        outer, inner = density[jnp.array([0, 9])], density[4:6]
        above, below = (outer, inner) if where == "ends" else (inner, outer)
        assert (above > high).all()
        assert (below < low).all()


def test_the_band_holds_as_many_bins_as_promised(key):
    def inside(key):
        density, low, high = calibration.pit_histogram(normal, *numbers(key, 500), level=0.9)
        return ((density >= low) & (density <= high)).mean()

    held = jax.jit(jax.vmap(inside))(jax.random.split(key, 400)).mean()
    assert 0.89 < held < 0.94


def test_every_rank_is_as_likely_ties_or_not(key):
    one, two, three, four = jax.random.split(key, 4)
    draws, y = jax.random.normal(one, (9, 4000)), jax.random.normal(two, (4000,))
    plain = calibration.rank_histogram(draws, y, key=jax.random.fold_in(three, 1))
    tied = calibration.rank_histogram(jnp.round(draws), jnp.round(y), key=four)
    for found in (plain, tied):
        assert found.counts.sum() == 4000
        assert st.chisquare(np.asarray(found.counts)).pvalue > 1e-3
    np.testing.assert_allclose([tied.low, tied.high], st.binom.ppf([0.025, 0.975], 4000, 0.1))
    exact = calibration.rank_histogram(jnp.array([[1.0, 1.0], [3.0, 3.0]]), jnp.array([0, 2]), key=three)
    assert exact.counts.tolist() == [1.0, 1.0, 0.0]


def test_coverage_of_intervals_and_wilsons_of_the_shares(x64, key):
    params, y = numbers(key, 300)
    levels = np.array([0.2, 0.5, 0.9, 0.99])
    found = calibration.coverage(normal, params, y, levels)
    for level, share, low, high in zip(*(np.asarray(a) for a in found), strict=True):
        ends = st.norm.interval(level, *params)
        hits = int(((y >= ends[0]) & (y <= ends[1])).sum())
        assert share == pytest.approx(hits / 300)
        known = st.binomtest(hits, 300).proportion_ci(0.95, method="wilson")
        np.testing.assert_allclose([low, high], [known.low, known.high], rtol=1e-10)


def test_coverage_of_counts_is_that_of_their_quantiles(x64, key):
    params, y = counts(key, 300)
    levels = np.array([0.1, 0.5, 0.8, 0.95])
    found = calibration.coverage(poisson, params, y, levels)
    rate = np.exp(np.asarray(params.log_rate))
    for level, share in zip(levels, found.covered, strict=True):
        low, high = st.poisson.ppf([[(1 - level) / 2], [(1 + level) / 2]], rate)
        assert float(share) == pytest.approx(((np.asarray(y) >= low) & (np.asarray(y) <= high)).mean())
    # an even bet: both ends are in the interval from the 1/4 quantile to the 3/4 quantile
    even = calibration.coverage(bernoulli, bernoulli.Params(0.0), jnp.array([0, 1, 1]), jnp.array([0.5]))
    assert even.covered.tolist() == [1.0]


@pytest.mark.slow
def test_coverage_is_as_promised_and_its_error_too(key):
    def one(key):
        return calibration.coverage(normal, *numbers(key, 100), jnp.array([0.5, 0.9]))

    found = jax.jit(jax.vmap(one))(jax.random.split(key, 1000))
    assert {part.dtype for part in found} == {jnp.dtype("float32")}
    np.testing.assert_allclose(found.covered.mean(0), [0.5, 0.9], atol=0.01)
    held = ((found.low <= found.levels) & (found.levels <= found.high)).mean(0)
    assert ((held > 0.92) & (held < 0.98)).all()


def test_sharpness(x64, key):
    params, _ = numbers(key)
    found = calibration.sharpness(normal, params, level=0.8)
    low, high = st.norm.interval(0.8, *params)
    np.testing.assert_allclose(found.width, (high - low).mean(), rtol=1e-10)
    np.testing.assert_allclose(found.standard_deviation, params.scale.mean(), rtol=1e-12)


def test_what_does_not_fit_is_an_error(key):
    params, y = numbers(key, 20)
    for call, error, words in (
        (lambda: calibration.pit(categorical, categorical.Params(jnp.zeros(3)), 1), TypeError, "log_cdf"),
        (lambda: calibration.sharpness(multivariate_normal, None), TypeError, "icdf"),
        (lambda: calibration.pit(normal, normal.Params(jnp.zeros((20, 1)), 1.0), y), ValueError, "trailing axis"),
        (lambda: calibration.pit_histogram(normal, params, y, bins=0), ValueError, "1 or more"),
        (lambda: calibration.pit_histogram(normal, normal.Params(0.0, 1.0), y[:0]), ValueError, "one observation"),
        (lambda: calibration.coverage(normal, params, y, 0.5), ValueError, r"want \[m\]"),
        (
            lambda: calibration.coverage(normal, params, y, jnp.array([0.5]), confidence=95),
            ValueError,
            "between 0 and 1",
        ),
        (lambda: calibration.rank_histogram(y, y, key=key), ValueError, r"want \[m, ...\]"),
    ):
        with pytest.raises(error, match=words):
            call()
