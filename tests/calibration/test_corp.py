"""CORP and the Brier score's parts: they add up, and each is what it is said to be."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats as st
from scipy.special import expit, softmax

from lik_jax import calibration


def forecasts(key, n=200, rounded=True):
    """Log-odds with many ties, and what came."""
    one, two = jax.random.split(key)
    z = np.asarray(1.5 * jax.random.normal(one, (n,)))
    z = np.round(2 * z) / 2 if rounded else z
    return z, np.asarray(jax.random.bernoulli(two, expit(0.6 * z + 0.2))).astype(int)


def log_score(p, y):
    return -np.log(np.where(y == 1, p, 1 - p)).mean()


@pytest.mark.parametrize("rounded", [True, False])
def test_the_curve_is_scikit_learns(rounded, x64, key):
    isotonic = pytest.importorskip("sklearn.isotonic")
    z, y = forecasts(key, rounded=rounded)
    order = np.argsort(z, kind="stable")
    found = calibration.corp(z, y)
    np.testing.assert_allclose(found.probability, expit(z)[order], rtol=1e-12)
    np.testing.assert_allclose(found.recalibrated, isotonic.IsotonicRegression().fit_transform(z, y)[order], atol=1e-12)


@pytest.mark.parametrize("score", ["brier", "log"])
def test_the_parts_add_up_and_are_what_they_say(score, x64, key):
    z, y = forecasts(key)
    found = calibration.corp(z, y, score=score)
    of = log_score if score == "log" else lambda p, y: ((p - y) ** 2).mean()
    plain = of(expit(z), y)
    np.testing.assert_allclose(found.score, plain, rtol=1e-13)
    total = found.miscalibration - found.discrimination + found.uncertainty
    np.testing.assert_allclose(total, plain, rtol=1e-14)
    np.testing.assert_allclose(found.uncertainty, of(np.full(len(y), y.mean()), y), rtol=1e-13)
    # the mean score of the curve, by what came in each of its blocks
    blocks, at = np.unique(np.asarray(found.recalibrated).round(12), return_inverse=True)
    share = np.bincount(at) / len(y)
    entropy = {
        "brier": blocks * (1 - blocks),
        "log": st.entropy(np.stack([blocks, 1 - blocks])),
    }[score]
    np.testing.assert_allclose(found.score - found.miscalibration, (share * entropy).sum(), rtol=1e-9)
    assert found.miscalibration > 0
    assert found.discrimination > 0


def test_order_does_not_matter_and_equal_forecasts_share_a_value(x64, key):
    z, y = forecasts(key)
    found, turned = calibration.corp(z, y), calibration.corp(z[::-1], y[::-1])
    for a, b in zip(found, turned, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-15)
    for level in np.unique(found.probability):
        assert np.ptp(np.asarray(found.recalibrated)[found.probability == level]) == 0
    tied = calibration.corp(jnp.zeros(4), jnp.array([0, 1, 1, 1]))
    np.testing.assert_allclose(tied.recalibrated, 0.75)
    assert float(tied.discrimination) == 0.0


def test_a_perfect_order_and_certain_forecasts_stay_finite(x64):
    z, y = jnp.array([-3.0, -1.0, 1.0, 2.0]), jnp.array([0, 0, 1, 1])
    for score, worst in (("brier", 0.25), ("log", np.log(2))):
        found = calibration.corp(z, y, score=score)
        assert found.recalibrated.tolist() == [0, 0, 1, 1]
        np.testing.assert_allclose(found.discrimination, worst, rtol=1e-13)
        np.testing.assert_allclose(found.miscalibration, found.score, rtol=1e-13)
    sure = calibration.corp(jnp.array([-jnp.inf, jnp.inf]), jnp.array([0, 1]), score="log")
    assert [float(x) for x in sure[2:4]] == [0.0, 0.0]
    # far out the score keeps its digits: no probability is rounded to 1
    far = calibration.corp(jnp.array([-800.0, 40.0]), jnp.array([1, 1]), score="log")
    np.testing.assert_allclose(far.score, (800 + np.exp(-40)) / 2, rtol=1e-13)


def test_of_several_classes_the_top_label_counts(x64, key):
    logits = 2 * jax.random.normal(key, (100, 4))
    labels = np.asarray(jax.random.categorical(jax.random.fold_in(key, 1), logits / 2))
    p = softmax(np.asarray(logits), axis=1)
    hit = (p.argmax(1) == labels).astype(int)
    found = calibration.corp(logits, labels, score="log")
    np.testing.assert_allclose(found.probability, np.sort(p.max(1)), rtol=1e-12)
    np.testing.assert_allclose(found.score, log_score(p.max(1), hit), rtol=1e-12)
    np.testing.assert_allclose(found.recalibrated.mean(), hit.mean(), rtol=1e-12)


def test_the_band_of_one_forecast_is_binomial(key):
    z = jnp.full(40, 0.4)
    band = calibration.corp_band(z, key=key, level=0.8, num_resamples=8000)
    expected = st.binom.ppf([0.1, 0.9], 40, expit(0.4)) / 40
    np.testing.assert_allclose(band.low, expected[0], rtol=1e-5)
    np.testing.assert_allclose(band.high, expected[1], rtol=1e-5)


@pytest.mark.slow
def test_a_perfect_forecasters_curve_lies_in_its_band(key):
    one, two = jax.random.split(key)
    z = 1.5 * jax.random.normal(one, (100,))
    band = calibration.corp_band(z, key=two, level=0.9, num_resamples=400)
    assert bool((jnp.diff(band.low) >= 0).all() & (jnp.diff(band.high) >= 0).all())

    def inside(key):
        curve = calibration.corp(z, jax.random.bernoulli(key, jax.nn.sigmoid(z)).astype(int)).recalibrated
        return ((curve >= band.low) & (curve <= band.high)).mean()

    shares = jax.vmap(inside)(jax.random.split(jax.random.fold_in(key, 2), 200))
    assert 0.85 < shares.mean() < 0.95


@pytest.mark.parametrize("edges", ["uniform", "mass"])
@pytest.mark.parametrize("closed", ["right", "left"])
def test_five_terms_close_the_brier_score(edges, closed, x64, key):
    z, y = forecasts(key)
    p = expit(z)
    cuts = np.quantile(p, np.linspace(0, 1, 7)) if edges == "mass" else np.arange(7) / 6
    inner = cuts[1:-1]
    where = (p[:, None] > inner).sum(1) if closed == "right" else (p[:, None] >= inner).sum(1)
    reliability = resolution = variance = covariance = 0.0
    for b in np.unique(where):
        f, came = p[where == b], y[where == b]
        n = len(f)
        reliability += n * (f.mean() - came.mean()) ** 2
        resolution += n * (came.mean() - y.mean()) ** 2
        variance += n * np.var(f)
        covariance += 2 * n * np.cov(f, came, ddof=0)[0, 1]
    found = calibration.brier_decomposition(z, y, bins=6, edges=edges, closed=closed)
    np.testing.assert_allclose(found.reliability, reliability / len(y), rtol=1e-11)
    np.testing.assert_allclose(found.resolution, resolution / len(y), rtol=1e-11)
    np.testing.assert_allclose(found.uncertainty, np.var(y), rtol=1e-12)
    np.testing.assert_allclose(found.within_variance, variance / len(y), rtol=1e-11)
    np.testing.assert_allclose(found.within_covariance, covariance / len(y), rtol=1e-10, atol=1e-15)
    total = found.reliability - found.resolution + found.uncertainty + found.within_variance - found.within_covariance
    np.testing.assert_allclose(total, ((p - y) ** 2).mean(), rtol=1e-14)
    np.testing.assert_allclose(found.score, ((p - y) ** 2).mean(), rtol=1e-14)
    assert abs(found.reliability - found.resolution + found.uncertainty - found.score) > 1e-4


def test_options_are_checked(key):
    z, y = jnp.zeros(3), jnp.zeros(3, int)
    for call, words in (
        (lambda: calibration.corp(z, y, score="spherical"), "'brier' or 'log'"),
        (lambda: calibration.corp(z, jnp.zeros(2, int)), r"want \[n\]"),
        (lambda: calibration.corp_band(z, key=key, level=1.0), "between 0 and 1"),
        (lambda: calibration.brier_decomposition(z, y, edges="log"), "'uniform' or 'mass'"),
    ):
        with pytest.raises(ValueError, match=words):
            call()
