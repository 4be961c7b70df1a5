"""The ``lik-jax`` command: train a toy model, evaluate it, calibrate it, draw from it, list the distributions.

Arguments are read before anything heavy is loaded, so that ``--help`` answers at once.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Union

from ._extras import load
from .training import configs


@dataclass(frozen=True)
class Evaluate:
    """Held-out scores of a run's best params, beside honest baselines."""

    run: Path
    """The run's folder, such as runs/classifier."""


@dataclass(frozen=True)
class Calibrate:
    """Fit calibration maps on a run's validation part, and judge them on its test part: tables and a picture."""

    run: Path
    """The folder of a classifier's or a regressor's run, such as runs/classifier."""
    level: float = 0.9
    """Probability with which conformal sets and intervals hold what comes."""
    seed: int = 0
    """Of the labels that a perfect forecaster is given, to see what chance alone does."""


@dataclass(frozen=True)
class Sample:
    """Draw from a run's model: pictures or text, in the run's folder."""

    run: Path
    """The run's folder, such as runs/vae."""
    seed: int = 0
    """Of the random numbers that the draws are made from; another seed, other draws."""


@dataclass(frozen=True)
class Distributions:
    """What is on offer: each distribution, the loss it is, and what it can do."""

    name: str = ""
    """Show those whose name contains this."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit status: 0 done, 1 could not, 130 after Ctrl-C."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        command = parse(arguments)
        actions: dict[str, Callable[[Any], None]] = {
            "Train": _train,
            "Evaluate": _evaluate,
            "Calibrate": _calibrate,
            "Sample": _sample,
            "Distributions": _distributions,
        }
        actions[type(command).__name__](command)
    except Exception as error:
        if not _expected(error):
            raise
        print(f"lik-jax: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lik-jax: stopped.", file=sys.stderr)
        return 130
    return 0


def parse(arguments: list[str]) -> Any:
    """Read the command line; ``train`` without a model's name trains the classifier."""
    tyro = load("tyro", "cli", "the lik-jax command")
    sub, positional = tyro.conf.subcommand, tyro.conf.Positional
    models: Any = Union[tuple(Annotated[kind, sub(name)] for name, kind in configs.NAMES.items())]  # noqa: UP007

    @dataclass(frozen=True)
    class Train:
        """Train a toy model; without a model's name, the classifier."""

        model: models  # type: ignore[valid-type]
        """What to train; `lik-jax train MODEL --help` shows its settings."""
        name: str = ""
        """The run's name; the model's if none is given."""
        runs: Path = Path("runs")
        """The folder that runs are kept in."""
        resume: bool = False
        """Go on from the newest checkpoint."""
        overwrite: bool = False
        """Delete a run of the same name first."""

    if arguments[:1] == ["train"] and not set(arguments) & {*configs.NAMES, "-h", "--help"}:
        arguments = ["train", "classifier", *arguments[1:]]
    commands: Any = Union[  # noqa: UP007
        Annotated[Train, sub("train")],
        Annotated[positional[Evaluate], sub("evaluate")],
        Annotated[tyro.conf.PositionalRequiredArgs[Calibrate], sub("calibrate")],
        Annotated[tyro.conf.PositionalRequiredArgs[Sample], sub("sample")],
        Annotated[positional[Distributions], sub("distributions")],
    ]
    conf = tyro.conf
    return tyro.cli(
        commands,
        prog="lik-jax",
        description="Every training loss is a likelihood: toy models that show it.",
        args=arguments,
        config=(conf.CascadeSubcommandArgs, conf.OmitArgPrefixes, conf.OmitSubcommandPrefixes),
    )


def _train(command: Any) -> None:
    console = _console()
    name = command.name or configs.name_of(command.model)
    folder = command.runs / name
    from .training import progress, table
    from .training.run import train_run

    again = f"lik-jax train {configs.name_of(command.model)} --name {name} --runs {command.runs} --resume"
    try:
        finished = train_run(
            command.model, folder, resume=command.resume, overwrite=command.overwrite, watch=progress.bar
        )
    except KeyboardInterrupt:
        console.print(f"\nstopped; everything up to here is saved in {folder / 'checkpoints'}.")
        console.print(f"Go on with the same settings and --resume:  {again}", soft_wrap=True)
        raise
    except ArithmeticError:
        console.print(f"\nthe last good state is saved in {folder / 'checkpoints'}.")
        raise
    console.print("wrote " + ", ".join(str(path) for path in finished.pictures), soft_wrap=True)
    console.print(table.report(finished.report, finished.facts))


def _evaluate(command: Evaluate) -> None:
    console = _console()
    import jax

    from .models.functional import size
    from .training import table
    from .training.run import open_run

    _, task, params = open_run(command.run)
    facts = (("parameters", f"{size(params):,}"),)
    console.print(table.report(task.evaluate(params, jax.random.key(1)), facts))


def _calibrate(command: Calibrate) -> None:
    console = _console()
    from .training import table
    from .training.calibrate import calibrate_run

    found = calibrate_run(command.run, level=command.level, seed=command.seed)
    for sheet in found.sheets:
        console.print(table.sheet(sheet.title, sheet.columns, sheet.rows))
    console.print("wrote " + ", ".join(str(path) for path in found.files), soft_wrap=True)


def _sample(command: Sample) -> None:
    console = _console()
    import jax

    from .training.run import open_run

    _, task, params = open_run(command.run)
    written = task.draw(params, jax.random.key(command.seed), Path(command.run))
    for path in written:
        if path.suffix == ".txt":
            console.print(path.read_text(encoding="utf-8"), markup=False, highlight=False)
    console.print("wrote " + ", ".join(str(path) for path in written), soft_wrap=True)


def _distributions(command: Distributions) -> None:
    from . import catalogue
    from .training import table

    _console().print(table.catalogue([entry for entry in catalogue.entries() if command.name in entry.name]))


def _console() -> Any:
    return load("rich.console", "cli", "the lik-jax command").Console()


def _expected(error: Exception) -> bool:
    """Whether the error speaks to the user; any other is a bug, and shows where it came from."""
    from .training.errors import UserError

    return isinstance(error, UserError) or (isinstance(error, ModuleNotFoundError) and "pip install" in str(error))
