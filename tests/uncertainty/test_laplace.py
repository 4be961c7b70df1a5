"""Laplace approximations: exact where the model is linear and normal, the dense numbers elsewhere."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from lik_jax import bernoulli, categorical, nll, normal
from lik_jax.estimation.status import Status
from lik_jax.uncertainty.laplace import Outputs, by_held_out, diagonal, kron, last_layer, outputs

pytestmark = pytest.mark.usefixtures("x64")
RNG = np.random.default_rng(2)
N, D, NOISE, TAU = 30, 3, 0.4, 0.7
X = RNG.normal(size=(N, D))
Y = X @ np.array([1.0, -0.5, 0.2]) + 0.3 + NOISE * RNG.normal(size=N)
NEW = RNG.normal(size=(5, D)) * 3
WIDE, WIDE_NEW = (np.column_stack([x, np.ones(len(x))]) for x in (X, NEW))


def fixed_noise(raw):
    return normal.Params(raw[..., 0], NOISE)


def conjugate(tau):
    """Mean and covariance of the weights, textbook formulas (Bishop 2006, section 3.3)."""
    covariance = np.linalg.inv(tau * np.eye(D + 1) + WIDE.T @ WIDE / NOISE**2)
    return covariance @ WIDE.T @ Y / NOISE**2, covariance


def at_the_mode(tau=TAU, **options):
    mean = conjugate(tau)[0][:, None]
    return last_layer.fit(normal, X, Y, mean[:-1], mean[-1], constrain=fixed_noise, prior_precision=tau, **options)


def test_a_linear_normal_model_is_exact():
    stats = pytest.importorskip("scipy.stats")
    _, covariance = conjugate(TAU)
    params = jax.jit(at_the_mode)()
    found = last_layer.predict(params, NEW)
    np.testing.assert_allclose(found.mean[:, 0], WIDE_NEW @ conjugate(TAU)[0], rtol=1e-10)
    np.testing.assert_allclose(found.covariance[:, 0, 0], np.einsum("mi,ij,mj->m", WIDE_NEW, covariance, WIDE_NEW))
    # the data are jointly normal under the prior: the evidence without any posterior
    joint = stats.multivariate_normal(np.zeros(N), NOISE**2 * np.eye(N) + WIDE @ WIDE.T / TAU)
    np.testing.assert_allclose(last_layer.log_evidence(params), joint.logpdf(Y), rtol=1e-10)
    predicted = outputs.added_variance(found, fixed_noise)
    np.testing.assert_allclose(predicted.scale**2, NOISE**2 + found.covariance[:, 0, 0], rtol=1e-12)


def test_samples_of_the_layer_have_its_posterior(key):
    draws = last_layer.sample(at_the_mode(), key, (20_000,))[..., 0]
    mean, covariance = conjugate(TAU)
    error = np.sqrt(np.diag(covariance) / 20_000)
    assert (np.abs(draws.mean(0) - mean) < 4 * error).all()
    np.testing.assert_allclose(np.cov(draws.T), covariance, atol=4 * covariance.max() * (2 / 20_000) ** 0.5)


def test_the_best_precision_is_the_top_of_the_evidence():
    optimize = pytest.importorskip("scipy.optimize")
    params = at_the_mode()
    best = jax.jit(lambda mean: last_layer.fit(normal, X, Y, mean[:-1], mean[-1], constrain=fixed_noise))(params.mean)
    top = optimize.minimize_scalar(
        lambda s: -float(last_layer.log_evidence(best, np.exp(s))), bracket=(-2.0, 2.0), tol=1e-10
    )
    assert int(best.status) == Status.OK
    np.testing.assert_allclose(np.log(best.prior_precision), top.x, atol=1e-6)
    # ten thousand times the units of the weights, the same up to their square
    scaled = last_layer.fit(normal, X * 1e-4, Y, params.mean[:-1] * 1e4, constrain=fixed_noise)
    alone = last_layer.fit(normal, X, Y, params.mean[:-1], constrain=fixed_noise)
    np.testing.assert_allclose(scaled.prior_precision * 1e8, alone.prior_precision, rtol=1e-9)


def test_the_precision_by_held_out_loss():
    params = at_the_mode()
    truth = np.array([1.0, -0.5, 0.2])
    new_y = NEW @ truth + 0.3 + 1.5

    def loss(params):
        predicted = outputs.added_variance(last_layer.predict(params, NEW), fixed_noise)
        return jnp.where(params.prior_precision < 0.02, jnp.nan, nll(normal, predicted, new_y))

    grid = np.logspace(-3, 3, 13)
    losses = [float(loss(params._replace(prior_precision=jnp.asarray(tau)))) for tau in grid]
    tuned = jax.jit(lambda params: by_held_out(params, loss, grid))(params)
    np.testing.assert_allclose(tuned.prior_precision, grid[np.nanargmin(losses)], rtol=1e-12)
    assert float(tuned.prior_precision) < TAU
    of_its_own = by_held_out(params, loss)
    assert 0.02 <= float(of_its_own.prior_precision) < TAU


def test_precisions_at_the_edge_have_a_status():
    nothing = last_layer.fit(normal, X, Y, np.zeros((D, 1)), constrain=fixed_noise)
    assert (float(nothing.prior_precision), int(nothing.status)) == (np.inf, Status.BOUNDARY)
    np.testing.assert_array_equal(last_layer.predict(nothing, NEW).covariance, 0)
    flat = last_layer.fit(normal, np.zeros((N, D)), Y, np.ones((D, 1)), constrain=fixed_noise)
    assert (float(flat.prior_precision), int(flat.status)) == (0, Status.BOUNDARY)


def whole_curvature(params):
    vectors = np.asarray(params.eigenvectors)
    return vectors * np.asarray(params.eigenvalues) @ vectors.T


LABELS = RNG.integers(0, 3, N)
KERNEL, BIAS = RNG.normal(size=(D, 3)), RNG.normal(size=3)


def dense_hessian(distribution, mean, y, step=1e-4):
    """Second differences of the negative log-likelihood in all weights, no derivative of JAX."""

    @jax.jit
    def loss(w):
        return nll(distribution, distribution.constrain(WIDE @ w.reshape(D + 1, -1)), y, reduction="sum")

    flat = np.asarray(mean).ravel()
    eye = step * np.eye(flat.size)
    i, j = np.indices((flat.size, flat.size))
    values = [jax.vmap(jax.vmap(loss))(flat + a * eye[i] + b * eye[j]) for a in (1, -1) for b in (1, -1)]
    return np.asarray(values[0] - values[1] - values[2] + values[3]) / (4 * step**2)


def test_of_classes_it_is_the_dense_hessian():
    params = last_layer.fit(categorical, X, LABELS, KERNEL, BIAS, prior_precision=TAU)
    hessian = dense_hessian(categorical, params.mean, LABELS)
    found = whole_curvature(params)
    np.testing.assert_allclose(found, hessian, atol=1e-6 * np.abs(hessian).max())
    slopes = np.einsum("md,rs->mrds", WIDE_NEW, np.eye(3)).reshape(5, 3, -1)
    covariance = slopes @ np.linalg.inv(found + TAU * np.eye(12)) @ slopes.swapaxes(1, 2)
    np.testing.assert_allclose(last_layer.predict(params, NEW).covariance, covariance, rtol=1e-9)
    by_hand = (
        categorical.log_prob(categorical.Params(WIDE @ params.mean), LABELS).sum()
        - 0.5 * TAU * (params.mean**2).sum()
        + 6 * np.log(TAU)
        - 0.5 * np.linalg.slogdet(found + TAU * np.eye(12))[1]
    )
    np.testing.assert_allclose(last_layer.log_evidence(params), by_hand, rtol=1e-12)


def test_negative_curvature_is_left_out():
    """In its raw scale a normal is not convex: the posterior keeps the positive part of each example's Hessian."""
    kernel = RNG.normal(size=(D, 2))
    params = last_layer.fit(normal, X, Y, kernel, prior_precision=TAU)
    raw = X @ kernel
    each = jax.vmap(jax.hessian(lambda raw, y: -normal.log_prob(normal.constrain(raw), y)))(raw, Y)
    values, vectors = np.linalg.eigh(each)
    assert (values < 0).any()
    positive = np.einsum("nrs,ns,nts->nrt", vectors, np.maximum(values, 0), vectors)
    whole = np.einsum("ni,nj,nrs->irjs", X, X, positive).reshape(2 * D, 2 * D)
    found = whole_curvature(params)
    np.testing.assert_allclose(found, whole, atol=1e-10 * np.abs(whole).max())


