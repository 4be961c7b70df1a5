"""Calibration errors: by the conventions that were asked for, and right about a perfect forecaster."""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats as st
from scipy.optimize import brentq
from scipy.special import expit, softmax

from lik_jax import calibration
from lik_jax.calibration import _events


def draw(key, n, k=10, scale=2.0):
    """Logits, and labels drawn from them."""
    one, two = jax.random.split(key)
    logits = scale * jax.random.normal(one, (n, k))
    return logits, jax.random.categorical(two, logits)


def draw_even(key, n):
    """Log-odds of a binary event whose probabilities are spread evenly, and what came."""
    one, two = jax.random.split(key)
    z = jax.random.logistic(one, (n,))
    return z, jax.random.bernoulli(two, jax.nn.sigmoid(z)).astype(jnp.int32)


def simulate(one, key, times):
    """``one(key)`` many times, in one compiled call."""
    return jax.jit(lambda keys: jax.lax.map(one, keys, batch_size=50))(jax.random.split(key, times))


def gaps_by_hand(p, came, cuts, closed):
    """Bin by bin: count, mean confidence, share that came."""
    last = len(cuts) - 2
    rows = []
    for b in range(last + 1):
        low, high = cuts[b], cuts[b + 1]
        if closed == "right":
            inside = (p > low) & (p <= high) | (b == 0) & (p == low)
        else:
            inside = (p >= low) & (p < high) | (b == last) & (p == high)
        if inside.sum():
            rows.append((inside.sum(), p[inside].mean(), came[inside].mean()))
    return np.array(rows)


def error_by_hand(rows, norm):
    gap, weight = np.abs(rows[:, 1] - rows[:, 2]), rows[:, 0] / rows[:, 0].sum()
    return {1: (weight * gap).sum(), 2: np.sqrt((weight * gap**2).sum()), "max": gap.max()}[norm]


def cuts_by_hand(p, bins, edges):
    even = np.arange(bins + 1)
    last = len(p) - 1
    return np.interp(even * last / bins, np.arange(len(p)), np.sort(p)) if edges == "mass" else even / bins


@pytest.mark.parametrize("closed", ["right", "left"])
@pytest.mark.parametrize("edges", ["uniform", "mass"])
def test_errors_against_a_loop_over_bins(edges, closed, x64, key):
    logits, labels = (np.asarray(a) for a in draw(key, 400, 4))
    p = softmax(logits, axis=1)
    top, hit = p.max(1), p.argmax(1) == labels
    options = {"bins": 7, "edges": edges, "closed": closed}
    rows = gaps_by_hand(top, hit, cuts_by_hand(top, 7, edges), closed)
    np.testing.assert_allclose(
        calibration.calibration_error(logits, labels, **options), error_by_hand(rows, 1), rtol=1e-12
    )
    if (edges == "mass") == (closed == "right"):
        return  # the rest compiles anew for each option: two of the four pairs are enough
    for norm in (2, "max"):
        found = calibration.calibration_error(logits, labels, norm=norm, **options)
        np.testing.assert_allclose(found, error_by_hand(rows, norm), rtol=1e-12)
    each = [
        error_by_hand(gaps_by_hand(p[:, c], labels == c, cuts_by_hand(p[:, c], 7, edges), closed), 1) for c in range(4)
    ]
    np.testing.assert_allclose(calibration.classwise_calibration_error(logits, labels, **options), each, rtol=1e-12)
    binary = logits[:, 1] - logits[:, 0]
    rows = gaps_by_hand(expit(binary), labels == 1, cuts_by_hand(expit(binary), 7, edges), closed)
    found = calibration.calibration_error(binary, (labels == 1).astype(int), **options)
    np.testing.assert_allclose(found, error_by_hand(rows, 1), rtol=1e-12)


