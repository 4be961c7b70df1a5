"""Params collected along one training, and dropout left on: what is kept, and how it is drawn from."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from lik_jax import nll, normal
from lik_jax.models import classifier, regressor
from lik_jax.training.errors import Diverged
from lik_jax.training.settings import Settings
from lik_jax.uncertainty import dropout, snapshot, swag

RNG = np.random.default_rng(3)
SETTINGS = Settings(steps=25, learning_rate=0.1, clip_norm=2.0, weight_decay=0.01)
Y = RNG.normal(size=(40, 8)).astype(np.float32) + 3
START = {"loc": jnp.zeros((2, 1)), "raw": jnp.zeros(())}


def loss(params, batch, key):
    scale = jnp.exp(params["raw"]) + 0.01 * jax.random.normal(key, ())
    return nll(normal, normal.Params(params["loc"].sum(), scale), batch)


def batches(step):
    return Y[step % 40]


def by_hand(rate, steps):
    """Params after every step, with optax alone."""
    tx = optax.chain(
        optax.clip_by_global_norm(2.0), optax.adamw(rate, weight_decay=0.01, mask={"loc": True, "raw": False})
    )
    params, state, key, seen = START, tx.init(START), jax.random.key(0), []
    step = jax.jit(lambda params, batch, key: jax.grad(loss)(params, batch, key))
    for i in range(steps):
        gradient = step(params, batches(i), jax.random.fold_in(key, i))
        with jax.numpy_dtype_promotion("standard"):
            updates, state = tx.update(gradient, state, params)
        params = optax.apply_updates(params, updates)
        seen.append(params)
    return seen


def test_the_rate_of_snapshots_starts_over_in_each_cycle():
    rate = snapshot.schedule(SETTINGS, 3)  # cycles of 9 steps
    expected = [0.05 * (np.cos(np.pi * (t % 9) / 9) + 1) for t in range(25)]
    np.testing.assert_allclose([rate(jnp.int32(t)) for t in range(25)], expected, rtol=1e-6)
    with pytest.raises(ValueError, match="0 cycles of 25 steps"):
        snapshot.schedule(SETTINGS, 0)


def test_snapshots_are_the_params_at_the_ends_of_cycles():
    members = snapshot.train(loss, START, batches, SETTINGS, 3)
    seen = by_hand(snapshot.schedule(SETTINGS, 3), 25)
    for k, end in enumerate((9, 18, 25)):
        np.testing.assert_allclose(members["loc"][k], seen[end - 1]["loc"], rtol=1e-4)
        np.testing.assert_allclose(members["raw"][k], seen[end - 1]["raw"], rtol=1e-4)


def test_what_diverges_is_named():
    def broken(step):
        return np.full(8, np.nan, np.float32) if step == 11 else batches(step)

    with pytest.raises(Diverged, match="step 11: the loss or its gradient"):
        snapshot.train(loss, START, broken, SETTINGS, 3)
    with pytest.raises(Diverged, match="step 11: the loss or its gradient"):
        swag.collect(loss, START, broken, SETTINGS, every=5)


def collected(params, num_columns):
    state = swag.init(params[0], num_columns)
    update = jax.jit(swag.update)
    for p in params:
        state = update(state, p)
    return state


def test_swag_collects_along_a_constant_rate():
    state = swag.collect(loss, START, batches, dataclasses.replace(SETTINGS, steps=24), every=5, num_columns=3)
    seen = by_hand(0.1, 24)[4::5]
    assert int(state.seen) == len(seen) == 4
    values = np.array([p["loc"] for p in seen])
    np.testing.assert_allclose(state.mean["loc"], values.mean(0), rtol=1e-4)
    np.testing.assert_allclose(state.variance["loc"], values.var(0), rtol=1e-3)


def test_swag_of_given_params(x64, key):
    """Mean, variance and the last columns by numpy; the samples' covariance is half diagonal, half of low rank."""
    values = 1e5 + RNG.normal(size=(7, 3)) @ RNG.normal(size=(3, 3))
    state = collected([{"a": v[:2], "b": v[2]} for v in values], 4)
    mean = np.concatenate([state.mean["a"], state.mean["b"][None]])
    variance = np.concatenate([state.variance["a"], state.variance["b"][None]])
    np.testing.assert_allclose(mean, values.mean(0), rtol=1e-14)
    np.testing.assert_allclose(variance, values.var(0), rtol=1e-8)
    columns = np.array([values[i] - values[: i + 1].mean(0) for i in range(3, 7)])
    covariance = 0.5 * (np.diag(values.var(0)) + columns.T @ columns / 3)
    draws = jax.jit(swag.sample, static_argnums=2)(state, key, 40_000)
    flat = np.column_stack([draws["a"], draws["b"]]) - mean
    error = np.sqrt((covariance**2 + np.outer(np.diag(covariance), np.diag(covariance))) / 40_000)
    assert (np.abs(np.cov(flat.T) - covariance) < 4.5 * error).all()
    assert (np.abs(flat.mean(0)) < 4.5 * np.sqrt(np.diag(covariance) / 40_000)).all()


