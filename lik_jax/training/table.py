"""Tables for the terminal."""

import re
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
    for column in ("nats", "± 95 %", "bits/dim" if wide else "bits"):
        scores.add_column(column, justify="right")
    for row in result.rows():
        scores.add_row(*row)
    below = rich.Table(show_header=False, box=None)
    for name, text in (*result.facts, *facts):
        below.add_row(name, text)
    return load("rich.console", "cli", "drawing tables").Group(scores, below)


def sheet(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Any:
    """A plain table; all columns but the first are set to the right."""
    rich, box = load("rich.table", "cli", "drawing tables"), load("rich.box", "cli", "drawing tables")
    table = rich.Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for i, column in enumerate(columns):
        table.add_column(column, justify="right" if i else "left")
    for row in rows:
        table.add_row(*row)
    return table


_OFFERS = {"log_cdf": "T", "icdf": "Q", "entropy": "E", "kl_divergence": "K", "mle": "M"}


def catalogue(entries: Sequence[Entry]) -> Any:
    """The distributions as a table."""
    rich = load("rich.table", "cli", "drawing tables")
    table = rich.Table(
        title="lik_jax distributions, and the ways to compose them",
        title_justify="left",
        caption="offers beside log_prob and sample: T tails, Q quantiles, E entropy, K divergence, M closed-form fit",
        caption_justify="left",
    )
    table.add_column("name", no_wrap=True)
    table.add_column("what it is; the loss it is", ratio=3)
    table.add_column("params", ratio=1)
    table.add_column("offers", no_wrap=True)
    for entry in entries:
        summary = re.sub(r"^.*?distribution: ", "", entry.summary)
        loss = re.sub(r"^As a loss,? ?", "as a loss ", entry.loss).rstrip(".")
        offers = "".join(letter if name in entry.offers else "." for name, letter in _OFFERS.items())
        text = f"{summary}; {loss}" if loss else summary
        table.add_row(entry.name, text, ", ".join(entry.params), offers if entry.offers else "")
    return table
