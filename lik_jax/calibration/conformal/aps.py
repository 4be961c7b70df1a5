"""Adaptive prediction sets: classes in falling order of probability until enough of it is gathered.

The score of a class is the probability of the classes ahead of it and, with a key, a random share of its own
(``u p``, ``u`` uniform), else all of it; less 1, so that it keeps its digits where the model is sure. Sets are large
where the model is unsure.

>>> import jax.numpy as jnp
>>> logits = jnp.log(jnp.array([[0.5, 0.3, 0.2], [0.3, 0.5, 0.2], [0.2, 0.3, 0.5]]))
>>> params = fit(logits, jnp.array([0, 0, 2]), level=0.75)
>>> round(float(params.bound), 4)
-0.2
>>> apply(params, jnp.log(jnp.array([[0.6, 0.3, 0.1], [0.45, 0.3, 0.25]]))).tolist()
[[True, False, False], [True, True, False]]

Source: Romano, Sesia and Candes (2020), "Classification with valid and adaptive coverage".
"""

from dataclasses import dataclass, field
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from . import _cumulative
from ._labels import at_label, check_shapes
from .quantiles import Level, quantile, within


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Params:
    """``bound``: the greatest score inside, inf for all, () or ``[..., 1]``, one an example. ``randomised``: whether
    scores draw."""

    bound: ArrayLike
    randomised: bool = field(default=False, metadata={"static": True})


def scores(logits: ArrayLike, *, key: Array | None = None) -> Array:
    """Probability of the classes ahead of each, and a share of its own, less 1, ``[..., k]``, from logits ``[..., k]``;
    of classes with equal logits the first is ahead."""
    return _cumulative.scores(logits, 0, 0, key)


@partial(jax.jit, static_argnames="level")
def fit(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    level: Level = 0.9,
    key: Array | None = None,
    mask: ArrayLike | None = None,
) -> Params:
    """The bound from held-out data.

    Args:
        logits: ``[n, k]``.
        labels: ``[n]``, 0 to k - 1; one out of range is stranger than any.
        level: probability that the label is in the set, as in `rank`.
        key: draws which share of a class's own probability counts: coverage is the level exactly, and not more, but a
            set is random, and may be empty. Without, all of it counts.
        mask: True where an example counts, ``[n]``.

    Raises:
        ValueError: shapes that do not fit, or a ``level`` outside (0, 1).
    """
    check_shapes("aps.fit", logits, labels)
    s = at_label(scores(logits, key=key), labels, jnp.inf)
    return Params(quantile(s, level=level, mask=mask), key is not None)


def apply(params: Params, logits: ArrayLike, *, key: Array | None = None) -> Array:
    """Which classes are in the set, bool ``[..., k]``.

    Args:
        params: from `fit`.
        logits: ``[..., k]``.
        key: another than that of `fit`, if that had one.

    Raises:
        ValueError: a key, or none, where `fit` had none, or one.
    """
    _cumulative.check_key("aps.apply", params.randomised, key)
    return within(scores(logits, key=key), params.bound, 0)
