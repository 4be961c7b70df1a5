"""Pictures: each function draws what it was given on the axis it was given."""

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from lik_jax import plots


def test_curves_skip_what_is_not_finite(tmp_path):
    fig, ax = plots.figure()
    records = [
        {"step": 10, "train_loss": 2.0, "validation_loss": 3.0},
        {"step": 20, "train_loss": 1.0, "validation_loss": None},
        {"step": 30, "train_loss": 0.5, "validation_loss": 2.0},
    ]
    plots.training_curves(ax, records, lines={"floor": 0.1}, unit="row")
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["train", "validation", "best, step 30", "floor"]
    assert plots.save(fig, tmp_path / "a.png").stat().st_size > 0


def test_reliability_leaves_out_empty_bins():
    _, ax = plots.figure()
    plots.reliability_diagram(ax, np.array([0.2, 0.0, 0.9]), np.array([0.3, 0.0, 0.8]), np.array([5, 0, 7]), label="a")
    assert len(ax.collections[-1].get_offsets()) == 2


def test_a_grid_holds_every_image():
    _, ax = plots.figure()
    images = np.arange(5)[:, None, None] * np.ones((5, 2, 3))
    plots.image_grid(ax, images, columns=3, high=4.0)
    canvas = np.asarray(ax.images[0].get_array())
    assert canvas.shape == (5, 11)
    assert canvas[0, 0] == 0
    assert canvas[3, 4] == 4


def test_a_band_lies_between_its_edges():
    _, ax = plots.figure()
    grid = np.linspace(0, 1, 5)
    plots.predictive_band(ax, grid, grid, grid, grid, grid - 1, grid + 2)
    box = ax.collections[0].get_datalim(ax.transData)
    assert (box.y0, box.y1) == (-1.0, 3.0)