@pytest.mark.parametrize("bins", [2, 3, 5, 10, 15])
def test_a_number_on_an_edge_goes_to_the_side_that_is_closed(bins, x64):
    p = jnp.asarray([i / bins for i in range(bins + 1)])
    cuts = _events.cuts(p, bins, "uniform", "a")
    inner = list(range(1, bins))
    assert _events.bin_of(p, cuts, "right", "a").tolist() == [0, *(i - 1 for i in inner), bins - 1]
    assert _events.bin_of(p, cuts, "left", "a").tolist() == [0, *inner, bins - 1]


def test_even_odds_lie_on_the_edge_of_two_bins():
    logits, labels = jnp.array([0.0, 0.0, 3.0]), jnp.array([0, 1, 1])
    right, left = (calibration.reliability(logits, labels, bins=2, closed=c).examples for c in ("right", "left"))
    assert (right.tolist(), left.tolist()) == ([2.0, 1.0], [0.0, 3.0])
    # four equal logits: the top label is the first, its probability a quarter
    quarter = calibration.reliability(jnp.zeros((3, 4)), jnp.array([0, 1, 0]), bins=4, closed="right")
    assert quarter.examples.tolist() == [3.0, 0.0, 0.0, 0.0]
    np.testing.assert_allclose(quarter.correct[0], 2 / 3, rtol=1e-6)
    # certainty belongs to the last bin, impossibility to the first, whatever is closed
    for closed in ("right", "left"):
        sure = calibration.reliability(jnp.array([jnp.inf, -jnp.inf]), jnp.array([1, 0]), bins=3, closed=closed)
        assert sure.examples.tolist() == [1.0, 0.0, 1.0]


@pytest.mark.parametrize(("edges", "strategy"), [("uniform", "uniform"), ("mass", "quantile")])
def test_against_scikit_learn(edges, strategy, x64, key):
    sklearn = pytest.importorskip("sklearn.calibration")
    z, y = (np.asarray(a) for a in draw_even(key, 500))
    came, mean = sklearn.calibration_curve(y, expit(z), n_bins=12, strategy=strategy)
    found = calibration.reliability(z, y, bins=12, edges=edges, closed="right")
    used = found.examples > 0
    np.testing.assert_allclose(found.confidence[used], mean, rtol=1e-12)
    np.testing.assert_allclose(found.correct[used], came, rtol=1e-12)


@pytest.mark.parametrize(("n", "expected"), [(100, 0.12), (1000, 0.039)])
def test_the_plain_error_of_a_perfect_forecaster(n, expected, key):
    """Probabilities of a binary event that are spread evenly, 15 bins: the numbers of the docstring."""
    errors = simulate(lambda key: calibration.calibration_error(*draw_even(key, n)), key, 1000)
    np.testing.assert_allclose(errors.mean(), expected, rtol=0.02)


@pytest.mark.parametrize(
    ("n", "times", "edges"),
    [
        (100, 1000, "uniform"),
        (1000, 500, "mass"),
        (10000, 200, "uniform"),
        pytest.param(100, 4000, "mass", marks=pytest.mark.slow),
        pytest.param(1000, 2000, "uniform", marks=pytest.mark.slow),
        pytest.param(10000, 500, "mass", marks=pytest.mark.slow),
    ],
)
def test_a_perfect_forecasters_interval_holds_zero(n, times, edges, key):
    forecast = draw if times == 4000 else draw_even
    found = simulate(lambda key: calibration.squared_calibration_error(*forecast(key, n), edges=edges), key, times)
    holds = ((found.low <= 0) & (found.high >= 0)).mean()
    assert 0.925 < holds < 0.99
    assert abs(found.estimate.mean()) < 4 * found.estimate.std() / np.sqrt(times)
    # of about the size it has: the plain square is far from 0
    assert 0.8 < found.standard_error.mean() / found.estimate.std() < 1.5


