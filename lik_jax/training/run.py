"""One run: a folder with config.json, metrics.jsonl, checkpoints, results.json and pictures."""

import json
import shutil
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jax

from ..uncertainty.ensemble import best_members, start_ensemble, train_ensemble, unfinished
from . import configs, metrics
from .checkpoints import Checkpoints
from .errors import RunError
from .loop import State, start, train
from .progress import Progress, Silent
from .settings import Settings
from .task import Report, Task
from .tasks import build

Watch = Callable[[int, int], AbstractContextManager[Progress]]


@dataclass(frozen=True)
class Finished:
    """A trained run.

    Attributes:
        folder: where it lives.
        report: held-out scores of its best params.
        facts: parameters, time, examples a second: name and text.
        pictures: files that were written.
    """

    folder: Path
    report: Report
    facts: tuple[tuple[str, str], ...]
    pictures: tuple[Path, ...]


def train_run(
    config: configs.Config,
    folder: Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    watch: Watch = lambda total, done: nullcontext(Silent()),
) -> Finished:
    """Train, evaluate and draw.

    Args:
        config: what to train.
        folder: of the run; made here.
        resume: go on from the newest checkpoint there; a finished run is evaluated again.
        overwrite: delete what is there first.
        watch: ``watch(total steps, steps done)``, a context manager that gives a `Progress`.

    Raises:
        RunError: the folder holds a run already and neither is asked for, or one with another config.
        DataError: the data file cannot be used.
        Diverged: a loss is not finite.
        KeyboardInterrupt: Ctrl-C, after saving.
    """
    folder = Path(folder)
    wanted = configs.to_json(config)
    if overwrite and folder.exists():
        _own(folder)
        shutil.rmtree(folder)
    _check(folder, wanted, resume)
    task = build(config)
    resumed = _prepare(folder, wanted, task.fingerprint)
    state = _start(task, config.fit)
    checkpoints = Checkpoints(folder / "checkpoints")
    history = folder / "metrics.jsonl"
    if resumed and checkpoints.latest_step() is not None:
        state = checkpoints.restore(state)
    done = int(state.step.max())
    metrics.rewind(history, done)
    earlier = metrics.read(history)
    before = earlier[-1]["seconds"] if earlier else 0.0
    began = time.perf_counter()
    try:
        with watch(config.fit.steps, done) as progress:

            def log(record: dict[str, Any]) -> None:
                record["seconds"] = round(before + time.perf_counter() - began, 3)
                metrics.append(history, record)
                progress.record(record)

            def batches(step: int) -> Any:
                progress.steps(step)
                return task.batches(step)

            batches.rows = task.batches.rows  # type: ignore[attr-defined]
            state = (train if task.members == 1 else train_ensemble)(
                task.loss,
                task.params,
                batches,
                config.fit,
                state=state,
                validate=task.validate,
                checkpoints=checkpoints,
                log=log,
            )
    finally:
        checkpoints.close()
    return _finish(folder, config, task, state)


def _finish(folder: Path, config: configs.Config, task: Task, state: Any) -> Finished:
    from ..models.functional import size

    params, step, best = _best(task, state), int(state.step.max()), state.best_step
    report = task.evaluate(params, jax.random.key(1))
    records = metrics.read(folder / "metrics.jsonl")
    seconds = records[-1]["seconds"] if records else 0.0
    rate = step * task.batches.size * task.units_per_example / max(seconds, 1e-9)
    lost = int(unfinished(state, config.fit).sum()) if task.members > 1 else 0
    facts = (
        *((("diverged", f"{lost} of {task.members} networks"),) if lost else ()),
        ("best step", f"{', '.join(str(int(b)) for b in best.ravel())} of {step}"),
        ("parameters", f"{size(params):,}"),
        ("training time", f"{seconds:.1f} s"),
        (f"{task.unit}s a second", f"{rate:,.0f}"),
    )
    (folder / "results.json").write_text(json.dumps({**asdict(report), "run": dict(facts)}, indent=2) + "\n")
    pictures = draw_run(folder, task, params, jax.random.key(2))
    return Finished(folder, report, facts, tuple(pictures))


