"""Flows with Flax networks: every kind draws what it scores; dropout only where a key is given."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lik_jax import bijectors, nll
from lik_jax.models import flow

DATA = 2 * np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32) + 5


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["spline", "affine", "autoregressive"])
def test_a_flow_draws_what_it_scores(kind, key):
    first, second, third = jax.random.split(key, 3)
    shape = flow.Config(dims=4, kind=kind, num_layers=2, width=8, num_bins=4, dropout=0.5)
    model = flow.create(shape, first, DATA)
    leaves, treedef = jax.tree.flatten(model.weights)
    noise = jax.random.split(second, len(leaves))
    weights = treedef.unflatten(
        leaf + 0.2 * jax.random.normal(k, leaf.shape) for leaf, k in zip(leaves, noise, strict=True)
    )

    @jax.jit
    def run(weights, key):
        draw, dropout = jax.random.split(key)
        params = model.params(weights)
        y, log_prob = model.distribution.sample_and_log_prob(params, draw, (50,))
        loss = jax.value_and_grad(lambda w, key: nll(model.distribution, model.params(w, key), DATA))
        twice = jax.vmap(loss, (None, 0))(weights, jax.random.split(dropout))
        return y, log_prob, model.distribution.log_prob(params, y), twice

    y, log_prob, scored, ((one, two), slopes) = run(weights, third)
    assert y.shape == (50, 4)
    np.testing.assert_allclose(log_prob, scored, rtol=1e-3, atol=1e-3)
    assert float(one) != float(two)
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(slopes))


def test_a_flow_starts_as_the_normal_of_its_data(key):
    model = flow.create(flow.Config(dims=4, num_layers=2, width=8), key, DATA)
    x, _ = jax.jit(model.distribution.bijector.inverse)(model.params(model.weights).bijector, DATA)
    np.testing.assert_allclose(x.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(x.std(0), 1, atol=1e-4)


def test_errors(key):
    with pytest.raises(ValueError, match=r"data has shape \(40, 4\); want \[n, 5\]"):
        flow.create(flow.Config(dims=5), key, DATA)
    with pytest.raises(ValueError, match="kind='cubic'"):
        flow.create(flow.Config(dims=4, kind="cubic"), key, DATA, before=(bijectors.scaling(1.0),))
