"""Predicted distributions of numbers, mended on held-out data: one factor on the scale, or a map of the levels."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
import scipy.stats

import lik_jax as lj
from lik_jax.calibration import quantile_calibration, quantile_calibration_error, variance_scaling
from lik_jax.estimation import Status

NORMAL = lj.normal.Params(0.0, 1.0)

# params without loc and scale, and what scipy calls the family
FAMILIES = {
    "normal": (lj.normal, {}, scipy.stats.norm),
    "laplace": (lj.laplace, {}, scipy.stats.laplace),
    "logistic": (lj.logistic, {}, scipy.stats.logistic),
    "student_t": (lj.student_t, {"df": 3.0}, scipy.stats.t(3)),
    "log_normal": (lj.log_normal, {}, None),
    "asymmetric_laplace": (lj.asymmetric_laplace, {"quantile": 0.3}, None),
}


def held_out(n=60):
    """Means, scales that are too small by far, and what came of them."""
    rng = np.random.default_rng(5)
    loc, scale = rng.normal(size=n), np.exp(0.5 * rng.normal(size=n))
    return loc, scale, loc + 3 * scale * rng.standard_t(4, n)


def log_density(name, distribution, shapes, frozen, loc, scale, y):
    if frozen is None:
        return np.asarray(distribution.log_prob(distribution.Params(loc=loc, scale=scale, **shapes), y))
    return frozen.logpdf((y - loc) / scale) - np.log(scale) if name == "student_t" else frozen.logpdf(y, loc, scale)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in ("normal", "laplace", "student_t") else pytest.mark.slow)
        for name in FAMILIES
    ],
)
def test_the_factor_is_that_of_another_optimiser(name, x64):
    distribution, shapes, frozen = FAMILIES[name]
    loc, scale, y = held_out()
    y = np.exp(y) if name == "log_normal" else y
    fitted = variance_scaling.fit(distribution, distribution.Params(loc=loc, scale=scale, **shapes), y)

    def loss(t):
        return -log_density(name, distribution, shapes, frozen, loc, np.exp(t) * scale, y).sum()

    best = scipy.optimize.minimize_scalar(loss, bounds=(-3, 5), method="bounded", options={"xatol": 1e-10})
    np.testing.assert_allclose(np.log(fitted.factor), best.x, atol=1e-6)
    assert fitted.fit.status_name == "OK"
    # the loss at its optimum is a parabola whose second derivative is the information
    h, t = 1e-3, float(np.log(fitted.factor))
    information = (loss(t + h) - 2 * loss(t) + loss(t - h)) / h**2
    np.testing.assert_allclose(fitted.fit.standard_errors, information**-0.5, rtol=1e-5)


def test_closed_forms(x64):
    y = np.array([3.0, -2.0, 8.0, 2.0])
    scale = np.array([1.0, 1.0, 2.0, 2.0])
    for distribution, factor, error in ((lj.normal, 7.5**0.5, 8**-0.5), (lj.laplace, 2.5, 0.5)):
        fitted = variance_scaling.fit(distribution, distribution.Params(jnp.zeros(4), scale), y)
        np.testing.assert_allclose([fitted.factor, fitted.fit.standard_errors], [factor, error], rtol=1e-14)
    # Student's t with infinite degrees of freedom goes the other way to the same place
    params = lj.student_t.Params(jnp.inf, jnp.zeros(4), scale)
    np.testing.assert_allclose(variance_scaling.fit(lj.student_t, params, y).factor, 7.5**0.5, rtol=1e-12)


@pytest.mark.parametrize("name", ["normal", "student_t"])
def test_the_factor_follows_the_units_of_the_scale(name):
    """In single precision, over twelve orders of magnitude."""
    distribution, shapes, _ = FAMILIES[name]
    loc, scale, y = (a.astype(np.float32) for a in held_out())

    def factor(unit):
        return variance_scaling.fit(distribution, distribution.Params(loc=loc, scale=scale * unit, **shapes), y).factor

    units = jnp.array([1e-6, 1e-3, 1.0, 1e3, 1e6])
    found = jax.jit(jax.vmap(factor))(units)
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found * units, jnp.full(5, found[2]), rtol=2e-5)
    assert 1.8 < float(found[2]) < 6


def test_applied_it_has_the_least_loss(x64):
    loc, scale, y = held_out()
    params = lj.student_t.Params(3.0, loc, scale)
    fitted = variance_scaling.fit(lj.student_t, params, y)

    @jax.jit
    @jax.vmap
    def loss(factor):
        return lj.nll(lj.student_t, variance_scaling.apply(variance_scaling.Params(factor), params), y)

    best, less, more, before = loss(fitted.factor * jnp.array([1, 0.97, 1.03, 1 / fitted.factor]))
    assert best < min(less, more)
    assert best < before - 0.2


def test_standard_errors_are_how_far_off_the_factor_is():
    y = 2 * np.random.default_rng(1).standard_t(5, (1000, 200)).astype(np.float32)

    @jax.jit
    @jax.vmap
    def off(y):
        fitted = variance_scaling.fit(lj.student_t, lj.student_t.Params(5.0, 0.0, 1.0), y)
        return (jnp.log(fitted.factor) - jnp.log(2.0)) / fitted.fit.standard_errors

    z = np.asarray(off(y))
    assert abs(z.mean()) < 0.15
    assert 0.92 < z.std() < 1.08


@pytest.mark.parametrize("name", ["normal", "student_t"])
def test_weights_are_repeats_and_masks_are_gone(name, x64):
    distribution, shapes, _ = FAMILIES[name]
    loc, scale, y = held_out(21)
    times = np.arange(21) % 3
    kept = times > 0

    @jax.jit
    def fit(loc, scale, y, mask, weights):
        params = distribution.Params(loc=loc, scale=scale, **shapes)
        fitted = variance_scaling.fit(distribution, params, y, mask=mask, weights=weights)
        return jnp.stack([fitted.factor, fitted.fit.standard_errors])

    rows = np.repeat(np.arange(21), times)
    assert len(rows) == 21
    everything = np.ones(21, bool)
    junk = np.where(kept, y, np.nan)
    repeated = fit(loc[rows], scale[rows], y[rows], everything, np.ones(21, int))
    np.testing.assert_allclose(fit(loc, scale, junk, everything, times), repeated, rtol=1e-9)
    # the same rows once, the others masked, their params no params
    masked = fit(np.where(kept, loc, np.inf), np.where(kept, scale, -1), junk, kept, np.ones(21, int))
    np.testing.assert_allclose(masked, fit(loc, scale, y, everything, kept.astype(int)), rtol=1e-9)
    assert not np.allclose(masked, repeated, rtol=1e-3)
    assert np.isnan(fit(loc, scale, y, ~everything, times)).all()


@pytest.mark.parametrize("name", ["normal", "student_t"])
def test_when_there_is_no_best_factor(name):
    distribution, shapes, _ = FAMILIES[name]
    params = distribution.Params(loc=1.0, scale=1.0, **shapes)
    y = jnp.array(
        [
            [1.0, 1.0, 1.0, 1.0, 1.0],
            [1.0, 1.0, 1.0, 1.0, 9.0],
            [1.0, 1.0, 5.0, 9.0, 2.0],
            [1.0, 2.0, 3.0, 4.0, np.nan],
            [1.0, 2.0, 3.0, 4.0, np.inf],
        ]
    )
    fitted = jax.jit(jax.vmap(lambda y: variance_scaling.fit(distribution, params, y)))(y)
    # Student's t: (df + 1) times the share that is not met is what pulls against ever smaller scales
    mostly_met = Status.OK if name == "normal" else Status.SEPARATION
    expected = [Status.SEPARATION, mostly_met, Status.OK, Status.INVALID_DATA, Status.INVALID_DATA]
    assert fitted.fit.status.tolist() == expected
    factors = np.asarray(fitted.factor)
    assert (np.isnan(factors) == [s == Status.INVALID_DATA for s in expected]).all()
    assert ((factors == 0) == [s == Status.SEPARATION for s in expected]).all()
    assert (np.isnan(fitted.fit.standard_errors) == [s != Status.OK for s in expected]).all()


def test_data_that_are_none():
    met = jnp.ones(5)
    empty = variance_scaling.fit(lj.normal, NORMAL, jnp.zeros(0))
    assert empty.fit.status_name == "INVALID_DATA"
    assert np.isnan(empty.factor)
    assert np.isnan(variance_scaling.fit(lj.normal, lj.normal.Params(0.0, -1.0), met).factor)


def test_what_variance_scaling_does_not_take():
    with pytest.raises(TypeError, match="fields loc and scale"):
        variance_scaling.fit(lj.gamma, lj.gamma.Params(1.0, 1.0), jnp.ones(3))
    with pytest.raises(TypeError, match="fields loc and scale"):
        variance_scaling.apply(variance_scaling.Params(2.0), lj.gamma.Params(1.0, 1.0))
    with pytest.raises(ValueError, match="pair each example with every other"):
        variance_scaling.fit(lj.normal, lj.normal.Params(jnp.ones((3, 1)), 1.0), jnp.ones(3))


def wrong(*shape, seed=0):
    """Predicted: standard normal, whatever. True: normal(0.5, 2)."""
    return np.random.default_rng(seed).normal(0.5, 2, shape).astype(np.float32)


def test_the_map_finds_the_true_distribution():
    grid, p = np.linspace(-5.0, 6.0, 45, dtype=np.float32), np.linspace(0.05, 0.95, 19, dtype=np.float32)

    @jax.jit
    def calibrated(y):
        fitted = quantile_calibration.fit(lj.normal, NORMAL, y)
        quantiles = quantile_calibration.icdf(fitted, lj.normal, NORMAL, p)
        levels = (quantile_calibration.cdf(fitted, lj.normal, NORMAL, x) for x in (grid, quantiles))
        return *levels, quantiles, quantile_calibration.apply(fitted, jnp.linspace(0.0, 1.0, 1001))

    found, back, quantiles, line = map(np.asarray, calibrated(wrong(20000)))
    # Dvoretzky, Kiefer and Wolfowitz: a distance above 0.0152 once in 10,000
    assert np.abs(found - scipy.stats.norm.cdf(grid, 0.5, 2)).max() < 0.0152
    np.testing.assert_allclose(quantiles, scipy.stats.norm.ppf(p, 0.5, 2), atol=0.12)
    np.testing.assert_allclose(back, p, atol=1e-4)
    assert (np.diff(line) >= 0).all()


@pytest.mark.slow
def test_new_levels_are_uniform_after_it():
    fitted = quantile_calibration.fit(lj.normal, NORMAL, wrong(5000))
    y = wrong(1000, seed=1)
    after = quantile_calibration.cdf(fitted, lj.normal, NORMAL, y)
    assert scipy.stats.kstest(after, "uniform").pvalue > 1e-3
    assert scipy.stats.kstest(lj.normal.cdf(NORMAL, y), "uniform").pvalue < 1e-20


def test_a_quantile_holds_its_level_however_few_the_data():
    """Exactly: a new number is below the ``i``-th smallest of ``n`` with probability ``i / (n + 1)``."""
    p = jnp.array([0.1, 0.3, 0.5, 0.9])

    @jax.jit
    @jax.vmap
    def below(y):
        fitted = quantile_calibration.fit(lj.normal, NORMAL, y[:9])
        quantiles = quantile_calibration.icdf(fitted, lj.normal, NORMAL, p)
        return (y[9:, None] <= quantiles[None, :]).mean(0)

    shares = np.asarray(below(wrong(4000, 109)))
    assert (np.abs(shares.mean(0) - p) < 4 * shares.std(0) / 4000**0.5).all()


def test_corners_of_the_map(x64):
    y = np.array([0.3, -1.0, 2.0, -1.0])
    p = np.array([0.2, 0.4, 0.6, 0.8, 0.7])

    @jax.jit
    def calibrated(y):
        fitted = quantile_calibration.fit(lj.normal, NORMAL, y)
        through = (quantile_calibration.cdf, y), (quantile_calibration.icdf, p)
        return fitted, *(fn(fitted, lj.normal, NORMAL, x) for fn, x in through)

    fitted, levels, quantiles = calibrated(y)
    np.testing.assert_allclose(fitted.predicted, [0, *scipy.stats.norm.cdf(np.sort(y)), 1], rtol=1e-14)
    np.testing.assert_allclose(fitted.observed, [0, 0.2, 0.4, 0.6, 0.8, 1], rtol=1e-15)
    # at a tie all that are alike count
    np.testing.assert_allclose(levels, [0.6, 0.4, 0.8, 0.4], rtol=1e-14)
    middle = scipy.stats.norm.ppf(scipy.stats.norm.cdf([0.3, 2.0]).mean())
    np.testing.assert_allclose(quantiles, [-1, -1, 0.3, 2, middle], rtol=1e-12)


def test_masked_rows_leave_the_map_alone():
    y = wrong(30)
    mask = jnp.arange(30) % 3 > 0
    junk = jnp.where(mask, y, jnp.nan)
    params = lj.normal.Params(jnp.where(mask, 0.0, jnp.inf), 1.0)
    masked = quantile_calibration.fit(lj.normal, params, junk, mask=mask)
    alone = quantile_calibration.fit(lj.normal, NORMAL, y[mask])
    p = jnp.linspace(0.0, 1.0, 41)
    for through in (quantile_calibration.apply, quantile_calibration.invert):
        np.testing.assert_allclose(through(masked, p), through(alone, p), atol=1e-6)
    assert bool(jnp.isnan(quantile_calibration.apply(quantile_calibration.fit(lj.normal, NORMAL, junk), p)).all())


def test_the_map_of_one_precision(x64):
    y = wrong(10)
    fitted = quantile_calibration.fit(lj.normal, NORMAL, y)
    assert fitted.predicted.dtype == fitted.observed.dtype == jnp.float32
    mixture = lj.mixture(lj.normal, 2)
    params = mixture.Params(jnp.zeros(2), lj.normal.Params(jnp.array([-1.0, 1.0]), 1.0))
    two = quantile_calibration.fit(mixture, params, y.reshape(2, 5))
    assert two.predicted.shape == (12,)


def test_the_error_by_counting(x64):
    y = wrong(50).astype(float)
    levels = np.array([0.1, 0.5, 0.8])
    gaps = np.abs([(y <= scipy.stats.norm.ppf(p)).mean() - p for p in levels])
    for norm, expected in (("absolute", gaps.mean()), ("squared", (gaps**2).mean()), ("max", gaps.max())):
        found = quantile_calibration_error(lj.normal, NORMAL, y, levels=levels, norm=norm)
        np.testing.assert_allclose(found, expected, rtol=1e-13)
    weights = np.arange(50) % 4
    gaps = np.abs([np.average(y <= scipy.stats.norm.ppf(p), weights=weights) - p for p in levels])
    found = quantile_calibration_error(lj.normal, NORMAL, y, levels=levels, weights=weights)
    np.testing.assert_allclose(found, gaps.mean(), rtol=1e-13)
    junk = np.where(weights == 0, np.nan, y)
    found = quantile_calibration_error(lj.normal, NORMAL, junk, levels=levels, mask=weights > 0)
    kept = quantile_calibration_error(lj.normal, NORMAL, y[weights > 0], levels=levels)
    np.testing.assert_allclose(found, kept, rtol=1e-13)


def test_the_error_of_a_perfect_forecaster_is_small_and_falls():
    def errors(y):
        found = jax.jit(jax.vmap(lambda y: quantile_calibration_error(lj.normal, NORMAL, y)))(y)
        return np.asarray(found)

    rng = np.random.default_rng(0)
    small, large = (errors(rng.normal(size=(30, n)).astype(np.float32)).mean() for n in (100, 10000))
    # the mean of |share - p| is about (2 p (1 - p) / (pi n)) ** 0.5
    p = np.arange(1, 20) / 20
    for n, found in ((100, small), (10000, large)):
        np.testing.assert_allclose(found, np.sqrt(2 * p * (1 - p) / (np.pi * n)).mean(), rtol=0.25)
    assert float(errors(wrong(1, 10000))[0]) > 0.1


def test_what_quantile_calibration_does_not_take():
    counts = jnp.arange(4.0)
    with pytest.raises(TypeError, match="discrete"):
        quantile_calibration.fit(lj.poisson, lj.poisson.Params(0.0), counts)
    with pytest.raises(TypeError, match="log_cdf"):
        quantile_calibration_error(lj.categorical, lj.categorical.Params(jnp.zeros(3)), counts.astype(int))
    with pytest.raises(ValueError, match="norm='l3'"):
        quantile_calibration_error(lj.normal, NORMAL, counts, norm="l3")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="pair each example with every other"):
        quantile_calibration.fit(lj.normal, lj.normal.Params(jnp.ones((4, 1)), 1.0), counts)
