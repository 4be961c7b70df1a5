"""Gaussian diffusion of 17-level digits, trained and scored by the variational bound in continuous time."""

import math
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ...distributions import categorical
from ...models import denoiser
from ...objectives import bits_per_dim, diffusion, schedules
from ..baselines import pixel_marginals
from ..configs import Diffusion
from ..data import Batches, by_row, digits, fingerprint
from ..task import Report, Score, Task, held_out

LEVELS = 17
# at -6 the noise left in the data is half the gap between levels: the softmax decides, knowing the other pixels
SCHEDULE = schedules.Linear(-6.0, 6.0)
# times an image at which the bound is looked at in evaluation, evenly spaced
TIMES = 64


def build(config: Diffusion) -> Task:
    """Digits with their levels 0 to 16, as categories to the likelihood and as numbers in [-1, 1] to the diffusion."""
    images = digits()["x"].astype(np.int32)
    splits = by_row(images.reshape(len(images), -1))
    num_pixels = splits.train.shape[1]
    key = jax.random.key(config.fit.seed)
    model = denoiser.create(denoiser.Config(num_pixels, LEVELS, config.width, config.blocks), key)
    values = np.asarray(denoiser.levels(LEVELS))

    def denoise(params: Any) -> Any:
        return lambda x_t, t: jax.nn.softmax(model.apply(params, x_t, SCHEDULE.gamma(t))) @ values

    def decode(params: Any) -> Any:
        def decode(x_0: Array, gamma_0: Array) -> categorical.Params:
            return categorical.Params(model.apply(params, x_0, jnp.broadcast_to(gamma_0, x_0.shape[:1])))

        return decode

    def bound(params: Any, y: Array, **options: Any) -> diffusion.DiffusionBound:
        x = jnp.asarray(values)[y]
        return diffusion.variational_bound(
            categorical, decode(params), denoise(params), SCHEDULE, x, y=y, prediction="x0", **options
        )

    def loss(params: Any, y: Array, key: Array) -> Array:
        return bound(params, y, key=key).total.mean()

    def score(times: int) -> Any:
        """The parts of the bound of each image in continuous time, the mean of evenly spaced times, ``[B, 4]``."""

        def parts(params: Any, y: Array, key: Array) -> Array:
            first, rest = jax.random.split(key)
            start = jax.random.uniform(first, (len(y),))

            def at(i: Array) -> Array:
                t = (start + i / times) % 1
                return jnp.stack(bound(params, y, t=t, key=jax.random.fold_in(rest, i)), -1)

            return jax.lax.map(at, jnp.arange(times)).mean(0)

        return parts

    def in_steps(params: Any, y: Array, key: Array) -> Array:
        return bound(params, y, key=key, num_steps=config.timesteps, full=True).total

    validation_bound, test_bound = held_out(score(16), splits.validation), held_out(score(TIMES), splits.test)
    test_steps = held_out(in_steps, splits.test)

    def evaluate(params: Any, key: Array) -> Report:
        first, second = jax.random.split(key)
        *parts, total = test_bound(params, first).T
        bits = bits_per_dim(np.mean(parts, 1), num_pixels)
        return Report(
            f"{len(splits.test)} images of {num_pixels} pixels with {LEVELS} levels",
            "image",
            (
                Score.of("model, bound in continuous time", total),
                Score.of(f"model, bound of {config.timesteps} steps", test_steps(params, second)),
                Score.of("baseline: every pixel on its own", pixel_marginals(splits.train, splits.test, LEVELS)),
                Score("uniform", num_pixels * math.log(LEVELS)),
            ),
            dims=num_pixels,
            facts=(("bound, bits/dim", "prior {:.4f}, diffusion {:.4f}, reconstruction {:.4f}".format(*bits)),),
        )

    def draw(params: Any, key: Array, folder: Path) -> list[Path]:
        from ...plots import figure, image_grid, save

        @jax.jit
        def drawn(params: Any, key: Array) -> Array:
            first, second = jax.random.split(key)
            shape = (60, num_pixels)
            denoised = denoise(params)
            x = diffusion.sample(denoised, SCHEDULE, first, shape, config.timesteps, prediction="x0", low=-1, high=1)
            gamma_0 = SCHEDULE.gamma(0.0)
            return categorical.sample(decode(params)(x * schedules.alpha(gamma_0), gamma_0), second)

        fig, axes = figure(1, 2)
        parts = (("samples", np.asarray(drawn(params, key))), ("held-out images", splits.test[:60]))
        for ax, (title, pixels) in zip(axes, parts, strict=True):
            image_grid(ax, pixels.reshape(-1, *images.shape[1:]), high=LEVELS - 1)
            ax.set_title(title)
        return [save(fig, folder / "samples.png")]

    return Task(
        params=model.params,
        batches=Batches(splits.train, config.fit.batch_size, config.fit.seed),
        loss=loss,
        validate=lambda params: float(validation_bound(params, key)[:, -1].mean()),
        evaluate=evaluate,
        draw=draw,
        unit="image",
        fingerprint=fingerprint(images),
        levels={"every pixel on its own": float(pixel_marginals(splits.train, splits.validation, LEVELS).mean())},
    )
