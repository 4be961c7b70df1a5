"""Maps fitted on a run's validation part and judged on its test part: what `lik-jax calibrate` does."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from .. import calibration, scores
from ..calibration import conformal
from ..distribution import UNIVARIATE, require
from ..distributions import bernoulli, categorical
from ..objectives import nll
from .errors import RunError
from .run import open_run
from .task import Predictive, with_margin

MAPS = ("temperature", "bias_corrected", "vector", "matrix", "dirichlet", "isotonic", "histogram")
# k^2 numbers from a few hundred rows run away without
_ODIR = {"off_diagonal_penalty": 0.01, "bias_penalty": 0.01}
PENALTIES = {"matrix": _ODIR, "dirichlet": _ODIR}


@dataclass(frozen=True)
class Sheet:
    """A table as text: its title, the names of its columns and its rows."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Calibrated:
    """What came of it.

    Attributes:
        sheets: the tables.
        files: what was written: the fitted params and a picture.
    """

    sheets: tuple[Sheet, ...]
    files: tuple[Path, ...]


@dataclass(frozen=True)
class _Findings:
    sheets: tuple[Sheet, ...]
    params: dict[str, Any]
    draw: Callable[[Any, Any], None]


def calibrate_run(folder: Path, *, level: float = 0.9, seed: int = 0) -> Calibrated:
    """Fit every map there is for the run's kind of forecast, and write ``calibration.json`` and ``calibration.png``.

    Args:
        folder: of the run.
        level: of conformal sets and intervals, in (0, 1).
        seed: of the labels that a perfect forecaster is given.

    Raises:
        RunError: no run there, a kind that predicts neither labels nor numbers, or a ``level`` outside (0, 1).
    """
    if not 0 < level < 1:
        raise RunError(f"--level {level}: want a probability between 0 and 1, such as 0.9.")
    folder = Path(folder)
    config, task, params = open_run(folder)
    if task.predict is None:
        raise RunError(f"{folder} is a {type(config).__name__.lower()}: calibrate a classifier or a regressor.")
    validation, test = (_with_labels(task.predict(params, part)) for part in ("validation", "test"))
    if validation.distribution is categorical:
        found = _classes(validation, test, level, jax.random.key(seed))
    else:
        found = _numbers(validation, test, level)
    record = {"fitted_on": f"validation part, {len(validation.y)} {task.unit}s", "level": level}
    path = folder / "calibration.json"
    maps = {name: _plain(each) for name, each in found.params.items()}
    rows = [
        {"title": sheet.title, "rows": [dict(zip(sheet.columns, row, strict=True)) for row in sheet.rows]}
        for sheet in found.sheets
    ]
    path.write_text(json.dumps(record | {"maps": maps, "test": rows}, indent=2) + "\n")
    from ..plots import figure, save

    fig, axes = figure(2, 2)
    found.draw(fig, axes)
    return Calibrated(found.sheets, (path, save(fig, folder / "calibration.png")))


def _with_labels(forecast: Predictive) -> Predictive:
    """Yes and no as two classes; any other forecast as it is."""
    if forecast.distribution is bernoulli:
        z = jnp.asarray(forecast.params.logits)
        params = categorical.Params(jnp.stack([jnp.zeros_like(z), z], -1))
        return Predictive(categorical, params, np.asarray(forecast.y).astype(np.int32))
    if forecast.distribution is not categorical:
        require(forecast.distribution, UNIVARIATE, "lik-jax calibrate")
    return forecast


def _classes(validation: Predictive, test: Predictive, level: float, key: Array) -> _Findings:
    z, labels = test.params.logits, test.y
    null_key, band_key, curve_key = jax.random.split(key, 3)
    fitted = {
        name: getattr(calibration, name).fit(validation.params.logits, validation.y, **PENALTIES.get(name, {}))
        for name in MAPS
    }
    mapped = {"as trained": z} | {name: getattr(calibration, name).apply(params, z) for name, params in fitted.items()}
    rows = []
    for name, logits in mapped.items():
        params = categorical.Params(logits)
        found = calibration.calibration_test(logits, labels, key=null_key)
        rows.append(
            (
                _named(name.replace("_", " "), fitted.get(name)),
                with_margin(nll(categorical, params, labels, reduction="none"), 3),
                with_margin(scores.brier(categorical, params, labels, reduction="none"), 3),
                f"{float(found.error):.3f}",
                f"{float(found.excess):+.2f} [{float(found.low):+.2f}, {float(found.high):+.2f}]",
            )
        )
    columns = ("map", "NLL, nats", "Brier", "ECE", "less a perfect one's")
    sheets = (
        Sheet(f"{len(labels)} test rows, maps fitted on {len(validation.y)}", columns, tuple(rows)),
        _sets(validation, test, level),
    )

    def draw(fig: Any, axes: Any) -> None:
        from ..plots import corp_diagram, reliability_diagram

        for column, name in enumerate(("as trained", "temperature")):
            logits = mapped[name]
            band = calibration.consistency_band(logits, key=band_key)
            found = calibration.reliability(logits, labels)
            reliability_diagram(axes[0, column], *found, label=name, band=band)
            curve = calibration.corp(logits, labels)
            corp_diagram(axes[1, column], *curve, label=name, band=calibration.corp_band(logits, key=curve_key))

    return _Findings(sheets, fitted, draw)


