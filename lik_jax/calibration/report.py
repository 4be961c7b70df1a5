"""What calibrating on held-out data did, on test data: the numbers that ``lik-jax calibrate`` shows.

Every mean over test examples comes with its standard error. The held-out examples should have chosen nothing yet: not
the params, not when to stop.

>>> import jax
>>> from lik_jax import normal
>>> y = 3 * jax.random.normal(jax.random.key(0), (400,))
>>> narrow = normal.Params(loc=jnp.zeros(200), scale=jnp.ones(200))
>>> numbers = regression(normal, (narrow, y[:200]), (narrow, y[200:]))
>>> bool(numbers.after.nll.value < numbers.before.nll.value - 1)
True
>>> 0.8 < float(numbers.conformal.coverage.value) < 1, float(numbers.before.coverage.value) < 0.6
(True, True)
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .._arrays import as_floats
from ..distribution import Univariate
from ..distributions import categorical
from ..estimation.status import Status
from ..objectives import nll, standard_error
from . import temperature, variance_scaling
from .conformal import aps, distributional, interval_coverage, set_coverage, set_size, threshold
from .conformal.quantiles import Level
from .quantile_calibration import quantile_calibration_error
from .reliability import calibration_error


class Estimate(NamedTuple):
    """A mean over test examples and its ``standard_error``, ()."""

    value: Array
    standard_error: Array


class Forecasts(NamedTuple):
    """How good probabilities of classes are: ``nll`` in nats, ``brier`` (0 to 2), ``accuracy``, and the
    ``calibration_error`` of the top label in bins of equal width, biased upwards."""

    nll: Estimate
    brier: Estimate
    accuracy: Estimate
    calibration_error: Array


class Sets(NamedTuple):
    """How often conformal sets hold the label, and how many classes are in one."""

    coverage: Estimate
    size: Estimate


class Classification(NamedTuple):
    """The ``temperature``, test numbers ``before`` and ``after`` it, and conformal sets by `threshold` and `aps`."""

    temperature: temperature.Params
    before: Forecasts
    after: Forecasts
    threshold: Sets
    aps: Sets


class Predictions(NamedTuple):
    """How good predicted distributions are: ``nll`` in nats, `quantile_calibration_error` (NaN for counts), and the
    ``coverage`` and ``width`` of the interval that should hold the level, between two predicted quantiles."""

    nll: Estimate
    quantile_calibration_error: Array
    coverage: Estimate
    width: Estimate


class Intervals(NamedTuple):
    """How often conformal intervals hold ``y``, and how wide they are."""

    coverage: Estimate
    width: Estimate


class Regression(NamedTuple):
    """Test numbers ``before``; ``scaling`` of the variance and the numbers ``after`` it, both None where the family has
    no location and scale; ``conformal`` intervals by `distributional`."""

    before: Predictions
    scaling: variance_scaling.Params | None
    after: Predictions | None
    conformal: Intervals


@partial(jax.jit, static_argnames=("level", "bins"))
def classification(
    validation: tuple[ArrayLike, ArrayLike],
    test: tuple[ArrayLike, ArrayLike],
    *,
    level: Level = 0.9,
    bins: int = 15,
) -> Classification:
    """Fit on ``validation``, report on ``test``; each is logits ``[n, k]`` and labels ``[n]``.

    Where no finite temperature is best, the numbers after it are those before. Sets are made from the logits as they
    are: a temperature from the same examples would cost them their guarantee.

    Args:
        validation: held-out examples.
        test: others.
        level: of the sets.
        bins: of the calibration error.

    Raises:
        ValueError: shapes that do not fit, or a ``level`` outside (0, 1).
    """
    found = temperature.fit(*validation)
    logits, labels = test
    usable = found.fit is not None and found.fit.status == Status.OK
    scaled = temperature.apply(temperature.Params(jnp.where(usable, found.temperature, 1)), logits)

    def forecasts(logits: ArrayLike) -> Forecasts:
        (z,) = as_floats(logits)
        params = categorical.Params(z)
        p = jax.nn.softmax(z, axis=-1)
        hit = jax.nn.one_hot(jnp.asarray(labels), z.shape[-1], dtype=z.dtype)
        return Forecasts(
            _mean(nll(categorical, params, labels, reduction="none")),
            _mean(((p - hit) ** 2).sum(-1)),
            _mean((z.argmax(-1) == jnp.asarray(labels)).astype(z.dtype)),
            calibration_error(z, labels, bins=bins),
        )

    def sets(method: Any) -> Sets:
        inside = method.apply(method.fit(*validation, level=level), logits)
        return Sets(
            _mean(set_coverage(inside, labels, reduction="none")),
            _mean(set_size(inside, reduction="none")),
        )

    return Classification(found, forecasts(logits), forecasts(scaled), sets(threshold), sets(aps))


@partial(jax.jit, static_argnames=("distribution", "level"))
def regression(
    distribution: Univariate, validation: tuple[Any, ArrayLike], test: tuple[Any, ArrayLike], *, level: Level = 0.9
) -> Regression:
    """Fit on ``validation``, report on ``test``; each is predicted params and ``y`` ``[n]``.

    Where no factor is best, the numbers after it are those before.

    Args:
        distribution: of numbers, with tails.
        validation: held-out examples.
        test: others.
        level: of the intervals.

    Raises:
        TypeError: the distribution has no tails.
        ValueError: shapes that do not fit, or a ``level`` outside (0, 1).
    """
    params, y = test
    share = float(level)

    def intervals(low: Array, high: Array) -> Intervals:
        low, high = (jnp.broadcast_to(end, jnp.shape(y)) for end in (low, high))
        return Intervals(_mean(interval_coverage(low, high, y, reduction="none")), _mean(high - low))

    def predictions(params: Any) -> Predictions:
        loss = nll(distribution, params, y, reduction="none")
        error = (
            jnp.full((), jnp.nan, loss.dtype)
            if distribution.support.discrete
            else quantile_calibration_error(distribution, params, y)
        )
        levels = jnp.asarray([(1 - share) / 2, (1 + share) / 2], loss.dtype)
        ends = jax.vmap(lambda p: distribution.icdf(params, p))(levels)
        return Predictions(_mean(loss), error, *intervals(*ends))

    bound = distributional.fit(distribution, *validation, level=level)
    conformal = intervals(*distributional.apply(bound, distribution, params))
    if not variance_scaling.applies_to(params):
        return Regression(predictions(params), None, None, conformal)
    scaling = variance_scaling.fit(distribution, *validation)
    usable = scaling.fit is not None and scaling.fit.status == Status.OK
    # both at once, under one factor or the other: quantiles of some families take seconds to compile
    factors = jnp.stack([jnp.ones_like(scaling.factor), jnp.where(usable, scaling.factor, 1)])
    scales = jax.vmap(lambda factor: variance_scaling.apply(variance_scaling.Params(factor), params).scale)(factors)
    both = jax.vmap(lambda scale: predictions(params._replace(scale=scale)))(scales)
    before, after = (jax.tree.map(lambda x: x[i], both) for i in (0, 1))  # noqa: B023
    return Regression(before, scaling, after, conformal)


def _mean(values: Array) -> Estimate:
    return Estimate(values.mean(), standard_error(values))
