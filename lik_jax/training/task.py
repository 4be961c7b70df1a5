"""What a toy problem gives the runner: params, a loss, held-out scores, and what to show at the end."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from .data import Batches, in_order


@dataclass(frozen=True)
class Score:
    """One line of the final table: a loss in nats of held-out data.

    Attributes:
        name: of what is scored.
        nats: the mean loss.
        error: its standard error over held-out units; None where there is none, or none is known.
    """

    name: str
    nats: float
    error: float | None = None

    def margin(self, digits: int = 4) -> str:
        """Half the width of its 95 % interval as text; "" where no error is known."""
        return "" if self.error is None else f"{1.96 * self.error:.{digits}f}"

    @classmethod
    def of(cls, name: str, losses: ArrayLike, block: int = 1) -> "Score":
        """The mean of held-out losses with its standard error.

        Args:
            name: of what is scored.
            losses: one a unit, ``[n]``.
            block: so many neighbours count as one draw: characters of a text are not independent.
        """
        losses = np.asarray(losses, np.float64)
        mean = float(losses.mean())
        parts = np.array_split(losses, max(1, len(losses) // block))
        if len(parts) < 2 or not math.isfinite(mean):
            return cls(name, mean)
        sums = np.array([(part - mean).sum() for part in parts])
        return cls(name, mean, math.sqrt((sums**2).sum() * len(sums) / (len(sums) - 1)) / len(losses))


@dataclass(frozen=True)
class Report:
    """What a run has to say for itself.

    Attributes:
        held_out: of what the scores are an average, "360 images".
        unit: what the scores are counted by: "image", "row", "character".
        scores: the model first, then baselines and floors.
        dims: numbers in one unit; if more than 1, the table shows bits a dimension.
        facts: accuracy, perplexity, calibration error: name and text.
    """

    held_out: str
    unit: str
    scores: tuple[Score, ...]
    dims: int = 1
    facts: tuple[tuple[str, str], ...] = ()

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Name, nats, their 95 % margin, and bits a dimension of each score, as text."""
        return [(s.name, f"{s.nats:.4f}", s.margin(), f"{s.nats / math.log(2) / self.dims:.4f}") for s in self.scores]


@dataclass(frozen=True)
class Predictive:
    """What a model forecasts for the rows of one part of the data.

    Attributes:
        distribution: of a label or a number.
        params: its params, one set a row.
        y: what came, ``[n]``.
        scale: the size of one unit of ``y`` in the data's own units.
    """

    distribution: Any
    params: Any
    y: Any
    scale: float = 1.0


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
        predict: ``predict(params, part)``, the `Predictive` of the "validation" or the "test" part; None if a model
            predicts neither labels nor numbers.
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
    predict: Callable[[Any, str], Predictive] | None = None
    metric: str | None = None
    members: int = 1


def with_margin(values: ArrayLike, digits: int = 4) -> str:
    """The mean of values, one a held-out unit, and its 95 % margin, as text.

    >>> with_margin([1.0, 1.0, 0.0, 1.0], 2)
    '0.75 ±0.49'
    """
    score = Score.of("", values)
    margin = score.margin(digits)
    return f"{score.nats:.{digits}f}" + (f" ±{margin}" if margin else "")


def held_out(
    losses: Callable[[Any, Any, Array], Array], data: Any, batch_size: int = 512
) -> Callable[[Any, Array], np.ndarray]:
    """The losses of all of ``data``, ``[n, ...]``, by a jitted ``losses(params, batch, key)`` ``[B, ...]``.

    Each batch has a key of its own; what comes out is float64, so that its mean is exact.
    """
    computed = jax.jit(losses)
    parts = in_order(data, batch_size)

    def all_losses(params: Any, key: Array) -> np.ndarray:
        found = [computed(params, part, jax.random.fold_in(key, i)) for i, part in enumerate(parts)]
        return np.concatenate([np.asarray(part, np.float64) for part in found])

    return all_losses
