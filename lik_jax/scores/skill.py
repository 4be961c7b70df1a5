"""How much better than a reference."""

from jax import Array
from jax.typing import ArrayLike

from .._arrays import as_floats


def skill(score: ArrayLike, reference: ArrayLike, *, best: ArrayLike = 0.0) -> Array:
    """Skill score ``(reference - score) / (reference - best)``: 1 is perfect, 0 no better than the reference.

    Of mean scores, not of single ones: a mean of skills is not a proper score.

    Args:
        score: mean score of the forecasts, ``[...]``; lower is better.
        reference: that of the forecasts to compare with, on the same observations: climatology, a constant.
        best: what a perfect forecast would score; 0 for every score here but the log and the Dawid-Sebastiani score of
            densities, which have no least value.

    Returns:
        ``[...]``; below 0 where the reference is better, NaN where both are perfect.

    Source: Gneiting and Raftery (2007), "Strictly proper scoring rules, prediction, and estimation", section 2.3.

    >>> float(skill(0.75, 1.0))
    0.25
    """
    score, reference, best = as_floats(score, reference, best)
    return (reference - score) / (reference - best)
