"""CORP: forecasts recalibrated by isotonic regression, and the score split into what that mends and what is left.

>>> import jax.numpy as jnp
>>> found = corp(jnp.array([-1.0, 0.0, 1.0, 2.0]), jnp.array([0, 1, 0, 1]))
>>> found.recalibrated.tolist()
[0.0, 0.5, 0.5, 1.0]
>>> [round(float(x), 4) for x in (found.score, found.miscalibration, found.discrimination, found.uncertainty)]
[0.2177, 0.0927, 0.125, 0.25]
"""

from functools import partial
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.scipy.special import xlog1py, xlogy
from jax.typing import ArrayLike

from ._events import checked, logit, outcome
from ._resampling import central, check_level, replicates
from .isotonic import isotonic_regression
from .reliability import Band

Score = Literal["brier", "log"]


class Corp(NamedTuple):
    """``probability``: of each forecast, rising, ``[n]``. ``recalibrated``: what it should have been, ``[n]``, in the
    same order. ``score`` = ``miscalibration`` - ``discrimination`` + ``uncertainty``, each ()."""

    probability: Array
    recalibrated: Array
    score: Array
    miscalibration: Array
    discrimination: Array
    uncertainty: Array


@partial(jax.jit, static_argnames=("score",))
def corp(logits: ArrayLike, labels: ArrayLike, *, score: Score = "brier") -> Corp:
    """Consistent, optimally binned and reproducible: a reliability curve and a decomposition with nothing to choose.

    The curve is the isotonic regression of what came on the forecasts; equal forecasts share one value. Miscalibration
    is by how much it improves the score, discrimination by how much it is better than the base rate, uncertainty the
    score of the base rate: all three are never negative.

    Args:
        logits: ``[n]``, log-odds of a binary event; or ``[n, k]``, then the event is that the top label is right.
        labels: ``[n]``: 0 and 1, or 0 to k - 1.
        score: "brier", the mean of ``(p - y)^2``, or "log", in nats.

    Raises:
        ValueError: shapes that do not fit, or another score.

    Source: Dimitriadis, Gneiting and Jordan (2021), "Stable reliability diagrams for probabilistic classifiers", PNAS.
    """
    if score not in ("brier", "log"):
        raise ValueError(f"corp: score={score!r}; want 'brier' or 'log'.")
    z = checked(logits, labels, "corp")
    event, y = logit(z), outcome(z, labels)
    event, y = _in_order(event, y)
    curve = isotonic_regression(y)
    of_curve, of_rate = (_score(p, y, score).mean() for p in (curve, jnp.full_like(y, y.mean())))
    wrong = jnp.where(y == 1, -event, event)
    plain = (jax.nn.sigmoid(wrong) ** 2 if score == "brier" else jax.nn.softplus(wrong)).mean()
    return Corp(jax.nn.sigmoid(event), curve, plain, plain - of_curve, of_rate - of_curve, of_rate)


@partial(jax.jit, static_argnames=("level", "num_resamples", "batch_size"))
def corp_band(
    logits: ArrayLike, *, key: Array, level: float = 0.9, num_resamples: int = 1000, batch_size: int | None = None
) -> Band:
    """Where the curve of `corp` lies if the forecasts are right: labels are drawn from them again and again.

    Args:
        logits: as for `corp`.
        key: PRNG key.
        level: of each forecast's interval by itself, in (0, 1).
        num_resamples: sets of labels.
        batch_size: sets at once; if None as many as hold 4 million numbers.

    Returns:
        ``[n]`` each, in the order of rising forecasts.

    Raises:
        ValueError: shapes that do not fit, or a ``level`` outside (0, 1).

    Source: as `corp`, "consistency bands".
    """
    check_level(level, "corp_band")
    event = jnp.sort(logit(checked(logits, None, "corp_band")))

    def curve(key: Array) -> Array:
        y = jax.random.bernoulli(key, jax.nn.sigmoid(event)).astype(event.dtype)
        return isotonic_regression(_in_order(event, y)[1])

    return Band(*central(replicates(curve, key, num_resamples, event.size, batch_size, "corp_band"), level))


def _in_order(event: Array, y: Array) -> tuple[Array, Array]:
    """By rising forecast; among equals those that came first, so that no isotonic curve tells them apart."""
    order = jnp.lexsort((-y, event))
    return event[order], y[order]


def _score(p: Array, y: Array, score: Score) -> Array:
    """Of probabilities that may be 0 and 1."""
    return (p - y) ** 2 if score == "brier" else -xlogy(y, p) - xlog1py(1 - y, -p)