def test_swag_of_little():
    one = collected([{"a": jnp.ones(2)}], 4)
    for state, scale in ((one, 1.0), (collected([{"a": jnp.ones(2)}, {"a": jnp.zeros(2)}], 4), 0.0)):
        draws = swag.sample(state, jax.random.key(0), 3, scale=scale)["a"]
        np.testing.assert_array_equal(draws, np.broadcast_to(state.mean["a"], (3, 2)))
    with pytest.raises(ValueError, match="num_columns is 1"):
        swag.init({"a": jnp.ones(2)}, 1)


@pytest.mark.parametrize("kind", ["regressor", "classifier"])
def test_dropout_is_on_where_a_key_is_given(kind, key):
    first, second, unused, draw = jax.random.split(key, 4)
    if kind == "regressor":
        x = jax.random.normal(first, (6, 3))
        models = [regressor.create(regressor.Config(3, 2, (64,), dropout=rate), second) for rate in (0.0, 0.25)]
    else:
        x = jax.random.uniform(first, (6, 8, 8))
        models = [
            classifier.create(classifier.Config(channels=4, width=64, dropout=rate), second) for rate in (0.0, 0.25)
        ]
    plain, dropped = models
    apply = jax.jit(dropped.apply, static_argnames="method")
    features = plain.apply(plain.params, x, method="features")
    # no key, no dropout; no dropout, no use for a key
    np.testing.assert_allclose(apply(dropped.params, x, method="features"), features, rtol=1e-6)
    np.testing.assert_allclose(plain.apply(plain.params, x, unused, method="features"), features, rtol=1e-6)
    raw = dropout.samples(lambda p, x, k: apply(p, x, k, method="features"), dropped.params, x, draw, 200)
    assert raw.shape == (200, *features.shape)
    assert bool((raw[0] != raw[1]).any())
    alive = np.asarray(features) != 0
    left_out = (np.asarray(raw) == 0)[:, alive].mean()
    assert abs(left_out - 0.25) < (0.02 if kind == "regressor" else 0.15)


def test_convolutions_by_products_are_the_same_network(key):
    first, second = jax.random.split(key)
    x = jax.random.uniform(first, (3, 6, 8))
    shape = {"num_classes": 3, "height": 6, "columns": 8, "channels": 4, "width": 8}
    plain, products = (
        classifier.create(classifier.Config(**shape, by_products=flag), second) for flag in (False, True)
    )
    moved = jax.tree.map(lambda leaf: leaf + 0.1, plain.params)
    for a, b in zip(
        *(
            jax.tree.leaves(jax.jit(jax.value_and_grad(lambda p, m=m: (m.apply(p, x) ** 2).sum()))(moved))
            for m in (plain, products)
        ),
        strict=True,
    ):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=1e-4)
