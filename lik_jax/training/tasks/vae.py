"""A variational autoencoder of binarised digits: trained on a bound of few samples, reported with one of many."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax import Array

from ...distributions import bernoulli, normal
from ...models import hierarchical_vae, vae
from ...objectives import Marginal, elbo, hierarchical_elbo, importance_bound, iwae, marginal_log_likelihood
from ..baselines import independent_bernoulli
from ..configs import Vae
from ..data import Batches, by_row, digits, fingerprint
from ..task import Report, Score, Task, held_out

_IMPORTANCE = 500  # importance samples of the reported likelihood
_VALIDATION = 50  # importance samples of the one that stops the run early


@dataclass(frozen=True)
class _Bounds:
    """What one and two layers of latents have in common: functions of params, images and keys.

    Attributes:
        params: where to start.
        objective: the bound that is trained, ``[B]``, with dropout.
        parts: reconstruction, the KL of each layer and the ELBO, of one sample an image, ``[B]`` each.
        log_weight: of one sample, ``[B]``.
        decoded: the means of images drawn from the model, by how many.
        seen: the means of images decoded from their codes.
    """

    params: Any
    objective: Callable[[Any, Array, Array], Array]
    parts: Callable[[Any, Array, Array], tuple[Array, ...]]
    log_weight: Callable[[Any, Array, Array], Array]
    decoded: Callable[[Any, Array, int], Array]
    seen: Callable[[Any, Array], Array]


def build(config: Vae) -> Task:
    """Digits, a pixel being on where its level is 8 or more of 16."""
    images = (digits()["x"] >= 8).astype(np.float32)
    splits = by_row(images.reshape(len(images), -1))
    key = jax.random.key(config.fit.seed)
    bounds = (_one_layer if config.layers == 1 else _two_layers)(config, images[0].size, key)

    def loss(params: Any, y: Array, key: Array) -> Array:
        return -bounds.objective(params, y, key).mean()

    @jax.jit
    def parts(params: Any, y: Array, key: Array) -> tuple[Array, ...]:
        drawn = jax.vmap(lambda key: bounds.parts(params, y, key))(jax.random.split(key, 16))
        return tuple(part.mean(0) for part in drawn)

    def marginal(params: Any, y: Array, key: Array, num_samples: int) -> Marginal:
        return marginal_log_likelihood(lambda key: bounds.log_weight(params, y, key), key, num_samples)

    def validation(params: Any, y: Array, key: Array) -> Array:
        return -marginal(params, y, key, _VALIDATION).log_likelihood

    validation_nll = held_out(validation, splits.validation)
    marginal_test = jax.jit(lambda params, y, key: marginal(params, y, key, _IMPORTANCE))

    def evaluate(params: Any, key: Array) -> Report:
        first, second = jax.random.split(key)
        *kls, bound = (np.asarray(part) for part in parts(params, splits.test, first))
        found = marginal_test(params, splits.test, second)
        return Report(
            f"{len(splits.test)} binarised images",
            "image",
            (
                Score.of("model, bound (ELBO)", -bound),
                Score.of(f"model, {_IMPORTANCE} importance samples", -found.log_likelihood),
                Score.of("baseline: independent Bernoulli pixels", independent_bernoulli(splits.train, splits.test)),
            ),
            dims=splits.test.shape[1],
            facts=_facts([float(kl.mean()) for kl in kls], found),
        )

    def draw(params: Any, key: Array, folder: Path) -> list[Path]:
        from ...plots import figure, image_grid, save

        shown = splits.test[:30]
        pairs = np.stack([part.reshape(3, 10, -1) for part in (shown, np.asarray(bounds.seen(params, shown)))], 1)
        grids = {"samples": bounds.decoded(params, key, 60), "held out; below, from the code": pairs}
        fig, axes = figure(1, 2)
        for ax, (title, pixels) in zip(axes, grids.items(), strict=True):
            image_grid(ax, np.asarray(pixels).reshape(-1, *images.shape[1:]))
            ax.set_title(title)
        return [save(fig, folder / "samples.png")]

    return Task(
        params=bounds.params,
        batches=Batches(splits.train, config.fit.batch_size, config.fit.seed),
        loss=loss,
        validate=lambda params: float(validation_nll(params, key).mean()),
        evaluate=evaluate,
        draw=draw,
        unit="image",
        fingerprint=fingerprint(images),
        levels={"independent pixels": float(independent_bernoulli(splits.train, splits.validation).mean())},
    )


def _facts(kls: list[float], found: Marginal) -> tuple[tuple[str, str], ...]:
    """The KL of each layer, and how far to trust the importance samples."""
    values, sizes, errors = (np.asarray(part) for part in found)
    between = values.std(ddof=1) / len(values) ** 0.5
    within = (errors**2).sum() ** 0.5 / len(values)
    return (
        ("KL of each layer, from the top", ", ".join(f"{kl:.2f}" for kl in kls)),
        ("effective sample size", f"{np.median(sizes):.1f} of {_IMPORTANCE} (median; least {sizes.min():.1f})"),
        ("standard error", f"{between:.3f} over images, {within:.3f} of the importance samples"),
    )


def _one_layer(config: Vae, num_pixels: int, key: Array) -> _Bounds:
    model = vae.create(vae.Config(num_pixels, config.latents, config.width, config.dropout), key)

    def posterior(params: Any, y: Array, key: Array | None = None) -> normal.Params:
        return normal.constrain(model.apply(params, y, key, method="encode"))

    def decoder(params: Any, key: Array | None = None) -> Callable[[Array], bernoulli.Params]:
        def decode(z: Array) -> bernoulli.Params:
            # a copy of the key: doubly reparametrised gradients call twice, and want the same units dropped
            own = None if key is None else jax.random.clone(key)
            return bernoulli.Params(model.apply(params, z, own, method="decode"))

        return decode

    def objective(params: Any, y: Array, key: Array) -> Array:
        draws, first, second = jax.random.split(key, 3)
        q, decode = posterior(params, y, first), decoder(params, second)
        if config.samples == 1:
            return elbo(bernoulli, decode, q, y, key=draws).objective
        return iwae(bernoulli, decode, q, y, num_samples=config.samples, key=draws, estimator="dreg").bound

    def parts(params: Any, y: Array, key: Array) -> tuple[Array, ...]:
        bound = elbo(bernoulli, decoder(params), posterior(params, y), y, key=key)
        return bound.kl, bound.elbo

    def log_weight(params: Any, y: Array, key: Array) -> Array:
        return elbo(bernoulli, decoder(params), posterior(params, y), y, key=key, analytic_kl=False).elbo

    def decoded(params: Any, key: Array, count: int) -> Array:
        return bernoulli.mean(decoder(params)(jax.random.normal(key, (count, config.latents))))

    def seen(params: Any, y: Array) -> Array:
        return bernoulli.mean(decoder(params)(normal.mean(posterior(params, y))))

    return _Bounds(model.params, objective, parts, log_weight, decoded, seen)


def _two_layers(config: Vae, num_pixels: int, key: Array) -> _Bounds:
    shape = hierarchical_vae.Config(num_pixels, config.latents, config.width, config.dropout, config.top_latents)
    model = hierarchical_vae.create(shape, key)

    def prior(params: Any, top: Array) -> normal.Params:
        return normal.constrain(model.apply(params, top, method="prior"))

    def decode(params: Any, z: Array, key: Array | None = None) -> bernoulli.Params:
        return bernoulli.Params(model.apply(params, z, key, method="decode"))

    def posteriors(params: Any, y: Array, keys: Any = (None, None)) -> list[Callable[..., normal.Params]]:
        return [
            lambda above: normal.constrain(model.apply(params, y, keys[0], method="encode_top")),
            lambda above: normal.constrain(model.apply(params, y, above[0], keys[1], method="encode")),
        ]

    def bound(params: Any, y: Array, key: Array, dropout: Array | None = None, **options: Any) -> Any:
        keys: Any = [None] * 3 if dropout is None else jax.random.split(dropout, 3)
        return hierarchical_elbo(
            bernoulli,
            lambda latents: decode(params, latents[-1], keys[2]),
            posteriors(params, y, keys[:2]),
            [lambda above: normal.Params(0.0, 1.0), lambda above: prior(params, above[0])],
            y,
            key=key,
            **options,
        )

    def objective(params: Any, y: Array, key: Array) -> Array:
        draws, dropout = jax.random.split(key)
        if config.samples == 1:
            return bound(params, y, draws, dropout).objective
        keys = jax.random.split(draws, config.samples)
        return importance_bound(
            jax.vmap(lambda key: bound(params, y, key, dropout, analytic_kl=False).elbo)(keys)
        ).bound

    def parts(params: Any, y: Array, key: Array) -> tuple[Array, ...]:
        found = bound(params, y, key)
        return *found.kl, found.elbo

    def log_weight(params: Any, y: Array, key: Array) -> Array:
        return bound(params, y, key, analytic_kl=False).elbo

    def decoded(params: Any, key: Array, count: int) -> Array:
        first, second = jax.random.split(key)
        top = jax.random.normal(first, (count, config.top_latents))
        return bernoulli.mean(decode(params, normal.sample(prior(params, top), second)))

    def seen(params: Any, y: Array) -> Array:
        at_top, below = posteriors(params, y)
        top = normal.mean(at_top(()))
        return bernoulli.mean(decode(params, normal.mean(below((top,)))))

    return _Bounds(model.params, objective, parts, log_weight, decoded, seen)
