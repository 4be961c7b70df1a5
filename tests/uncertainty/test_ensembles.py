"""Members trained at once end as single runs do, and one that diverges spoils no other."""

import dataclasses
import json
import os
import signal
from contextlib import contextmanager

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lik_jax import nll, normal
from lik_jax.training import configs, metrics
from lik_jax.training.data import Batches, MemberBatches
from lik_jax.training.errors import Diverged, SettingsError
from lik_jax.training.loop import train
from lik_jax.training.run import open_run, train_run
from lik_jax.training.settings import Settings
from lik_jax.uncertainty import ensemble

SETTINGS = Settings(
    steps=60, batch_size=8, learning_rate=0.05, warmup_steps=5, validate_every=10, patience=2, ema_decay=0.5, seed=4
)
X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
Y = (X @ np.array([1.0, -2.0, 0.5], np.float32) + 0.3).astype(np.float32)
# the last member starts far off, where the gradient is clipped hard
STARTS = [{"w": jnp.full((3, 1), w, jnp.float32), "b": jnp.zeros(())} for w in (0.0, 0.4, 30.0)]


def loss(params, batch, key):
    loc = batch["x"] @ params["w"][:, 0] + params["b"]
    # noise from the key, so that a wrong key shows in the params
    loc = loc + 0.05 * jax.random.normal(key, loc.shape)
    return nll(normal, normal.Params(loc, 0.5), batch["y"])


def batches(x=X):
    return [Batches({"x": x if k == 1 else X, "y": Y}, batch_size=8, seed=SETTINGS.seed + k) for k in range(3)]


@jax.jit
def held_out(params):
    # odd on purpose: each member has a best step of its own, and stops early or not at all
    return loss(params, {"x": X, "y": Y}, jax.random.key(0)) + 3 * jnp.cos(2 * params["w"].sum())


def validate(params):
    return float(held_out(params))


def same(a, b, **how):
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        if jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key):
            x, y = jax.random.key_data(x), jax.random.key_data(y)
        np.testing.assert_allclose(x, y, **how)


class Memory:
    def __init__(self):
        self.states = []

    def save(self, state, wait=False):
        self.states.append(state)


@pytest.fixture(scope="module")
def whole():
    own = MemberBatches(tuple(batches()))
    return ensemble.train_ensemble(loss, ensemble.stack(STARTS), own, SETTINGS, validate=validate)


def test_each_member_ends_as_a_single_run_of_its_seed(whole):
    stops = set()
    for k, (params, own) in enumerate(zip(STARTS, batches(), strict=True)):
        settings = dataclasses.replace(SETTINGS, seed=SETTINGS.seed + k)
        single = train(loss, params, own, settings, validate=validate)
        same(ensemble.member(whole, k), single, rtol=2e-5, atol=1e-6)
        stops.add((int(single.step), int(single.best_step)))
    assert len(stops) > 1, "the members should stop apart, or this test says too little"
    assert len({int(step) for step in whole.step}) > 1


def test_interrupted_anywhere_goes_on_bit_for_bit(whole):
    own = MemberBatches(tuple(batches()))

    def some(step):
        if step == at:
            raise KeyboardInterrupt
        return own(step)

    for at in (7, 20, 33):
        memory = Memory()
        params = ensemble.stack(STARTS)
        with pytest.raises(KeyboardInterrupt):
            ensemble.train_ensemble(loss, params, some, SETTINGS, validate=validate, checkpoints=memory)
        assert int(memory.states[-1].step.max()) == at
        state = memory.states[-1]
        again = ensemble.train_ensemble(loss, params, own, SETTINGS, validate=validate, state=state)
        same(again, whole, rtol=0)


def test_one_that_diverges_spoils_no_other(whole):
    x = X.copy()
    x[17, 1] = np.nan
    own, records, memory = MemberBatches(tuple(batches(x))), [], Memory()
    state = ensemble.train_ensemble(
        loss, ensemble.stack(STARTS), own, SETTINGS, validate=validate, checkpoints=memory, log=records.append
    )
    for k in (0, 2):
        same(ensemble.member(state, k), ensemble.member(whole, k), rtol=0)
    assert ensemble.unfinished(state, SETTINGS).tolist() == [False, True, False]
    broken = int(state.step[1])
    assert 17 in own.rows(broken)[1]
    assert bool(jnp.isfinite(state.params["w"]).all())
    reasons = [record["diverged"] for record in records if "diverged" in record]
    assert "rows [17]: batch['x'] holds NaN" in reasons[0]["1"]
    assert ensemble.count(ensemble.best_members(state)) == (3 if broken >= 10 else 2)
    # no retry when a finished training is resumed
    again = ensemble.train_ensemble(loss, ensemble.stack(STARTS), own, SETTINGS, validate=validate, state=state)
    same(again, state, rtol=0)


