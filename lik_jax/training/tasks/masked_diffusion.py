"""Masked diffusion of 17-level digits: pixels are categories, hidden and filled in, scored by the bound."""

import math
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ...models import masked_denoiser
from ...objectives import masked_diffusion
from ..baselines import pixel_marginals
from ..configs import MaskedDiffusion
from ..data import Batches, by_row, digits, fingerprint
from ..task import Report, Score, Task, held_out

LEVELS = 17
_DRAWS = 8  # masks an image at a validation
_ORDERS = 4  # orders an image at the end; its bound differs by some nats from order to order


def build(config: MaskedDiffusion) -> Task:
    """Digits with their levels 0 to 16 as tokens, 17 for a hidden one."""
    images = digits()["x"].astype(np.int32)
    splits = by_row(images.reshape(len(images), -1))
    num_pixels = splits.train.shape[1]
    key = jax.random.key(config.fit.seed)
    model = masked_denoiser.create(masked_denoiser.Config(num_pixels, LEVELS, config.width, config.blocks), key)

    def denoise(params: Any) -> Any:
        return lambda x_t, t: model.apply(params, x_t)

    def bound(params: Any, y: Array, key: Array, full: bool = False) -> Array:
        return masked_diffusion.any_order_bound(denoise(params), y, mask_token=LEVELS, key=key, full=full).total

    def loss(params: Any, y: Array, key: Array) -> Array:
        return bound(params, y, key).mean()

    def score(params: Any, y: Array, key: Array, draws: int, full: bool) -> Array:
        return jax.vmap(lambda key: bound(params, y, key, full))(jax.random.split(key, draws)).mean(0)

    validation = held_out(partial(score, draws=_DRAWS, full=False), splits.validation)
    test = held_out(partial(score, draws=_ORDERS, full=True), splits.test)

    def evaluate(params: Any, key: Array) -> Report:
        return Report(
            f"{len(splits.test)} images of {num_pixels} pixels with {LEVELS} levels",
            "image",
            (
                Score.of("model, bound (every count of hidden pixels)", test(params, key)),
                Score.of("baseline: every pixel on its own", pixel_marginals(splits.train, splits.test, LEVELS)),
                Score("uniform", num_pixels * math.log(LEVELS)),
            ),
            dims=num_pixels,
        )

    def draw(params: Any, key: Array, folder: Path) -> list[Path]:
        from ...plots import figure, image_grid, save

        @jax.jit
        def drawn(params: Any, key: Array, start: Array) -> Array:
            return masked_diffusion.sample_any_order(denoise(params), key, start.shape, mask_token=LEVELS, start=start)

        first, second = jax.random.split(key)
        samples = drawn(params, first, jnp.full((60, num_pixels), LEVELS))
        shown = splits.test[:20].reshape(-1, *images.shape[1:])
        upper = np.where(np.arange(images.shape[1])[:, None] < images.shape[1] // 2, shown, LEVELS)
        completed = [drawn(params, key, upper.reshape(20, -1)) for key in jax.random.split(second)]
        rows = [np.asarray(part).reshape(2, 10, -1) for part in (shown, *completed)]
        fig, axes = figure(1, 2)
        parts = (("samples", samples), ("held out; below, the lower half drawn twice", np.stack(rows, 1)))
        for ax, (title, pixels) in zip(axes, parts, strict=True):
            image_grid(ax, np.asarray(pixels).reshape(-1, *images.shape[1:]), high=LEVELS - 1)
            ax.set_title(title)
        return [save(fig, folder / "samples.png")]

    return Task(
        params=model.params,
        batches=Batches(splits.train, config.fit.batch_size, config.fit.seed),
        loss=loss,
        validate=lambda params: float(validation(params, key).mean()),
        evaluate=evaluate,
        draw=draw,
        unit="image",
        fingerprint=fingerprint(images),
        levels={"every pixel on its own": float(pixel_marginals(splits.train, splits.validation, LEVELS).mean())},
    )
