"""Independent coordinates: sums, shapes and the guard against a broadcast within the event."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lik_jax as lj
from lik_jax import bernoulli, categorical, normal
from lik_jax.compose import independent, mixture

row = independent(normal, 1)


def test_a_sum_over_the_event(key):
    raw = jax.random.normal(key, (4, 6))
    params, y = row.constrain(raw), jnp.arange(12.0).reshape(4, 3)
    np.testing.assert_allclose(row.log_prob(params, y), normal.log_prob(params, y).sum(-1), rtol=1e-6)
    np.testing.assert_allclose(row.unconstrain(params), raw, atol=1e-6)
    np.testing.assert_allclose(row.entropy(params), normal.entropy(params).sum(-1), rtol=1e-6)
    assert lj.nll(row, params, y).shape == ()


def test_two_axes(key):
    image = independent(bernoulli, 2)
    params = image.constrain(jax.random.normal(key, (5, 3, 4)))
    assert params.logits.shape == (5, 3, 4)
    y = image.sample(params, jax.random.fold_in(key, 1), (2,))
    assert y.shape == (2, 5, 3, 4)
    assert image.log_prob(params, y[0]).shape == (5,)
    soft = image.expected_log_prob(params, jnp.full((5, 3, 4), 0.5))
    assert soft.shape == (5,)
    # every pixel its own estimate, in the order of the axes
    want = jnp.arange(12.0).reshape(3, 4)
    np.testing.assert_allclose(independent(normal, 2).mle(want[None] + jnp.array([-1.0, 1.0])[:, None, None]).loc, want)


def test_shared_params():
    np.testing.assert_allclose(row.log_prob(normal.Params(0.0, 1.0), jnp.zeros((2, 3))), -2.7568154, rtol=1e-6)
    assert lj.nll(row, normal.Params(jnp.zeros(3), 1.0), jnp.zeros((2, 3)), reduction="none").shape == (2,)


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: row.log_prob(normal.Params(jnp.zeros(3), 1.0), jnp.zeros(1)), "same axes"),
        (lambda: row.log_prob(normal.Params(jnp.zeros(1), 1.0), jnp.zeros(3)), None),
        (lambda: row.log_prob(normal.Params(0.0, 1.0), 0.0), "axes"),
        (lambda: row.sample(normal.Params(0.0, 1.0), jax.random.key(0)), "Broadcast"),
        (lambda: row.entropy(normal.Params(0.0, 1.0)), "Broadcast"),
        (lambda: row.constrain(jnp.zeros(5)), "multiple of 2"),
        (lambda: independent(categorical, 1).constrain(jnp.zeros(6)), "categorical.constrain"),
        (lambda: independent(normal, 0), "ndims"),
    ],
)
def test_errors_say_what_to_do(act, words):
    if words is None:
        act()
    else:
        with pytest.raises(ValueError, match=words):
            act()


@pytest.mark.slow
def test_of_a_mixture(key):
    m = independent(mixture(normal, 3), 1)
    params = m.constrain(jax.random.normal(key, (4, 2 * 9)))
    assert params.components.loc.shape == (4, 2, 3)
    assert m.mean(params).shape == (4, 2)
    assert lj.nll(m, params, jnp.ones((4, 2)), mask=jnp.array([True, True, False, False])).shape == ()
    assert m.init(jax.random.normal(jax.random.fold_in(key, 1), (50, 2))).components.scale.shape == (2, 3)


def test_kl_divergence_is_a_sum():
    p, q = normal.Params(jnp.zeros(3), 1.0), normal.Params(jnp.ones(3), 2.0)
    np.testing.assert_allclose(
        row.kl_divergence(p, q), 3 * normal.kl_divergence(normal.Params(0.0, 1.0), normal.Params(1.0, 2.0))
    )
