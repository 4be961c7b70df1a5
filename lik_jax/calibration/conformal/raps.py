"""Regularised adaptive prediction sets: as `aps`, with a price on every class beyond the first ``k_reg``.

With many classes whose small probabilities are noise this keeps sets short, and it holds the level for any price.

>>> import jax.numpy as jnp
>>> logits = jnp.log(jnp.array([[0.5, 0.3, 0.2], [0.3, 0.5, 0.2], [0.2, 0.3, 0.5]]))
>>> params = fit(logits, jnp.array([0, 0, 2]), level=0.75, penalty=0.1, k_reg=1)
>>> round(float(params.bound), 4)
-0.1
>>> apply(params, logits[:1]).tolist()
[[True, True, False]]

Source: Angelopoulos, Bates, Malik and Jordan (2021), "Uncertainty sets for image classifiers using conformal
prediction".
"""

from dataclasses import dataclass, field
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ..._arrays import as_floats
from . import _cumulative
from ._labels import at_label, check_shapes
from .quantiles import Level, quantile, within


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Params:
    """``bound``: the greatest score inside, inf for all, () or ``[..., 1]``, one an example. ``penalty``: on each
    place after the first ``k_reg``, both (). ``randomised``: whether scores draw."""

    bound: ArrayLike
    penalty: ArrayLike
    k_reg: ArrayLike
    randomised: bool = field(default=False, metadata={"static": True})


def scores(logits: ArrayLike, *, penalty: ArrayLike, k_reg: ArrayLike, key: Array | None = None) -> Array:
    """The score of each class, ``[..., k]``, from logits ``[..., k]``: that of `aps`, and ``penalty`` times how many
    places a class is after the first ``k_reg``."""
    return _cumulative.scores(logits, penalty, k_reg, key)


@partial(jax.jit, static_argnames="level")
def fit(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    level: Level = 0.9,
    penalty: ArrayLike = 0.01,
    k_reg: ArrayLike = 5,
    key: Array | None = None,
    mask: ArrayLike | None = None,
) -> Params:
    """The bound from held-out data, which must not be those that ``penalty`` and ``k_reg`` were chosen on.

    Args:
        logits: ``[n, k]``.
        labels: ``[n]``, 0 to k - 1; one out of range is stranger than any.
        level: probability that the label is in the set, as in `rank`.
        penalty: not negative, ().
        k_reg: how many classes are free of it, ().
        key: draws which share of a class's own probability counts: coverage is the level exactly, and not more, but a
            set is random, and may be empty. Without, all of it counts.
        mask: True where an example counts, ``[n]``.

    Raises:
        ValueError: shapes that do not fit, or a ``level`` outside (0, 1).
    """
    check_shapes("raps.fit", logits, labels)
    _, penalty, k_reg = as_floats(logits, penalty, k_reg)
    s = at_label(scores(logits, penalty=penalty, k_reg=k_reg, key=key), labels, jnp.inf)
    return Params(quantile(s, level=level, mask=mask), penalty, k_reg, key is not None)


def apply(params: Params, logits: ArrayLike, *, key: Array | None = None) -> Array:
    """Which classes are in the set, bool ``[..., k]``.

    Args:
        params: from `fit`.
        logits: ``[..., k]``.
        key: another than that of `fit`, if that had one.

    Raises:
        ValueError: a key, or none, where `fit` had none, or one.
    """
    _cumulative.check_key("raps.apply", params.randomised, key)
    s = scores(logits, penalty=params.penalty, k_reg=params.k_reg, key=key)
    return within(s, params.bound, 0)
