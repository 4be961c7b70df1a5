"""A figure without a window: no global state, safe in tests and on servers."""

from pathlib import Path
from typing import Any

from .._extras import load


def figure(rows: int = 1, columns: int = 1, width: float = 5.0, height: float = 3.6) -> tuple[Any, Any]:
    """A figure and its axes.

    Args:
        rows: of axes.
        columns: of axes.
        width: of one axis, inches.
        height: of one axis, inches.

    Returns:
        The figure, and an axis, or an array of them if there are several.
    """
    module = load("matplotlib.figure", "plot", "drawing pictures")
    result = module.Figure(figsize=(width * columns, height * rows), layout="constrained")
    return result, result.subplots(rows, columns)


def save(fig: Any, path: Path) -> Path:
    """Write ``fig`` as the kind of file its suffix says; returns ``path``."""
    fig.savefig(path, dpi=120)
    return path
