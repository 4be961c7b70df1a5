"""What a toy problem gives the runner: params, a loss, held-out scores, and what to show at the end."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax
from jax import Array

from ..objectives import Total
from .data import Batches, in_order


@dataclass(frozen=True)
class Score:
    """One line of the final table: a loss in nats of held-out data."""

    name: str
    nats: float


@dataclass(frozen=True)
class Report:
    """What a run has to say for itself.

    Attributes:
        held_out: of what the scores are an average, "360 images".
        unit: what the scores are counted by: "image", "row", "character".
        scores: the model first, then baselines and floors.
        dims: numbers in one unit; if more than 1, the table shows bits a dimension too.
        facts: accuracy, perplexity, calibration error: name and text.
    """

    held_out: str
    unit: str
    scores: tuple[Score, ...]
    dims: int = 1
    facts: tuple[tuple[str, str], ...] = ()

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Name, nats, bits and bits a dimension of each score, as text."""
        return [
            (s.name, f"{s.nats:.4f}", f"{s.nats / math.log(2):.4f}", f"{s.nats / math.log(2) / self.dims:.4f}")
            for s in self.scores
        ]


@dataclass(frozen=True)
class Task:
    """A problem ready to train.

    Attributes:
        params: where to start.
        batches: training batches by step.
        loss: ``loss(params, batch, key)`` in nats, a scalar; with a ``carry``, see `train`.
        validate: held-out loss of params, for early stopping.
        evaluate: the report on the test part.
        draw: ``draw(params, key, folder)`` makes pictures or texts, and returns what it wrote.
        unit: what the loss is counted by: "image", "row", "character".
        fingerprint: of the data.
        levels: reference lines for the training curves, by name, in the unit of ``validate``.
        units_per_example: characters in a training window; 1 elsewhere.
        loss_name: what the training curve calls it; say so here if it is no likelihood.
        carry: what the loss hands on from step to step, a sampler's chains, say; None if nothing.
        metric: what ``validate`` gives, if it is no negative log-likelihood in nats: "energy distance".
        members: networks of an ensemble. If there are more than 1, ``params`` and batches have a leading axis of
            members, as have those that ``evaluate`` and ``draw`` are given; ``loss`` and ``validate`` are of one.
    """

    params: Any
    batches: Batches
    loss: Callable[..., Any]
    validate: Callable[[Any], float]
    evaluate: Callable[[Any, Array], Report]
    draw: Callable[[Any, Array, Path], list[Path]]
    unit: str
    fingerprint: str
    levels: dict[str, float] = field(default_factory=dict)
    units_per_example: int = 1
    loss_name: str = "train"
    carry: Any = None
    metric: str | None = None
    members: int = 1


def held_out(
    score: Callable[[Any, Any, Array], Total], data: Any, batch_size: int = 512
) -> Callable[[Any, Array], Total]:
    """Add a jitted ``score(params, batch, key)`` over ``data``, exactly, each batch with a key of its own."""
    scored = jax.jit(score)
    parts = in_order(data, batch_size)

    def total(params: Any, key: Array) -> Total:
        totals = [scored(params, part, jax.random.fold_in(key, i)) for i, part in enumerate(parts)]
        return sum(totals[1:], start=totals[0])

    return total
