"""The numbers of the calibrate command."""

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats

import lik_jax as lj
from lik_jax.calibration import report


def digits():
    """Logits of a nearest-mean classifier of digits, overconfident by far; labels."""
    datasets = pytest.importorskip("sklearn.datasets")
    x, y = datasets.load_digits(return_X_y=True)
    x = x / 16
    means = np.stack([x[:1000][y[:1000] == k].mean(0) for k in range(10)])
    variance = ((x[:1000] - means[y[:1000]]) ** 2).mean()
    return -0.5 * ((x[:, None] - means[None]) ** 2).sum(-1) / variance, y


def test_of_digits(x64):
    logits, labels = digits()
    found = report.classification((logits[1000:1400], labels[1000:1400]), (logits[1400:], labels[1400:]))
    np.testing.assert_allclose(found.temperature.temperature, 5.596503830054, rtol=1e-11)
    for numbers, nll, error in (
        (found.before, 2.4520649403, 0.129858761872),
        (found.after, 0.5841278232, 0.065225588187),
    ):
        np.testing.assert_allclose(numbers.nll.value, nll, rtol=1e-9)
        np.testing.assert_allclose(numbers.calibration_error, error, rtol=1e-9)
    test, y = logits[1400:], labels[1400:]
    p = scipy.special.softmax(test / 5.596503830054, axis=1)
    brier = [((row - np.eye(10)[label]) ** 2).sum() for row, label in zip(p, y, strict=True)]
    np.testing.assert_allclose(found.after.brier.value, np.mean(brier), rtol=1e-9)
    np.testing.assert_allclose(found.after.brier.standard_error, scipy.stats.sem(brier), rtol=1e-9)
    np.testing.assert_allclose(found.before.accuracy, found.after.accuracy)
    # the label's probability in the 361st of 400, by numpy's own sort
    own = -scipy.special.log_softmax(logits, axis=1)
    bound = np.sort(own[np.arange(1000, 1400), labels[1000:1400]])[360]
    inside = own[1400:] <= bound
    np.testing.assert_allclose(found.threshold.size.value, inside.sum(1).mean(), rtol=1e-12)
    np.testing.assert_allclose(found.threshold.coverage.value, inside[np.arange(397), y].mean(), rtol=1e-12)
    assert float(found.aps.size.value) > 1


@pytest.mark.slow
def test_no_temperature_at_all():
    """A classifier that is never wrong: the logits stay as they are."""
    z, y = 4 * jnp.eye(3), jnp.arange(3)
    found = report.classification((z, y), (z, y))
    assert found.temperature.fit.status_name == "SEPARATION"
    np.testing.assert_allclose(found.after.nll, found.before.nll, rtol=1e-5)
    assert float(found.threshold.size.value) == 3


def test_of_numbers(x64):
    rng = np.random.default_rng(0)
    loc, scale = rng.normal(size=500), np.ones(500)
    y = loc + rng.logistic(scale=3, size=500)
    parts = [(lj.logistic.Params(loc[rows], scale[rows]), y[rows]) for rows in (slice(300), slice(300, None))]
    found = report.regression(lj.logistic, *parts, level=0.8)
    assert 2.5 < float(found.scaling.factor) < 3.5
    for numbers, factor in ((found.before, 1), (found.after, float(found.scaling.factor))):
        law = scipy.stats.logistic(loc[300:], factor)
        np.testing.assert_allclose(numbers.nll.value, -law.logpdf(y[300:]).mean(), rtol=1e-9)
        low, high = law.ppf(0.1), law.ppf(0.9)
        np.testing.assert_allclose(numbers.width.value, (high - low).mean(), rtol=1e-9)
        np.testing.assert_allclose(numbers.coverage.value, ((low <= y[300:]) & (y[300:] <= high)).mean(), rtol=1e-9)
    assert abs(float(found.after.coverage.value) - 0.8) < 0.1
    assert abs(float(found.conformal.coverage.value) - 0.8) < 0.1
    assert float(found.before.coverage.value) < 0.5
    assert float(found.after.quantile_calibration_error) < 0.5 * float(found.before.quantile_calibration_error)


@pytest.mark.slow
def test_of_numbers_without_a_scale():
    y = np.random.default_rng(0).exponential(size=40).astype(np.float32)
    params = lj.exponential.Params(jnp.ones(20))
    found = report.regression(lj.exponential, (params, y[:20]), (params, y[20:]))
    assert found.scaling is None
    assert found.after is None
    assert float(found.conformal.coverage.value) > 0.7
