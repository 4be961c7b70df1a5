"""Calibration error by stated conventions, with what chance alone adds to it taken off.

>>> import jax.numpy as jnp
>>> logits = jnp.array([[2.0, 0.0], [2.0, 0.0], [0.0, 2.0]])
>>> round(float(calibration_error(logits, jnp.array([0, 1, 1]))), 4)
0.2141
"""

from functools import partial
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.scipy.special import ndtri
from jax.typing import ArrayLike

from .. import special
from ._events import Closed, Edges, bin_means, bin_of, bin_sums, checked, confidence, cuts, outcome
from ._resampling import central, check_level, replicates
from .bootstrap import Interval

Norm = Literal[1, 2, "max"]
_OPTIONS = ("bins", "edges", "closed", "norm", "debias", "num_resamples")


class CalibrationTest(NamedTuple):
    """Against a perfect forecaster of the same confidences. ``error``: plain. ``expected``: what the perfect one
    averages. ``excess``: their difference, the debiased error. ``low``, ``high``: its interval, that holds 0 with the
    probability asked for if the forecasts are right. ``p_value``: how often the perfect one is as far off. All ()."""

    error: Array
    expected: Array
    excess: Array
    low: Array
    high: Array
    p_value: Array


@partial(jax.jit, static_argnames=_OPTIONS)
def calibration_error(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    bins: int = 15,
    edges: Edges = "uniform",
    closed: Closed = "right",
    norm: Norm = 1,
    debias: bool = False,
    key: Array | None = None,
    num_resamples: int = 200,
) -> Array:
    """Expected calibration error: how far mean confidence and share correct of a bin are apart, over examples.

    The plain estimate is biased upwards, the more so the fewer examples a bin has: a perfect forecaster of a binary
    event whose probabilities are spread evenly averages about 0.12 at n = 100 and 0.039 at n = 1000 with 15 bins.
    Show the debiased value and n.

    Args:
        logits: ``[n, k]`` (the top label) or ``[n]`` (log-odds of a binary event), as for `reliability`; ``bins``,
            ``edges`` and ``closed`` too.
        labels: ``[n]``.
        bins: how many.
        edges: where.
        closed: on which side.
        norm: 1 the mean gap, 2 the root of the mean square, "max" the greatest of any bin.
        debias: norm 2: the unbiased estimate of the square, as in `squared_calibration_error`; where that is negative
            (as it is half the time for a perfect forecaster) minus the root of its size. Norm 1 and "max": less what a
            perfect forecaster of the same confidences averages, as in `calibration_test`; too low where the error is
            large. Any of them may be negative.
        key: PRNG key, for ``debias`` with norm 1 or "max".
        num_resamples: sets of labels that are drawn for it.

    Raises:
        ValueError: shapes that do not fit, another option, or no ``key`` where one is needed.

    Source: Guo, Pleiss, Sun and Weinberger (2017), "On calibration of modern neural networks", section 2; Kumar, Liang
    and Ma (2019), "Verified uncertainty calibration", NeurIPS, for norm 2 debiased.
    """
    z = checked(logits, labels, "calibration_error")
    p = confidence(z)
    where = _bins(p, bins, edges, closed, norm, "calibration_error")
    return _error(p, outcome(z, labels), where, bins, norm, debias, key, num_resamples, "calibration_error")


