"""Digits, clean and corrupted, by one network and by ways to be less sure of it: ``python -m bench.uncertainty``.

For each seed: an ensemble of 5 of the default classifier, of which the first is the single network; temperature
scaling, SWA-Gaussian and last-layer Laplace are of that one; label smoothing and dropout are trained with its seed.
Images are not shifted in training, so that it has the likelihood that the evidence of the Laplace approximation counts.
Corrupted test pixels have normal noise, or a square of nothing. The table has mean scores over seeds, with 95 %
intervals by the bootstrap over test images (the same images for all seeds and methods), and the difference in NLL from
the single network.
"""

import argparse
import dataclasses
import json
import pathlib
import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax import Array

import lik_jax as lj
from lik_jax import calibration, categorical
from lik_jax.models import classifier
from lik_jax.training import configs
from lik_jax.training.data import Batches, MemberBatches, by_row, digits
from lik_jax.training.loop import train
from lik_jax.training.settings import Settings
from lik_jax.uncertainty import dropout, ensemble, over_members, pooled, predictive, swag
from lik_jax.uncertainty.laplace import last_layer, outputs

MEMBERS, SAMPLES, SMOOTHING, DROPOUT = 5, 50, 0.05, 0.3
# draws of ten logits are cheap
DRAWS = 500
FEATURES = "features"


def corrupted(x: np.ndarray, kind: str, seed: int = 0) -> np.ndarray:
    """Images ``[n, 8, 8]`` in [0, 1] with noise of deviation 0.3, cut back to [0, 1], or with a 3 x 3 square at 0."""
    rng = np.random.default_rng((7, seed))
    if kind == "clean":
        return x
    if kind == "noise":
        return np.clip(x + 0.3 * rng.normal(size=x.shape), 0, 1).astype(x.dtype)
    at = rng.integers(0, 6, (2, len(x), 1, 1))
    rows, columns = np.arange(8)[None, :, None], np.arange(8)[None, None]
    inside = (rows >= at[0]) & (rows < at[0] + 3) & (columns >= at[1]) & (columns < at[1] + 3)
    return np.where(inside, 0, x).astype(x.dtype)


def make(key: Array, rate: float = 0.0) -> Any:
    """The network of `lik-jax train classifier`."""
    return classifier.create(classifier.Config(dropout=rate, by_products=True), key)


def loss_of(apply: Callable[..., Array], *, smoothing: float = 0.0, drop: bool = False) -> Callable[..., Array]:
    """What is trained: cross-entropy."""

    def loss(params: Any, batch: Any, key: Array) -> Array:
        logits = apply(params, batch["x"], key if drop else None)
        return lj.cross_entropy(logits, batch["y"], label_smoothing=smoothing)

    return loss


