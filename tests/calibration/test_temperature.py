"""Temperature scaling is exact; calibration error by stated conventions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lik_jax import calibration


def forecasts():
    """Logits of a nearest-mean classifier of digits, overconfident by far; labels."""
    datasets = pytest.importorskip("sklearn.datasets")
    x, y = datasets.load_digits(return_X_y=True)
    x = x / 16
    means = np.stack([x[:1000][y[:1000] == k].mean(0) for k in range(10)])
    variance = ((x[:1000] - means[y[:1000]]) ** 2).mean()
    return -0.5 * ((x[:, None] - means[None]) ** 2).sum(-1) / variance, y


def test_against_an_optimum_polished_in_another_program(x64):
    logits, labels = forecasts()
    fit = jax.jit(calibration.temperature.fit)(logits[1000:1400], labels[1000:1400])
    assert fit.fit.status_name == "OK"
    np.testing.assert_allclose(fit.temperature, 5.596503830054, rtol=1e-11)
    np.testing.assert_allclose(fit.fit.standard_errors, 0.073894862, rtol=1e-7)
    test, y = logits[1400:], labels[1400:]
    for edges, before, after in (
        ("uniform", 0.129858761872, 0.065225588187),
        ("mass", 0.128114280, 0.043687559),
    ):
        for logits, expected in ((test, before), (test / fit.temperature, after)):
            np.testing.assert_allclose(calibration.calibration_error(logits, y, edges=edges), expected, rtol=2e-8)


def test_single_precision_finds_it_too():
    logits, labels = forecasts()
    fit = calibration.temperature.fit(logits[1000:1400].astype(np.float32), labels[1000:1400])
    np.testing.assert_allclose(fit.temperature, 5.5965038, rtol=2e-6)


@pytest.mark.parametrize("scale", [1e-6, 1e-2, 1.0, 1e3, 1e6])
def test_the_temperature_follows_the_units_of_the_logits(scale, key):
    logits = 3 * jax.random.normal(key, (300, 4))
    labels = jax.random.categorical(jax.random.fold_in(key, 1), logits / 2)
    one = calibration.temperature.fit(logits, labels).temperature
    np.testing.assert_allclose(calibration.temperature.fit(logits * scale, labels).temperature, one * scale, rtol=1e-4)
    assert 1.2 < float(one) < 3.0


def test_when_there_is_no_best_temperature():
    labels = jnp.array([0, 1, 2])
    assert float(calibration.temperature.fit(-jnp.eye(3), labels).temperature) == np.inf
    perfect = calibration.temperature.fit(jnp.eye(3), labels)
    assert float(perfect.temperature) == 0.0
    assert perfect.fit.status_name == "SEPARATION"


def test_bins_hold_every_example_once():
    logits, labels = forecasts()
    for edges in ("uniform", "mass"):
        bins = calibration.reliability(logits / 20, labels, bins=7, edges=edges)
        assert float(bins.examples.sum()) == len(labels)
    assert float(bins.examples.max() - bins.examples.min()) <= 2
    with pytest.raises(ValueError, match="edges"):
        calibration.reliability(logits, labels, edges="even")


def test_shapes_are_checked():
    with pytest.raises(ValueError, match=r"want \[n, k\] and \[n\]"):
        calibration.temperature.fit(jnp.zeros((3, 2)), jnp.zeros(2, int))
