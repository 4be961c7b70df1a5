"""A normalising flow of 17-level digits: a density over dequantised pixels, scored as a bound on their log-mass."""

import math
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax import Array

from ... import bijectors
from ...models import flow
from ...objectives import dequantization
from ..baselines import pixel_marginals
from ..configs import Flow
from ..data import Batches, by_row, digits, fingerprint
from ..errors import SettingsError
from ..task import Report, Score, Task, held_out

LEVELS = 17
# level k with its noise lies in [k, k + 1): [0, 17) goes to [0, 1), and by the logit to the real line
PREPROCESSING = (bijectors.scaling(1 / LEVELS), bijectors.logit(0.05))
_VALIDATION_DRAWS = 4  # of noise an image
_TEST_DRAWS = 32


def build(config: Flow) -> Task:
    """Digits with their levels 0 to 16; the bins are 1 wide, so the bound is in the units of a discrete likelihood.

    Raises:
        SettingsError: a setting out of range.
    """
    if not 0 <= config.dropout < 1 or config.layers < 1 or config.bins < 2:
        raise SettingsError("flow: want dropout from 0 to below 1, layers 1 or more, bins 2 or more.")
    images = digits()["x"].astype(np.float32)
    splits = by_row(images.reshape(len(images), -1))
    num_pixels = splits.train.shape[1]
    key = jax.random.key(config.fit.seed)
    start_key, noise_key = jax.random.split(jax.random.fold_in(key, 1))
    shape = flow.Config(
        dims=num_pixels,
        kind=config.kind,
        num_layers=config.layers,
        width=config.width,
        num_bins=config.bins,
        dropout=config.dropout,
        mixing=config.mixing,
    )
    noisy = splits.train + jax.random.uniform(noise_key, splits.train.shape)
    model = flow.create(shape, start_key, noisy, before=PREPROCESSING)

    def log_prob(params: Any) -> Any:
        return lambda x: model.distribution.log_prob(params, x)

    def loss(weights: Any, y: Array, key: Array) -> Array:
        noise, left_out = jax.random.split(key)
        return dequantization.loss(log_prob(model.params(weights, left_out)), y, key=noise)

    def bound(weights: Any, y: Array, key: Array, draws: int) -> dequantization.Dequantized:
        return dequantization.bound(log_prob(model.params(weights)), y, key=key, num_samples=draws)

    def validation_score(weights: Any, y: Array, key: Array) -> Array:
        return -bound(weights, y, key, _VALIDATION_DRAWS).bound

    def test_score(weights: Any, y: Array, key: Array) -> Array:
        return -bound(weights, y, key, _TEST_DRAWS).bound

    def tighter_score(weights: Any, y: Array, key: Array) -> Array:
        return -bound(weights, y, key, _TEST_DRAWS).importance_bound

    validation_bound = held_out(validation_score, splits.validation)
    # the same key, so the same noise: the two bounds differ in how draws are averaged alone
    test_bound, tighter = (held_out(score, splits.test, batch_size=90) for score in (test_score, tighter_score))

    def evaluate(weights: Any, key: Array) -> Report:
        return Report(
            f"{len(splits.test)} images of {num_pixels} pixels with {LEVELS} levels",
            "image",
            (
                Score.of(f"model, bound of uniform noise ({_TEST_DRAWS} draws)", test_bound(weights, key)),
                Score.of(f"model, bound of {_TEST_DRAWS} importance samples", tighter(weights, key)),
                Score.of("baseline: every pixel on its own", pixel_marginals(splits.train, splits.test, LEVELS)),
                Score("uniform", num_pixels * math.log(LEVELS)),
            ),
            dims=num_pixels,
        )

    def draw(weights: Any, key: Array, folder: Path) -> list[Path]:
        from ...plots import figure, image_grid, save

        drawn = jax.jit(lambda weights, key: model.distribution.sample(model.params(weights), key, (60,)))
        levels = np.clip(np.floor(np.asarray(drawn(weights, key))), 0, LEVELS - 1)
        fig, axes = figure(1, 2)
        for ax, (title, pixels) in zip(axes, (("samples", levels), ("held-out images", splits.test[:60])), strict=True):
            image_grid(ax, pixels.reshape(-1, *images.shape[1:]), high=LEVELS - 1)
            ax.set_title(title)
        return [save(fig, folder / "samples.png")]

    return Task(
        params=model.weights,
        batches=Batches(splits.train, config.fit.batch_size, config.fit.seed),
        loss=loss,
        validate=lambda weights: float(validation_bound(weights, key).mean()),
        evaluate=evaluate,
        draw=draw,
        unit="image",
        fingerprint=fingerprint(images),
        levels={"every pixel on its own": float(pixel_marginals(splits.train, splits.validation, LEVELS).mean())},
    )
