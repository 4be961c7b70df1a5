"""Isotonic regression: the nearest values that never fall, by pooling adjacent violators; and the map made of it.

Several classes: each against the rest, and what they say made to sum to 1.

>>> import jax.numpy as jnp
>>> isotonic_regression(jnp.array([1.0, 3.0, 2.0, 4.0])).tolist()
[1.0, 2.5, 2.5, 4.0]
>>> logits = jnp.array([-3.0, -2.0, -1.0, 1.0, 2.0, 3.0])
>>> params = fit(logits, jnp.array([0, 0, 1, 0, 1, 1]))
>>> apply(params, logits).tolist(), params.fit.status_name
([-inf, -inf, 0.0, 0.0, inf, inf], 'BOUNDARY')

Source of the map: Zadrozny and Elkan (2002), "Transforming classifier scores into accurate multiclass probability
estimates".
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .._arrays import as_floats
from ..estimation.status import Status
from ._data import Data, binary_or_classes, by_logit
from ._fit import Fit
from ._one_vs_rest import apply_each, fit_each


def isotonic_regression(y: ArrayLike, weights: ArrayLike | None = None) -> Array:
    """The ``x`` with ``x[0] <= x[1] <= ...`` that has the least ``sum weights (y - x)^2``; also the best by any
    Bregman divergence, the log score of probabilities among them.

    Args:
        y: ``[n]``, in the order in which ``x`` shall rise.
        weights: positive, ``[n]``; all 1 if not given.

    Returns:
        ``[n]``, each value the weighted mean of its block; differentiable in ``y`` within blocks.

    Raises:
        ValueError: ``y`` is no vector, or ``weights`` have another shape.

    Source: Barlow, Bartholomew, Bremner and Brunk (1972), Statistical Inference under Order Restrictions.
    """
    y, w = as_floats(y, jnp.ones(jnp.shape(y)) if weights is None else weights)
    if y.ndim != 1 or w.shape != y.shape:
        raise ValueError(f"isotonic_regression: y has shape {y.shape} and weights {w.shape}; want [n] and [n].")
    if y.size == 0:
        return y
    sums, weight = _pooled(w * y, w, _blocks(*jax.lax.stop_gradient((y, w))))
    return sums / weight


def _blocks(y: Array, w: Array) -> Array:
    """Which block each value belongs to, ``[n]``: in each round every run of blocks that fall becomes one block."""

    def pool(state: tuple[Array, Array]) -> tuple[Array, Array]:
        block, _ = state
        sums, weight = _pooled(w * y, w, block)
        means = sums / weight
        starts = (block[1:] != block[:-1]) & (means[1:] > means[:-1])
        merged = jnp.concatenate([jnp.zeros(1, block.dtype), jnp.cumsum(starts, dtype=block.dtype)])
        return merged, merged[-1] < block[-1]

    start = jnp.arange(y.size, dtype=jnp.int32), jnp.array(True)
    return jax.lax.while_loop(lambda state: state[1], pool, start)[0]


def _pooled(values: Array, weights: Array, block: Array) -> tuple[Array, Array]:
    """Sums of both over the block of each value, ``[n]`` each."""
    sums = [jax.ops.segment_sum(x, block, block.size, indices_are_sorted=True)[block] for x in (values, weights)]
    return sums[0], sums[1]


class Params(NamedTuple):
    """``knots``: rising logits, ``[n]``. ``probs``: the probability of a 1 there, rising, ``[n]``. One more axis in
    front for several classes. ``fit``: how they were found, without standard errors: there is no information to
    invert, and errors shrink with the cube root of n."""

    knots: ArrayLike
    probs: ArrayLike
    fit: Fit | None = None


@jax.jit
def fit(logits: ArrayLike, labels: ArrayLike, *, weights: ArrayLike | None = None) -> Params:
    """Maximum likelihood among all maps that never fall, on held-out data.

    Args:
        logits: of a 1, ``[n]``, finite, or ``[n, k]`` for one map a class against the rest.
        labels: 0 or 1, or 0 to k - 1, ``[n]``.
        weights: how often each example counts, ``[n]``; 0 leaves it out, whatever it holds.

    Returns:
        The params. Equal logits get one probability. BOUNDARY: it is exactly 0 or 1 somewhere, nearly always so at
        the ends, so that calibrated logits are infinite there, and one test example can make the log loss infinite.
        INVALID_DATA: as in `temperature.fit`, all NaN.

    Raises:
        ValueError: shapes that do not fit.
    """
    knots, probs = fit_each(_rising, binary_or_classes("isotonic", logits, labels, weights))
    status = jnp.where(((probs == 0) | (probs == 1)).any(), jnp.int32(Status.BOUNDARY), jnp.int32(Status.OK))
    status = jnp.where(jnp.isnan(probs).any(), jnp.int32(Status.INVALID_DATA), status)
    return Params(knots, probs, Fit(status, None))


def _rising(data: Data) -> tuple[Array, Array]:
    z, y, w = by_logit(data)
    return z, isotonic_regression(y, w)


def apply(params: Params, logits: ArrayLike) -> Array:
    """The log-odds of each logit, like ``logits``: linear in the probability between knots, constant beyond the ends.

    For several classes the logarithms of the probabilities of each, ``[..., k]``, which softmax makes sum to 1; where
    all are 0, equal parts.

    Raises:
        ValueError: another number of classes.
    """

    def log_probs(one: tuple[Array, ...], z: Array) -> tuple[Array, Array]:
        knots, probs = one
        yes, no = jnp.interp(z, knots, probs), jnp.interp(z, knots, 1 - probs)
        return jnp.log(yes), jnp.log(no)

    return apply_each("isotonic", log_probs, (params.knots, params.probs), logits)
