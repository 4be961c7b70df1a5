"""A score network on a ring of eight normals: what it learned at every noise level bounds its likelihood, in nats."""

import math
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ...models import score
from ...objectives import mcmc, score_matching
from .. import ring
from ..configs import ScoreNetwork
from ..data import Batches, by_row, fingerprint
from ..task import Report, Score, Task, held_out

_POINTS = 20_000


def build(config: ScoreNetwork) -> Task:
    """Points of a known density, which is also the floor."""
    points = ring.draw(config.fit.seed, _POINTS)
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
        return lambda params, y, key: score_matching.likelihood_bound(
            network(params), y, sigmas, prior_log_prob, key=key
        )

    def ideal(params: Any) -> Any:
        return jax.vmap(jax.grad(ring.log_prob))

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
        truth = -ring.log_prob(jnp.asarray(noised), config.sigma_min)
        own = float((splits.train**2).mean()) + config.sigma_min**2
        one = 0.5 * (noised**2).sum(-1) / own + 0.5 * dims * math.log(2 * math.pi * own)
        samples = np.asarray(drawn(params, langevin_key))
        shares, near = ring.share_of_each_mode(samples), ring.share_near_a_mode(samples, config.sigma_min)
        return Report(
            f"{len(splits.test)} points with noise of {config.sigma_min}",
            "point",
            (
                Score.of("model, bound", test_bound(params, shared)),
                Score.of("the same bound with the true score", test_ideal(params, shared)),
                Score.of("floor: the true density", truth),
                Score.of("baseline: one normal", one),
            ),
            dims=dims,
            facts=(
                ("samples within 3 deviations of a mode", f"{near:.1%}"),
                ("share of a mode, least and most", f"{shares.min():.3f} and {shares.max():.3f} (truth 0.125)"),
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
