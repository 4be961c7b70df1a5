"""Sets of the classes whose probability is high enough (least ambiguous classifier): the smallest on average.

A class is in the set if its probability is at least that of the label in all but ``1 - level`` of the held-out
examples; by class, if at least that of the label among held-out examples of this class. The score is ``-log p``, which
orders examples as ``1 - p`` does and holds its digits where ``p`` is near 0. A set may be empty.

>>> import jax.numpy as jnp
>>> logits = jnp.array([[2.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 3.0], [1.0, 0.0, 0.0]])
>>> params = fit(logits, jnp.array([0, 1, 2, 0]), level=0.75)
>>> apply(params, jnp.array([[0.0, 0.0, -2.0], [4.0, 0.0, 0.0]])).tolist()
[[False, False, False], [True, False, False]]

Source: Sadinle, Lei and Wasserman (2019), "Least ambiguous set-valued classifiers with bounded error levels".
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ..._arrays import as_floats
from ._labels import at_label, check_shapes
from .quantiles import Level, quantile, within


class Params(NamedTuple):
    """``bound``: the greatest score inside, not negative, inf for all: (), ``[k]`` by class, or ``[..., 1]``, one an
    example, such as those of `weighted_quantile`."""

    bound: ArrayLike


def scores(logits: ArrayLike) -> Array:
    """``-log p`` of each class, ``[..., k]``, from logits ``[..., k]``."""
    (z,) = as_floats(logits)
    return -jax.nn.log_softmax(z, axis=-1)


@partial(jax.jit, static_argnames=("level", "by_class"))
def fit(
    logits: ArrayLike, labels: ArrayLike, *, level: Level = 0.9, by_class: bool = False, mask: ArrayLike | None = None
) -> Params:
    """The bound from held-out data.

    Args:
        logits: ``[n, k]``.
        labels: ``[n]``, 0 to k - 1; one out of range is stranger than any.
        level: probability that the label is in the set, as in `rank`.
        by_class: hold the level for each class (label-conditional, "Mondrian"), and not on average over classes. A
            class with too few held-out examples is in every set.
        mask: True where an example counts, ``[n]``.

    Raises:
        ValueError: shapes that do not fit, or a ``level`` outside (0, 1).
    """
    check_shapes("threshold.fit", logits, labels)
    s = at_label(scores(logits), labels, jnp.inf)
    if not by_class:
        return Params(quantile(s, level=level, mask=mask))
    keep = jnp.ones(s.shape, bool) if mask is None else jnp.asarray(mask).astype(bool)
    classes = jnp.arange(jnp.shape(logits)[-1])
    return Params(jax.vmap(lambda c: quantile(s, level=level, mask=keep & (jnp.asarray(labels) == c)))(classes))


def apply(params: Params, logits: ArrayLike) -> Array:
    """Which classes are in the set, bool ``[..., k]``, from logits ``[..., k]``."""
    return within(scores(logits), params.bound, 1)
