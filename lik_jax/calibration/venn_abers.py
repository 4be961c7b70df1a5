"""Venn-Abers: two probabilities for each test example, one of which is calibrated whatever the distribution.

Isotonic regression is fitted to the calibration data and the test example, once with label 0 (``p0``) and once with
label 1 (``p1``); ``p0 <= p1``, and close where data are many. As one probability they give ``p1 / (1 - p0 + p1)``,
which is never 0 or 1. Several classes: each against the rest, and what they say made to sum to 1.

>>> import jax.numpy as jnp
>>> logits = jnp.array([-3.0, -2.0, -1.0, 1.0, 2.0, 3.0])
>>> params = fit(logits, jnp.array([0, 0, 1, 0, 1, 1]))
>>> [round(float(p), 4) for p in interval(params, 0.0)]
[0.3333, 0.6667]
>>> round(float(apply(params, 4.0)), 4)
1.0986

Source: Vovk, Petej and Fedorova (2015), "Large-scale probabilistic predictors with and without guarantees of
validity": the inductive kind, and the merging that is minimax for the log loss.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ..estimation.status import Status
from ._data import Data, binary_or_classes, by_logit
from ._fit import Fit
from ._one_vs_rest import apply_each, fit_each


class Params(NamedTuple):
    """``knots``: rising logits, ``[n]``. ``ones``: what ``p1`` is for a test logit above the knot before and not above
    this one, and above all, ``[n + 1]``. ``zeros``: ``1 - p0`` for one below all, and not below this knot and below
    the next, ``[n + 1]``. One more axis in front for several classes. ``fit``: how they were found, without standard
    errors: the interval is its own."""

    knots: ArrayLike
    ones: ArrayLike
    zeros: ArrayLike
    fit: Fit | None = None


class Interval(NamedTuple):
    """``p0 <= p1``: probabilities of a 1."""

    p0: Array
    p1: Array


@jax.jit
def fit(logits: ArrayLike, labels: ArrayLike, *, weights: ArrayLike | None = None) -> Params:
    """All that test examples need, in one pass over held-out data: after sorting, time linear in n.

    Args:
        logits: of a 1, or any score, ``[n]``, finite; or ``[n, k]`` for one map a class against the rest.
        labels: 0 or 1, or 0 to k - 1, ``[n]``.
        weights: how often each example counts, ``[n]``, where a test example counts 1; 0 leaves one out, whatever it
            holds.

    Returns:
        The params. INVALID_DATA: as in `temperature.fit`, all NaN.

    Raises:
        ValueError: shapes that do not fit.
    """
    params = fit_each(_both, binary_or_classes("venn_abers", logits, labels, weights))
    status = jnp.where(jnp.isnan(params.ones).any(), jnp.int32(Status.INVALID_DATA), jnp.int32(Status.OK))
    return params._replace(fit=Fit(status, None))


def interval(params: Params, logits: ArrayLike) -> Interval:
    """Both probabilities for each logit, like ``logits``; for several classes ``[..., k]``, each against the rest.

    Raises:
        ValueError: another number of classes.
    """

    def pick(which: int) -> Array:
        def log_odds(one: tuple[Array, ...], z: Array) -> tuple[Array, Array]:
            p = _looked_up(one, z)[which]
            return p, jnp.zeros_like(p)

        return apply_each("venn_abers", log_odds, (params.knots, params.ones, params.zeros), logits)

    return Interval(1 - pick(1), pick(0))


def apply(params: Params, logits: ArrayLike) -> Array:
    """Log-odds of ``p1 / (1 - p0 + p1)``, like ``logits``, finite; for several classes its logarithm, ``[..., k]``.

    Raises:
        ValueError: another number of classes.
    """

    def log_probs(one: tuple[Array, ...], z: Array) -> tuple[Array, Array]:
        p1, q0 = _looked_up(one, z)
        return jnp.log(p1) - jnp.log(p1 + q0), jnp.log(q0) - jnp.log(p1 + q0)

    return apply_each("venn_abers", log_probs, (params.knots, params.ones, params.zeros), logits)


def _looked_up(one: tuple[Array, ...], z: Array) -> tuple[Array, Array]:
    """``p1`` and ``1 - p0``."""
    knots, ones, zeros = one
    # NaN is sorted to the end: let it through
    hole = jnp.where(jnp.isnan(z), jnp.nan, 0.0).astype(z.dtype)
    return ones[jnp.searchsorted(knots, z)] + hole, zeros[jnp.searchsorted(knots, z, side="right")] + hole


def _both(data: Data) -> Params:
    z, y, w = by_logit(data)
    # 1 - p0 is p1 with labels and order turned round. As a batch of two: XLA on CPU changes the stack of a batch in
    # place, and copies that of a single one at each step
    ones, zeros = jax.vmap(_with_one_more)(jnp.stack([y, (1 - y)[::-1]]), jnp.stack([w, w[::-1]]))
    return Params(z, ones, zeros[::-1])


def _with_one_more(y: Array, w: Array) -> Array:
    """The value that isotonic regression of ``y`` gives a 1 of weight 1 put in before each place and at the end,
    ``[n + 1]``.

    It is a slope of the greatest convex minorant of the cumulative sums, with the step of the extra 1 in their path.
    As the extra step moves to the right its slope never falls, so corners that are left behind never come back: a
    stack of corners serves all places.
    """
    n = y.size
    path = jnp.concatenate([jnp.zeros((1, 2), y.dtype), jnp.cumsum(jnp.stack([w, w * y], 1), axis=0)])
    step = jnp.ones(2, y.dtype)
    corners, none = jnp.zeros((n + 3, 2), y.dtype), jnp.zeros((), jnp.int32)

    # Loops of a fixed number of steps, each of which takes a corner off the stack or puts one on. What is written above
    # the top is of no matter; where it is written depends on what has been read, or XLA would copy the stack first.
    def backwards(_: Array, state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        corners, size, at = state
        # the extra step comes first, so the path begins one step further back
        point = jnp.where(at <= n, path[n - at], -step)
        left = at <= n + 1
        buries = left & (size > 1) & (_turn(point, corners[size - 1], corners[size - 2]) <= 0)
        place = size - buries.astype(size.dtype)
        more = (left & ~buries).astype(size.dtype)
        return _put(corners, place, point), place + more, at + more

    corners, size, _ = jax.lax.fori_loop(0, 2 * n + 4, backwards, (corners, none, none))

    def forwards(_: Array, state: tuple[Array, ...]) -> tuple[Array, ...]:
        corners, size, at, moving, slopes = state
        left, right = corners[size - 1], corners[size - 2]
        # where the step begins when it is one place further on
        point = path[at + 1] - step
        slope = (right[1] - left[1]) / (right[0] - left[0])
        leaves = ~moving & (_turn(left, point, right) > 0)
        buries = moving & (size > 1) & (_turn(point, left, right) <= 0)
        off = leaves | buries
        place = size - off.astype(size.dtype)
        return (
            _put(corners, place, point),
            place + (moving & ~off).astype(size.dtype),
            at + (~off).astype(size.dtype),
            off,
            _put(slopes, jnp.where(moving, n, at), slope),
        )

    state = corners, size, none, jnp.zeros((), bool), jnp.ones(n + 1, y.dtype)
    slopes = jax.lax.fori_loop(0, 4 * n + 4, forwards, state)[4]
    return slopes.at[n].set(1) * jnp.where(jnp.isnan(path[n, 1]), jnp.nan, 1.0).astype(y.dtype)


def _put(x: Array, at: Array, value: Array) -> Array:
    return jax.lax.dynamic_update_index_in_dim(x, value, at, 0)


def _turn(a: Array, b: Array, c: Array) -> Array:
    """Positive where the way from ``a`` over ``b`` to ``c`` turns left."""
    return (b[0] - a[0]) * (c[1] - b[1]) - (b[1] - a[1]) * (c[0] - b[0])
