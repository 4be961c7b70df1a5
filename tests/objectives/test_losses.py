"""The losses people know are the likelihoods they claim to be."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lik_jax as lj
from lik_jax.distributions import asymmetric_laplace, bernoulli, categorical, laplace, normal, poisson

B = 50
ELEMENTWISE = [
    lj.mean_squared_error,
    lj.mean_absolute_error,
    lj.pinball,
    lj.binary_cross_entropy,
    lj.poisson_nll,
    lj.gaussian_nll,
]


@pytest.fixture
def data(key: jax.Array, x64: None) -> tuple[jax.Array, jax.Array]:
    predictions, targets = jax.random.normal(key, (2, B), jnp.float64) * 3
    return predictions, targets


def same(loss, likelihood, x):
    """Value and gradient agree."""
    np.testing.assert_allclose(loss(x), likelihood(x), rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(jax.grad(loss)(x), jax.grad(likelihood)(x), rtol=1e-13, atol=1e-13)


def test_squared_error_is_a_normal(data):
    x, y = data
    same(
        lambda x: lj.mean_squared_error(x, y),
        lambda x: 2 * lj.nll(normal, normal.Params(x, 1.0), y) - math.log(2 * math.pi),
        x,
    )


def test_absolute_error_is_a_laplace(data):
    x, y = data
    same(
        lambda x: lj.mean_absolute_error(x, y),
        lambda x: lj.nll(laplace, laplace.Params(x, 1.0), y) - math.log(2),
        x,
    )


@pytest.mark.parametrize("quantile", [0.05, 0.5, 0.9])
def test_pinball_is_an_asymmetric_laplace(data, quantile: float):
    x, y = data

    def params(x):
        return asymmetric_laplace.Params(x, 1.0, quantile)

    same(
        lambda x: lj.pinball(x, y, quantile=quantile),
        lambda x: lj.nll(asymmetric_laplace, params(x), y) + math.log(quantile * (1 - quantile)),
        x,
    )


def test_pinball_at_a_half_is_half_the_absolute_error(data):
    x, y = data
    same(lambda x: 2 * lj.pinball(x, y), lambda x: lj.mean_absolute_error(x, y), x)


def test_pinball_finds_the_quantile(data):
    _, y = data
    candidates = jnp.sort(y)
    losses = jax.vmap(lambda q: lj.pinball(q, y, quantile=0.3))(candidates)
    assert float((y <= candidates[losses.argmin()]).mean()) == pytest.approx(0.3, abs=1.5 / B)


def test_hard_binary_cross_entropy_is_a_bernoulli(data):
    x, y = data
    labels = (y > 0).astype(jnp.int32)

    def likelihood(x):
        return lj.nll(bernoulli, bernoulli.Params(x), labels)

    same(lambda x: lj.binary_cross_entropy(x, labels), likelihood, x)
    same(lambda x: lj.binary_cross_entropy(x, labels == 1), likelihood, x)
    same(lambda x: lj.binary_cross_entropy(x, labels.astype(x.dtype)), likelihood, x)


def test_soft_binary_cross_entropy_is_its_expectation(data):
    x, y = data
    probs = jax.nn.sigmoid(y)
    ones, zeros = jnp.ones(B, int), jnp.zeros(B, int)

    def each(x, labels):
        return lj.nll(bernoulli, bernoulli.Params(x), labels, reduction="none")

    same(
        lambda x: lj.binary_cross_entropy(x, probs),
        lambda x: (probs * each(x, ones) + (1 - probs) * each(x, zeros)).mean(),
        x,
    )


def test_cross_entropy_is_a_categorical(data):
    logits = 3 * jnp.sin(data[0][:, None] * jnp.linspace(1.0, 5.0, 7)[None])
    labels = jnp.arange(B) % 7

    def likelihood(x):
        return lj.nll(categorical, categorical.Params(x), labels)

    same(lambda x: lj.cross_entropy(x, labels), likelihood, logits)
    same(lambda x: lj.cross_entropy(x, jax.nn.one_hot(labels, 7, dtype=x.dtype)), likelihood, logits)


@pytest.mark.parametrize("share", [0.1, 1.0])
def test_smoothed_cross_entropy_is_a_soft_target(data, share: float):
    logits = 3 * jnp.sin(data[0][:, None] * jnp.linspace(1.0, 5.0, 7)[None])
    labels = jnp.arange(B) % 7
    soft = (1 - share) * jax.nn.one_hot(labels, 7, dtype=logits.dtype) + share / 7
    same(lambda x: lj.cross_entropy(x, labels, label_smoothing=share), lambda x: lj.cross_entropy(x, soft), logits)
    same(
        lambda x: lj.cross_entropy(x, jax.nn.one_hot(labels, 7, dtype=x.dtype), label_smoothing=share),
        lambda x: lj.cross_entropy(x, soft),
        logits,
    )


def test_smoothing_is_a_share():
    with pytest.raises(ValueError, match="label_smoothing"):
        lj.cross_entropy(jnp.zeros((2, 3)), jnp.zeros(2, int), label_smoothing=1.5)


def test_poisson_keeps_its_constant(data):
    x, y = data
    counts = jnp.floor(jnp.abs(y) * 3)
    same(
        lambda x: lj.poisson_nll(x, counts),
        lambda x: (jnp.exp(x) - counts * x + jax.scipy.special.gammaln(counts + 1)).mean(),
        x,
    )
    same(lambda x: lj.poisson_nll(x, counts), lambda x: lj.nll(poisson, poisson.Params(x), counts), x)


def test_gaussian_with_fixed_and_predicted_scale(data):
    x, y = data
    s = jnp.exp(jnp.sin(x))

    def explicit(x, s):
        return (0.5 * ((y - x) / s) ** 2 + jnp.log(s) + 0.5 * math.log(2 * math.pi) + 0 * x).mean()

    same(lambda x: lj.gaussian_nll(x, y, scale=s), lambda x: explicit(x, s), x)
    same(lambda s: lj.gaussian_nll(x, y, scale=s), lambda s: explicit(x, s), s)
    same(lambda x: lj.gaussian_nll(x, y, scale=2.0), lambda x: explicit(x, 2.0), x)


@pytest.mark.parametrize("loss", ELEMENTWISE)
def test_shape_guard(loss):
    with pytest.raises(ValueError, match="Drop the trailing axis"):
        loss(jnp.zeros((4, 1)), jnp.zeros(4))
    with pytest.raises(ValueError, match="Drop the trailing axis"):
        loss(jnp.zeros(4), jnp.zeros((4, 1)))


@pytest.mark.parametrize("loss", ELEMENTWISE)
def test_masked_junk_adds_exactly_nothing(loss):
    x, y = jnp.array([0.3, jnp.nan, 0.1]), jnp.array([1.0, 0.0, jnp.nan])
    mask = jnp.array([True, False, False])
    value, slope = jax.value_and_grad(lambda x: loss(x, y, mask=mask))(x)
    np.testing.assert_allclose(value, loss(x[:1], y[:1]), rtol=1e-6)
    assert slope[1:].tolist() == [0, 0]
    weighted = loss(x, y, weights=jnp.array([2.0, 0.0, 0.0]), reduction="total")
    assert (float(weighted.weight), int(loss(x, y, mask=mask, reduction="total").weight)) == (2.0, 1)
    assert float(loss(x, y, mask=jnp.zeros(3, bool))) == 0.0


@pytest.mark.parametrize("loss", ELEMENTWISE)
def test_reductions_agree(loss):
    x, y = jnp.array([0.3, -0.2, 0.1]), jnp.array([1.0, 0.0, 1.0])
    each = loss(x, y, reduction="none")
    assert each.shape == (3,)
    np.testing.assert_allclose(loss(x, y), each.mean(), rtol=1e-6)
    np.testing.assert_allclose(loss(x, y, reduction="sum"), each.sum(), rtol=1e-6)


@pytest.mark.parametrize("loss", ELEMENTWISE)
def test_second_derivatives_and_no_second_compile(loss, compiles):
    x, y = jnp.array([0.3, -0.2, 0.1]), jnp.array([1.0, 0.0, 1.0])
    assert jax.hessian(lambda x: loss(x, y))(x).shape == (3, 3)
    fn = jax.jit(lambda x: loss(x, y))
    fn(x)
    with compiles() as names:
        fn(x)
    assert names == []
