"""A table of ratios: each peer's median time over that of lik_jax."""

from typing import Any

COLUMNS = ("plain", "jax.scipy", "optax", "numpyro", "torch")


def rows(records: list[dict[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Heads and cells, one row a case, size and operation."""
    groups: dict[tuple[str, str, str], dict[str, dict[str, Any]]] = {}
    for record in records:
        place = (record["case"], "x".join(map(str, record["shape"])), record["operation"])
        groups.setdefault(place, {})[record["who"]] = record
    heads = ["case", "size", "operation", "ms", "temp MB", "floor ms", "compile ms", *COLUMNS]
    return heads, [_row(place, by_who) for place, by_who in groups.items()]


def _row(place: tuple[str, str, str], by_who: dict[str, dict[str, Any]]) -> list[str]:
    ours = by_who["lik_jax"]
    ratios = [f"{by_who[who]['run_ms_median'] / ours['run_ms_median']:.2f}" if who in by_who else "" for who in COLUMNS]
    numbers = [ours["run_ms_median"], (ours["temp_bytes"] or 0) / 1e6, ours["floor_ms"], ours["compile_ms"]]
    return [*place, *(f"{number:.3g}" for number in numbers), *ratios]


def show(records: list[dict[str, Any]]) -> None:
    """Print the table: with rich if it is there, else as Markdown."""
    heads, cells = rows(records)
    try:
        from rich.console import Console
        from rich.table import Table
    except ImportError:
        print(markdown(heads, cells))
        return
    table = Table(*heads, title="Median ms of lik_jax; other columns: times as long")
    for row in cells:
        table.add_row(*row)
    Console(width=None if Console().is_terminal else 140).print(table)


def markdown(heads: list[str], cells: list[list[str]]) -> str:
    """The table as Markdown."""
    lines = [heads, ["---"] * len(heads), *cells]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
