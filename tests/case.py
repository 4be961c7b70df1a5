"""What a row of the tables is."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

LEVELS = (0.02, 0.2, 0.45, 0.7, 0.98)
nan, inf = np.nan, np.inf


@dataclass(frozen=True)
class Edge:
    """A point whose value is known exactly, with the slopes that are known there.

    ``slopes`` has one entry a leaf of ``params``; None where there is nothing to say but that it is not NaN.
    """

    params: Any
    y: Any
    value: float
    slopes: tuple[Any, ...] | None = None


@dataclass(frozen=True, eq=False)
class Case:
    """A distribution and what is known about it.

    Attributes:
        name: of the row.
        distribution: the module or composed distribution.
        params: ordinary parameters, a batch ``[n]`` of them.
        reference: params -> an object with scipy's names (logpdf or logpmf, logcdf, logsf, ppf, mean, var, entropy),
            as many as are known.
        y: observations ``[m, n]``; quantiles of the reference if not given.
        total: where to sum or integrate: "real", "positive", "unit", how many counts from 0, or a function of the
            case that gives the total probability ``[n]``.
        outside: observations outside the support.
        invalid: single sets of parameters that are not legal.
        edges: known points.
        known: keywords of `constrain`, one for each of the batch.
        options: keywords of `init` and `mle`, beside those of the first of the batch in ``known``.
        overparametrised: True where several params give one distribution (logits shifted by a constant).
        heavy: True where the laws that take longest are slow work.
        moving: True where the params set an end of the support.
        rtol: how far the reference can be trusted.
    """

    name: str
    distribution: Any
    params: Any
    reference: Callable[[Any], Any] | None = None
    y: Any = None
    total: Any = None
    outside: tuple[Any, ...] = ()
    invalid: tuple[Any, ...] = ()
    edges: tuple[Edge, ...] = ()
    known: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    overparametrised: bool = False
    heavy: bool = False
    moving: bool = False
    rtol: float = 1e-9

    @property
    def discrete(self) -> bool:
        return self.distribution.support.discrete

    @property
    def known_first(self) -> dict[str, Any]:
        """The keywords of `constrain` for the first of the batch."""
        return {name: value[0] for name, value in self.known.items()}

    @property
    def for_data(self) -> dict[str, Any]:
        """The keywords of `init` and `mle`."""
        return self.known_first | self.options

    def frozen(self) -> Any:
        """The reference at ``params``."""
        assert self.reference is not None
        return self.reference(self.params)

    def numbers(self) -> np.ndarray:
        """Observations as numbers ``[m, n]``: their first leaf, the time of censored ones."""
        y = self.observations()
        return np.asarray(y[0] if isinstance(y, tuple) else y)

    def observations(self) -> Any:
        """``y`` ``[m, n]`` in double precision."""
        if self.y is not None:
            return self.y
        return np.asarray(self.frozen().ppf(np.array(LEVELS)[:, None]), np.float64)


def v(*xs: Any) -> np.ndarray:
    """An array of its arguments."""
    return np.array(xs, np.float64)


def expit(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))