@pytest.mark.parametrize(
    ("n", "times"),
    [
        pytest.param(100, 1000, marks=pytest.mark.slow),
        (1000, 500),
        pytest.param(10000, 500, marks=pytest.mark.slow),
    ],
)
def test_a_poor_forecasters_interval_holds_the_truth(n, times, key):
    """The truth of a binary forecast whose log-odds are twice too large, by quadrature over even probabilities."""
    p = (np.arange(300_000) + 0.5) / 300_000
    said = p**2 / (p**2 + (1 - p) ** 2)
    where = np.ceil(said * 15).astype(int) - 1
    count = np.bincount(where)
    square = (np.bincount(where, said - p) ** 2 / count).sum() / count.sum()

    def interval(key):
        z, y = draw_even(key, n)
        return calibration.squared_calibration_error(2 * z, y)

    found = simulate(interval, key, times)
    holds = ((found.low <= square) & (square <= found.high)).mean()
    assert 0.92 < holds < 0.98
    np.testing.assert_allclose(found.estimate.mean(), square, rtol=0.05 if n == 100 else 0.02)


def test_debiased_squares_by_the_formula_for_equal_confidences(x64, key):
    """Kumar, Liang and Ma: square of the gap less share (1 - share) / (count - 1)."""
    levels = np.array([0.15, 0.45, 0.75, 0.95])
    which = np.arange(200) % 4
    z, y = np.log(levels / (1 - levels))[which], np.asarray(jax.random.bernoulli(key, 0.6, (200,))).astype(int)
    square = 0.0
    for b, p in enumerate(levels):
        share, count = y[which == b].mean(), (which == b).sum()
        square += count / 200 * ((p - share) ** 2 - share * (1 - share) / (count - 1))
    np.testing.assert_allclose(calibration.squared_calibration_error(z, y, bins=10).estimate, square, rtol=1e-12)
    root = calibration.calibration_error(z, y, bins=10, norm=2, debias=True)
    np.testing.assert_allclose(root, np.sqrt(square), rtol=1e-12)
    # bins of one example are left out; below 0 the root keeps the sign
    z, y = np.array([0.0, 0.0, 4.0]), np.array([0, 1, 1])
    np.testing.assert_allclose(calibration.squared_calibration_error(z, y, bins=4).estimate, -0.25, rtol=1e-12)
    np.testing.assert_allclose(calibration.calibration_error(z, y, bins=4, norm=2, debias=True), -0.5, rtol=1e-12)


@pytest.mark.parametrize(
    "norm", [1, pytest.param(2, marks=pytest.mark.slow), pytest.param("max", marks=pytest.mark.slow)]
)
def test_the_null_against_every_set_of_labels(norm, key):
    z = jnp.array([-1.0, -0.5, 0.0, 0.2, 0.9, 1.4, 2.0])
    labels = jnp.array(list(itertools.product((0, 1), repeat=7)))
    p = expit(np.asarray(z))
    chance = np.prod(np.where(labels == 1, p, 1 - p), axis=1)
    options = {"bins": 3, "norm": norm}
    errors = jax.vmap(lambda y: calibration.calibration_error(z, y, **options))(labels)
    y = labels[77]
    one, two = jax.random.split(key)
    found = calibration.calibration_test(z, y, key=one, num_resamples=40_000, **options)
    expected = (chance * errors).sum()
    np.testing.assert_allclose(found.expected, expected, rtol=0.015)
    np.testing.assert_allclose(found.excess, found.error - found.expected, rtol=1e-5)
    np.testing.assert_allclose(found.p_value, chance[errors >= errors[77] - 1e-6].sum(), atol=0.01)
    assert found.low < found.excess < found.high
    if norm != 2:
        less = calibration.calibration_error(z, y, debias=True, key=two, num_resamples=40_000, **options)
        np.testing.assert_allclose(less, found.excess, atol=0.015 * expected)


