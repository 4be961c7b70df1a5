"""Logistic regression on a few features, what the smooth maps of a binary classifier are."""

from typing import NamedTuple

from jax import Array

from ..distributions import bernoulli
from ._data import Data


class Line(NamedTuple):
    """``slopes``: ``[d]``. ``intercept``: ()."""

    slopes: Array
    intercept: Array


def mean_loss(line: Line, x: Array, targets: Array, data: Data) -> Array:
    """The mean NLL of ``targets`` in [0, 1], ``[n]``, given features ``x``, ``[n, d]``."""
    logits = (x * line.slopes[None]).sum(1) + line.intercept
    return -(data.weights * bernoulli.expected_log_prob(bernoulli.Params(logits), targets)).sum() / data.total


def in_units(line: Line, mean: Array, unit: Array) -> Line:
    """The same line in features as they were before they got mean 0 and variance 1, ``[d]`` each."""
    slopes = line.slopes / unit
    return Line(slopes, line.intercept - (slopes * mean).sum())
