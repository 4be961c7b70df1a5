"""Regression: every param of the distribution is predicted, the scale included."""

import inspect
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ... import distributions
from ...models import regressor
from ...objectives import nll
from ..configs import Regressor
from ..data import Batches, by_row, diabetes, fingerprint, read_table, sine, sine_floor, sine_truth
from ..errors import DataError
from ..task import Predictive, Report, Score, Task, held_out


def build(config: Regressor) -> Task:
    """A perceptron in standard units of the data; scores are in the data's own units."""
    distribution = find(config.distribution)
    data = _load(config)
    splits = by_row(data)
    train = splits.train
    wrong = ~np.asarray(distribution.support.contains(jnp.asarray(data["y"])))
    if wrong.any():
        raise DataError(
            f"{config.distribution} has the support '{distribution.support.name}', but the target of row "
            f"{int(wrong.argmax())} is {data['y'][wrong.argmax()]:g}. Choose another --distribution."
        )
    # a change of units of y, where the support allows one; its log-determinant goes back onto the scores
    shift, scale = _units(distribution, train["y"])
    x_mean, x_scale = train["x"].mean(0), train["x"].std(0)
    x_scale = np.where(x_scale > 0, x_scale, 1)

    def inputs(x: Any) -> Any:
        return (x - x_mean) / x_scale

    parts = [{"x": inputs(part["x"]), "y": (part["y"] - shift) / scale} for part in splits]
    marginal = distribution.init(parts[0]["y"])
    start = distribution.unconstrain(marginal)
    key = jax.random.key(config.fit.seed)
    model = regressor.create(regressor.Config(train["x"].shape[1], start.shape[-1], config.widths), key)

    def predict(params: Any, x: Any) -> Any:
        raw = model.apply(params, x)
        return distribution.constrain(raw + jnp.broadcast_to(start, raw.shape))

    def loss(params: Any, batch: Any, key: Array) -> Array:
        return nll(distribution, predict(params, batch["x"]), batch["y"]) + jnp.log(scale)

    def score(params: Any, batch: Any, key: Array) -> Array:
        return nll(distribution, predict(params, batch["x"]), batch["y"], reduction="none") + jnp.log(scale)

    validation_losses, test_losses = held_out(score, parts[1]), held_out(score, parts[2])

    def baseline(part: Any) -> Array:
        return nll(distribution, marginal, part["y"], reduction="none") + jnp.log(scale)

    def forecast(params: Any, part: str) -> Predictive:
        rows = parts[("train", "validation", "test").index(part)]
        return Predictive(distribution, predict(params, rows["x"]), rows["y"], float(scale))

    floor = []
    if config.data == "sine":
        floor = [
            Score.of("truth: on these rows", sine_truth(splits.test)),
            Score("truth: in expectation", sine_floor()),
        ]

    def evaluate(params: Any, key: Array) -> Report:
        facts = []
        if hasattr(distribution, "icdf"):
            predicted = predict(params, parts[2]["x"])
            low, high = (distribution.icdf(predicted, p) for p in (0.05, 0.95))
            inside = float(((parts[2]["y"] >= low) & (parts[2]["y"] <= high)).mean())
            facts.append(("90 % interval holds", f"{100 * inside:.1f} %"))
        return Report(
            f"{len(parts[2]['y'])} rows",
            "row",
            (
                Score.of(f"model, {config.distribution}", test_losses(params, key)),
                Score.of(f"baseline: one {config.distribution} for all rows", baseline(parts[2])),
                Score.of("baseline: straight line, constant normal noise", _linear(train, splits.test)),
                *floor,
            ),
            facts=tuple(facts),
        )

    def draw(params: Any, key: Array, folder: Path) -> list[Path]:
        from ...plots import figure, predictive_band, save

        if not hasattr(distribution, "icdf"):
            return []
        fig, ax = figure()
        x, y = splits.test["x"], splits.test["y"]
        if x.shape[1] == 1:
            grid = np.linspace(x.min(), x.max(), 200, dtype=np.float32)[:, None]
            across, where = grid[:, 0], x[:, 0]
        else:
            # many covariates: along the predicted median instead
            middle = distribution.icdf(predict(params, inputs(x)), 0.5)
            order = np.argsort(np.asarray(middle))
            grid, where = x[order], np.argsort(order)
            across = np.arange(len(x))
        quantiles = [distribution.icdf(predict(params, inputs(grid)), p) * scale + shift for p in (0.05, 0.5, 0.95)]
        shown = slice(None, 1000)
        predictive_band(ax, where[shown], y[shown], across, quantiles[1], quantiles[0], quantiles[2])
        if x.shape[1] != 1:
            ax.set_xlabel("held-out rows, by predicted median")
        return [save(fig, folder / "predictive.png")]

    return Task(
        params=model.params,
        batches=Batches(parts[0], config.fit.batch_size, config.fit.seed),
        loss=loss,
        validate=lambda params: float(validation_losses(params, key).mean()),
        evaluate=evaluate,
        draw=draw,
        unit="row",
        fingerprint=fingerprint(data),
        predict=forecast,
        levels={"one for all rows": float(baseline(parts[1]).mean())} | ({"truth": sine_floor()} if floor else {}),
    )


def find(name: str) -> Any:
    """The distribution called ``name``, if a regressor can predict its params.

    Raises:
        DataError: there is none, or its observations are not single numbers.
    """
    modules = {n: m for n, m in vars(distributions).items() if inspect.ismodule(m) and hasattr(m, "log_prob")}
    usable = sorted(n for n, m in modules.items() if _usable(m))
    if name not in usable:
        raise DataError(f"no regression with distribution {name!r}; choose one of {', '.join(usable)}.")
    return modules[name]


def _usable(module: Any) -> bool:
    # what takes more than raw numbers (a number of trials, say) cannot be predicted from covariates alone
    from_raw_alone = len(inspect.signature(module.constrain).parameters) == 1
    return module.event_ndim == 0 and module.raw_size is not None and from_raw_alone and hasattr(module, "init")


def _load(config: Regressor) -> dict[str, np.ndarray]:
    if config.data == "sine":
        return sine(config.fit.seed, 20_000)
    data = diabetes() if config.data == "diabetes" else read_table(Path(config.data))
    return {"x": data["x"].reshape(len(data["y"]), -1), "y": data["y"]}


def _units(distribution: Any, y: np.ndarray) -> tuple[np.float32, np.float32]:
    zero, one, spread = np.float32(0), np.float32(1), np.float32(y.std())
    probe = jnp.array([-1e6, 0.5, 1e6])
    inside = np.asarray(distribution.support.contains(probe))
    if distribution.support.discrete or spread == 0 or not inside[1:].all():
        return zero, one
    return (np.float32(y.mean()), spread) if inside[0] else (zero, spread)


def _linear(train: dict[str, np.ndarray], test: dict[str, np.ndarray]) -> np.ndarray:
    design = [np.column_stack([np.ones(len(part["y"])), part["x"].astype(np.float64)]) for part in (train, test)]
    weights = np.linalg.lstsq(design[0], train["y"].astype(np.float64), rcond=None)[0]
    variance = ((train["y"] - design[0] @ weights) ** 2).mean()
    squares = (test["y"] - design[1] @ weights) ** 2
    return 0.5 * squares / variance + 0.5 * np.log(2 * np.pi * variance)
