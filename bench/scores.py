"""Scores beside the textbook's formula, written in plain ``jnp``: ``python -m bench.scores``.

Value and gradient of the mean towards the params, a million numbers a case, alternating in one process; temporaries of
the gradient in MB.
"""

import argparse
import json
import math
import pathlib
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from lik_jax import bernoulli, categorical, normal, scores

from . import measure

LEVEL = 0.9
# the quantile of a standard normal at (1 + LEVEL) / 2
REACH = 1.6448536


@dataclass(frozen=True)
class Comparison:
    """One score two ways.

    Attributes:
        params: of ``n`` numbers in all, drawn with a generator.
        y: observations, the same.
        ours: ``ours(params, y)``, the mean score by lik_jax.
        textbook: the same in plain ``jnp``.
    """

    params: Callable[[np.random.Generator, int], tuple[np.ndarray, ...]]
    y: Callable[[np.random.Generator, int], np.ndarray]
    ours: Callable[[Any, Array], Array]
    textbook: Callable[[Any, Array], Array]


def _loc_scale(rng: np.random.Generator, n: int) -> tuple[np.ndarray, ...]:
    return rng.standard_normal(n, np.float32), np.exp(0.5 * rng.standard_normal(n, np.float32))


def _logits(rng: np.random.Generator, n: int) -> tuple[np.ndarray, ...]:
    return (rng.standard_normal((max(n // 100, 1), 100), np.float32),)


def _log_score(params: Any, y: Array) -> Array:
    loc, scale = params
    return (0.5 * ((y - loc) / scale) ** 2 + jnp.log(scale) + 0.5 * math.log(2 * math.pi)).mean()


def _brier(params: Any, y: Array) -> Array:
    hit = jax.nn.one_hot(y, params[0].shape[-1])
    return ((jax.nn.softmax(params[0]) - hit) ** 2).sum(-1).mean()


def _brier_binary(params: Any, y: Array) -> Array:
    return ((jax.nn.sigmoid(params[0]) - y) ** 2).mean()


def _ranked(params: Any, y: Array) -> Array:
    cumulative = jnp.cumsum(jax.nn.softmax(params[0]), -1)
    came = y[:, None] <= jnp.arange(params[0].shape[-1])[None]
    return ((cumulative - came.astype(cumulative.dtype)) ** 2).sum(-1).mean()


def _interval(params: Any, y: Array) -> Array:
    loc, scale = params
    low, high = loc - REACH * scale, loc + REACH * scale
    return (high - low + 2 / (1 - LEVEL) * (jnp.maximum(low - y, 0) + jnp.maximum(y - high, 0))).mean()


def _energy(params: Any, y: Array) -> Array:
    (x,) = params
    m = len(x)
    apart = x[:, None] - x[None]
    same = jnp.eye(m)[:, :, None]
    lengths = jnp.sqrt((apart**2).sum(-1) + same) * (1 - same)
    return (jnp.sqrt(((x - y[None]) ** 2).sum(-1)).mean(0) - lengths.sum((0, 1)) / (2 * m * (m - 1))).mean()


CASES = {
    "log score, normal": Comparison(
        _loc_scale,
        lambda rng, n: rng.standard_normal(n, np.float32),
        lambda params, y: scores.log_score(normal, normal.Params(*params), y),
        _log_score,
    ),
    "Brier, 100 classes": Comparison(
        _logits,
        lambda rng, n: rng.integers(0, 100, max(n // 100, 1)).astype(np.int32),
        lambda params, y: scores.brier(categorical, categorical.Params(*params), y),
        _brier,
    ),
    "Brier, yes or no": Comparison(
        lambda rng, n: (rng.standard_normal(n, np.float32),),
        lambda rng, n: rng.integers(0, 2, n).astype(np.float32),
        lambda params, y: scores.brier(bernoulli, bernoulli.Params(*params), y),
        _brier_binary,
    ),
    "ranked probability, 100 classes": Comparison(
        _logits,
        lambda rng, n: rng.integers(0, 100, max(n // 100, 1)).astype(np.int32),
        lambda params, y: scores.ranked_probability(categorical, categorical.Params(*params), y),
        _ranked,
    ),
    "interval score, normal": Comparison(
        _loc_scale,
        lambda rng, n: rng.standard_normal(n, np.float32),
        lambda params, y: scores.interval_score(normal, normal.Params(*params), y, level=LEVEL),
        _interval,
    ),
    # samples of eight numbers: a tenth of the numbers of other cases, but each sample meets each other
    "energy score, 100 samples": Comparison(
        lambda rng, n: (rng.standard_normal((100, max(n // 8_000, 1), 8), np.float32),),
        lambda rng, n: rng.standard_normal((max(n // 8_000, 1), 8), np.float32),
        lambda params, y: scores.energy_score_from_samples(params[0], y),
        _energy,
    ),
}


def compare(name: str, size: int, seconds: float) -> dict[str, Any]:
    """Check that both agree, time both and return one record."""
    case, rng = CASES[name], np.random.default_rng(0)
    params, y = tuple(map(jnp.asarray, case.params(rng, size))), jnp.asarray(case.y(rng, size))
    record: dict[str, Any] = {"case": name, "size": size}
    for operation in ("value", "gradient"):
        both = [
            measure.compiled(who, fn if operation == "value" else jax.value_and_grad(fn), params, y)
            for who, fn in (("lik_jax", case.ours), ("textbook", case.textbook))
        ]
        ours, theirs = (jax.tree.leaves(one.run())[0] for one in both)
        np.testing.assert_allclose(ours, theirs, rtol=1e-4)
        times = measure.side_by_side(both, seconds=seconds)
        record[operation] = {
            one.who: {"run_ms_min": 1e3 * min(each), "run_ms_median": 1e3 * statistics.median(each), **one.about}
            for one, each in zip(both, times, strict=True)
        }
        medians = [statistics.median(each) for each in times]
        record[operation]["ratio"] = medians[0] / medians[1]
    return record


def main(argv: list[str] | None = None) -> list[dict[str, Any]]:
    """Compare the chosen scores, print a table, write one JSON line each if asked to."""
    parser = argparse.ArgumentParser(prog="python -m bench.scores", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--size", type=int, default=1_000_000, help="numbers a case")
    parser.add_argument("--seconds", type=float, default=2.0, help="for each score and operation")
    parser.add_argument("--out", type=pathlib.Path, help="where the JSON lines go")
    args = parser.parse_args(argv)
    records = [compare(name, args.size, args.seconds) for name in args.only]
    print("| score | value, ms | textbook | ratio | gradient, ms | textbook | ratio | MB | textbook |")
    print("|---|---|---|---|---|---|---|---|---|")
    for record in records:
        cells = []
        for operation in ("value", "gradient"):
            seen = record[operation]
            cells += [f"{seen[who]['run_ms_median']:.3g}" for who in ("lik_jax", "textbook")]
            cells.append(f"{seen['ratio']:.2f}")
        cells += [f"{(record['gradient'][who]['temp_bytes'] or 0) / 1e6:.3g}" for who in ("lik_jax", "textbook")]
        print(f"| {record['case']} | " + " | ".join(cells) + " |")
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text("".join(json.dumps(r | {"device": jax.devices()[0].device_kind}) + "\n" for r in records))
    return records


if __name__ == "__main__":
    main()