def draw_run(folder: Path, task: Task, params: Any, key: jax.Array) -> list[Path]:
    """Training curves and what else the task draws."""
    from ..plots import figure, save, training_curves

    fig, ax = figure()
    records = metrics.read(folder / "metrics.jsonl")
    training_curves(ax, records, lines=task.levels, unit=task.unit, train=task.loss_name, metric=task.metric)
    return [save(fig, folder / "training.png"), *task.draw(params, key, folder)]


def open_run(folder: Path) -> tuple[configs.Config, Task, Any]:
    """The config, the task and the best params of a run.

    Raises:
        RunError: no run there, or other data.
    """
    folder = Path(folder)
    if not (folder / "config.json").is_file():
        raise RunError(f"{folder} is no run: it has no config.json. Train one with `lik-jax train`.")
    try:
        stored = json.loads((folder / "config.json").read_text())
        mark = stored.pop("data_fingerprint")
        config = configs.from_json(stored)
    except (ValueError, KeyError, TypeError) as error:
        raise RunError(f"{folder / 'config.json'} is damaged ({error!r}). Restore it, or train the run anew.") from None
    task = build(config)
    _same_data(folder, mark, task.fingerprint)
    checkpoints = Checkpoints(folder / "checkpoints")
    try:
        state = checkpoints.restore(_start(task, config.fit))
    except FileNotFoundError as error:
        raise RunError(str(error)) from None
    finally:
        checkpoints.close()
    return config, task, _best(task, state)


def _start(task: Task, settings: Settings) -> State:
    return start(task.params, settings, task.carry) if task.members == 1 else start_ensemble(task.params, settings)


def _best(task: Task, state: State) -> Any:
    return state.best_params if task.members == 1 else best_members(state)


def _check(folder: Path, wanted: dict[str, Any], resume: bool) -> None:
    if not folder.exists():
        return
    _own(folder)
    if not (folder / "config.json").exists():
        return
    stored = json.loads((folder / "config.json").read_text())
    stored.pop("data_fingerprint", None)
    if stored != wanted:
        raise RunError(
            f"{folder} holds a run with another config ({_differences(stored, wanted)}). Give this one another --name, "
            f"use the same settings to --resume, or --overwrite to start anew."
        )
    if not resume:
        raise RunError(
            f"{folder} holds a run with this config already. Use --resume to go on with it, another --name to keep it, "
            f"or --overwrite to start anew."
        )


def _own(folder: Path) -> None:
    # never delete or fill a folder that is not a run's
    if not folder.is_dir() or (any(folder.iterdir()) and not (folder / "config.json").exists()):
        raise RunError(f"{folder} exists and is no run. Choose another --name.")


def _prepare(folder: Path, wanted: dict[str, Any], mark: str) -> bool:
    path = folder / "config.json"
    if path.exists():
        _same_data(folder, json.loads(path.read_text())["data_fingerprint"], mark)
        return True
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / "config.tmp"
    temporary.write_text(json.dumps({**wanted, "data_fingerprint": mark}, indent=2) + "\n")
    temporary.replace(path)
    return False


def _same_data(folder: Path, stored: str, mark: str) -> None:
    if stored != mark:
        raise RunError(f"the data is not what {folder} was trained on (fingerprint {mark}, was {stored}).")


def _differences(stored: dict[str, Any], wanted: dict[str, Any]) -> str:
    def flat(values: dict[str, Any]) -> dict[str, Any]:
        return {k: v for k, v in values.items() if k != "fit"} | values.get("fit", {})

    a, b = flat(stored), flat(wanted)
    changed = [k for k in sorted(a.keys() | b.keys()) if a.get(k) != b.get(k)]
    return "; ".join(f"{k} {a.get(k)} there, {b.get(k)} here" for k in changed[:5])
