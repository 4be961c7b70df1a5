"""One row a score: what a network puts out for it, and observations."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from lik_jax import bernoulli, categorical, independent, multivariate_normal, normal, scores, weibull

LEVELS = (0.2, 0.5, 0.9)


@dataclass(frozen=True)
class Case:
    """A score of raw outputs.

    Attributes:
        name: of the score, and what it is of.
        loss: ``loss(raw, y, mask=, weights=, reduction=)`` with ``raw`` ``[*examples, size]``.
        size: of the last axis of ``raw``.
        kind: of ``y``: "real", "positive", "label" (0 to 3), "binary" or "vector" (of 3 numbers).
        direct: True if ``raw`` is what is scored; elsewhere it is constrained first, through which NaN passes.
        sampled: True if it draws: each example has draws of its own, so ``vmap`` has others.
    """

    name: str
    loss: Callable[..., Any]
    size: int
    kind: str
    direct: bool = True
    sampled: bool = False

    def __str__(self) -> str:
        return self.name


def of(name: str, distribution: Any, size: int, kind: str, **options: Any) -> Case:
    score = getattr(scores, name)

    def loss(raw, y, **rest):
        return score(distribution, distribution.constrain(raw), y, **options, **rest)

    short = getattr(distribution, "__name__", str(distribution)).rsplit(".", 1)[-1]
    return Case(f"{name}-{short}", loss, size, kind, direct=distribution in (categorical, bernoulli))


def drawing(name: str, **options: Any) -> Case:
    score = getattr(scores, name)

    def loss(raw, y, **rest):
        params = multivariate_normal.constrain(raw)
        return score(multivariate_normal, params, y, key=jax.random.key(7), num_samples=9, **options, **rest)

    return Case(name, loss, 9, "vector", direct=False, sampled=True)


def of_samples(name: str) -> Case:
    score = getattr(scores, name)

    def loss(raw, y, **rest):
        samples = raw.reshape((*raw.shape[:-1], 4, 3))
        return score(jnp.moveaxis(samples, -2, 0), y, **rest)

    return Case(name, loss, 12, "vector")


def bounds_of(raw):
    """Three lower and three upper ends."""
    return raw[..., :3], raw[..., 3:6]


CASES = [
    of("log_score", normal, 2, "real"),
    of("brier", categorical, 4, "label"),
    of("brier", bernoulli, 1, "binary"),
    of("ranked_probability", categorical, 4, "label"),
    of("spherical", categorical, 4, "label"),
    of("quantile_score", normal, 2, "real", levels=LEVELS),
    of("interval_score", weibull, 2, "positive", level=0.8),
    of("weighted_interval_score", normal, 2, "real", levels=LEVELS),
    of("dawid_sebastiani", weibull, 2, "positive"),
    of("dawid_sebastiani", multivariate_normal, 9, "vector"),
    of("dawid_sebastiani", independent(normal, 1), 6, "vector"),
    drawing("energy_score"),
    drawing("variogram_score"),
    of_samples("energy_score_from_samples"),
    of_samples("variogram_score_from_samples"),
    Case(
        "quantile_score_from_quantiles",
        lambda raw, y, **rest: scores.quantile_score_from_quantiles(raw, y, levels=LEVELS, **rest),
        3,
        "real",
    ),
    Case(
        "interval_score_from_bounds",
        lambda raw, y, **rest: scores.interval_score_from_bounds(raw[..., 0], raw[..., 1], y, level=0.8, **rest),
        2,
        "real",
    ),
    Case(
        "weighted_interval_score_from_bounds",
        lambda raw, y, **rest: scores.weighted_interval_score_from_bounds(
            raw[..., 6], *bounds_of(raw), y, levels=LEVELS, **rest
        ),
        7,
        "real",
    ),
]


def observations(kind: str, key: jax.Array, n: int, x: jax.Array | None = None) -> jax.Array:
    """``n`` of a kind; with ``x`` ``[n]`` they depend on it."""
    signal = jnp.zeros(n) if x is None else 2 * x
    noise = 0.5 * jax.random.normal(key, (n, 3))
    value = signal + noise[:, 0]
    if kind == "real":
        return value
    if kind == "positive":
        return jnp.exp(0.5 * value)
    if kind == "binary":
        return (value > 0).astype(jnp.int32)
    if kind == "label":
        return jnp.clip(jnp.round(value + 1.5), 0, 3).astype(jnp.int32)
    return signal[:, None] * jnp.array([[1.0, 1.0, -1.0]]) + noise
