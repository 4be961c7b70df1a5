"""A score network on a ring of eight normals: what it learned at every noise level bounds its likelihood, in nats."""

import math
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ...models import score
from ...objectives import Total, mcmc, score_matching
from ..configs import ScoreNetwork
from ..data import Batches, by_row, fingerprint
from ..task import Report, Score, Task, held_out

_POINTS = 20_000
_MODES, _RADIUS, _SCALE = 8, 2.0, 0.2


def build(config: ScoreNetwork) -> Task:
    """Points of a known density, which is also the floor."""
    points = ring(config.fit.seed, _POINTS)
    splits = by_row(points)
    dims, key = points.shape[1], jax.random.key(config.fit.seed)
    sigmas = np.geomspace(config.sigma_max, config.sigma_min, config.levels).astype(np.float32)
    spread = float(splits.train.std())
    model = score.create(score.Config(dims, config.width, data_scale=spread), key)
    reach, variance = math.log(config.sigma_max / config.sigma_min), spread**2 + config.sigma_max**2

    def prior_log_prob(y: Array) -> Array:
        """What is left of the data under the greatest noise: a normal."""
        return -0.5 * (y**2).sum(-1) / variance - 0.5 * dims * math.log(2 * math.pi * variance)

    def of(params: Any) -> Any:
        return lambda y, sigma: model.apply(params, y, sigma)

    def loss(params: Any, y: Array, key: Array) -> Array:
        error = score_matching.noise_conditional(of(params), y, sigmas, key=key)
        # the bound, but for one random level an example: error of the noise, less what no one can know, plus the prior
        prior = 0.5 * dims * math.log(2 * math.pi * variance) + 0.5 * dims
        return reach * (2 * error - dims) + prior

    def bound_of(network: Any) -> Any:
        def total(params: Any, y: Array, key: Array) -> Total:
            bounds = score_matching.likelihood_bound(network(params), y, sigmas, prior_log_prob, key=key)
            return Total(bounds.sum(), jnp.asarray(len(y), bounds.dtype))

        return total

    def ideal(params: Any) -> Any:
        return jax.vmap(jax.grad(ring_log_prob))

    validation_bound = held_out(bound_of(of), splits.validation)
    test_bound, test_ideal = held_out(bound_of(of), splits.test), held_out(bound_of(ideal), splits.test)

    @jax.jit
    def drawn(params: Any, key: Array) -> Array:
        first, second = jax.random.split(key)
        start = variance**0.5 * jax.random.normal(first, (2000, dims))
        return mcmc.annealed_langevin(
            of(params), second, start, sigmas, num_steps=20, step_size=0.2 * config.sigma_min**2
        )

    def evaluate(params: Any, key: Array) -> Report:
        shared, noise_key, langevin_key = jax.random.split(key, 3)
        noised = splits.test + config.sigma_min * np.asarray(jax.random.normal(noise_key, splits.test.shape))
        truth = -jax.vmap(lambda y: ring_log_prob(y, config.sigma_min))(noised).mean()
        own = float((splits.train**2).mean()) + config.sigma_min**2
        one = 0.5 * (noised**2).sum(-1).mean() / own + 0.5 * dims * math.log(2 * math.pi * own)
        samples = np.asarray(drawn(params, langevin_key))
        distance, nearest = _nearest(samples)
        counts = np.bincount(nearest, minlength=_MODES) / len(samples)
        near = (distance < 3 * math.hypot(_SCALE, config.sigma_min)).mean()
        return Report(
            f"{len(splits.test)} points with noise of {config.sigma_min}",
            "point",
            (
                Score("model, bound", float(test_bound(params, shared).mean())),
                Score("the same bound with the true score", float(test_ideal(params, shared).mean())),
                Score("floor: the true density", float(truth)),
                Score("baseline: one normal", float(one)),
            ),
            dims=dims,
            facts=(
                ("samples within 3 deviations of a mode", f"{near:.1%}"),
                ("share of a mode, least and most", f"{counts.min():.3f} and {counts.max():.3f} (truth 0.125)"),
            ),
        )

    def draw(params: Any, key: Array, folder: Path) -> list[Path]:
        from ...plots import figure, save

        fig, axes = figure(1, 2)
        shown = {"held-out points": splits.test[:2000], "annealed Langevin": np.asarray(drawn(params, key))}
        for ax, (title, places) in zip(axes, shown.items(), strict=True):
            ax.scatter(*places.T, s=2, alpha=0.5)
            ax.set(title=title, xlim=(-3, 3), ylim=(-3, 3), aspect="equal")
        return [save(fig, folder / "samples.png")]

    return Task(
        params=model.params,
        batches=Batches(splits.train, config.fit.batch_size, config.fit.seed),
        loss=loss,
        validate=lambda params: float(validation_bound(params, key).mean()),
        evaluate=evaluate,
        draw=draw,
        unit="point",
        fingerprint=fingerprint(points),
        levels={"true score": float(held_out(bound_of(ideal), splits.validation)(None, key).mean())},
    )


def ring(seed: int, count: int) -> np.ndarray:
    """Points of eight normals of deviation 0.2 evenly on a circle of radius 2, ``[count, 2]``."""
    rng = np.random.default_rng(seed)
    centre = _centres()[rng.integers(0, _MODES, count)]
    return (centre + _SCALE * rng.normal(size=(count, 2))).astype(np.float32)


def ring_log_prob(y: Array, sigma: Array | float = 0.0) -> Array:
    """Log-density of `ring` with noise of deviation ``sigma`` added, ``[2]`` to a scalar, in nats."""
    variance = _SCALE**2 + sigma**2
    square = ((y[None] - jnp.asarray(_centres(), y.dtype)) ** 2).sum(-1)
    return jax.nn.logsumexp(-0.5 * square / variance) - math.log(_MODES) - jnp.log(2 * jnp.pi * variance)


def _centres() -> np.ndarray:
    angle = 2 * np.pi * np.arange(_MODES) / _MODES
    return _RADIUS * np.stack([np.cos(angle), np.sin(angle)], -1)


def _nearest(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far the nearest mode is, and which it is."""
    distance = np.sqrt(((points[:, None] - _centres()[None]) ** 2).sum(-1))
    return distance.min(1), distance.argmin(1)