def layers(sizes):
    return [
        {"kernel": jnp.asarray(RNG.normal(size=(a, b))), "bias": jnp.asarray(RNG.normal(size=b))}
        for a, b in itertools.pairwise(sizes)
    ]


def apply(net, x):
    return kron.perceptron(net, x, [jnp.zeros_like(layer["bias"]) for layer in net])[0]


def dense_ggn(net, x):
    """The whole curvature, by Jacobians; leaves in the order of `ravel_pytree`."""
    jacobian = jax.jit(jax.vmap(lambda row: ravel_rows(jax.jacrev(lambda p: apply(p, row[None])[0])(net))))(x)
    p = np.asarray(jax.nn.softmax(apply(net, x)))
    hessian = np.einsum("nr,rs->nrs", p, np.eye(p.shape[1])) - p[:, :, None] * p[:, None, :]
    return np.einsum("nrp,nrs,nsq->pq", jacobian, hessian, jacobian), np.asarray(jacobian)


def ravel_rows(tree):
    return jax.vmap(lambda row: ravel_pytree(row)[0])(tree)


@pytest.mark.slow
def test_the_diagonal_is_that_of_the_whole():
    net = layers((D, 4, 3))
    fit = jax.jit(lambda net: diagonal.fit(categorical, apply, net, X, LABELS, prior_precision=TAU, batch_size=7))
    params = fit(net)
    whole, _ = dense_ggn(net, X)
    found = np.asarray(ravel_pytree(params.curvature)[0])
    np.testing.assert_allclose(found, np.diag(whole), rtol=1e-10)
    jacobian = dense_ggn(net, NEW)[1]
    covariance = np.einsum("nrp,nsp->nrs", jacobian / (found + TAU), jacobian)
    np.testing.assert_allclose(diagonal.predict(params, apply, NEW, batch_size=2).covariance, covariance, rtol=1e-9)
    misfit = nll(categorical, categorical.Params(apply(net, X)), LABELS, reduction="sum")
    evidence = -misfit - 0.5 * np.log1p(found / TAU).sum() - 0.5 * TAU * (ravel_pytree(net)[0] ** 2).sum()
    np.testing.assert_allclose(diagonal.log_evidence(params), evidence, rtol=1e-10)


