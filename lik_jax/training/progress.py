"""What a run says while it goes on: a bar with its rate and the time left, and a line a validation."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from .._extras import load


class Progress(Protocol):
    """What the runner tells."""

    def steps(self, done: int) -> None:
        """So many steps are done."""
        ...

    def record(self, record: dict[str, Any]) -> None:
        """A validation was made."""
        ...


class Silent:
    """Says nothing."""

    def steps(self, done: int) -> None:
        pass

    def record(self, record: dict[str, Any]) -> None:
        pass


class _Bar:
    def __init__(self, bar: Any, task: Any):
        self._bar, self._task = bar, task

    def steps(self, done: int) -> None:
        self._bar.update(self._task, completed=done)

    def record(self, record: dict[str, Any]) -> None:
        text = f"train {record['train_loss']:.4f}  validation {record['validation_loss']:.4f}"
        self._bar.update(self._task, completed=record["step"], text=text)
        if not self._bar.console.is_terminal:
            self._bar.console.print(f"step {record['step']:6d}  {text}  {record['steps_per_second']:.0f} steps/s")


@contextmanager
def bar(total: int, done: int) -> Iterator[Progress]:
    """A bar in a terminal; elsewhere plain lines.

    Args:
        total: steps at most.
        done: steps done before this process.
    """
    rich = load("rich.progress", "cli", "showing progress")
    with rich.Progress(
        rich.TextColumn("{task.completed}/{task.total}"),
        rich.BarColumn(),
        _rate_column(rich),
        rich.TimeRemainingColumn(),
        rich.TextColumn("{task.fields[text]}"),
    ) as progress:
        yield _Bar(progress, progress.add_task("train", total=total, completed=done, text=""))
        progress.console.print("scoring held-out data and drawing pictures")


def _rate_column(rich: Any) -> Any:
    class Rate(rich.ProgressColumn):
        def render(self, task: Any) -> Any:
            return "" if task.speed is None else f"{task.speed:.0f} steps/s"

    return Rate()
