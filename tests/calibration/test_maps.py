"""Maps that calibrate classifiers: at their optimum by another program, with statuses, in every kind of bad data.

Each map is fitted once, under vmap, to a batch of data sets good and bad: most tests look at its members.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lik_jax import bernoulli, calibration, categorical, nll
from lik_jax.estimation import Status

N, K = 200, 3
SMOOTH = ("temperature", "bias_corrected", "vector", "matrix", "dirichlet")
BINARY = ("platt", "beta")
RANKED = ("isotonic", "histogram", "venn_abers")
KINDS = (
    *("plain", "small", "large", "weighted", "one_class", "absent", "separable", "constant", "not_a_number"),
    *("no_such_label", "no_weight", "negative_weight", "calibrated", "backwards"),
)
INVALID = ("not_a_number", "no_such_label", "no_weight", "negative_weight")


def softmax(z):
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


@functools.cache
def data(classes):
    """Logits, labels and weights of all kinds, stacked."""
    rng = np.random.default_rng(classes)
    z = 2 * rng.normal(size=(N, classes)) + np.linspace(0, 1, classes)
    draw = rng.random((N, 1))

    def labels(z):
        return (softmax(z).cumsum(1) < draw).sum(1).clip(max=classes - 1)

    y = labels(0.4 * z - np.linspace(0, 1, classes) + 0.3 * np.roll(z, 1, 1))
    logits, targets = np.repeat(z[None], len(KINDS), 0), np.repeat(y[None], len(KINDS), 0)
    weights = np.ones((len(KINDS), N))
    at = KINDS.index
    logits[at("small")] *= 1e-3
    logits[at("large")] *= 1e3
    weights[at("weighted")] = rng.integers(0, 3, N)
    unused = weights[at("weighted")] == 0
    logits[at("weighted"), unused], targets[at("weighted"), unused] = np.nan, 77
    targets[at("one_class")] = classes - 1
    targets[at("absent")] = np.minimum(y, classes - 2)
    targets[at("separable")] = z.argmax(1)
    logits[at("constant")] = 0.1
    logits[at("not_a_number"), 7, 1] = np.nan
    targets[at("no_such_label"), 7] = -1
    weights[at("no_weight")] = 0
    weights[at("negative_weight"), 7] = -1
    targets[at("calibrated")] = labels(z)
    logits[at("backwards")] *= -1
    if classes == 2:
        logits = logits[..., 1] - logits[..., 0]
    return logits, targets, weights


# the largest, and the same under another name: rows of these are slow ones
EACH_SMOOTH = [pytest.param(n, marks=pytest.mark.slow) if n in ("matrix", "dirichlet") else n for n in SMOOTH]
EACH = [*EACH_SMOOTH, *BINARY, *RANKED]


def shape(name):
    return 2 if name in BINARY + RANKED else K


@functools.cache
def fits(name):
    fit = getattr(calibration, name).fit
    with jax.enable_x64(True):
        found = jax.jit(jax.vmap(lambda z, y, w: fit(z, y, weights=w)))(*data(shape(name)))
        return jax.tree.map(np.asarray, found)


def member(name, kind):
    """The params for one kind of data, and the data that count."""
    i = KINDS.index(kind)
    params = jax.tree.map(lambda a: a[i], fits(name))
    z, y, w = (x[i] for x in data(shape(name)))
    return params, z[w > 0], y[w > 0], w[w > 0]


def each_leaf(params):
    return jax.tree.leaves(params._replace(fit=None))


def loss(outputs, y, w):
    """Mean NLL by numpy alone."""
    top = outputs.max(1)
    log_total = top + np.log(np.exp(outputs - top[:, None]).sum(1))
    return (w * (log_total - outputs[np.arange(len(y)), y])).sum() / w.sum()


def features(name, z):
    """Logits are linear in the params: the map from params to logits, ``[n, k, p]``."""
    n, k = z.shape
    eye = np.eye(k)
    if name == "dirichlet":
        z = z - z.max(1, keepdims=True)
        z = z - np.log(np.exp(z).sum(1, keepdims=True))
    bias = np.broadcast_to(eye, (n, k, k))
    if name == "temperature":
        return z[..., None]
    if name == "bias_corrected":
        return np.concatenate([z[..., None], bias], 2)
    if name == "vector":
        return np.concatenate([z[..., None] * eye, bias], 2)
    weight = np.einsum("ri,nj->nrij", eye, z).reshape(n, k, k * k)
    return np.concatenate([weight, bias], 2)


def canonical(name, p):
    """Of params that give the same probabilities, those that the map promises."""
    p = p.copy()
    if name != "temperature":
        p[-K:] -= p[-K:].mean()
    if name in ("matrix", "dirichlet"):
        weight = p[:-K].reshape(K, K)
        p[:-K] = (weight - (weight * (1 - np.eye(K))).sum(0) / (K - 1)).ravel()
    return p


def gradient(p, x, y, w):
    outputs = x @ p
    residual = softmax(outputs) - np.eye(outputs.shape[1])[y]
    return np.einsum("nk,nkp->p", residual * w[:, None], x) / w.sum()


def information(p, x, w):
    q = softmax(x @ p)
    mean = np.einsum("nk,nkp->np", q, x)
    apart = x - mean[:, None]
    return np.einsum("n,nk,nkp,nkq->pq", w, q, apart, apart)


def flat(name, params):
    leaves = [np.ravel(x) for x in each_leaf(params)]
    if name in ("temperature", "bias_corrected"):
        leaves[0] = 1 / leaves[0]
    return np.concatenate(leaves)


def optimum(x, y, w):
    """By scipy, from numpy's gradient: BFGS, then a root of the gradient to the last digits."""
    optimize = pytest.importorskip("scipy.optimize")
    start = optimize.minimize(
        lambda p: loss(x @ p, y, w), np.zeros(x.shape[2]), jac=lambda p: gradient(p, x, y, w), method="BFGS"
    )
    return optimize.root(gradient, start.x, (x, y, w), method="lm", options={"xtol": 1e-15, "ftol": 1e-15}).x


