"""A variational autoencoder of binarised digits; the ELBO bounds the likelihood, importance weights tighten it."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ...distributions import bernoulli, normal
from ...models import vae
from ...objectives import Total, elbo, iwae
from ..baselines import independent_bernoulli
from ..configs import Vae
from ..data import Batches, by_row, digits, fingerprint
from ..task import Report, Score, Task, held_out

_DRAWS = 16  # posterior draws an image when the bound is evaluated
_IMPORTANCE = 200  # importance samples of the tighter bound


def build(config: Vae) -> Task:
    """Digits, a pixel being on where its level is 8 or more of 16."""
    images = (digits()["x"] >= 8).astype(np.float32)
    splits = by_row(images.reshape(len(images), -1))
    key = jax.random.key(config.fit.seed)
    model = vae.create(vae.Config(images[0].size, config.latents, config.width), key)

    def decoder(params: Any) -> Any:
        return lambda z: bernoulli.Params(model.apply(params, z, method="decode"))

    def posterior(params: Any, y: Array) -> normal.Params:
        return normal.constrain(model.apply(params, y, method="encode"))

    def loss(params: Any, y: Array, key: Array) -> Array:
        return -elbo(bernoulli, decoder(params), posterior(params, y), y, key=key).objective.mean()

    def bound(params: Any, y: Array, key: Array) -> Total:
        q = posterior(params, y)
        keys = jax.random.split(key, _DRAWS)
        bounds = jax.vmap(lambda key: elbo(bernoulli, decoder(params), q, y, key=key).elbo)(keys)
        return Total(-bounds.mean(0).sum(), jnp.asarray(len(y), bounds.dtype))

    def tighter(params: Any, y: Array, key: Array) -> Total:
        bounds = iwae(bernoulli, decoder(params), posterior(params, y), y, num_samples=_IMPORTANCE, key=key).bound
        return Total(-bounds.sum(), jnp.asarray(len(y), bounds.dtype))

    validation_bound, test_bound = held_out(bound, splits.validation), held_out(bound, splits.test)
    test_tighter = held_out(tighter, splits.test, batch_size=90)

    def evaluate(params: Any, key: Array) -> Report:
        first, second = jax.random.split(key)
        return Report(
            f"{len(splits.test)} binarised images",
            "image",
            (
                Score("model, bound (ELBO)", float(test_bound(params, first).mean())),
                Score(f"model, bound of {_IMPORTANCE} importance samples", float(test_tighter(params, second).mean())),
                Score("baseline: independent Bernoulli pixels", independent_bernoulli(splits.train, splits.test)),
            ),
            dims=splits.test.shape[1],
        )

    def draw(params: Any, key: Array, folder: Path) -> list[Path]:
        from ...plots import figure, image_grid, save

        z = jax.random.normal(key, (60, config.latents))
        shown = splits.test[:30]
        decoded = bernoulli.mean(decoder(params)(normal.mean(posterior(params, shown))))
        pairs = np.stack([shown.reshape(3, 10, -1), np.asarray(decoded).reshape(3, 10, -1)], 1)
        grids = {"samples": bernoulli.mean(decoder(params)(z)), "held out; below, from the code": pairs}
        fig, axes = figure(1, 2)
        for ax, (title, pixels) in zip(axes, grids.items(), strict=True):
            image_grid(ax, np.asarray(pixels).reshape(-1, *images.shape[1:]))
            ax.set_title(title)
        return [save(fig, folder / "samples.png")]

    return Task(
        params=model.params,
        batches=Batches(splits.train, config.fit.batch_size, config.fit.seed),
        loss=loss,
        validate=lambda params: float(validation_bound(params, key).mean()),
        evaluate=evaluate,
        draw=draw,
        unit="image",
        fingerprint=fingerprint(images),
        levels={"independent pixels": independent_bernoulli(splits.train, splits.validation)},
    )
