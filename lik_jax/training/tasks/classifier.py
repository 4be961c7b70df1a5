"""Classification: categorical likelihood, then one temperature fitted on the validation part."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ... import calibration, scores
from ...distributions import categorical
from ...models import classifier, regressor
from ...models.functional import Model
from ...objectives import nll
from ...uncertainty import entropies, over_members, pooled, predictive
from ..configs import Classifier
from ..data import by_row, digits, fingerprint, read_table
from ..errors import DataError
from ..task import Predictive, Report, Score, Task, held_out, with_margin
from ._members import members


def build(config: Classifier) -> Task:
    """The digits, or the user's table; a ConvNet for images, a perceptron for rows of covariates."""
    data = _digits() if config.data is None else _table(config.data)
    splits = by_row(data)
    images = data["x"].ndim == 3
    num_classes = int(data["y"].max()) + 1
    many = config.ensemble > 1
    key = jax.random.key(config.fit.seed)
    if not images:
        mean, scale = splits.train["x"].mean(0), splits.train["x"].std(0)
        for part in splits:
            part["x"] = (part["x"] - mean) / np.where(scale > 0, scale, 1)

    def create(key: Array) -> Model:
        if not images:
            widths = (config.width, config.width)
            return regressor.create(regressor.Config(data["x"].shape[1], num_classes, widths, config.dropout), key)
        shape = classifier.Config(
            num_classes,
            *data["x"].shape[1:],
            channels=config.channels,
            width=config.width,
            dropout=config.dropout,
            by_products=many,
        )
        return classifier.create(shape, key)

    params, apply, batches = members(create, splits.train, config)

    def loss(params: Any, batch: Any, key: Array) -> Array:
        shift_key, drop_key = jax.random.split(key) if config.dropout else (key, None)
        x = classifier.random_shift(batch["x"], shift_key) if images and config.augment else batch["x"]
        return nll(categorical, categorical.constrain(apply(params, x, drop_key)), batch["y"])

    def score(params: Any, batch: Any, key: Array) -> Array:
        params = categorical.constrain(apply(params, batch["x"]))
        return nll(categorical, params, batch["y"], reduction="none")

    def mixed(params: Any, x: Array) -> Any:
        return predictive(categorical, categorical.constrain(over_members(apply, params, x)))

    validation_losses = held_out(score, splits.validation)
    logits_of = jax.jit(lambda params, x: pooled(*mixed(params, x)).logits if many else apply(params, x))
    parts_of = jax.jit(lambda params, x: entropies(*mixed(params, x)))

    def score_members(params: Any, batch: Any, key: Array) -> Array:
        return over_members(lambda one: score(one, batch, key), params).T

    member_losses = held_out(score_members, splits.test)

    def marginal(part: Any) -> np.ndarray:
        counts = np.bincount(splits.train["y"], minlength=num_classes) + 0.5
        return -np.log(counts / counts.sum())[part["y"]]

    def scored(params: Any) -> tuple[Array, Array, float]:
        on_validation = logits_of(params, splits.validation["x"])
        found = calibration.temperature.fit(on_validation, splits.validation["y"])
        # a temperature of 0 or infinity says "no finite one is best": then the logits stay as they are
        temperature = float(found.temperature) if found.fit.status_name == "OK" else 1.0
        on_test = logits_of(params, splits.test["x"])
        return on_test, on_test / temperature, temperature

    def predict(params: Any, part: str) -> Predictive:
        rows = getattr(splits, part)
        return Predictive(categorical, categorical.Params(logits_of(params, rows["x"])), rows["y"])

    def evaluate(params: Any, key: Array) -> Report:
        labels = splits.test["y"]
        before, after, temperature = scored(params)
        losses = [nll(categorical, categorical.constrain(z), labels, reduction="none") for z in (before, after)]
        kind = "images" if images else "rows"
        right = np.asarray(jnp.argmax(before, -1)) == labels
        facts = [("accuracy", with_margin(right))]
        for name, z, null_key in zip(("", ", after temperature"), (before, after), jax.random.split(key), strict=True):
            found = calibration.calibration_test(z, labels, key=null_key)
            brier = scores.brier(categorical, categorical.Params(z), labels, reduction="none")
            facts.append((f"Brier score{name}", with_margin(brier)))
            facts.append(
                (f"calibration error{name}", f"{found.error:.4f}; of a perfect forecaster {found.expected:.4f}")
            )
        alone = []
        if many:
            alone.append(Score.of("members alone, on average", member_losses(params, key).mean(1)))
            shares = parts_of(params, splits.test["x"])
            facts.append(("members disagree by", f"{float(shares.epistemic.mean()):.4f} nats (mutual information)"))
        return Report(
            f"{len(labels)} {kind}",
            kind[:-1],
            (
                Score.of("model", losses[0]),
                Score.of(f"model, temperature {temperature:.3f}", losses[1]),
                *alone,
                Score.of("baseline: class marginal", marginal(splits.test)),
            ),
            facts=tuple(facts),
        )

    def draw(params: Any, key: Array, folder: Path) -> list[Path]:
        from ...plots import figure, reliability_diagram, save

        fig, ax = figure()
        labels = splits.test["y"]
        before, after, temperature = scored(params)
        for z, label in ((before, "before"), (after, f"after, temperature {temperature:.3f}")):
            reliability_diagram(ax, *calibration.reliability(z, labels), label=label)
        return [save(fig, folder / "reliability.png")]

    return Task(
        params=params,
        batches=batches,
        loss=loss,
        validate=lambda params: float(validation_losses(params, key).mean()),
        evaluate=evaluate,
        draw=draw,
        unit="image" if images else "row",
        fingerprint=fingerprint(data),
        predict=predict,
        levels={"class marginal": float(marginal(splits.validation).mean())},
        members=config.ensemble,
    )


def _digits() -> dict[str, np.ndarray]:
    data = digits()
    return {"x": data["x"] / np.float32(16), "y": data["y"]}


def _table(path: Path) -> dict[str, np.ndarray]:
    data = read_table(path)
    labels = data["y"].astype(np.int32)
    if (labels != data["y"]).any() or labels.min() < 0:
        raise DataError(f"{path}: the target must be a class label, a whole number from 0; got {data['y'].min()}.")
    if labels.max() > 10_000:
        raise DataError(f"{path}: the largest label is {labels.max()}: more than 10000 classes. Number them from 0.")
    shape = data["x"].shape
    if len(shape) not in (2, 3) or (len(shape) == 3 and (shape[1] % 2 or shape[2] % 2)):
        raise DataError(f"{path}: x has shape {shape}; want [n, features], or [n, height, width] with even sides.")
    return {"x": data["x"], "y": labels}