@partial(jax.jit, static_argnames=_OPTIONS)
def classwise_calibration_error(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    bins: int = 15,
    edges: Edges = "uniform",
    closed: Closed = "right",
    norm: Norm = 1,
    debias: bool = False,
    key: Array | None = None,
    num_resamples: int = 200,
) -> Array:
    """The calibration error of each class's own probability: the event is that the label is this class.

    Args:
        logits: ``[n, k]``.
        labels: ``[n]``, 0 to k - 1.
        bins: as for `calibration_error`, class by class; all other options too.
        edges: where.
        closed: on which side.
        norm: 1, 2 or "max".
        debias: as for `calibration_error`.
        key: PRNG key, for ``debias`` with norm 1 or "max".
        num_resamples: sets of labels that are drawn for it.

    Returns:
        ``[k]``; the mean of them is what others call *the* classwise calibration error.

    Raises:
        ValueError: as `calibration_error`.

    Source: Kull, Perello-Nieto, Kängsepp, Silva Filho, Song and Flach (2019), "Beyond temperature scaling", NeurIPS.
    """
    name = "classwise_calibration_error"
    z = checked(logits, labels, name, ndims=(2,))
    came = jax.nn.one_hot(jnp.asarray(labels), z.shape[1], dtype=z.dtype)

    def one(p: Array, y: Array, key: Array | None) -> Array:
        return _error(p, y, _bins(p, bins, edges, closed, norm, name), bins, norm, debias, key, num_resamples, name)

    keys = None if key is None else jax.random.split(key, z.shape[1])
    return jax.vmap(one, (1, 1, None if key is None else 0))(jax.nn.softmax(z, axis=-1), came, keys)


@partial(jax.jit, static_argnames=("bins", "edges", "closed", "level"))
def squared_calibration_error(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    bins: int = 15,
    edges: Edges = "uniform",
    closed: Closed = "right",
    level: float = 0.95,
) -> Interval:
    """The squared calibration error of binned forecasts, without bias, and its interval.

    Each bin's squared gap less its own sampling variance, averaged by examples over the bins that hold 2 or more. The
    variance is that of confidence less outcome; where all confidences of a bin are alike it is that of the outcomes.
    The standard error is that of squares of normal gaps. It grows with the error, and the interval holds the errors
    that the estimate does not contradict by the standard error each would have (as Wilson's for a share): so it is
    right for right forecasts too, where it holds 0.

    Args:
        logits: ``[n, k]`` or ``[n]``, as for `reliability`; ``bins``, ``edges`` and ``closed`` too.
        labels: ``[n]``.
        bins: how many.
        edges: where.
        closed: on which side.
        level: of the interval, in (0, 1).

    Returns:
        Each (); ``estimate`` may be negative, and averages 0 where the forecasts are right. NaN if no bin holds 2.

    Raises:
        ValueError: as `reliability`, or a ``level`` outside (0, 1).

    Source: Bröcker (2012), "Estimating reliability and resolution of probability forecasts through decomposition of
    the empirical score", Climate Dynamics 39; Kumar, Liang and Ma (2019), "Verified uncertainty calibration".
    """
    name = "squared_calibration_error"
    check_level(level, name)
    z = checked(logits, labels, name)
    p = confidence(z)
    gap, noise, weight = _gaps(p - outcome(z, labels), _bins(p, bins, edges, closed, 2, name), bins)
    plain = (weight * gap**2).sum()
    estimate = plain - (weight * noise).sum()
    # the square of a normal gap has variance 2 noise^2 + 4 noise gap^2: one part whatever the error, one that grows
    # with it
    fixed = (2 * weight**2 * noise**2).sum()
    growth = 4 * (weight**2 * noise * gap**2).sum() / jnp.where(plain > 0, plain, 1)
    # the errors from which the estimate is no more than q standard errors away, by the standard error each has
    q = ndtri(jnp.asarray((1 + level) / 2, z.dtype))
    still = q * jnp.sqrt(fixed)
    middle = estimate + q**2 * growth / 2
    reach = jnp.sqrt(jnp.maximum((middle - estimate) * (middle + estimate) + still**2, 0))
    low = jnp.where(estimate > still, middle - reach, estimate - still)
    high = jnp.where(estimate > -still, middle + reach, estimate + still)
    return Interval(estimate, low, high, jnp.sqrt(fixed + growth * jnp.maximum(estimate, 0)))