def _sets(validation: Predictive, test: Predictive, level: float) -> Sheet:
    """Sets of labels from the logits as trained: a map fitted on the same rows would spoil the promise."""
    rows = []
    for name, method in (("threshold", conformal.threshold), ("APS", conformal.aps), ("RAPS", conformal.raps)):
        params = method.fit(validation.params.logits, validation.y, level=level)
        sets = method.apply(params, test.params.logits)
        covered = conformal.set_coverage(sets, test.y, reduction="none")
        size = conformal.set_size(sets, reduction="none")
        rows.append((name, with_margin(covered, 3), with_margin(size, 3)))
    return Sheet(
        f"conformal sets, {100 * level:g} % promised", ("method", "label in the set", "labels a set"), tuple(rows)
    )


def _numbers(validation: Predictive, test: Predictive, level: float) -> _Findings:
    distribution, y = test.distribution, test.y
    tails = np.array([(1 - level) / 2, (1 + level) / 2])[:, None]
    fitted: dict[str, Any] = {}
    rows: list[tuple[str, ...]] = []
    predicted: dict[str, Any] = {}

    def add(name: str, low: Any, high: Any, losses: str = "", crps: str = "") -> None:
        low, high = (np.asarray(end, np.float64) for end in (low, high))
        covered = (low <= y) & (y <= high)
        rows.append((name, losses, crps, with_margin(covered, 3), f"{(high - low).mean() * test.scale:.4g}"))

    def add_predictive(name: str, params: Any) -> Any:
        """Its row; returns the ends of its central intervals."""
        losses = nll(distribution, params, y, reduction="none") + math.log(test.scale)
        crps = scores.crps(distribution, params, y, reduction="none") * test.scale
        ends = distribution.icdf(params, tails)
        low, high = ends
        add(name, low, high, with_margin(losses, 3), with_margin(crps, 3))
        predicted[name] = params
        return ends

    as_trained = add_predictive("as trained", test.params)
    if calibration.variance_scaling.applies_to(test.params):
        scaling = calibration.variance_scaling.fit(distribution, validation.params, validation.y)
        fitted["variance_scaling"] = scaling
        scaled = calibration.variance_scaling.apply(scaling, test.params)
        add_predictive(_named(f"scale times {float(scaling.factor):.3f}", scaling), scaled)
    if not distribution.support.discrete:
        quantiles = calibration.quantile_calibration.fit(distribution, validation.params, validation.y)
        fitted["quantile_calibration"] = quantiles
        add("map of quantiles", *calibration.quantile_calibration.icdf(quantiles, distribution, test.params, tails))
    spread = conformal.distributional.fit(distribution, validation.params, validation.y, level=level)
    fitted["conformal_distributional"] = spread
    add("conformal, cdf", *conformal.distributional.apply(spread, distribution, test.params))
    cqr = conformal.cqr.fit(*distribution.icdf(validation.params, tails), validation.y, level=level)
    fitted["conformal_quantile_regression"] = cqr
    add("conformal, quantiles", *conformal.cqr.apply(cqr, *as_trained))
    columns = ("forecast", "NLL, nats", "CRPS", f"in {100 * level:g} % interval", "its width")
    title = f"{len(y)} test rows, fitted on {len(validation.y)}"

    def draw(fig: Any, axes: Any) -> None:
        from ..plots import pit_histogram

        for ax, (name, params) in zip(axes[0], predicted.items(), strict=False):
            pit_histogram(ax, *calibration.pit_histogram(distribution, params, y), label=name)
        promised = np.linspace(0.05, 0.95, 19, dtype=np.float32)
        for ax, (name, params) in zip(axes[1], predicted.items(), strict=False):
            covered = calibration.coverage(distribution, params, y, promised)
            ax.plot([0, 1], [0, 1], color="black", linewidth=0.8)
            ax.fill_between(promised, covered.low, covered.high, alpha=0.3, linewidth=0)
            ax.plot(promised, covered.covered, label=name)
            ax.set(xlabel="promised by central intervals", ylabel="share of rows inside", xlim=(0, 1), ylim=(0, 1))
            ax.legend(frameon=False)
        for ax in axes[:, len(predicted) :].ravel():
            fig.delaxes(ax)

    return _Findings((Sheet(title, columns, tuple(rows)),), fitted, draw)


def _named(name: str, params: Any) -> str:
    """With how the fit ended, if not well."""
    status = "OK" if params is None else params.fit.status_name
    return name if status == "OK" else f"{name} ({status.lower()})"


def _plain(params: Any) -> Any:
    """A map's params as what JSON holds; infinities and NaN by name."""
    if hasattr(params, "_asdict"):
        named = {name: _plain(value) for name, value in params._asdict().items() if value is not None}
        return named | ({"status": params.status_name} if hasattr(params, "status_name") else {})
    if isinstance(params, dict):
        return {name: _plain(value) for name, value in params.items()}

    def number(x: Any) -> Any:
        if isinstance(x, list):
            return [number(each) for each in x]
        return x if math.isfinite(x) else str(x)

    return number(np.asarray(params).tolist())