@pytest.mark.parametrize("kind", ["plain", "weighted"])
@pytest.mark.parametrize("name", EACH_SMOOTH)
def test_the_optimum_is_that_of_scipy(name, kind):
    params, z, y, w = member(name, kind)
    assert params.fit.status_name == "OK"
    x = features(name, z)
    best = canonical(name, optimum(x, y, w))
    np.testing.assert_allclose(flat(name, params), best, rtol=1e-8, atol=1e-9)
    with jax.enable_x64(True):
        outputs = getattr(calibration, name).apply(params, z)
        np.testing.assert_allclose(nll(categorical, categorical.Params(outputs), y, weights=w), loss(x @ best, y, w))


@pytest.mark.parametrize("name", EACH_SMOOTH)
def test_standard_errors_are_those_of_the_inverse_information(name):
    params, z, y, w = member(name, "weighted")
    x, p = features(name, z), flat(name, params)
    size = len(p)
    step = 1e-5 * np.eye(size)
    hessian = np.stack([(gradient(p + h, x, y, w) - gradient(p - h, x, y, w)) / 2e-5 for h in step])
    # the same information in closed form
    np.testing.assert_allclose(w.sum() * hessian, information(p, x, w), rtol=1e-5, atol=1e-5)
    project = np.stack([canonical(name, h) for h in np.eye(size)], 1)
    errors = np.sqrt(np.diag(project @ np.linalg.pinv(w.sum() * hessian, rcond=1e-6) @ project.T))
    if name in ("temperature", "bias_corrected"):
        # of the logarithm
        errors[0] /= p[0]
    given = params.fit.standard_errors
    given = [np.ravel(g) for g in ([given] if name == "temperature" else each_leaf(given))]
    np.testing.assert_allclose(np.concatenate(given), errors, rtol=1e-6)


