"""Errors that speak to the user: their message says what was given, what was wanted and what to do."""

from typing import Any


class UserError(Exception):
    """What the command line prints without a traceback."""


class SettingsError(UserError, ValueError):
    """A setting out of its range."""


class DataError(UserError, ValueError):
    """A data file that cannot be used; the message says which, where and why."""


class RunError(UserError, RuntimeError):
    """A run folder that cannot be used as asked."""


class Diverged(UserError, ArithmeticError):
    """A loss or a gradient is not finite.

    Attributes:
        step: the step it happened in; the params of every step before are finite.
        rows: the rows of the batch, or None if the batches have no row numbers.
        cause: the likely cause, in words.
    """

    def __init__(self, step: int, rows: Any, cause: str):
        self.step, self.rows, self.cause = step, rows, cause
        which = "" if rows is None else f" on rows {_shorten(rows)}"
        super().__init__(f"training diverged at step {step}{which}: {cause}")


def _shorten(rows: Any) -> str:
    shown = ", ".join(str(int(row)) for row in rows[:8])
    return f"[{shown}, ... {len(rows)} in all]" if len(rows) > 8 else f"[{shown}]"
