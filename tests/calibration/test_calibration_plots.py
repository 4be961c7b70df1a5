"""Pictures of calibration: each draws the numbers it was given, and gives its axis back."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

pytest.importorskip("matplotlib")

from lik_jax import calibration, normal, plots


@pytest.fixture
def data(key):
    one, two = jax.random.split(jax.random.fold_in(key, 1))
    z = 2 * jax.random.normal(one, (300,))
    return z, jax.random.bernoulli(two, jax.nn.sigmoid(z / 2)).astype(int)


def test_reliability_with_band_and_counts(data, key, tmp_path):
    z, y = data
    fig, (ax, below) = plots.figure(rows=2)
    bins = calibration.reliability(z, y, bins=8, edges="mass")
    band = calibration.consistency_band(z, key=key, bins=8, edges="mass", num_resamples=50)
    assert plots.reliability_diagram(ax, *bins, label="before", band=band, counts=below) is ax
    filled, points = ax.collections
    np.testing.assert_allclose(points.get_offsets(), np.stack([bins.confidence, bins.correct], 1), rtol=1e-6)
    box = filled.get_datalim(ax.transData)
    np.testing.assert_allclose([box.y0, box.y1], [band.low.min(), band.high.max()], rtol=1e-5)
    values, edges, _ = below.patches[0].get_data()
    np.testing.assert_allclose(values, bins.examples)
    np.testing.assert_allclose(edges, bins.edges)
    assert plots.save(fig, tmp_path / "a.png").stat().st_size > 0


def test_reliability_leaves_empty_bins_out_of_the_band(key):
    _, ax = plots.figure()
    z = jnp.full(10, -2.0)
    bins = calibration.reliability(z, jnp.zeros(10, int), bins=4)
    band = calibration.consistency_band(z, key=key, bins=4, num_resamples=20)
    plots.reliability_diagram(ax, bins.confidence, bins.correct, bins.examples, label="a", band=band)
    assert len(ax.collections[-1].get_offsets()) == 1
    assert np.isfinite(ax.collections[0].get_paths()[0].vertices).all()


def test_pit_bars_and_band(key):
    _, ax = plots.figure()
    found = calibration.pit_histogram(normal, normal.Params(0.0, 1.0), jax.random.normal(key, (200,)), bins=5)
    assert plots.pit_histogram(ax, *found, label="net") is ax
    values, edges, _ = ax.patches[0].get_data()
    np.testing.assert_allclose(values, found.density)
    np.testing.assert_allclose(edges, np.linspace(0, 1, 6))
    box = ax.collections[0].get_datalim(ax.transData)
    np.testing.assert_allclose([box.x0, box.y0, box.x1, box.y1], [0, found.low, 1, found.high], rtol=1e-5)


def test_corp_with_its_parts_in_the_corner(data, key):
    _, ax = plots.figure()
    found = calibration.corp(*data)
    band = calibration.corp_band(data[0], key=key, num_resamples=50)
    assert plots.corp_diagram(ax, *found, band=band) is ax
    np.testing.assert_allclose(ax.lines[-1].get_xydata(), np.stack([found.probability, found.recalibrated], 1))
    text = ax.texts[0].get_text()
    for name, value in zip(("score", "MCB", "DSC", "UNC"), found[2:], strict=True):
        assert f"{name} {float(value):.4f}" in text
    assert len(ax.collections) == 1
