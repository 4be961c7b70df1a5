"""The loop: it learns, keeps the best, says what went wrong, and goes on bit for bit."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lik_jax import nll, normal
from lik_jax.training.data import Batches
from lik_jax.training.errors import Diverged, SettingsError
from lik_jax.training.loop import _averaged, make_step, start, train
from lik_jax.training.settings import Settings

SETTINGS = Settings(steps=60, batch_size=8, learning_rate=0.05, warmup_steps=5, validate_every=10, patience=100)
X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
Y = (X @ np.array([1.0, -2.0, 0.5], np.float32) + 0.3).astype(np.float32)
PARAMS = {"w": jnp.zeros(3), "b": jnp.zeros(())}


def loss(params, batch, key):
    loc = batch["x"] @ params["w"] + params["b"]
    # noise from the key, so that a wrong key shows in the params
    loc = loc + 0.01 * jax.random.normal(key, loc.shape)
    return nll(normal, normal.Params(loc, 0.5), batch["y"])


def batches(x=X, y=Y):
    return Batches({"x": x, "y": y}, batch_size=8, seed=3)


def validate(params):
    return float(loss(params, {"x": X, "y": Y}, jax.random.key(0)))


def same(a, b):
    return all(bool(jnp.all(x == y)) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True))


class Memory:
    """Checkpoints in memory."""

    def __init__(self):
        self.states = []

    def save(self, state, wait=False):
        self.states.append(state)


def test_learns_and_logs():
    records = []
    state = train(loss, PARAMS, batches(), dataclasses.replace(SETTINGS, steps=300), log=records.append)
    np.testing.assert_allclose(state.params["w"], [1.0, -2.0, 0.5], atol=0.1)
    assert [r["step"] for r in records] == list(range(10, 301, 10))
    assert records[-1]["train_loss"] < records[0]["train_loss"]


def test_one_compile():
    step = make_step(loss, SETTINGS)
    state = start(PARAMS, SETTINGS)
    for i in range(3):
        state, _ = step(state, batches()(i))
    assert step._cache_size() == 1


def test_interrupted_anywhere_goes_on_bit_for_bit():
    whole = train(loss, PARAMS, batches(), SETTINGS, validate=validate)

    def interrupted(at):
        def some(step):
            if step == at:
                raise KeyboardInterrupt
            return batches()(step)

        return some

    for at in (7, 10, 33):
        memory = Memory()
        with pytest.raises(KeyboardInterrupt):
            train(loss, PARAMS, interrupted(at), SETTINGS, validate=validate, checkpoints=memory)
        assert int(memory.states[-1].step) == at
        again = train(loss, PARAMS, batches(), SETTINGS, validate=validate, state=memory.states[-1])
        assert same(again, whole)


def test_early_stopping_keeps_the_best():
    values = iter([3.0, 2.0, 1.0, 1.5, 1.4, 1.3, 1.2, 1.1])
    seen = []

    def validate(params):
        seen.append(params)
        return next(values)

    settings = dataclasses.replace(SETTINGS, steps=1000, patience=3)
    memory = Memory()
    state = train(loss, PARAMS, batches(), settings, validate=validate, checkpoints=memory)
    assert int(state.step) == 60
    assert int(state.best_step) == 30
    assert float(state.best_value) == 1.0
    assert same(state.best_params, seen[2])
    # a stopped run stays stopped
    assert int(train(loss, PARAMS, batches(), settings, validate=validate, state=memory.states[-1]).step) == 60


def test_nan_in_the_data_is_named():
    x = X.copy()
    x[17, 1] = np.nan
    memory = Memory()
    data = batches(x)
    with pytest.raises(Diverged, match=r"rows \[17\].*batch\['x'\] holds NaN") as caught:
        train(loss, PARAMS, data, SETTINGS, checkpoints=memory)
    assert 17 in data.rows(caught.value.step)
    assert all(17 not in data.rows(i) for i in range(caught.value.step))
    saved = memory.states[-1]
    assert int(saved.step) == caught.value.step
    assert bool(jnp.isfinite(saved.params["w"]).all())


def test_an_impossible_observation_is_named():
    from lik_jax import bernoulli

    y = (Y > 0).astype(np.float32)
    y[5] = 2.0

    def loss(params, batch, key):
        return nll(bernoulli, bernoulli.Params(batch["x"] @ params["w"] + params["b"]), batch["y"])

    with pytest.raises(Diverged, match="probability 0 under the model"):
        train(loss, PARAMS, batches(X, y), SETTINGS)


def test_a_blow_up_is_named():
    def explosive(params, batch, key):
        return ((batch["x"] @ params["w"] + params["b"]) ** 4).mean()

    settings = dataclasses.replace(SETTINGS, learning_rate=1e9)
    with pytest.raises(Diverged, match=r"the optimiser blew up\. Lower the learning rate"):
        train(explosive, {"w": jnp.ones(3), "b": jnp.ones(())}, batches(), settings)


def test_an_infinite_slope_is_named():
    def kinked(params, batch, key):
        return jnp.sqrt(jnp.abs(params["b"])) + (batch["x"] @ params["w"]).mean()

    with pytest.raises(Diverged, match=r"gradient is not: in params\['b'\]"):
        train(kinked, PARAMS, batches(), SETTINGS)


def test_settings_out_of_range():
    with pytest.raises(SettingsError, match="steps is 0"):
        Settings(steps=0)
    with pytest.raises(SettingsError, match="learning_rate is 0"):
        Settings(learning_rate=0.0)


def test_a_carry_is_handed_on_and_the_average_is_kept():
    settings = dataclasses.replace(SETTINGS, steps=20, ema_decay=0.5)
    values, seen = [], []

    def counting(params, batch, key, carry):
        return loss(params, batch, key), {"count": carry["count"] + 1}

    def validate_once(params):
        seen.append(params)
        return -float(len(seen))

    memory = Memory()
    state = train(
        counting,
        PARAMS,
        batches(),
        settings,
        carry={"count": 0},
        validate=validate_once,
        checkpoints=memory,
        log=values.append,
    )
    assert int(state.carry["count"]) == 20
    plain = train(loss, PARAMS, batches(), dataclasses.replace(settings, ema_decay=0.0))
    assert same(state.params, plain.params)
    assert same(state.best_params, state.average)
    assert not same(state.best_params, state.params)
    resumed = train(
        counting, PARAMS, batches(), settings, carry={"count": 0}, validate=validate_once, state=memory.states[0]
    )
    assert same(resumed.average, state.average)


def test_the_average_is_of_the_last_params():
    params = [{"w": jnp.float32(i)} for i in range(1, 200)]
    average = {"w": jnp.float32(0)}
    for i, p in enumerate(params, 1):
        average = _averaged(average, p, jnp.int32(i), 0.9)
    # a ramp is followed at a distance of decay / (1 - decay)
    np.testing.assert_allclose(average["w"], 199 - 9, rtol=1e-3)