def test_when_none_is_left_it_is_an_error():
    x = np.full_like(X, np.nan)
    own = MemberBatches(tuple(Batches({"x": x, "y": Y}, 8, k) for k in range(3)))
    with pytest.raises(Diverged, match="holds NaN"):
        ensemble.train_ensemble(loss, ensemble.stack(STARTS), own, SETTINGS)


def test_one_compile_and_members_counted():
    step = ensemble.make_ensemble_step(loss, SETTINGS)
    own, active = MemberBatches(tuple(batches())), jnp.ones(3, bool)
    state = ensemble.start_ensemble(ensemble.stack(STARTS), SETTINGS)
    for i in range(3):
        state, active, _ = step(state, own(i), active)
    assert step._cache_size() == 1
    assert own.size == 24
    with pytest.raises(ValueError, match="number of members"):
        ensemble.count({"a": jnp.zeros(2), "b": jnp.zeros(3)})
    with pytest.raises(SettingsError, match="ensemble is 0"):
        configs.Regressor(ensemble=0)


CONFIG = configs.Regressor(
    data="diabetes",
    widths=(8,),
    dropout=0.1,
    ensemble=3,
    fit=Settings(steps=40, batch_size=64, learning_rate=1e-2, validate_every=10),
)


class Interrupting:
    def steps(self, done):
        if done == 27:
            os.kill(os.getpid(), signal.SIGINT)

    def record(self, record):
        pass


@contextmanager
def interrupting(total, done):
    yield Interrupting()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    pytest.importorskip("orbax.checkpoint")
    return train_run(CONFIG, tmp_path_factory.mktemp("runs") / "unbroken")


@pytest.mark.slow
def test_a_run_of_an_ensemble_stopped_and_resumed_is_an_unbroken_one(tmp_path, finished):
    folder = tmp_path / "stopped"
    with pytest.raises(KeyboardInterrupt):
        train_run(CONFIG, folder, watch=interrupting)
    train_run(CONFIG, folder, resume=True)
    records = [metrics.read(path / "metrics.jsonl") for path in (folder, finished.folder)]
    assert [r["members"] for r in records[0]] == [r["members"] for r in records[1]]
    assert len(records[0]) == 4


@pytest.mark.slow
def test_a_run_of_an_ensemble(finished):
    config, task, params = open_run(finished.folder)
    assert config == CONFIG
    assert ensemble.count(params) == 3
    scores = {s.name: s.nats for s in task.evaluate(params, jax.random.key(1)).scores}
    assert scores == {s.name: s.nats for s in finished.report.scores}
    # the log of an average is more than the average of the logs
    assert scores["model, normal"] < scores["members alone, on average"]
    assert "members' disagreement" in dict(finished.report.facts)
    assert {path.name for path in finished.pictures} == {"training.png", "predictive.png"}
    assert json.loads((finished.folder / "results.json").read_text())["run"]["best step"].count(",") == 2


def test_the_command_line_asks_for_an_ensemble():
    pytest.importorskip("tyro")
    from lik_jax import cli

    command = cli.parse(["train", "regressor", "--ensemble", "3", "--dropout", "0.1"])
    assert (command.model.ensemble, command.model.dropout) == (3, 0.1)


@pytest.mark.slow
def test_an_ensemble_of_classifiers_beats_its_mean_member(tmp_path):
    pytest.importorskip("orbax.checkpoint")
    config = configs.Classifier(
        channels=4, width=16, ensemble=3, fit=Settings(steps=120, batch_size=64, learning_rate=5e-3, validate_every=60)
    )
    report = train_run(config, tmp_path / "run").report
    scores = {s.name: s.nats for s in report.scores}
    assert scores["model"] < scores["members alone, on average"]
    assert "members disagree by" in dict(report.facts)