def predictions(seed: int, fit: Settings, splits: Any) -> dict[str, Callable[[np.ndarray], Array]]:
    """By method, images to normalised log-probabilities ``[n, 10]``."""
    fit = dataclasses.replace(fit, seed=100 * seed)
    seeds = range(fit.seed, fit.seed + MEMBERS)
    x, y = splits.train["x"], splits.train["y"]
    batches = [Batches(splits.train, fit.batch_size, s) for s in seeds]
    apply = make(jax.random.key(0)).apply
    held_out = jax.jit(lambda params: lj.cross_entropy(apply(params, splits.validation["x"]), splits.validation["y"]))

    def validate(params: Any) -> float:
        return float(held_out(params))

    start = ensemble.stack([make(jax.random.key(s)).params for s in seeds])
    together = MemberBatches(tuple(batches))
    members = ensemble.train_ensemble(loss_of(apply), start, together, fit, validate=validate).best_params
    single = ensemble.member(members, 0)
    first = make(jax.random.key(seeds[0]))
    smooth = train(loss_of(apply, smoothing=SMOOTHING), first.params, batches[0], fit, validate=validate).best_params
    dropping = make(jax.random.key(seeds[0]), DROPOUT)
    dropped = train(loss_of(dropping.apply, drop=True), dropping.params, batches[0], fit, validate=validate).best_params
    constant = dataclasses.replace(fit, steps=max(fit.steps // 2, 20), learning_rate=fit.learning_rate / 2)
    swa = swag.collect(loss_of(apply), single, batches[0], constant, every=10)
    drawn = swag.sample(swa, jax.random.key(1), SAMPLES)
    head = single["head"]["kernel"], single["head"]["bias"]
    laplace = jax.jit(lambda f: last_layer.fit(categorical, f, y, *head))(apply(single, x, method=FEATURES))
    print(f"seed {seed}: prior precision {float(laplace.prior_precision):.3g}", flush=True)
    scale = calibration.temperature.fit(apply(single, splits.validation["x"]), splits.validation["y"])

    def mixed(raw: Array) -> Array:
        return pooled(*predictive(categorical, categorical.Params(raw))).logits

    def gaussian(x: np.ndarray) -> Any:
        return last_layer.predict(laplace, apply(single, x, method=FEATURES))

    methods: dict[str, Callable[[np.ndarray], Array]] = {
        "single network": lambda x: apply(single, x),
        "members, on average": lambda x: over_members(apply, members, x),
        "temperature": lambda x: calibration.temperature.apply(scale, apply(single, x)),
        "label smoothing": lambda x: apply(smooth, x),
        "MC dropout": lambda x: mixed(dropout.samples(dropping.apply, dropped, x, jax.random.key(2), SAMPLES)),
        "ensemble of 5": lambda x: mixed(over_members(apply, members, x)),
        "SWA-Gaussian": lambda x: mixed(over_members(apply, drawn, x)),
        "last-layer Laplace, probit": lambda x: outputs.probit(gaussian(x)).logits,
        "last-layer Laplace, sampled": lambda x: (
            pooled(*outputs.sampled(categorical, gaussian(x), jax.random.key(3), DRAWS)).logits
        ),
    }
    return {name: jax.jit(lambda x, fn=fn: jax.nn.log_softmax(fn(x))) for name, fn in methods.items()}


def scores(log_p: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    """NLL, Brier score and being right of each image, ``[n]``, and the calibration error of all (15 bins, plugged in).

    Of several networks, ``[k, n, 10]``, the means over them.
    """
    if log_p.ndim == 3:
        each = [scores(one, labels) for one in log_p]
        return {name: np.mean([one[name] for one in each], axis=0) for name in each[0]}
    own = np.take_along_axis(log_p, labels[:, None], 1)[:, 0]
    return {
        "nll": -own,
        "brier": (np.exp(log_p) ** 2).sum(1) - 2 * np.exp(own) + 1,
        "right": (log_p.argmax(1) == labels).astype(float),
        "ece": np.asarray(calibration.calibration_error(log_p.astype(np.float32), labels)),
    }


def summary(found: dict[str, np.ndarray], single: np.ndarray, resamples: np.ndarray) -> dict[str, Any]:
    """Means over seeds and images (arrays ``[seeds, n]``), with bootstrap intervals; of ECE the range over seeds."""

    def interval(values: np.ndarray) -> list[float]:
        means = values[resamples].mean(1)
        return [float(values.mean()), *np.quantile(means, [0.025, 0.975]).tolist()]

    return {
        "nll": interval(found["nll"].mean(0)),
        "gain": interval((single - found["nll"]).mean(0)),
        "nll_by_seed": found["nll"].mean(1).tolist(),
        "brier": interval(found["brier"].mean(0)),
        "ece": [float(of(found["ece"])) for of in (np.mean, np.min, np.max)],
        "accuracy": float(found["right"].mean()),
    }


def main(argv: list[str] | None = None) -> list[dict[str, Any]]:
    """Train, score, write one JSON line a method and kind of pixels, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, help="instead of the default classifier's")
    parser.add_argument("--out", type=pathlib.Path, help="where the JSON lines go")
    args = parser.parse_args(argv)
    fit = configs.Classifier().fit
    if args.steps:
        fit = dataclasses.replace(fit, steps=args.steps, validate_every=max(args.steps // 2, 1))
    data = digits()
    splits = by_row({"x": data["x"] / np.float32(16), "y": data["y"]})
    labels, kinds = splits.test["y"], ("clean", "noise", "occlusion")
    found: dict[tuple[str, str], list[dict[str, np.ndarray]]] = {}
    for seed in range(args.seeds):
        began = time.perf_counter()
        methods = predictions(seed, fit, splits)
        for kind in kinds:
            x = corrupted(splits.test["x"], kind, seed)
            for name, log_probs in methods.items():
                found.setdefault((kind, name), []).append(scores(np.asarray(log_probs(x), np.float64), labels))
        print(f"seed {seed}: {time.perf_counter() - began:.0f} s", flush=True)
    resamples = np.random.default_rng(0).integers(0, len(labels), (2000, len(labels)))
    records = []
    for (kind, name), each in found.items():
        arrays = {k: np.stack([one[k] for one in each]) for k in each[0]}
        single = np.stack([one["nll"] for one in found[kind, "single network"]])
        records.append({"pixels": kind, "method": name} | summary(arrays, single, resamples))
    show(records)
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text("".join(json.dumps(r) + "\n" for r in records))
    return records


def show(records: list[dict[str, Any]]) -> None:
    """The table as Markdown."""
    print("| pixels | method | NLL, nats | gain on the single network | ECE, range over seeds | Brier | accuracy |")
    print("|---|---|---|---|---|---|---|")
    for r in records:
        cells = ["{:.4f} ({:.4f} to {:.4f})".format(*r[name]) for name in ("nll", "gain", "ece", "brier")]
        print(f"| {r['pixels']} | {r['method']} | " + " | ".join(cells) + f" | {r['accuracy']:.4f} |")


if __name__ == "__main__":
    main()
