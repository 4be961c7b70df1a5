"""Pictures: each function draws what it was given on the axis it was given, and returns it."""

import math

import jax
import numpy as np
import pytest
import scipy.stats as st

pytest.importorskip("matplotlib")

from lik_jax import normal, plots, scores


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def line(ax, label):
    """The points of the line or marker so labelled."""
    (found,) = [one for one in ax.lines if one.get_label() == label]
    return np.asarray(found.get_xdata()), np.asarray(found.get_ydata())


def standard(p):
    return normal.icdf(normal.Params(0.0, 1.0), p)


def test_curves_skip_what_is_not_finite(tmp_path):
    fig, ax = plots.figure()
    records = [
        {"step": 10, "train_loss": 2.0, "validation_loss": 3.0},
        {"step": 20, "train_loss": 1.0, "validation_loss": None},
        {"step": 30, "train_loss": 0.5, "validation_loss": 2.0},
    ]
    assert plots.training_curves(ax, records, lines={"floor": 0.1}, unit="row") is ax
    assert legend(ax) == ["train", "validation", "best, step 30", "floor"]
    assert plots.save(fig, tmp_path / "a.png").stat().st_size > 0


def test_reliability_leaves_out_empty_bins():
    _, ax = plots.figure()
    plots.reliability_diagram(ax, np.array([0.2, 0.0, 0.9]), np.array([0.3, 0.0, 0.8]), np.array([5, 0, 7]), label="a")
    assert len(ax.collections[-1].get_offsets()) == 2


def test_a_grid_holds_every_image():
    _, ax = plots.figure()
    images = np.arange(5)[:, None, None] * np.ones((5, 2, 3))
    assert plots.image_grid(ax, images, columns=3, high=4.0) is ax
    canvas = np.asarray(ax.images[0].get_array())
    assert canvas.shape == (5, 11)
    assert canvas[0, 0] == 0
    assert canvas[3, 4] == 4


def test_a_band_lies_between_its_edges():
    _, ax = plots.figure()
    grid = np.linspace(0, 1, 5)
    assert plots.predictive_band(ax, grid, grid, grid, grid, grid - 1, grid + 2) is ax
    box = ax.collections[0].get_datalim(ax.transData)
    assert (box.y0, box.y1) == (-1.0, 3.0)


def test_points_lie_over_their_density():
    _, ax = plots.figure()
    points = np.array([[0.0, 1.0], [0.5, -0.5], [9.0, 9.0]])
    assert plots.points_over_density(ax, lambda z: -(z**2).sum(-1), points, low=-2.0, high=2.0, most=2) is ax
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), points[:2])
    shades = np.asarray(ax.images[0].get_array())
    assert np.unravel_index(shades.argmax(), shades.shape) in ((99, 99), (99, 100), (100, 99), (100, 100))


def test_bands_nest_and_show_their_epistemic_part(tmp_path):
    fig, ax = plots.figure()
    grid = np.linspace(0, 1, 5)
    low, high = np.stack([grid - 2, grid - 1]), np.stack([grid + 2, grid + 1])
    labels = ["90 %", "50 %"]
    plots.predictive_band(ax, grid, grid, grid, grid, low, high, label=labels, epistemic=(grid - 0.1, grid + 0.1))
    edges = [band.get_datalim(ax.transData) for band in ax.collections]
    np.testing.assert_allclose([(e.y0, e.y1) for e in edges], [(-2, 3), (-1, 2), (-0.1, 1.1)])
    assert legend(ax) == ["held-out data", *labels, "epistemic part", "median"]
    plots.save(fig, tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"low \(2, 5\), high \(2, 5\) and there are 1 labels"):
        plots.predictive_band(ax, grid, grid, grid, grid, low, high)


def test_a_curve_marks_its_maximum_and_interval(tmp_path):
    """Of a normal mean: 95 % is 1.96 standard errors to either side, 1.92 nats down."""
    fig, ax = plots.figure()
    x = np.linspace(-4, 5, 901)
    values = -0.5 * (x - 0.5) ** 2 - 700
    values[0], values[-1] = -np.inf, np.nan
    assert plots.likelihood_curve(ax, x, values, label="mean") is ax
    assert legend(ax) == ["mean", "95 %: -1.46 to 2.46", "maximum at 0.5"]
    at, height = line(ax, "maximum at 0.5")
    np.testing.assert_allclose([at[0], height[0]], [0.5, 0], atol=1e-12)
    _, cut = line(ax, "95 %: -1.46 to 2.46")
    np.testing.assert_allclose(cut, -1.9207294, rtol=1e-7)
    shaded = ax.collections[0].get_paths()[0].vertices[:, 0]
    np.testing.assert_allclose([shaded.min(), shaded.max()], [0.5 - 1.959964, 0.5 + 1.959964], atol=1e-4)
    (relative,) = ax.child_axes
    plots.save(fig, tmp_path / "a.png")
    names = [text.get_text() for text in relative.get_yticklabels()]
    np.testing.assert_allclose(relative.get_yticks(), np.log([1, 0.5, math.exp(cut[0]), 0.05, 0.01]))
    assert names == ["1", "0.5", "0.147", "0.05", "0.01"]


