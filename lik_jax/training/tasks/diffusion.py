"""Gaussian diffusion of 17-level digits, scored by the full variational bound of its discrete steps."""

import math
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ...distributions import categorical
from ...models import denoiser
from ...objectives import Total, diffusion, schedules
from ..baselines import pixel_marginals
from ..configs import Diffusion
from ..data import Batches, by_row, digits, fingerprint
from ..task import Report, Score, Task, held_out

LEVELS = 17
# at -4 the noise left in the data is about the gap between levels; from there on the softmax itself decides
SCHEDULE = schedules.Linear(-4.0, 5.0)


def build(config: Diffusion) -> Task:
    """Digits with their levels 0 to 16, as categories to the likelihood and as numbers in [-1, 1] to the diffusion."""
    images = digits()["x"].astype(np.int32)
    splits = by_row(images.reshape(len(images), -1))
    num_pixels = splits.train.shape[1]
    key = jax.random.key(config.fit.seed)
    model = denoiser.create(denoiser.Config(num_pixels, LEVELS, config.width), key)
    values = np.asarray(denoiser.levels(LEVELS))

    def denoise(params: Any) -> Any:
        return lambda x_t, t: jax.nn.softmax(model.apply(params, x_t, SCHEDULE.gamma(t))) @ values

    def decode(params: Any) -> Any:
        def decode(x_0: Array, gamma_0: Array) -> categorical.Params:
            return categorical.Params(model.apply(params, x_0, jnp.broadcast_to(gamma_0, x_0.shape[:1])))

        return decode

    def bound(params: Any, y: Array, key: Array, full: bool) -> diffusion.DiffusionBound:
        x = jnp.asarray(values)[y]
        return diffusion.variational_bound(
            categorical,
            decode(params),
            denoise(params),
            SCHEDULE,
            x,
            y=y,
            key=key,
            num_steps=config.timesteps,
            full=full,
            prediction="x0",
        )

    def loss(params: Any, y: Array, key: Array) -> Array:
        return bound(params, y, key, full=False).total.mean()

    def score(params: Any, y: Array, key: Array) -> Total:
        total = bound(params, y, key, full=True).total
        return Total(total.sum(), jnp.asarray(len(y), total.dtype))

    validation_total, test_total = held_out(score, splits.validation), held_out(score, splits.test)

    def evaluate(params: Any, key: Array) -> Report:
        return Report(
            f"{len(splits.test)} images of {num_pixels} pixels with {LEVELS} levels",
            "image",
            (
                Score(f"model, bound of all {config.timesteps} steps", float(test_total(params, key).mean())),
                Score("baseline: every pixel on its own", pixel_marginals(splits.train, splits.test, LEVELS)),
                Score("uniform", num_pixels * math.log(LEVELS)),
            ),
            dims=num_pixels,
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
        validate=lambda params: float(validation_total(params, key).mean()),
        evaluate=evaluate,
        draw=draw,
        unit="image",
        fingerprint=fingerprint(images),
        levels={"every pixel on its own": pixel_marginals(splits.train, splits.validation, LEVELS)},
    )
