"""An ensemble trained by one compiled step against as many separate runs: ``python -m bench.ensemble``.

Both train the networks of `lik-jax train MODEL` from the same params, seeds and batches for the steps of its default
config, validation and compilation included, in one process, with no compiled code kept from one to the other. Separate
processes would pay for the imports each time as well. The goal is a ratio of at most 0.8 for 5 members on 2 cores.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import time
from typing import Any

import jax
import numpy as np

from lik_jax.training import configs
from lik_jax.training.loop import train
from lik_jax.training.tasks import build
from lik_jax.uncertainty import ensemble

CASES = {"regressor": configs.Regressor, "classifier": configs.Classifier}


def compare(name: str, members: int, steps: int | None, rounds: int) -> dict[str, Any]:
    """Time both, in turns, and return one record."""
    config = CASES[name]()
    fit = (
        config.fit if steps is None else dataclasses.replace(config.fit, steps=steps, validate_every=max(1, steps // 2))
    )
    config = dataclasses.replace(config, fit=fit)
    together = build(dataclasses.replace(config, ensemble=members))
    alone = build(config)

    def at_once() -> np.ndarray:
        state = ensemble.train_ensemble(
            together.loss, together.params, together.batches, fit, validate=together.validate
        )
        return np.asarray(state.best_value)

    def apart() -> np.ndarray:
        best = []
        for k, batches in enumerate(together.batches.members):  # type: ignore[attr-defined]
            settings = dataclasses.replace(fit, seed=fit.seed + k)
            jax.clear_caches()
            params = ensemble.member(together.params, k)
            best.append(float(train(alone.loss, params, batches, settings, validate=alone.validate).best_value))
        return np.array(best)

    seconds: dict[str, list[float]] = {"at once": [], "apart": []}
    values = {}
    for _ in range(rounds):
        for who, run in (("at once", at_once), ("apart", apart)):
            jax.clear_caches()
            began = time.perf_counter()
            values[who] = run()
            seconds[who].append(time.perf_counter() - began)
    best = {who: min(each) for who, each in seconds.items()}
    return {
        "case": name,
        "members": members,
        "steps": fit.steps,
        "seconds": best,
        "ratio": best["at once"] / best["apart"],
        "best_validation_loss": {who: value.tolist() for who, value in values.items()},
        "cores": len(os.sched_getaffinity(0)),
    }


def main(argv: list[str] | None = None) -> list[dict[str, Any]]:
    """Compare the chosen networks, write one JSON line each, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", choices=list(CASES), default=list(CASES))
    parser.add_argument("--members", type=int, default=5)
    parser.add_argument("--steps", type=int, help="instead of those of the default config")
    parser.add_argument("--rounds", type=int, default=1, help="the least time of so many counts")
    parser.add_argument("--out", type=pathlib.Path, help="where the JSON lines go")
    args = parser.parse_args(argv)
    records = [compare(name, args.members, args.steps, args.rounds) for name in args.only]
    print("| network | members | steps | cores | at once, s | apart, s | ratio | validation loss: at once | apart |")
    print("|---|---|---|---|---|---|---|---|---|")
    for r in records:
        cells = [f"{r['seconds'][who]:.1f}" for who in ("at once", "apart")] + [f"{r['ratio']:.3f}"]
        cells += [f"{np.mean(r['best_validation_loss'][who]):.4f}" for who in ("at once", "apart")]
        print(f"| {r['case']} | {r['members']} | {r['steps']} | {r['cores']} | " + " | ".join(cells) + " |")
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text("".join(json.dumps(r | {"device": jax.devices()[0].device_kind}) + "\n" for r in records))
    return records


if __name__ == "__main__":
    main()