@pytest.mark.parametrize(
    ("n", "times"),
    [(100, 400), pytest.param(1000, 300, marks=pytest.mark.slow), pytest.param(10000, 100, marks=pytest.mark.slow)],
)
def test_the_excess_of_a_perfect_forecaster_covers_zero(n, times, key):
    def test(key):
        one, two = jax.random.split(key)
        return calibration.calibration_test(*draw_even(one, n), key=two, num_resamples=200)

    found = jax.jit(lambda keys: jax.lax.map(test, keys))(jax.random.split(key, times))
    holds = ((found.low <= 0) & (found.high >= 0)).mean()
    assert 0.95 - 4 * np.sqrt(0.05 / times) < holds < 0.995
    assert abs(found.excess.mean()) < 4 * found.excess.std() / np.sqrt(times)
    assert st.kstest(np.asarray(found.p_value), "uniform").pvalue > 1e-3


@pytest.mark.slow
def test_classwise_debiased_draws_for_each_class(key):
    one, two, three = jax.random.split(key, 3)
    logits, labels = draw(one, 300, 3)
    found = calibration.classwise_calibration_error(logits, labels, debias=True, key=two, num_resamples=2000)
    plain = calibration.classwise_calibration_error(logits, labels)
    log_p = jax.nn.log_softmax(logits)
    for c in range(3):
        z = log_p[:, c] - jnp.log1p(-jnp.exp(log_p[:, c]))
        test = calibration.calibration_test(
            z, (labels == c).astype(int), key=jax.random.fold_in(three, c), num_resamples=2000
        )
        np.testing.assert_allclose(plain[c], test.error, rtol=1e-3)
        np.testing.assert_allclose(found[c], test.excess, atol=0.003)
    square = calibration.classwise_calibration_error(logits, labels, norm=2, debias=True)
    assert square.shape == (3,)


def test_a_band_of_one_bin_is_binomial(key):
    p, n = 0.3, 50
    z = jnp.full(n, np.log(p / (1 - p)))
    band = calibration.consistency_band(z, key=key, bins=5, level=0.9, num_resamples=20_000)
    assert jnp.isnan(band.low).tolist() == [True, False, True, True, True]
    assert band.low[1] == pytest.approx(st.binom.ppf(0.05, n, p) / n, abs=1e-6)
    assert band.high[1] == pytest.approx(st.binom.ppf(0.95, n, p) / n, abs=1e-6)


@pytest.mark.slow
def test_a_perfect_forecasters_points_lie_in_the_band(key):
    def inside(key):
        one, two = jax.random.split(key)
        logits, labels = draw(one, 2000)
        points = calibration.reliability(logits, labels, bins=5, edges="mass")
        band = calibration.consistency_band(logits, key=two, bins=5, edges="mass", num_resamples=200)
        return ((points.correct >= band.low) & (points.correct <= band.high)).mean()

    shares = jax.jit(lambda keys: jax.lax.map(inside, keys))(jax.random.split(key, 60))
    assert 0.85 < shares.mean() < 0.97


def smooth_by_hand(p, residual, size=1501):
    """Images of a Gaussian at every mirror, the integral by trapezoids, the bandwidth by Brent's method."""
    t = np.linspace(0, 1, size)

    def error(bandwidth):
        total = np.zeros(size)
        for turn in range(-1, 2):
            for image in (p, -p):
                gap = t[:, None] - 2 * turn - image
                total += np.exp(-0.5 * (gap / bandwidth) ** 2) @ residual / (bandwidth * np.sqrt(2 * np.pi))
        return np.trapezoid(np.abs(total / len(p)), t)

    return brentq(lambda s: error(s) - s, 0.02, 0.5, xtol=1e-8)


@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
def test_smooth_error_against_images_and_a_root_finder(factor, x64, key):
    z, y = (np.asarray(a) for a in draw_even(key, 120))
    z = factor * z + 0.3
    found = calibration.smooth_calibration_error(z, y)
    np.testing.assert_allclose(found, smooth_by_hand(expit(z), y - expit(z)), rtol=2e-5)
    np.testing.assert_allclose(calibration.smooth_calibration_error(z, y, terms=150), found, rtol=1e-6)
    single = calibration.smooth_calibration_error(z.astype(np.float32), y)
    assert single.dtype == jnp.float32
    np.testing.assert_allclose(single, found, rtol=1e-4)


