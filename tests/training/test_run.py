"""A run survives whatever ends it: kill -9, Ctrl-C, a NaN; what is resumed ends as if nothing had happened."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import jax
import numpy as np
import pytest

from lik_jax.training import configs, metrics
from lik_jax.training.checkpoints import Checkpoints
from lik_jax.training.errors import Diverged, RunError
from lik_jax.training.loop import start
from lik_jax.training.run import open_run, train_run
from lik_jax.training.settings import Settings
from lik_jax.training.tasks import build

pytest.importorskip("orbax.checkpoint")

CONFIG = configs.Regressor(
    data="diabetes", widths=(8,), fit=Settings(steps=60, batch_size=32, validate_every=10, patience=100)
)

# trains CONFIG in the folder given; with "slow" it takes its time after each validation, so that it can be killed
PROGRAM = """
import pathlib, sys, time
from contextlib import contextmanager
sys.path.insert(0, {tests!r})
import test_run
from lik_jax.training.run import train_run

class Slow:
    def steps(self, done): pass
    def record(self, record): time.sleep({pause})

@contextmanager
def watch(total, done):
    yield Slow()

train_run(test_run.CONFIG, pathlib.Path(sys.argv[1]), resume=True, watch=watch)
"""


def launch(folder, pause):
    root = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", "PYTHONPATH": root}
    program = PROGRAM.format(tests=os.path.dirname(__file__), pause=pause)
    return subprocess.Popen([sys.executable, "-c", program, str(folder)], env=environment)


def last_state(folder):
    task = build(CONFIG)
    checkpoints = Checkpoints(folder / "checkpoints")
    state = checkpoints.restore(start(task.params, CONFIG.fit))
    checkpoints.close()
    return state


def digest(state):
    result = hashlib.sha256()
    for path, leaf in jax.tree_util.tree_leaves_with_path(state):
        if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            leaf = jax.random.key_data(leaf)
        result.update(jax.tree_util.keystr(path).encode() + np.asarray(leaf).tobytes())
    return result.hexdigest()


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "unbroken"
    train_run(CONFIG, folder)
    return folder


def curve(folder):
    records = metrics.read(folder / "metrics.jsonl")
    return [(r["step"], r["train_loss"], r["validation_loss"]) for r in records]


@pytest.mark.slow
def test_kill_nine_and_resume_end_as_an_unbroken_run(tmp_path, unbroken):
    folder = tmp_path / "killed"
    process = launch(folder, pause=0.5)
    deadline = time.monotonic() + 120
    while len(metrics.read(folder / "metrics.jsonl")) < 3 and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    checkpoints = Checkpoints(folder / "checkpoints")
    stopped_at = checkpoints.latest_step()
    checkpoints.close()
    assert stopped_at in (10, 20, 30)
    assert launch(folder, pause=0).wait() == 0
    assert digest(last_state(folder)) == digest(last_state(unbroken))
    assert curve(folder) == curve(unbroken)


class Interrupting:
    def __init__(self, at):
        self.at = at

    def steps(self, done):
        if done == self.at:
            os.kill(os.getpid(), signal.SIGINT)

    def record(self, record):
        pass


def test_control_c_saves_between_validations(tmp_path, unbroken):
    folder = tmp_path / "stopped"

    @contextmanager
    def watch(total, done):
        yield Interrupting(37)

    with pytest.raises(KeyboardInterrupt):
        train_run(CONFIG, folder, watch=watch)
    assert 37 <= int(last_state(folder).step) <= 38
    train_run(CONFIG, folder, resume=True)
    assert digest(last_state(folder)) == digest(last_state(unbroken))


def test_a_run_is_complete_and_can_be_opened(unbroken):
    names = {path.name for path in unbroken.iterdir()}
    assert {"config.json", "metrics.jsonl", "checkpoints", "results.json", "training.png", "predictive.png"} <= names
    results = json.loads((unbroken / "results.json").read_text())
    config, task, params = open_run(unbroken)
    assert config == CONFIG
    report = task.evaluate(params, jax.random.key(1))
    assert [s.nats for s in report.scores] == [s["nats"] for s in results["scores"]]
    assert report.scores[0].nats < report.scores[1].nats


def test_a_finished_run_resumed_trains_no_more(unbroken):
    before = digest(last_state(unbroken))
    train_run(CONFIG, unbroken, resume=True)
    assert digest(last_state(unbroken)) == before


def test_another_run_of_the_same_name(tmp_path, unbroken):
    with pytest.raises(RunError, match=r"already.*--resume"):
        train_run(CONFIG, unbroken)
    other = configs.Regressor(data="diabetes", widths=(9,), fit=CONFIG.fit)
    with pytest.raises(RunError, match=r"widths \[8\] there, \[9\] here"):
        train_run(other, unbroken, resume=True)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    for overwrite in (False, True):
        with pytest.raises(RunError, match="is no run"):
            train_run(CONFIG, tmp_path / "mine", overwrite=overwrite)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "precious"


def test_other_data_is_refused(tmp_path):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "a.npy", rng.normal(size=(50, 3)))
    config = configs.Regressor(data=str(tmp_path / "a.npy"), widths=(4,), fit=Settings(steps=4, batch_size=8))
    train_run(config, tmp_path / "run")
    np.save(tmp_path / "a.npy", rng.normal(size=(50, 3)))
    with pytest.raises(RunError, match="not what"):
        train_run(config, tmp_path / "run", resume=True)


def test_a_divergence_keeps_the_last_good_state(tmp_path):
    config = configs.Regressor(
        data="diabetes", widths=(8,), fit=Settings(steps=50, learning_rate=1e12, clip_norm=1e12, validate_every=10)
    )
    with pytest.raises(Diverged, match="Lower the learning rate"):
        train_run(config, tmp_path / "run")
    _, _, params = open_run(tmp_path / "run")
    assert all(bool(np.isfinite(leaf).all()) for leaf in jax.tree.leaves(params))


def test_configs_survive_json():
    for kind in configs.NAMES.values():
        assert configs.from_json(json.loads(json.dumps(configs.to_json(kind())))) == kind()
