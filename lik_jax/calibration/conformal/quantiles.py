"""The one quantile that conformal prediction is made of: which of ``n`` held-out scores bounds the next.

>>> rank(9, 0.9), rank(8, 0.9)
(9, 9)
>>> scores = jnp.arange(1.0, 10.0)
>>> float(quantile(scores, level=0.9)), float(quantile(scores[:8], level=0.9))
(9.0, inf)

Source: Vovk, Gammerman and Shafer (2005), Algorithmic Learning in a Random World; Lei, G'Sell, Rinaldo, Tibshirani and
Wasserman (2018), "Distribution-free predictive inference for regression".
"""

from fractions import Fraction
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from ..._arrays import as_floats

Level = float | Fraction


def rank(n: int, level: Level) -> int:
    """``ceil((n + 1) level)``, exactly: which of ``n`` scores in rising order the next is at most, with probability
    ``level`` at least; ``n + 1`` where no score is.

    Args:
        n: how many scores, 0 or more.
        level: strictly between 0 and 1; the decimal number it is printed as, so that 0.9 is nine tenths, or a
            `fractions.Fraction`.

    Raises:
        TypeError: ``level`` is no number that is known before tracing.
        ValueError: ``level`` is not strictly between 0 and 1.
    """
    return int(_ranks(n, n, level)[0])


def _ranks(least: int, most: int, level: Level) -> np.ndarray:
    """`rank` of each count from ``least`` to ``most``, in Python's own integers."""
    share = _share(level)
    return -(-np.arange(least + 1, most + 2).astype(object) * share.numerator // share.denominator)


def _share(level: Level) -> Fraction:
    try:
        # through its digits: the float 0.55 times 100 is a little above 55
        share = Fraction(str(level))
    except ValueError:
        raise TypeError(
            f"level is {level!r}; want a number known before tracing, such as 0.9 or Fraction(2, 3): make it a static "
            f"argument."
        ) from None
    if not 0 < share < 1:
        raise ValueError(f"level={level}; want a probability strictly between 0 and 1, such as 0.9.")
    return share


@partial(jax.jit, static_argnames="level")
def quantile(scores: ArrayLike, *, level: Level, mask: ArrayLike | None = None) -> Array:
    """The bound that the score of a new example keeps with probability ``level`` at least.

    Args:
        scores: of held-out examples, greater is stranger, ``[n]``.
        level: as in `rank`.
        mask: True where an example counts, ``[n]``.

    Returns:
        The ``rank(n, level)``-th smallest score, (); inf where there are too few, NaN where a score is NaN.

    Raises:
        ValueError: shapes that do not fit.
    """
    (s,) = as_floats(scores)
    if s.ndim != 1 or (mask is not None and jnp.shape(mask) != s.shape):
        given = "" if mask is None else f" and mask {jnp.shape(mask)}"
        raise ValueError(f"quantile: scores have shape {s.shape}{given}; want [n] for each.")
    place: Any = rank(s.size, level)
    if mask is not None:
        keep = jnp.asarray(mask).astype(bool)
        s = jnp.where(keep, s, jnp.inf)
        # for every possible count, so that it is exact for one that is not known before
        place = jnp.asarray(_ranks(0, s.size, level).astype(np.int32))[keep.sum()]
    rising = jnp.concatenate([jnp.sort(s), jnp.full(1, jnp.inf, s.dtype)])
    return jnp.where(jnp.isnan(s).any(), jnp.nan, rising[place - 1])


@partial(jax.jit, static_argnames="level")
def weighted_quantile(scores: ArrayLike, weights: ArrayLike, test_weights: ArrayLike, *, level: Level) -> Array:
    """`quantile` where new examples have other covariates than held-out ones: a bound for each new example.

    Args:
        scores: of held-out examples, ``[n]``.
        weights: density of their covariates among new examples over that among held-out ones, up to a constant,
            ``[n]``.
        test_weights: the same of each new example, ``[...]``.
        level: as in `rank`.

    Returns:
        ``[...]``: the smallest score whose predecessors and itself have ``level`` of all weight, the new example's
        included; inf where none does. NaN where a score is NaN or a weight negative.

    Raises:
        ValueError: shapes that do not fit.

    Source: Tibshirani, Barber, Candes and Ramdas (2019), "Conformal prediction under covariate shift".

    >>> bound = weighted_quantile(jnp.arange(3.0), jnp.ones(3), jnp.array([0.5, 3.0]), level=0.75)
    >>> bound.tolist()
    [2.0, inf]
    """
    if jnp.ndim(scores) != 1 or jnp.shape(scores) != jnp.shape(weights):
        raise ValueError(
            f"weighted_quantile: scores have shape {jnp.shape(scores)} and weights {jnp.shape(weights)}; want [n], [n]."
        )
    s, w, own = as_floats(scores, weights, test_weights, ndims=(1, 1, jnp.ndim(test_weights)))
    order = jnp.argsort(s)
    rising = jnp.concatenate([s[order], jnp.full(1, jnp.inf, s.dtype)])
    below = jnp.cumsum(w[order])
    total = w.sum() + own
    # whole weights meet their share in spite of rounding
    need = float(_share(level)) * total * (1 - 4 * float(jnp.finfo(s.dtype).eps))
    bound = jnp.where(total > 0, rising[jnp.searchsorted(below, need)], jnp.inf)
    broken = jnp.isnan(s).any() | ~(w >= 0).all() | ~(own >= 0)
    return jnp.where(broken, jnp.nan, bound)


def within(scores: ArrayLike, bound: ArrayLike, size: float) -> Array:
    """True where a score keeps the bound: a tie does, whatever rounding does to it, and everything that is NaN.

    Rounding is relative to the bound and to ``size``: that of the terms whose difference a score near 0 is.
    """
    scores, bound = as_floats(scores, bound)
    slack = 16 * float(jnp.finfo(scores.dtype).eps) * (size + jnp.abs(bound))
    return ~(scores > bound + slack)


def around(low: ArrayLike, high: ArrayLike, reach: ArrayLike) -> tuple[Array, Array]:
    """The ends ``low - reach`` and ``high + reach``, rounded outwards; all numbers where ``reach`` is inf."""
    low, high, reach = as_floats(low, high, reach)
    eps = 2 * float(jnp.finfo(low.dtype).eps)
    everything = reach == jnp.inf
    size = jnp.abs(jnp.where(everything, 0, reach))
    below = low - reach - eps * (jnp.abs(low) + size)
    above = high + reach + eps * (jnp.abs(high) + size)
    return jnp.where(everything, -jnp.inf, below), jnp.where(everything, jnp.inf, above)