def test_smooth_error_has_the_slope_of_its_bandwidth(x64, key):
    one, two = jax.random.split(key)
    z, y = draw_even(one, 100)
    smooth = partial(calibration.smooth_calibration_error, terms=64)
    error = jax.jit(jax.value_and_grad(lambda shift: smooth(2 * z + shift, y)))
    low, middle, high = (error(shift) for shift in (0.3 - 1e-4, 0.3, 0.3 + 1e-4))
    np.testing.assert_allclose(middle[1], (high[0] - low[0]) / 2e-4, rtol=1e-3)
    logits, labels = draw(two, 50, 3)
    both = jax.vmap(smooth)(jnp.stack([logits, 2 * logits]), jnp.stack([labels, labels]))
    np.testing.assert_allclose(both[1], smooth(2 * logits, labels), rtol=1e-9)


def test_measures_keep_their_dtype_and_pass_gradients(key):
    z, y = draw_even(key, 60)
    measures = {
        "l1": lambda z: calibration.calibration_error(z, y, bins=5),
        "l2": lambda z: calibration.calibration_error(z, y, bins=5, norm=2, debias=True),
        "brier": lambda z: calibration.brier_decomposition(z, y, bins=5).score,
        "corp": lambda z: calibration.corp(z, y, score="log").miscalibration,
    }
    found = jax.jit(lambda z: {name: jax.value_and_grad(measure)(z) for name, measure in measures.items()})(z)
    for name, (value, slope) in found.items():
        assert value.dtype == slope.dtype == jnp.float32, name
        assert jnp.isfinite(slope).all(), name
        assert jnp.abs(slope).max() > 0, name
    # a perfect answer has slope 0, not NaN
    sure = jax.grad(lambda z: calibration.calibration_error(z, jnp.array([1, 1]), norm=2))(jnp.full(2, 200.0))
    assert sure.tolist() == [0.0, 0.0]
    with jax.enable_x64(True):
        assert calibration.calibration_error(np.asarray(z, np.float64), np.asarray(y)).dtype == jnp.float64


@pytest.mark.parametrize(
    "method", ["basic", pytest.param("percentile", marks=pytest.mark.slow), pytest.param("bca", marks=pytest.mark.slow)]
)
def test_bootstrap_against_scipy(method, x64, key):
    keys = jax.random.split(key, 3)
    x = np.asarray(jax.random.exponential(keys[0], (40,)))
    y = x**2 + np.asarray(jax.random.normal(keys[1], (40,)))

    def ratio(x, y):
        return y.var() / x.mean()

    found = calibration.bootstrap(ratio, x, y, key=keys[2], num_resamples=20_000, level=0.9, method=method)
    known = st.bootstrap(
        (x, y),
        lambda x, y, axis: y.var(axis) / x.mean(axis),
        paired=True,
        n_resamples=20_000,
        confidence_level=0.9,
        method=method,
        rng=np.random.default_rng(0),
    )
    np.testing.assert_allclose(found.estimate, y.var() / x.mean(), rtol=1e-12)
    np.testing.assert_allclose(found.standard_error, known.standard_error, rtol=0.03)
    error = float(known.standard_error)
    np.testing.assert_allclose([found.low, found.high], known.confidence_interval, atol=0.08 * error)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["percentile", "basic", "bca"])
def test_bootstrap_intervals_hold_the_truth(method, key):
    def one(key):
        first, second = jax.random.split(key)
        x = jax.random.exponential(first, (60,))
        return calibration.bootstrap(jnp.mean, x, key=second, num_resamples=400, level=0.9, method=method)

    found = simulate(one, key, 500)
    holds = ((found.low <= 1) & (found.high >= 1)).mean()
    assert 0.84 < holds < 0.93
    np.testing.assert_allclose(found.standard_error.mean(), 1 / np.sqrt(60), rtol=0.05)