def test_kronecker_factors_are_exact_for_one_example():
    """Each layer's own block; between layers there is nothing."""
    net = layers((D, 2, 3))
    one = X[:1], LABELS[:1]
    params = jax.jit(lambda net: kron.fit(categorical, kron.perceptron, net, *one, prior_precision=TAU))(net)
    sizes = [layer["kernel"].size + layer["bias"].size for layer in net]
    whole, _ = dense_ggn(net, X[:1])
    _, jacobian = dense_ggn(net, NEW)
    first = slice(0, sizes[0])
    covariance, log_det = 0.0, 0.0
    for block in (first, slice(sizes[0], None)):
        precision = whole[block, block] + TAU * np.eye(whole[block, block].shape[0])
        covariance += jacobian[:, :, block] @ np.linalg.inv(precision) @ jacobian[:, :, block].swapaxes(1, 2)
        log_det += np.linalg.slogdet(precision)[1]
    np.testing.assert_allclose(kron.predict(params, kron.perceptron, NEW).covariance, covariance, rtol=1e-8)
    square, p = (ravel_pytree(net)[0] ** 2).sum(), sum(sizes)
    evidence = params.log_likelihood - 0.5 * TAU * square + 0.5 * p * np.log(TAU) - 0.5 * log_det
    np.testing.assert_allclose(kron.log_evidence(params), evidence, rtol=1e-10)


def test_kronecker_factors_are_exact_for_a_linear_normal_model():
    mean = jnp.asarray(conjugate(TAU)[0][:, None])
    params = kron.fit(
        normal,
        kron.perceptron,
        [{"kernel": mean[:-1], "bias": mean[-1]}],
        X,
        Y,
        constrain=fixed_noise,
        prior_precision=TAU,
        batch_size=10,
    )
    exact = at_the_mode()
    np.testing.assert_allclose(
        kron.predict(params, kron.perceptron, NEW).covariance, last_layer.predict(exact, NEW).covariance, rtol=1e-9
    )
    np.testing.assert_allclose(kron.log_evidence(params), last_layer.log_evidence(exact), rtol=1e-10)


def with_junk(fit):
    """The same fit on the first rows alone; with the others masked and full of junk; with each row for two."""
    keep = np.arange(N) < 20
    x = np.where(keep[:, None], X, np.nan)
    labels = np.where(keep, LABELS, 99)
    return fit(X[:20], LABELS[:20]), fit(x, labels, mask=keep), fit(X[:20], LABELS[:20], weights=np.full(20, 2.0))


