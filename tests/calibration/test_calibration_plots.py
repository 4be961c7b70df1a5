"""Pictures of calibration: each draws the numbers it was given, and gives its axis back."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

pytest.importorskip("matplotlib")

from lik_jax import calibration, normal, plots

BINS = calibration.Reliability(
    np.array([0.1, 0.0, 0.4, 0.9]), np.array([0.2, 0.0, 0.5, 0.7]), np.array([30, 0, 20, 50]), np.arange(5) / 4
)
BAND = calibration.Band(np.array([0.05, np.nan, 0.3, 0.8]), np.array([0.2, np.nan, 0.5, 0.95]))


def test_reliability_with_band_and_counts(tmp_path):
    fig, (ax, below) = plots.figure(rows=2)
    assert plots.reliability_diagram(ax, *BINS, label="before", band=BAND, counts=below) is ax
    filled, points = ax.collections
    np.testing.assert_allclose(points.get_offsets(), [[0.1, 0.2], [0.4, 0.5], [0.9, 0.7]])
    ends = {(0.1, 0.05), (0.1, 0.2), (0.4, 0.3), (0.4, 0.5), (0.9, 0.8), (0.9, 0.95)}
    assert {tuple(row) for row in filled.get_paths()[0].vertices.tolist()} == ends
    values, edges, _ = below.patches[0].get_data()
    np.testing.assert_allclose(values, BINS.examples)
    np.testing.assert_allclose(edges, BINS.edges)
    assert plots.save(fig, tmp_path / "a.png").stat().st_size > 0


def test_pit_bars_and_band(key):
    _, ax = plots.figure()
    found = calibration.pit_histogram(normal, normal.Params(0.0, 1.0), jax.random.normal(key, (200,)), bins=5)
    assert plots.pit_histogram(ax, *found, label="net") is ax
    values, edges, _ = ax.patches[0].get_data()
    np.testing.assert_allclose(values, found.density)
    np.testing.assert_allclose(edges, np.linspace(0, 1, 6))
    box = ax.collections[0].get_datalim(ax.transData)
    np.testing.assert_allclose([box.x0, box.y0, box.x1, box.y1], [0, found.low, 1, found.high], rtol=1e-5)


def test_corp_with_its_parts_in_the_corner():
    _, ax = plots.figure()
    found = calibration.corp(jnp.array([-1.0, 0.0, 0.5, 2.0]), jnp.array([0, 1, 0, 1]))
    band = calibration.Band(np.array([0.0, 0.2, 0.3, 0.6]), np.array([0.5, 0.7, 0.8, 1.0]))
    assert plots.corp_diagram(ax, *found, band=band) is ax
    np.testing.assert_allclose(ax.lines[-1].get_xydata(), np.stack([found.probability, found.recalibrated], 1))
    text = ax.texts[0].get_text()
    for name, value in zip(("score", "MCB", "DSC", "UNC"), found[2:], strict=True):
        assert f"{name} {float(value):.4f}" in text
    box = ax.collections[0].get_datalim(ax.transData)
    assert (box.y0, box.y1) == (0.0, 1.0)
