"""Tables for the terminal."""

from collections.abc import Sequence
from typing import Any

from .._extras import load
from ..catalogue import Entry
from .task import Report


def report(result: Report, facts: Sequence[tuple[str, str]] = ()) -> Any:
    """Held-out scores in nats and bits, with what else there is to know below."""
    rich = load("rich.table", "cli", "drawing tables")
    wide = result.dims > 1
    scores = rich.Table(title=f"held out: {result.held_out}", title_justify="left")
    scores.add_column(f"negative log-likelihood per {result.unit}")
    for column in ("nats", "bits", *(["bits/dim"] if wide else [])):
        scores.add_column(column, justify="right")
    for row in result.rows():
        scores.add_row(*(row if wide else row[:3]))
    below = rich.Table(show_header=False, box=None)
    for name, text in (*result.facts, *facts):
        below.add_row(name, text)
    return load("rich.console", "cli", "drawing tables").Group(scores, below)


def catalogue(entries: Sequence[Entry]) -> Any:
    """The distributions as a table."""
    rich = load("rich.table", "cli", "drawing tables")
    table = rich.Table(title="lik_jax distributions", title_justify="left")
    table.add_column("name", no_wrap=True)
    table.add_column("an observation is")
    table.add_column("params")
    table.add_column("what it is, and the loss it is", ratio=1)
    columns = {"log_cdf": "tails", "icdf": "quantiles", "entropy": "entropy", "kl_divergence": "KL", "mle": "MLE"}
    for name in columns.values():
        table.add_column(name[:4], justify="center", no_wrap=True)
    for entry in entries:
        marks = ["+" if offer in entry.offers else "" for offer in columns]
        text = f"{entry.summary}. {entry.loss}".strip()
        table.add_row(entry.name, entry.observation, " ".join(entry.params), text, *marks)
    return table
