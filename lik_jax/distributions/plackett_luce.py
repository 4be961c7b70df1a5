"""Plackett-Luce distribution: a ranking, chosen from the top, each time among those that are left.

``y`` ``[..., m]`` holds labels of items, the best first, no two alike; ``scores`` ``[..., k]``, any finite numbers, are
log-worths up to a constant, and ``m <= k``: with ``m < k`` it is the top of a ranking whose rest was not seen.
``log p(y) = sum_i scores[y_i] - logsumexp(scores of all items but y_1, ..., y_(i-1))``. As a loss it is ListMLE.
With ``m = 1`` it is a categorical, with ``k = 2`` the Bradley-Terry model. A ranking that names an item twice, or one
that is not there, is outside (-inf). Time and memory go as ``m k``.

>>> import jax.numpy as jnp
>>> from lik_jax import plackett_luce
>>> params = plackett_luce.Params(scores=jnp.zeros(4))
>>> round(float(jnp.exp(-plackett_luce.log_prob(params, jnp.array([2, 0, 1, 3])))))
24

Source: Plackett (1975), "The analysis of permutations"; Luce (1959), Individual Choice Behavior; Xia et al. (2008),
"Listwise approach to learning to rank" (ListMLE).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .. import supports
from .._arrays import as_floats, guard, not_integer

event_ndim = 1
support = supports.ranking


class Params(NamedTuple):
    """``scores``: log-worths up to a constant, ``[..., k]``."""

    scores: ArrayLike


param_supports = Params(supports.real_vector)  # type: ignore[arg-type]


def log_prob(params: Params, y: ArrayLike) -> Array:
    """Log-mass in nats.

    Args:
        params: ``scores``, ``[..., k]``.
        y: labels in 0 .. k - 1, the best first, ``[..., m]`` with ``m <= k``.

    Returns:
        ``[...]``; -inf, with gradient zero, where a label is out of range, not whole, or there twice; NaN where a
        score is not finite.

    Raises:
        ValueError: ``y`` ranks more items than there are scores.
    """
    (scores,) = as_floats(*params)
    y = jnp.asarray(y)
    if scores.ndim == 0 or y.ndim == 0:
        raise ValueError(f"plackett_luce: scores has shape {scores.shape} and y {y.shape}; want [..., k] and [..., m].")
    k, m = scores.shape[-1], y.shape[-1]
    if m > k:
        raise ValueError(f"plackett_luce: y ranks {m} items (its last axis), but scores has {k}. Want m <= k.")
    rank = max(scores.ndim, y.ndim)
    scores, y = (x.reshape((1,) * (rank - x.ndim) + x.shape) for x in (scores, y))
    label, outside, missing = _labels(y, k)
    batch = jnp.broadcast_shapes(scores.shape[:-1], label.shape[:-1])
    scores, label = jnp.broadcast_to(scores, (*batch, k)), jnp.broadcast_to(label, (*batch, m))
    named = jax.nn.one_hot(label, k, dtype=jnp.int32)  # (..., m, k)
    left = jnp.cumsum(named, -2) - named == 0
    # by how much each item that is left exceeds the one that is chosen: the difference first, so nothing cancels
    excess = scores[..., None, :] - jnp.take_along_axis(scores, label, -1)[..., None]
    value = -jax.nn.logsumexp(jnp.where(left, excess, -jnp.inf), -1).sum(-1)
    return guard(value, outside=outside, valid=jnp.isfinite(scores).all(-1) & ~missing)


def _labels(y: Array, k: int) -> tuple[Array, Array, Array]:
    """Labels as int32, those of some ranking where these are none; where that is so; where one is NaN."""
    floats = jnp.issubdtype(y.dtype, jnp.floating)
    missing = jnp.isnan(y).any(-1) if floats else jnp.zeros((), bool)
    out = ~((y >= 0) & (y < k)) | (not_integer(y) if floats else False)
    label = jnp.where(out, 0, y).astype(jnp.int32)
    outside = out.any(-1) | ~supports.distinct(label)
    legal = jnp.broadcast_to(jnp.arange(y.shape[-1], dtype=jnp.int32), y.shape)
    return jnp.where(outside[..., None], legal, label), outside, missing


def sample(params: Params, key: Array, shape: tuple[int, ...] = ()) -> Array:
    """Draw rankings of all items (int32), ``[*shape, ..., k]``; their first ``m`` are a draw of the top ``m``."""
    (scores,) = as_floats(*params)
    noise = jax.random.gumbel(key, (*shape, *scores.shape), scores.dtype)
    scores = scores.reshape((1,) * len(shape) + scores.shape)
    return jnp.argsort(-(scores + noise), -1).astype(jnp.int32)


def mode(params: Params) -> Array:
    """The likeliest ranking of all items (int32): by falling score, ``[..., k]``."""
    (scores,) = as_floats(*params)
    return jnp.argsort(-scores, -1).astype(jnp.int32)


def constrain(raw: ArrayLike) -> Params:
    """Map raw ``[..., k]`` to params: the scores themselves."""
    return Params(as_floats(raw)[0])


def unconstrain(params: Params) -> Array:
    """Inverse of `constrain`: the scores ``[..., k]``."""
    return as_floats(*params)[0]


raw_size = None


def init(y: ArrayLike, weights: ArrayLike | None = None, *, num_items: int | None = None) -> Params:
    """Starting params from rankings ``[..., m]``: the log-odds of being placed before another item.

    Args:
        y: rankings, the best first, ``[..., m]``.
        weights: non-negative, broadcastable to ``[...]``.
        num_items: how many items there are; ``m`` if not given. Those never named come last.
    """
    y = jnp.asarray(y)
    m = y.shape[-1]
    k = m if num_items is None else num_items
    w = jnp.ones(y.shape[:-1]) if weights is None else jnp.broadcast_to(as_floats(weights)[0], y.shape[:-1])
    label = y.reshape(-1, m).astype(jnp.int32)
    shares = jnp.broadcast_to((w / w.sum()).reshape(-1, 1), label.shape)
    # of k - 1 others, how many come after; an item that is not named has none
    after = jnp.zeros(k, shares.dtype).at[label].add(shares * (k - 1 - jnp.arange(m, dtype=shares.dtype))[None])
    return Params(jnp.log(after + 0.5) - jnp.log(k - 1 - after + 0.5))