def test_bootstrap_takes_trees_and_draws_all_together(key):
    x = jax.random.normal(key, (30, 2))

    def statistic(data):
        apart = jnp.abs(data["x"][:, 0] - data["same"]).max()
        return jnp.append(data["x"].mean(0), apart)

    found = calibration.bootstrap(
        statistic, {"x": x, "same": x[:, 0]}, key=jax.random.fold_in(key, 1), num_resamples=50, method="bca"
    )
    # rows of all arrays are drawn together; what never varies has no width
    assert [float(part[2]) for part in found] == [0.0] * 4
    assert (found.low[:2] < found.high[:2]).all()


@pytest.mark.slow
def test_bootstrap_is_the_same_in_chunks(key):
    x = jax.random.normal(key, (30,))
    one = jax.random.fold_in(key, 1)
    whole, parts = (
        calibration.bootstrap(jnp.mean, x, key=one, num_resamples=50, batch_size=size) for size in (None, 7)
    )
    for a, b in zip(whole, parts, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


def test_options_and_shapes_are_checked(key):
    z, y, two = jnp.zeros(4), jnp.zeros(4, int), jnp.zeros((4, 2))
    error = calibration.calibration_error
    for call, words in (
        (lambda: error(z, y, bins=0), "whole number"),
        (lambda: error(z, y, edges="even"), "'uniform' or 'mass'"),
        (lambda: error(z, y, closed="both"), "'right' or 'left'"),
        (lambda: error(z, y, norm=3), "1, 2 or 'max'"),
        (lambda: error(z, y, debias=True), "give key="),
        (lambda: error(z, jnp.zeros(3, int)), r"want \[n\]"),
        (lambda: error(two[None], y), r"\[n, k\]"),
        (lambda: error(z[:0], y[:0]), "at least 1"),
        (lambda: calibration.classwise_calibration_error(z, y), r"want \[n, k\]"),
        (lambda: calibration.squared_calibration_error(z, y, level=95), "between 0 and 1"),
        (lambda: calibration.consistency_band(z, key=key, level=0), "between 0 and 1"),
        (lambda: calibration.calibration_test(z, y, key=key, num_resamples=1), "2 or more"),
        (lambda: calibration.smooth_calibration_error(z, y, terms=0), "1 or more"),
        (lambda: calibration.bootstrap(jnp.mean, z, key=key, method="t"), "'percentile', 'basic' or 'bca'"),
        (lambda: calibration.bootstrap(jnp.mean, z, y[:2], key=key), "same n examples"),
        (lambda: calibration.bootstrap(jnp.mean, z, key=key, batch_size=0), "1 or more"),
    ):
        with pytest.raises(ValueError, match=words):
            call()


def test_a_second_call_compiles_nothing(compiles, key):
    z, y = draw_even(key, 50)
    calibration.calibration_error(z, y)
    first = jax.random.fold_in(key, 1)
    found = calibration.bootstrap(calibration.calibration_error, 3 * z, y, key=first, num_resamples=10)
    assert found.low < found.high
    again, scaled = jax.random.fold_in(key, 2), 2 * z
    with compiles() as names:
        calibration.calibration_error(z, y)
        calibration.bootstrap(calibration.calibration_error, scaled, y, key=again, num_resamples=10)
    assert not names


@pytest.mark.parametrize("norm", [1, 2, "max"])
def test_a_forecast_that_is_no_number_is_not_calibrated(norm):
    logits = jnp.array([[1.0, 0.0], [jnp.nan, 0.0], [0.0, 2.0]])
    assert np.isnan(calibration.calibration_error(logits, jnp.array([0, 1, 1]), norm=norm))