@pytest.mark.parametrize("kind", ["last_layer", "diagonal", "kron"])
def test_masked_rows_add_nothing_and_weights_count_rows(kind):
    net = [{"kernel": jnp.asarray(KERNEL), "bias": jnp.asarray(BIAS)}]

    @jax.jit
    def fit(x, y, **options):
        if kind == "last_layer":
            return last_layer.fit(categorical, x, y, KERNEL, BIAS, prior_precision=TAU, **options)
        if kind == "diagonal":
            return diagonal.fit(categorical, apply, net, x, y, prior_precision=TAU, **options)
        return kron.fit(categorical, kron.perceptron, net, x, y, prior_precision=TAU, **options)

    def spectrum(params):
        if kind == "last_layer":
            return params.eigenvalues
        if kind == "diagonal":
            return ravel_pytree(params.curvature)[0]
        return params.factors[0].inputs[:, None] * params.factors[0].outputs[None]

    plain, masked, doubled = with_junk(fit)
    np.testing.assert_allclose(spectrum(masked), spectrum(plain), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(masked.log_likelihood, plain.log_likelihood, rtol=1e-12)
    np.testing.assert_allclose(spectrum(doubled), 2 * spectrum(plain), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(doubled.log_likelihood, 2 * plain.log_likelihood, rtol=1e-12)


def test_probit_of_two_classes_by_quadrature():
    """Of yes or no, and of two classes with correlated logits: within the known error of the approximation."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    mean, covariance = np.array([[1.5, 0.2]]), np.array([[[2.0, 1.2], [1.2, 3.0]]])
    variance = 2.0 + 3.0 - 2 * 1.2
    exact = (weights / weights.sum()) @ (1 / (1 + np.exp(-(1.3 + np.sqrt(variance) * nodes))))
    found = jax.nn.softmax(outputs.probit(Outputs(mean, covariance)).logits)[0]
    np.testing.assert_allclose(found[0], exact, atol=5e-3)
    single = outputs.probit_bernoulli(Outputs(np.array([[1.3]]), np.array([[[variance]]])))
    np.testing.assert_allclose(jax.nn.sigmoid(single.logits[0]), found[0], rtol=1e-12)
    np.testing.assert_allclose(bernoulli.log_prob(single, np.ones(1)), np.log(found[:1]), rtol=1e-12)


def test_what_moves_all_logits_alike_changes_nothing():
    mean, covariance = RNG.normal(size=(4, 3)), np.broadcast_to(np.eye(3) * 0.5, (4, 3, 3))
    plain = outputs.probit(Outputs(mean, covariance)).logits
    np.testing.assert_allclose(outputs.probit(Outputs(mean + 5, covariance + 100)).logits, plain, rtol=1e-9)
    certain = outputs.probit(Outputs(mean, np.zeros((4, 3, 3)))).logits
    np.testing.assert_allclose(certain, jax.nn.log_softmax(mean), rtol=1e-12)
    assert bool((plain.max(-1) < certain.max(-1)).all())


def test_sampled_predictions_are_a_mixture_of_the_normal_over_raw(key):
    root = np.array([[1.0, 0.0], [0.8, 0.5]])
    found = Outputs(np.array([[0.5, -0.5]] * 2), np.stack([root @ root.T] * 2))
    mixed, params = outputs.sampled(categorical, found, key, 20_000)
    p = np.exp(mixed.log_prob(params, np.array([0, 0])))
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    gap = root[0] - root[1]
    exact = (weights / weights.sum()) @ (1 / (1 + np.exp(-(1.0 + np.linalg.norm(gap) * nodes))))
    np.testing.assert_allclose(p, exact, atol=4 * 0.5 / 20_000**0.5)
    assert p[0] != p[1]


def test_single_precision_stays_and_compiles_once(compiles):
    x, kernel, bias = (np.asarray(a, np.float32) for a in (X, KERNEL, BIAS))

    @jax.jit
    def both(x, kernel, bias):
        params = last_layer.fit(categorical, x, LABELS, kernel, bias)
        return params, last_layer.predict(params, x)

    params, found = both(x, kernel, bias)
    assert found.covariance.dtype == params.prior_precision.dtype == jnp.float32
    exact = last_layer.fit(categorical, X, LABELS, KERNEL, BIAS)
    np.testing.assert_allclose(params.prior_precision, exact.prior_precision, rtol=1e-4)
    with compiles() as names:
        both(x + 1, kernel, bias)
    assert not names


def test_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match=r"features have shape \(30, 3\) and kernel \(2, 1\)"):
        last_layer.fit(normal, X, Y, np.ones((2, 1)))
    with pytest.raises(ValueError, match=r"bias has shape \(2,\)"):
        last_layer.fit(normal, X, Y, np.ones((D, 1)), np.ones(2))
    with pytest.raises(ValueError, match=r"x has 30 rows and y the example axes \(30, 1\)"):
        last_layer.fit(normal, X, Y[:, None], np.ones((D, 1)), constrain=fixed_noise)
    with pytest.raises(ValueError, match="the layer takes 4 numbers"):
        last_layer.predict(at_the_mode(), np.ones((2, 5)))