@pytest.mark.parametrize("name", EACH_SMOOTH)
def test_what_softmax_does_not_see_is_settled(name):
    params = member(name, "weighted")[0]
    if name != "temperature":
        assert abs(params.bias.sum()) < 1e-14
    if name in ("matrix", "dirichlet"):
        np.testing.assert_allclose((params.weight * (1 - np.eye(K))).sum(0), 0, atol=1e-14)


@pytest.mark.parametrize(
    "name", ["temperature", "bias_corrected", "vector", pytest.param("matrix", marks=pytest.mark.slow), "platt"]
)
def test_params_follow_the_units_of_the_logits(name):
    for kind, unit in (("small", 1e-3), ("large", 1e3)):
        one, other = member(name, "plain")[0], member(name, kind)[0]
        assert other.fit.status_name == "OK"
        factor = unit if name in ("temperature", "bias_corrected") else 1 / unit
        np.testing.assert_allclose(each_leaf(other)[0], factor * each_leaf(one)[0], rtol=1e-9)
        for a, b in zip(each_leaf(one)[1:], each_leaf(other)[1:], strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", EACH_SMOOTH + list(BINARY))
def test_statuses_of_data_that_have_no_inner_optimum(name):
    def status(kind):
        return member(name, kind)[0].fit.status_name

    assert status("separable") == "SEPARATION"
    assert status("constant") == "SINGULAR"
    if name != "temperature":
        assert status("one_class") == "SEPARATION"
    if name not in ("temperature", *BINARY):
        assert status("absent") == "SEPARATION"
    for kind in ("separable", "one_class"):
        params, z, y, w = member(name, kind)
        if name != "temperature":
            assert np.isfinite(np.concatenate([np.ravel(x) for x in each_leaf(params)])).all()
            assert np.isnan(np.concatenate([np.ravel(x) for x in each_leaf(params.fit.standard_errors)])).all()
            with jax.enable_x64(True):
                outputs = np.asarray(getattr(calibration, name).apply(params, z))
            outputs = outputs if outputs.ndim == 2 else np.stack([0 * outputs, outputs], 1)
            assert loss(outputs, y, w) < 1e-9


@pytest.mark.parametrize("name", EACH)
def test_bad_data_give_a_status_and_nan(name):
    for kind in INVALID:
        params = member(name, kind)[0]
        assert params.fit.status_name == "INVALID_DATA"
        values = [x for x in each_leaf(params) if x.shape[:1] != (14,)]
        if name in ("isotonic", "venn_abers"):
            values = values[1:]
        assert all(np.isnan(x).all() for x in values)


@pytest.mark.parametrize("name", EACH_SMOOTH + list(BINARY))
def test_a_calibrated_model_is_left_as_it_is(name):
    params = member(name, "calibrated")[0]
    assert params.fit.status_name == "OK"
    given = params.fit.standard_errors
    errors = [given] if name == "temperature" else each_leaf(given)
    values = each_leaf(params)
    if name in ("temperature", "bias_corrected"):
        values[0] = np.log(values[0])
    identity = {
        "temperature": [0.0],
        "bias_corrected": [0.0, 0.0],
        "vector": [1.0, 0.0],
        "matrix": [np.eye(K), 0.0],
        "dirichlet": [np.eye(K), 0.0],
        "platt": [1.0, 0.0],
        "beta": [1.0, 1.0, 0.0],
    }[name]
    for value, error, wanted in zip(values, errors, identity, strict=True):
        assert (np.abs(value - wanted) < 3.5 * error).all()
        assert (error < 1).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", EACH)
def test_a_batch_is_its_members(name, x64):
    fit = getattr(calibration, name).fit
    for i, kind in enumerate(KINDS):
        z, y, w = (x[i] for x in data(shape(name)))
        alone = fit(z, y, weights=w)
        for a, b in zip(jax.tree.leaves(member(name, kind)[0]), jax.tree.leaves(alone), strict=True):
            if member(name, kind)[0].fit.status in (Status.OK, Status.BOUNDARY, Status.INVALID_DATA):
                np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("name", EACH)
@pytest.mark.slow
def test_none_one_and_single_precision(name):
    module = getattr(calibration, name)
    logits, targets, _ = data(shape(name))
    z, y = logits[0].astype(np.float32), targets[0]
    if name in ("matrix", "platt", *RANKED):
        assert module.fit(z[:0], y[:0]).fit.status_name == "INVALID_DATA"
    one = module.fit(z[:1], y[:1])
    if name in ("bias_corrected", "vector", "matrix", "dirichlet", *BINARY):
        # one label alone runs away, whatever else its logits do not tell
        assert one.fit.status_name == "SEPARATION"
    assert np.isfinite(module.apply(one, z)).all() or name in ("temperature", "isotonic")
    plain, exact = module.fit(z, y), member(name, "plain")[0]
    assert {x.dtype for x in jax.tree.leaves(plain._replace(fit=None))} == {np.dtype(np.float32)}
    assert int(plain.fit.status) == int(exact.fit.status)
    for a, b in zip(each_leaf(plain), each_leaf(exact), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-4)
    for scale in (1e-3, 1e3):
        scaled = module.fit(scale * z, y)
        outputs = [np.asarray(module.apply(p, s * z)) for p, s in ((plain, 1), (scaled, scale))]
        if name in ("temperature", "bias_corrected", "vector", "matrix", "platt", "isotonic", "venn_abers"):
            np.testing.assert_allclose(*outputs, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", EACH)
def test_shapes_are_checked(name):
    fit = getattr(calibration, name).fit
    many, one = jnp.zeros((5, 3)), jnp.zeros(5)
    with pytest.raises(ValueError, match="want"):
        fit(many, jnp.zeros(4, int))
    with pytest.raises(ValueError, match="want"):
        fit(many if name in BINARY else jnp.zeros((5, 1)), jnp.zeros(5, int))
    with pytest.raises(ValueError, match="weights"):
        fit(one if name in BINARY else many, jnp.zeros(5, int), weights=jnp.ones(4))


def test_penalties_are_those_of_the_paper(x64):
    _, z, y, w = member("matrix", "plain")
    optimize = pytest.importorskip("scipy.optimize")
    off, on_bias = 0.05, 0.02
    params = calibration.matrix.fit(z, y, off_diagonal_penalty=off, bias_penalty=on_bias)
    assert params.fit.status_name == "OK"
    x = features("matrix", z)
    mask = np.concatenate([2 * off / (K * (K - 1)) * (1 - np.eye(K)).ravel(), 2 * on_bias / K * np.ones(K)])

    def slope(p):
        return gradient(p, x, y, w) + mask * p

    best = optimize.root(slope, np.zeros(K * K + K), method="lm", options={"xtol": 1e-15, "ftol": 1e-15}).x
    np.testing.assert_allclose(flat("matrix", params), best, rtol=1e-8, atol=1e-9)
    assert calibration.matrix.fit(z, y, off_diagonal_penalty=-off, bias_penalty=on_bias).fit.status_name == (
        "INVALID_DATA"
    )


def test_logits_that_point_the_wrong_way(x64):
    """Temperature and bias: only the shares of the classes are left."""
    params, z, y, _ = member("bias_corrected", "backwards")
    assert params.fit.status_name == "BOUNDARY"
    assert float(params.temperature) == np.inf
    shares = np.bincount(y) / len(y)
    probs = jax.nn.softmax(calibration.bias_corrected.apply(params, z))
    np.testing.assert_allclose(probs, np.broadcast_to(shares, probs.shape), rtol=1e-10)
    errors = params.fit.standard_errors
    assert np.isnan(float(errors.temperature))
    assert np.isfinite(errors.bias).all()


def design(name, z):
    log_p, log_q = -np.logaddexp(0, -z), -np.logaddexp(0, z)
    columns = {"platt": [z, 1 + 0 * z], "beta": [log_p, -log_q, 1 + 0 * z]}[name]
    x = np.stack(columns, 1)
    return np.stack([0 * x, x], 1)


@pytest.mark.parametrize("kind", ["plain", "weighted", "small", "large"])
@pytest.mark.parametrize("name", BINARY)
def test_binary_maps_are_at_the_optimum_of_scipy(name, kind):
    params, z, y, w = member(name, kind)
    assert params.fit.status_name in (("OK", "BOUNDARY") if name == "beta" else ("OK",))
    x, p = design(name, z), flat(name, params)
    # what is held at 0 would fall further, the rest is stationary
    slope, held = gradient(p, x, y, w), p == 0
    assert held.any() == (params.fit.status_name == "BOUNDARY")
    assert (slope[held] > 0).all()
    np.testing.assert_allclose(slope[~held] / np.abs(x).max((0, 1))[~held], 0, atol=1e-13)
    if kind in ("plain", "weighted"):
        np.testing.assert_allclose(p, optimum(x, y, w), rtol=1e-8)
        errors = np.sqrt(np.diag(np.linalg.inv(information(p, x, w))))
        np.testing.assert_allclose(each_leaf(params.fit.standard_errors), errors, rtol=1e-9)


def test_smooth_labels_are_platts(x64):
    sigmoid = pytest.importorskip("sklearn.calibration")._sigmoid_calibration
    fit = functools.partial(calibration.platt.fit, smooth_labels=True)
    _, z, y, w = member("platt", "plain")
    params = fit(z, y, weights=w)
    a, b = sigmoid(z, y)
    np.testing.assert_allclose([params.slope, params.intercept], [-a, -b], rtol=1e-5)
    # without a one the share of ones is said to be 1 / (n + 2)
    params = fit(z, 0 * y, weights=w)
    assert params.fit.status_name == "OK"
    np.testing.assert_allclose(params.slope, 0, atol=1e-12)
    np.testing.assert_allclose(jax.nn.sigmoid(params.intercept), 1 / (N + 2), rtol=1e-10)
    assert fit(z, z > 0, weights=w).fit.status_name == "OK"


def test_beta_at_its_bounds(x64):
    """A decreasing truth: the best map that does not fall is a constant."""
    params, z, y, _ = member("beta", "backwards")
    assert params.fit.status_name == "BOUNDARY"
    assert float(params.a) == float(params.b) == 0.0
    np.testing.assert_allclose(jax.nn.sigmoid(calibration.beta.apply(params, z)), y.mean(), rtol=1e-12)
    errors = params.fit.standard_errors
    assert np.isnan(float(errors.a))
    np.testing.assert_allclose(errors.c, 1 / np.sqrt(N * y.mean() * (1 - y.mean())), rtol=1e-9)
    # nothing is lost far out
    far = jnp.array([-800.0, 800.0, jnp.inf])
    np.testing.assert_allclose(
        calibration.beta.apply(calibration.beta.Params(2.0, 0.5, 1.0), far), [-1599, 401, np.inf]
    )


def test_isotonic_is_that_of_scikit_learn(x64):
    isotonic = pytest.importorskip("sklearn.isotonic").IsotonicRegression
    for kind in ("plain", "weighted", "separable", "one_class", "constant"):
        params, z, y, w = member("isotonic", kind)
        test = np.concatenate([z, np.linspace(z.min() - 1, z.max() + 1, 101)])
        wanted = isotonic(out_of_bounds="clip").fit(z, y, w).predict(test)
        logits = np.asarray(calibration.isotonic.apply(params, test))
        np.testing.assert_allclose(1 / (1 + np.exp(-logits)), wanted, rtol=1e-10, atol=1e-12)
        assert (np.isneginf(logits) == (wanted == 0)).all()
        assert params.fit.status_name == ("BOUNDARY" if ((wanted == 0) | (wanted == 1)).any() else "OK")
    # equal logits, one probability
    params = calibration.isotonic.fit(np.round(member("isotonic", "plain")[1]), member("isotonic", "plain")[2])
    at = dict(zip(params.knots.tolist(), params.probs.tolist(), strict=True))
    assert all(at[z] == p for z, p in zip(params.knots.tolist(), params.probs.tolist(), strict=True))


def test_venn_abers_is_two_refits_for_each_test_example(x64):
    isotonic = pytest.importorskip("sklearn.isotonic").IsotonicRegression
    for kind in ("plain", "weighted", "separable", "one_class", "constant"):
        params, z, y, w = member("venn_abers", kind)
        assert params.fit.status_name == "OK"
        test = np.concatenate([z[:20], np.linspace(z.min() - 1, z.max() + 1, 21)])
        found = calibration.venn_abers.interval(params, test)
        for label, got in enumerate(found):
            wanted = [
                isotonic().fit(np.append(z, t), np.append(y, label), np.append(w, 1)).predict([t])[0] for t in test
            ]
            np.testing.assert_allclose(got, wanted, atol=1e-10)
        merged = found.p1 / (1 - found.p0 + found.p1)
        logits = calibration.venn_abers.apply(params, test)
        np.testing.assert_allclose(jax.nn.sigmoid(logits), merged, rtol=1e-12)
        assert np.isfinite(logits).all()


def test_venn_abers_with_ties(x64):
    isotonic = pytest.importorskip("sklearn.isotonic").IsotonicRegression
    z, y = (x[0] for x in data(2)[:2])
    z = np.round(z)
    params = calibration.venn_abers.fit(z, y, weights=np.ones(N))
    test = np.arange(-8, 8.5, 0.5)
    for label, got in enumerate(calibration.venn_abers.interval(params, test)):
        wanted = [isotonic().fit(np.append(z, t), np.append(y, label)).predict([t])[0] for t in test]
        np.testing.assert_allclose(got, wanted, atol=1e-10)


def test_histogram_counts(x64):
    params, z, y, w = member("histogram", "weighted")
    edges = np.arange(1, 15) / 15
    p = 1 / (1 + np.exp(-z))
    bins = np.searchsorted(edges, p)
    ones, zeros = (np.bincount(bins, w * (y == label), 15) + 1 for label in (1, 0))
    shares = ones / (ones + zeros)
    np.testing.assert_allclose(params.log_probs, np.log([shares, 1 - shares]), rtol=1e-12)
    np.testing.assert_allclose(params.fit.standard_errors, np.sqrt(shares * (1 - shares) / (ones + zeros)))
    outputs = calibration.histogram.apply(params, z)
    np.testing.assert_allclose(jax.nn.sigmoid(outputs), shares[bins], rtol=1e-12)
    # far out: no probability of 1 is formed on the way
    ends = calibration.histogram.apply(params, np.array([-1e4, 1e4, np.nan]))
    np.testing.assert_allclose(jax.nn.sigmoid(ends), [shares[0], shares[-1], np.nan], rtol=1e-12)


def test_bins_of_equal_weight_and_no_pseudo_count(x64):
    _, z, y, _ = member("histogram", "plain")
    fit = functools.partial(calibration.histogram.fit, bins=5, edges="mass")
    params = fit(z, y)
    counts = np.bincount(np.searchsorted(params.edges, z))
    assert counts.tolist() == [40] * 5
    bare = fit(z, y, pseudo_count=0.0)
    order = np.argsort(z)
    np.testing.assert_allclose(np.exp(bare.log_probs[0]), y[order].reshape(5, 40).mean(1), rtol=1e-12)
    certain = fit(z, z > 0, pseudo_count=0.0)
    assert certain.fit.status_name == "BOUNDARY"
    wrong = bernoulli.Params(calibration.histogram.apply(certain, np.array([9.0])))
    assert float(nll(bernoulli, wrong, np.array([0]))) == np.inf
    assert fit(z, y, pseudo_count=-1.0).fit.status_name == "INVALID_DATA"
    with pytest.raises(ValueError, match="mass"):
        calibration.histogram.fit(z, y, edges="even")


@pytest.mark.slow
def test_a_weight_is_so_many_examples_in_a_bin(x64):
    _, z, y, _ = member("histogram", "plain")
    fit = functools.partial(calibration.histogram.fit, bins=5, edges="mass")
    twice = fit(np.concatenate([z, z[:50]]), np.concatenate([y, y[:50]]))
    weighted = fit(z, y, weights=np.where(np.arange(N) < 50, 2.0, 1.0))
    np.testing.assert_allclose(weighted.log_probs, twice.log_probs, rtol=1e-12)


@pytest.mark.parametrize("name", ["isotonic", *(pytest.param(n, marks=pytest.mark.slow) for n in RANKED[1:])])
def test_several_classes_are_each_against_the_rest(name, x64):
    module = getattr(calibration, name)
    z, y = (x[0] for x in data(K)[:2])
    params = module.fit(z, y)
    outputs = module.apply(params, z)
    assert outputs.shape == z.shape
    assert not np.isnan(nll(categorical, categorical.Params(outputs), y))
    probs = np.asarray(jax.nn.softmax(outputs))
    p = softmax(z)
    one = jax.jit(lambda odds, y: jax.nn.sigmoid(module.apply(module.fit(odds, y), odds)))
    each = np.stack([one(np.log(p[:, j]) - np.log1p(-p[:, j]), y == j) for j in range(K)], 1)
    np.testing.assert_allclose(probs, each / each.sum(1, keepdims=True), rtol=1e-9, atol=1e-12)
    with pytest.raises(ValueError, match="3 classes"):
        module.apply(params, z[:, :2])


def test_where_no_class_is_possible_all_are_alike():
    params = calibration.isotonic.Params(jnp.array([[-1.0, 1.0]] * 2), jnp.array([[0.0, 0.0], [0.0, 1.0]]))
    outputs = calibration.isotonic.apply(params, jnp.array([[3.0, -3.0], [-3.0, 3.0]]))
    np.testing.assert_array_equal(jax.nn.softmax(outputs), [[0.5, 0.5], [0.0, 1.0]])


def test_dirichlet_sees_probabilities_and_matrix_sees_numbers():
    z = jnp.array([[3.0, 1.0, -1.0], [0.0, 2.0, 4.0]])
    matrix = jnp.array([[1.0, 0.2, 0.0], [0.3, 0.9, 0.1], [0.0, 0.0, 1.5]])
    for name, alike in (("dirichlet", True), ("matrix", False), ("vector", False)):
        module = getattr(calibration, name)
        params = module.Params(jnp.array([1.0, 0.5, 2.0]) if name == "vector" else matrix, jnp.array([0.1, -0.1, 0.0]))
        one, other = jax.nn.softmax(module.apply(params, z)), jax.nn.softmax(module.apply(params, z + 5))
        assert bool(jnp.allclose(one, other, atol=1e-5)) == alike


@pytest.mark.parametrize(
    "name",
    ["platt", *(pytest.param(n, marks=pytest.mark.slow) for n in ("beta", "bias_corrected", "vector", "matrix"))],
)
@pytest.mark.slow
def test_params_are_differentiable_in_the_logits(name, x64):
    _, z, y, _ = member(name, "plain")
    fit = getattr(calibration, name).fit
    direction = np.cos(np.arange(z.size)).reshape(z.shape)

    def first(t):
        params = fit(z + t * direction, y)
        return each_leaf(params)[0].sum() + each_leaf(params.fit.standard_errors)[0].sum()

    run = jax.jit(jax.value_and_grad(first))
    (up, _), (down, _), (_, slope) = (run(t) for t in (1e-4, -1e-4, 0.0))
    np.testing.assert_allclose(slope, (up - down) / 2e-4, rtol=1e-6)
