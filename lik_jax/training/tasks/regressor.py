"""Regression: every param of the distribution is predicted, the scale included."""

import inspect
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ... import distributions, scores
from ...models import regressor
from ...objectives import nll
from ...uncertainty import over_members, predictive, variances
from ..configs import Regressor
from ..data import by_row, diabetes, fingerprint, read_table, sine, sine_floor, sine_truth
from ..errors import DataError
from ..task import Predictive, Report, Score, Task, held_out, with_margin
from ._members import members


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
    shape = regressor.Config(train["x"].shape[1], start.shape[-1], config.widths, config.dropout)
    params, apply, batches = members(lambda key: regressor.create(shape, key), parts[0], config)
    many = config.ensemble > 1

    def predict(params: Any, x: Any, key: Array | None = None) -> Any:
        raw = apply(params, x, key)
        return distribution.constrain(raw + jnp.broadcast_to(start, raw.shape))

    def predicted(params: Any, x: Any) -> tuple[Any, Any]:
        """The distribution that is predicted, a mixture where there are many networks, and its params."""
        if not many:
            return distribution, predict(params, x)
        return predictive(distribution, over_members(predict, params, x))

    def quantile(params: Any, x: Any, p: float) -> Array:
        found, its = predicted(params, x)
        return found.icdf(its, p)

    def loss(params: Any, batch: Any, key: Array) -> Array:
        drop_key = key if config.dropout else None
        return nll(distribution, predict(params, batch["x"], drop_key), batch["y"]) + jnp.log(scale)

    def losses(found: Any, its: Any, y: Any) -> Array:
        return nll(found, its, y, reduction="none") + jnp.log(scale)

    def score(params: Any, batch: Any, key: Array) -> Array:
        return losses(distribution, predict(params, batch["x"]), batch["y"])

    def score_predicted(params: Any, batch: Any, key: Array) -> Array:
        found, its = predicted(params, batch["x"])
        return losses(found, its, batch["y"])

    def score_members(params: Any, batch: Any, key: Array) -> Array:
        return over_members(lambda one: score(one, batch, key), params).T

    validation_losses, test_losses = held_out(score, parts[1]), held_out(score_predicted, parts[2])
    member_losses = held_out(score_members, parts[2])

    def baseline(part: Any) -> Array:
        return nll(distribution, marginal, part["y"], reduction="none") + jnp.log(scale)

    def forecast(params: Any, part: str) -> Predictive:
        rows = parts[("train", "validation", "test").index(part)]
        found, its = predicted(params, rows["x"])
        return Predictive(found, its, rows["y"], float(scale))

    floor = []
    if config.data == "sine":
        floor = [
            Score.of("truth: on these rows", sine_truth(splits.test)),
            Score("truth: in expectation", sine_floor()),
        ]

    def evaluate(params: Any, key: Array) -> Report:
        facts = []
        if hasattr(distribution, "icdf"):
            low, high = (quantile(params, parts[2]["x"], p) for p in (0.05, 0.95))
            facts.append(("90 % interval holds", with_margin((parts[2]["y"] >= low) & (parts[2]["y"] <= high))))
            found, its = predicted(params, parts[2]["x"])
            crps = scores.crps(found, its, parts[2]["y"], reduction="none") * scale
            facts.append(("CRPS", with_margin(crps)))
        alone = []
        if many:
            alone.append(Score.of("members alone, on average", member_losses(params, key).mean(1)))
        if many and hasattr(distribution, "mean") and hasattr(distribution, "variance"):
            shares = variances(*predicted(params, parts[2]["x"]))
            share = float((shares.epistemic / shares.total).mean())
            facts.append(("members' disagreement", f"{100 * share:.1f} % of the variance"))
        return Report(
            f"{len(parts[2]['y'])} rows",
            "row",
            (
                Score.of(f"model, {config.distribution}", test_losses(params, key)),
                *alone,
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
            middle = quantile(params, inputs(x), 0.5)
            order = np.argsort(np.asarray(middle))
            grid, where = x[order], np.argsort(order)
            across = np.arange(len(x))
        quantiles = [quantile(params, inputs(grid), p) * scale + shift for p in (0.05, 0.5, 0.95)]
        shown = slice(None, 1000)
        predictive_band(ax, where[shown], y[shown], across, quantiles[1], quantiles[0], quantiles[2])
        if x.shape[1] != 1:
            ax.set_xlabel("held-out rows, by predicted median")
        return [save(fig, folder / "predictive.png")]

    return Task(
        params=params,
        batches=batches,
        loss=loss,
        validate=lambda params: float(validation_losses(params, key).mean()),
        evaluate=evaluate,
        draw=draw,
        unit="row",
        fingerprint=fingerprint(data),
        predict=forecast,
        levels={"one for all rows": float(baseline(parts[1]).mean())} | ({"truth": sine_floor()} if floor else {}),
        members=config.ensemble,
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
