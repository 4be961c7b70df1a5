"""The predictive of several members is a mixture, with the member axis where mixtures have it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lik_jax import bernoulli, calibration, categorical, independent, nll, normal, poisson
from lik_jax.uncertainty import over_members, pooled, predictive

pytestmark = pytest.mark.usefixtures("x64")
RNG = np.random.default_rng(0)
LOC, SCALE = RNG.normal(size=(3, 4)), RNG.uniform(0.5, 2.0, (3, 4))
WEIGHTS = np.array([1.0, 2.0, 5.0])
Y = RNG.normal(size=4)


def average(values):
    """Over the member axis in front, by `WEIGHTS`."""
    return np.einsum("k,k...->...", WEIGHTS / WEIGHTS.sum(), values)


def test_density_and_tails_are_the_averages():
    stats = pytest.importorskip("scipy.stats")
    mixed, params = predictive(normal, normal.Params(LOC, SCALE), WEIGHTS)
    frozen = stats.norm(LOC, SCALE)
    np.testing.assert_allclose(mixed.log_prob(params, Y), np.log(average(frozen.pdf(Y))), rtol=1e-12)
    np.testing.assert_allclose(mixed.cdf(params, Y), average(frozen.cdf(Y)), rtol=1e-12)
    np.testing.assert_allclose(mixed.cdf(params, mixed.icdf(params, jnp.full(4, 0.3))), 0.3, rtol=1e-9)
    np.testing.assert_allclose(mixed.mean(params), average(LOC), rtol=1e-12)


def test_any_family_and_any_rank():
    stats = pytest.importorskip("scipy.stats")
    rate, counts = RNG.uniform(1, 5, (3, 2, 4)), RNG.integers(0, 5, (2, 4))
    mixed, params = predictive(poisson, poisson.Params(np.log(rate)), WEIGHTS)
    np.testing.assert_allclose(mixed.log_prob(params, counts), np.log(average(stats.poisson(rate).pmf(counts))))
    rows = independent(normal, 1)
    mixed, params = predictive(rows, normal.Params(LOC[:, None], SCALE[:, None]), WEIGHTS)
    assert mixed.log_prob(params, Y[None]).shape == (1,)
    density = stats.norm(LOC, SCALE).pdf(Y).prod(-1)
    np.testing.assert_allclose(mixed.log_prob(params, Y[None]), np.log(average(density)), rtol=1e-12)


def test_what_all_members_share_has_no_member_axis():
    mixed, params = predictive(normal, normal.Params(LOC, 0.7))
    same, filled = predictive(normal, normal.Params(LOC, np.full((3, 4), 0.7)))
    np.testing.assert_allclose(nll(mixed, params, Y), nll(same, filled, Y), rtol=1e-14)
    one_each = predictive(normal, normal.Params(np.array([0.0, 1.0]), np.array([1.0, 2.0])))
    assert nll(*one_each, Y, reduction="none").shape == (4,)


def test_weights_by_example_and_a_weight_of_zero():
    weights = np.stack([WEIGHTS, [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], WEIGHTS])
    mixed, params = predictive(normal, normal.Params(LOC, SCALE), weights)
    np.testing.assert_allclose(
        mixed.log_prob(params, Y)[1], normal.log_prob(normal.Params(LOC[0, 1], SCALE[0, 1]), Y[1]), rtol=1e-12
    )


def test_under_jit_grad_and_vmap():
    def loss(w, x, y):
        raw = over_members(lambda w, x: x @ w, w, x)
        return nll(*predictive(normal, normal.constrain(raw)), y)

    w, x = RNG.normal(size=(3, 2, 2)), RNG.normal(size=(4, 2))
    slope = jax.jit(jax.grad(loss))(w, x, Y)
    step = 1e-6
    moved = [loss(w + sign * step * (np.arange(12).reshape(3, 2, 2) == 7), x, Y) for sign in (1, -1)]
    np.testing.assert_allclose(slope.ravel()[7], (moved[0] - moved[1]) / (2 * step), rtol=1e-6)
    each = jax.vmap(lambda x, y: loss(w, x[None], y[None]))(x, Y)
    np.testing.assert_allclose(each.mean(), loss(w, x, Y), rtol=1e-12)


def test_a_masked_example_may_hold_junk_in_any_member():
    junk = LOC.copy()
    junk[1, 2] = np.nan
    mixed, params = predictive(normal, normal.Params(junk, SCALE))
    keep = np.array([True, True, False, True])
    clean = predictive(normal, normal.Params(LOC[:, keep], SCALE[:, keep]))
    np.testing.assert_allclose(nll(mixed, params, Y, mask=keep), nll(*clean, Y[keep]), rtol=1e-12)


def test_a_mixture_of_classes_has_logits():
    logits = RNG.normal(size=(3, 5, 4)) * 3
    labels = RNG.integers(0, 4, 5)
    mixed, params = predictive(categorical, categorical.Params(logits), WEIGHTS)
    whole = pooled(mixed, params)
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    np.testing.assert_allclose(jnp.exp(whole.logits), average(p), rtol=1e-12)
    np.testing.assert_allclose(nll(categorical, whole, labels), nll(mixed, params, labels), rtol=1e-12)
    assert float(calibration.calibration_error(whole.logits, labels)) >= 0
    z = np.array([[0.0, np.inf, 2.0], [1.0, np.inf, -np.inf]])
    found = pooled(*predictive(bernoulli, bernoulli.Params(z)))
    np.testing.assert_allclose(jax.nn.sigmoid(found.logits), (1 / (1 + np.exp(-z))).mean(0), rtol=1e-12)


def test_what_cannot_be_mixed_is_said():
    with pytest.raises(ValueError, match=r"one axis of members.*params\.loc \(2,\), params\.scale \(3,\)"):
        predictive(normal, normal.Params(np.zeros(2), np.ones(3)))
    with pytest.raises(ValueError, match="one axis of members"):
        predictive(normal, normal.Params(0.0, 1.0))
    with pytest.raises(ValueError, match=r"want normal\.Params"):
        predictive(normal, np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"weights have shape \(2,\)"):
        predictive(normal, normal.Params(LOC, SCALE), np.ones(2))
    with pytest.raises(TypeError, match="a mixture of normal is none"):
        pooled(*predictive(normal, normal.Params(LOC, SCALE)))
