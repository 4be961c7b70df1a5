"""Temperature scaling is exact; calibration error by stated conventions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lik_jax import calibration, categorical, nll
from lik_jax.estimation import Status


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
    np.testing.assert_allclose(fit.temperature, 5.596503830054, rtol=1e-12)
    np.testing.assert_allclose(fit.fit.standard_errors, 0.073894862, rtol=1e-8)
    for part, before, after in (
        (slice(1000, 1400), 0.9599095466, 0.2726760686),
        (slice(1400, None), 2.4520649403, 0.5841278232),
    ):
        z, y = logits[part], labels[part]
        for outputs, expected in ((z, before), (calibration.temperature.apply(fit, z), after)):
            np.testing.assert_allclose(nll(categorical, categorical.Params(outputs), y), expected, rtol=1e-10)
    test, y = logits[1400:], labels[1400:]
    for edges, before, after in (
        ("uniform", 0.129858761872, 0.065225588187),
        ("mass", 0.128114280, 0.043687559),
    ):
        for logits, expected in ((test, before), (test / fit.temperature, after)):
            np.testing.assert_allclose(calibration.calibration_error(logits, y, edges=edges), expected, rtol=2e-8)


SCALES = [1e-6, 1e-3, 1.0, 1e3, 1e6]


@pytest.mark.parametrize(("dtype", "rtol"), [("float32", 1e-6), ("float64", 1e-12)])
def test_exact_whatever_the_units_of_the_logits(x64, dtype, rtol):
    logits, labels = forecasts()
    scaled = np.stack([logits[1000:1400] * scale for scale in SCALES]).astype(dtype)
    found = jax.jit(jax.vmap(calibration.temperature.fit, in_axes=(0, None)))(scaled, labels[1000:1400])
    assert found.temperature.dtype == dtype
    assert found.fit.status.tolist() == [Status.OK] * len(SCALES)
    np.testing.assert_allclose(found.temperature / np.array(SCALES, dtype), 5.596503830054, rtol=rtol)
    np.testing.assert_allclose(found.fit.standard_errors, 0.073894862, rtol=max(rtol, 1e-8))


@pytest.mark.slow
def test_a_single_huge_logit_does_not_drown_the_others(x64):
    """Scaled by it the others are less than a rounding error of single precision."""
    logits, labels = (x[1000:1400] for x in forecasts())
    logits = np.concatenate([logits, np.eye(10)[:1] * 1e12])
    labels = np.append(labels, 0)
    for dtype in (np.float64, np.float32):
        found = calibration.temperature.fit(logits.astype(dtype), labels)
        assert found.fit.status_name == "OK"
        np.testing.assert_allclose(found.temperature, 5.596503830054, rtol=1e-11 if dtype == np.float64 else 2e-6)


def test_every_status_beside_the_others():
    """One batch: each data set has its own."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(8, 12, 3)).astype(np.float32)
    labels = np.repeat(z.argmax(2)[:1], 8, 0)
    z[:] = z[0]
    labels[0, :4] = (labels[0, :4] + 1) % 3
    labels[1] = z[1].argmin(1)
    z[3] = 0.1
    z[4, 5, 1] = np.nan
    labels[5, 5] = 3
    z[6, 5, 1] = np.inf
    weights = np.ones((8, 12), np.float32)
    weights[7] = 0
    fit = jax.jit(jax.vmap(lambda z, y, w: calibration.temperature.fit(z, y, weights=w)))
    found = fit(z, labels, weights)
    wanted = ["OK", "BOUNDARY", "SEPARATION", "SINGULAR", *["INVALID_DATA"] * 4]
    assert [Status(int(s)).name for s in found.fit.status] == wanted
    np.testing.assert_array_equal(found.temperature[1:], [np.inf, 0, np.inf, *[np.nan] * 4])
    assert np.isnan(found.fit.standard_errors[1:]).all()
    np.testing.assert_allclose(
        found.temperature[0], calibration.temperature.fit(z[0], labels[0]).temperature, rtol=1e-6
    )
    # at 0 the greatest gets all, ties share; at infinity all are alike, but what is impossible stays so
    z = jnp.array([1.0, 3.0, 3.0, -jnp.inf])
    for temperature, probs in ((0.0, [0, 0.5, 0.5, 0]), (jnp.inf, [1 / 3, 1 / 3, 1 / 3, 0])):
        outputs = calibration.temperature.apply(calibration.temperature.Params(temperature), z)
        np.testing.assert_allclose(jax.nn.softmax(outputs), probs, rtol=1e-6)


def test_nothing_at_all():
    found = calibration.temperature.fit(jnp.zeros((0, 3)), jnp.zeros(0, int))
    assert found.fit.status_name == "INVALID_DATA"
    assert np.isnan(float(found.temperature))


def test_a_weight_is_so_many_examples(x64):
    logits, labels = (x[1000:1400] for x in forecasts())
    times = np.arange(400) % 3
    fit = jax.jit(lambda z, w: calibration.temperature.fit(z, labels, weights=w))
    junk = np.where((times == 0)[:, None], np.nan, logits)
    repeated = calibration.temperature.fit(np.repeat(logits, times, 0), np.repeat(labels, times))
    for a, b in zip(jax.tree.leaves(fit(junk, times)), jax.tree.leaves(repeated), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_the_temperature_has_derivatives_in_the_logits(x64):
    logits, labels = (x[1000:1400] for x in forecasts())
    direction = np.sin(np.arange(logits.size)).reshape(logits.shape)

    def both(t):
        found = calibration.temperature.fit(logits + t * direction, labels)
        return found.temperature + found.fit.standard_errors

    run = jax.jit(jax.value_and_grad(both))
    (up, _), (down, _), (_, slope) = (run(t) for t in (1e-3, -1e-3, 0.0))
    np.testing.assert_allclose(slope, (up - down) / 2e-3, rtol=1e-5)
    # where there is no best temperature there is no slope, and no NaN
    slope = jax.grad(lambda z: calibration.temperature.fit(z, jnp.arange(3)).temperature)(jnp.eye(3))
    np.testing.assert_array_equal(slope, 0)


def test_the_second_call_compiles_nothing(compiles):
    z, y = jnp.eye(3) * 2, jnp.array([0, 1, 1])
    calibration.temperature.fit(z, y)
    with compiles() as names:
        calibration.temperature.fit(z + 1, y)
    assert [name for name in names if "fit" in name] == []


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
