"""Intervals of any statistic by drawing the examples again, with replacement.

>>> import jax, jax.numpy as jnp
>>> found = bootstrap(jnp.mean, jnp.arange(100.0), key=jax.random.key(0))
>>> float(found.estimate), bool(found.low < 49.5 < found.high)
(49.5, True)
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.scipy.special import ndtr, ndtri

from ._resampling import central, check_level, replicates

Method = Literal["percentile", "basic", "bca"]


class Interval(NamedTuple):
    """``estimate`` of the whole data, ``low`` and ``high`` ends of its interval, ``standard_error``; each of the shape
    of the statistic."""

    estimate: Array
    low: Array
    high: Array
    standard_error: Array


@partial(jax.jit, static_argnames=("statistic", "num_resamples", "level", "method", "batch_size"))
def bootstrap(
    statistic: Callable[..., Array],
    *arrays: Any,
    key: Array,
    num_resamples: int = 1000,
    level: float = 0.95,
    method: Method = "percentile",
    batch_size: int | None = None,
) -> Interval:
    """The interval of ``statistic(*arrays)`` over examples drawn again.

    For statistics without much bias, such as mean scores. A calibration error is biased upwards, and once more when
    examples are drawn again: the interval may leave out the truth, 0 first of all. `squared_calibration_error` and
    `calibration_test` have intervals of their own.

    Args:
        statistic: of arrays of ``n`` examples to an array of any shape: a measure, or ``jnp.mean`` of a score. The
            same function twice compiles once.
        arrays: pytrees of arrays ``[n, ...]``: examples along the first axis, drawn together.
        key: PRNG key.
        num_resamples: how often.
        level: of the interval, in (0, 1).
        method: "percentile" (quantiles of the replicates), "basic" (the same, reflected at the estimate) or "bca"
            (bias-corrected and accelerated: ``n`` more evaluations, each without one example).
        batch_size: copies of the data in memory at once; if None as many as hold 4 million numbers.

    Raises:
        ValueError: arrays of different length, another ``method``, or a ``level`` outside (0, 1).

    Source: Efron (1987), "Better bootstrap confidence intervals", JASA 82; Davison and Hinkley (1997), Bootstrap
    Methods and their Application.
    """
    check_level(level, "bootstrap")
    if method not in ("percentile", "basic", "bca"):
        raise ValueError(f"bootstrap: method={method!r}; want 'percentile', 'basic' or 'bca'.")
    shapes = [jnp.shape(leaf) for leaf in jax.tree.leaves(arrays)]
    lengths = {shape[:1] for shape in shapes}
    if len(lengths) != 1 or lengths & {(), (0,)}:
        raise ValueError(f"bootstrap: arrays have shapes {shapes}; want the same n examples, 1 or more, first in each.")
    n = lengths.pop()[0]

    def at(rows: Array) -> Array:
        return statistic(*jax.tree.map(lambda a: jnp.asarray(a)[rows], arrays))

    estimate = jnp.asarray(statistic(*arrays))
    size = sum(jnp.size(leaf) for leaf in jax.tree.leaves(arrays))
    draws = replicates(
        lambda key: at(jax.random.randint(key, (n,), 0, n)), key, num_resamples, size, batch_size, "bootstrap"
    )
    if method == "bca":
        others = jnp.arange(n - 1)
        without = jax.lax.map(
            lambda i: at(jnp.where(others < i, others, others + 1)), jnp.arange(n), batch_size=batch_size
        )
        low, high = _accelerated(estimate, draws, without, level)
    else:
        low, high = central(draws, level)
    if method == "basic":
        low, high = 2 * estimate - high, 2 * estimate - low
    return Interval(estimate, low, high, draws.std(0, ddof=1))


def _accelerated(estimate: Array, draws: Array, without: Array, level: float) -> tuple[Array, Array]:
    """Quantiles of the draws at levels that mend the bias of their median and a standard error that is not constant."""
    below = ((draws < estimate[None]).mean(0) + (draws <= estimate[None]).mean(0)) / 2
    edge = 0.5 / draws.shape[0]
    bias = ndtri(jnp.clip(below, edge, 1 - edge).astype(draws.dtype))
    gaps = without.mean(0, keepdims=True) - without
    spread = (gaps**2).sum(0)
    acceleration = jnp.where(spread > 0, (gaps**3).sum(0) / (6 * jnp.where(spread > 0, spread, 1) ** 1.5), 0)
    normal = ndtri(jnp.asarray((1 + level) / 2, draws.dtype))
    ends = []
    for shift in (bias - normal, bias + normal):
        p = ndtr(bias + shift / (1 - acceleration * shift))
        flat = draws.reshape(draws.shape[0], -1)
        ends.append(jax.vmap(jnp.quantile, (1, 0))(flat, p.reshape(-1)).reshape(estimate.shape))
    return ends[0], ends[1]