@partial(jax.jit, static_argnames=("bins", "edges", "closed", "norm", "level", "num_resamples"))
def calibration_test(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    key: Array,
    bins: int = 15,
    edges: Edges = "uniform",
    closed: Closed = "right",
    norm: Norm = 1,
    level: float = 0.95,
    num_resamples: int = 1000,
) -> CalibrationTest:
    """The calibration error against that of a perfect forecaster: labels are drawn from the forecasts again and again.

    Args:
        logits: ``[n, k]`` or ``[n]``, as for `reliability`; ``bins``, ``edges`` and ``closed`` too.
        labels: ``[n]``.
        key: PRNG key.
        bins: how many.
        edges: where.
        closed: on which side.
        norm: as for `calibration_error`, without ``debias``.
        level: of the interval, in (0, 1).
        num_resamples: sets of labels.

    Raises:
        ValueError: as `calibration_error`, or a ``level`` outside (0, 1).

    Source: Bröcker and Smith (2007), "Increasing the reliability of reliability diagrams", Weather and Forecasting 22;
    Vaicenavicius, Widmann, Andersson, Lindsten, Roll and Schön (2019), "Evaluating model calibration in
    classification", AISTATS.
    """
    check_level(level, "calibration_test")
    z = checked(logits, labels, "calibration_test")
    p = confidence(z)
    where = _bins(p, bins, edges, closed, norm, "calibration_test")
    error = _plain(p - outcome(z, labels), where, bins, norm)
    draws = _null(p, where, bins, norm, key, num_resamples, "calibration_test")
    expected = draws.mean()
    low, high = central(draws, level)
    as_far = ((draws >= error).sum() + 1) / (num_resamples + 1)
    return CalibrationTest(error, expected, error - expected, error - high, error - low, as_far.astype(z.dtype))


def _bins(p: Array, bins: int, edges: Edges, closed: Closed, norm: Norm, name: str) -> Array:
    if norm not in (1, 2, "max"):
        raise ValueError(f"{name}: norm={norm!r}; want 1, 2 or 'max'.")
    return bin_of(p, cuts(p, bins, edges, name), closed, name)


def _error(
    p: Array, y: Array, where: Array, bins: int, norm: Norm, debias: bool, key: Array | None, num: int, name: str
) -> Array:
    if debias and norm == 2:
        gap, noise, weight = _gaps(p - y, where, bins)
        square = (weight * (gap**2 - noise)).sum()
        return jnp.sign(square) * special.root(jnp.abs(square))
    plain = _plain(p - y, where, bins, norm)
    if not debias:
        return plain
    if key is None:
        raise ValueError(f"{name}: debias with norm={norm!r} draws labels from the forecasts; give key=, or norm=2.")
    return plain - _null(p, where, bins, norm, key, num, name).mean()


def _plain(gaps: Array, where: Array, bins: int, norm: Norm) -> Array:
    """The plug-in error: of the mean gap in each bin, empty ones left out."""
    gap, count = bin_means(gaps, where, bins)
    if norm == "max":
        return jnp.abs(gap).max()
    weight = count / count.sum()
    return (weight * jnp.abs(gap)).sum() if norm == 1 else special.root((weight * gap**2).sum())


def _gaps(gaps: Array, where: Array, bins: int) -> tuple[Array, Array, Array]:
    """Mean gap of each bin, its sampling variance, and the bin's share of the examples in bins of 2 or more."""
    gap, count = bin_means(gaps, where, bins)
    some = count > 1
    squares = bin_sums((gaps - gap[where]) ** 2, where, bins)
    noise = jnp.where(some, squares / jnp.where(some, count * (count - 1), 1), 0)
    kept = jnp.where(some, count, 0)
    return gap, noise, kept / kept.sum()


def _null(p: Array, where: Array, bins: int, norm: Norm, key: Array, num: int, name: str) -> Array:
    """Errors of a perfect forecaster of these confidences, ``[num]``."""

    def one(key: Array) -> Array:
        return _plain(p - jax.random.bernoulli(key, p).astype(p.dtype), where, bins, norm)

    return replicates(one, key, num, p.size, None, name)