def test_an_interval_that_is_open_has_no_ends():
    _, ax = plots.figure()
    x = np.linspace(0, 10, 50)
    plots.likelihood_curve(ax, x, -np.exp(-x), level=0.5)
    assert legend(ax) == ["50 %", "maximum at 10"]
    with pytest.raises(ValueError, match="no finite value"):
        plots.likelihood_curve(ax, x, np.full(50, np.nan))
    with pytest.raises(ValueError, match=r"x has shape \(50,\), log_likelihood \(2,\)"):
        plots.likelihood_curve(ax, x, np.zeros(2))


def test_a_surface_has_the_regions_of_chi_square(tmp_path):
    """Of two independent normal means: circles whose squared radius is the quantile of chi-square."""
    fig, ax = plots.figure()
    x, y = np.linspace(-4, 4, 201), np.linspace(-3, 5, 161)
    values = -0.5 * (x[None] ** 2 + (y[:, None] - 1) ** 2)
    values[0, 0], values[0, 1] = -np.inf, np.nan
    assert plots.likelihood_surface(ax, x, y, values, truth=(0.5, 0.5)) is ax
    (contours,) = [c for c in ax.collections if hasattr(c, "levels")]
    np.testing.assert_allclose(-2 * contours.levels[::-1], st.chi2.ppf([0.5, 0.95, 0.99], 2), rtol=1e-12)
    for level, path in zip(contours.levels, contours.get_paths(), strict=True):
        radius = np.hypot(path.vertices[:, 0], path.vertices[:, 1] - 1)
        np.testing.assert_allclose(radius**2, -2 * level, rtol=2e-3)
    assert legend(ax) == [f"maximum at ({x[100]:.4g}, 1)", "truth"]
    plots.save(fig, tmp_path / "a.png")
    _, near = plots.figure()
    plots.likelihood_surface(near, x[90:110], y[70:90], values[70:90, 90:110])
    assert not [c for c in near.collections if hasattr(c, "levels")]
    with pytest.raises(ValueError, match=r"want \[n\], \[m\] and \[m, n\]"):
        plots.likelihood_surface(ax, x, y, values.T)


def test_data_lie_on_their_own_quantiles(tmp_path):
    fig, ax = plots.figure()
    p = (np.arange(50) + 0.5) / 50
    y = st.norm.ppf(p)
    assert plots.qq(ax, y[::-1], standard, label="rows") is ax
    expected, seen = line(ax, "rows")
    np.testing.assert_allclose(seen, y)
    np.testing.assert_allclose(expected, y, rtol=1e-4, atol=1e-6)
    assert legend(ax) == ["95 % simultaneous", "rows"]
    plots.save(fig, tmp_path / "a.png")
    for bad in (np.zeros((2, 2)), np.array([]), np.array([0.0, np.nan])):
        with pytest.raises(ValueError, match="want one number or more"):
            plots.qq(ax, bad, standard)
    with pytest.raises(ValueError, match="band='both'"):
        plots.qq(ax, y, standard, band="both")


@pytest.mark.parametrize(("band", "each"), [("pointwise", True), ("simultaneous", False)])
def test_a_band_holds_what_it_promises(band: str, each: bool):
    """On 2,000 samples of 20 uniform numbers: each point, or all of them at once, within binomial error."""
    _, ax = plots.figure()
    n, runs = 20, 2000
    samples = np.sort(np.random.default_rng(0).uniform(size=(runs, n)), 1)
    plots.qq(ax, samples[0], lambda p: p, band=band, level=0.9)
    vertices = ax.collections[0].get_paths()[0].vertices
    # along the upper and back along the lower edge, with corners
    centres = (np.arange(n) + 0.5) / n
    edges = [vertices[np.isclose(vertices[:, 0], c, atol=1e-6), 1] for c in centres]
    low, high = np.array([e.min() for e in edges]), np.array([e.max() for e in edges])
    inside = (samples >= low) & (samples <= high)
    shares = inside.mean(0) if each else np.array([inside.all(1).mean()])
    np.testing.assert_allclose(shares, 0.9, atol=4 * math.sqrt(0.9 * 0.1 / runs))


def test_risk_against_coverage_shows_its_area(key: jax.Array, tmp_path):
    fig, ax = plots.figure()
    confidence = jax.random.uniform(key, (40,))
    loss = (confidence < 0.4).astype("float32")
    assert plots.risk_coverage(ax, confidence, loss, label="net") is ax
    curve = scores.risk_coverage(confidence, loss)
    label = f"net, area {float(curve.area):.4f}"
    assert legend(ax) == [label]
    coverage, risk = line(ax, label)
    np.testing.assert_allclose(coverage[-1], 1)
    np.testing.assert_allclose(risk[-1], loss.mean(), rtol=1e-6)
    plots.risk_coverage(ax, confidence, 1 - loss)
    assert legend(ax)[1].startswith("area 0.")
    # a curve that is drawn later lies in the picture too
    assert ax.get_ylim()[1] > 1
    plots.save(fig, tmp_path / "a.png")
