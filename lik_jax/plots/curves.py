"""How a run went."""

from collections.abc import Mapping, Sequence
from typing import Any


def training_curves(
    ax: Any,
    records: Sequence[Mapping[str, Any]],
    *,
    lines: Mapping[str, float] | None = None,
    unit: str = "example",
    train: str = "train",
    metric: str | None = None,
) -> Any:
    """Training and held-out loss by step, with the best step marked.

    Args:
        ax: a Matplotlib axis.
        records: with ``step``, ``train_loss`` and ``validation_loss``; None where not finite.
        lines: levels to compare with, by name: a baseline, a known floor.
        unit: what the loss is counted by.
        train: what the training loss is called.
        metric: what the held-out loss is, if it is not the training loss, in nats, on other data: it is drawn alone.

    Returns:
        The axis.
    """
    steps = [record["step"] for record in records]
    curves = [("validation_loss", "validation", "tab:blue")]
    if metric is None:
        curves.insert(0, ("train_loss", train, "tab:gray"))
    for name, label, colour in curves:
        values = [float("nan") if record[name] is None else record[name] for record in records]
        ax.plot(steps, values, color=colour, label=label)
    scored = [r for r in records if r["validation_loss"] is not None]
    if scored:
        best = min(scored, key=lambda record: record["validation_loss"])
        ax.plot(best["step"], best["validation_loss"], "o", color="tab:blue", label=f"best, step {best['step']}")
    for i, (name, level) in enumerate((lines or {}).items()):
        ax.axhline(level, color=f"C{i + 1}", linestyle="--", linewidth=1, label=name)
    ax.set_xlabel("step")
    ax.set_ylabel(f"nats / {unit}" if metric is None else metric)
    ax.legend(frameon=False)
    return ax
