"""A generator and a critic on a ring of eight normals; early stopping by energy distance, for a GAN has no likelihood.

The critic is paired (relativistic) and its slope is held down at data and samples alike (R1 and R2), with which
simultaneous steps converge near the optimum. What the report says in nats is of kernel densities over samples.
"""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ...compose import independent, mixture
from ...distributions import multivariate_normal, normal
from ...models import gan
from ...objectives import adversarial, distances
from .. import ring
from ..configs import Gan
from ..data import Batches, by_row, fingerprint
from ..task import Report, Score, Task, held_out

_COUNT = 20_000  # points in all
_SAMPLES = 2000  # drawn for a score, and points of the data that they are compared with
_BANDWIDTH = 0.1  # of the kernel density: half the scale of a mode


def build(config: Gan) -> Task:
    """Points of the ring."""
    points = ring.draw(0, _COUNT)
    splits = by_row(points)
    first, second = jax.random.split(jax.random.key(config.fit.seed))
    model = gan.create(gan.Config(points.shape[1], config.latents, config.width), first)

    def noise(key: Array) -> Array:
        return jax.random.normal(key, (_SAMPLES, config.latents))

    @jax.jit
    def generate(params: Any, z: Array) -> Array:
        return model.apply(params, z, method="generate")

    def loss(params: Any, y: Array, key: Array) -> Array:
        z = jax.random.normal(key, (len(y), config.latents))

        def outputs(params: Any) -> tuple[adversarial.Critic, Array]:
            return lambda y: model.apply(params, y, method="judge"), model.apply(params, z, method="generate")

        def discriminator(params: Any) -> Array:
            critic, fake = outputs(params)
            r1 = adversarial.r1_penalty(critic, y, coefficient=config.penalty)
            r2 = adversarial.r2_penalty(critic, fake, coefficient=config.penalty)
            return adversarial.paired_discriminator_loss(critic(y), critic(fake)) + r1 + r2

        def generator(params: Any) -> Array:
            critic, fake = outputs(params)
            return adversarial.paired_generator_loss(critic(y), critic(fake))

        return adversarial.simultaneous(discriminator, generator, params)

    distance = jax.jit(lambda x, y: distances.energy_distance(x, y, unbiased=False).value)
    discrepancy = jax.jit(lambda x, y: distances.maximum_mean_discrepancy(x, y, unbiased=False).value)

    def evaluate(params: Any, key: Array) -> Report:
        first, second = jax.random.split(key)
        samples = generate(params, noise(first))
        test, near, train = splits.test, splits.test[:_SAMPLES], splits.train[:_SAMPLES]
        fitted = multivariate_normal.mle(splits.train)
        rival = multivariate_normal.sample(fitted, second, (_SAMPLES,))
        rows = (("", samples), (", data of the training part", train), (", one normal", rival))
        normal_nll = -multivariate_normal.log_prob(fitted, test)
        return Report(
            f"{len(test)} points of the ring",
            "point",
            (
                Score.of(f"kernel density (bandwidth {_BANDWIDTH}) of {_SAMPLES} samples", _kernel_nll(samples, test)),
                Score.of(f"kernel density of {_SAMPLES} points of the training part", _kernel_nll(train, test)),
                Score.of("baseline: one normal", normal_nll),
                Score.of("truth: the density of the ring", -ring.log_prob(jnp.asarray(test))),
            ),
            facts=(
                ("modes found", f"{ring.modes_found(np.asarray(samples))} of {ring.MODES}"),
                ("within 3 scales of a mode", f"{ring.share_near_a_mode(np.asarray(samples)):.3f}"),
                ("within 3 scales of a mode, held-out data", f"{ring.share_near_a_mode(test):.3f}"),
                *((f"energy distance{name}", f"{float(distance(x, near)):.5f}") for name, x in rows),
                *((f"maximum mean discrepancy{name}", f"{float(discrepancy(x, near)):.5f}") for name, x in rows),
            ),
        )

    def draw(params: Any, key: Array, folder: Path) -> list[Path]:
        from ...plots import figure, points_over_density, save

        fig, axes = figure(1, 2, height=5.4)
        parts = (("samples", generate(params, noise(key))), ("held-out data", splits.test))
        for ax, (title, shown) in zip(axes, parts, strict=True):
            points_over_density(ax, ring.log_prob, np.asarray(shown), low=-3.2, high=3.2)
            ax.set_title(title)
        return [save(fig, folder / "samples.png")]

    same = noise(second)  # for every validation, so that they differ by the params alone
    return Task(
        params=model.params,
        batches=Batches(splits.train, config.fit.batch_size, config.fit.seed),
        loss=loss,
        validate=lambda params: float(distance(generate(params, same), splits.validation)),
        evaluate=evaluate,
        draw=draw,
        unit="point",
        fingerprint=fingerprint(points),
        levels={"data of the training part": float(distance(splits.train[:_SAMPLES], splits.validation))},
        metric="energy distance",
    )


def _kernel_nll(samples: Any, y: np.ndarray) -> np.ndarray:
    """The NLL of each ``y`` under a normal about each sample, nats."""
    kernels = mixture(independent(normal, 1), len(samples))
    loc = jnp.asarray(samples)
    params = kernels.Params(jnp.zeros(len(samples)), normal.Params(loc, jnp.full_like(loc, _BANDWIDTH)))

    def score(params: Any, y: Array, key: Array) -> Array:
        return -kernels.log_prob(params, y)

    return held_out(score, y, batch_size=500)(params, jax.random.key(0))
