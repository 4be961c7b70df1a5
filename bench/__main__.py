"""Measure lik_jax beside its peers, in one process: ``python -m bench --quick --only normal``."""

import argparse
import importlib.metadata
import json
import math
import pathlib
import platform
import time
from typing import Any

import jax

from . import measure, peers, table
from .cases import CASES, HOT, HUGE, LARGE, SMALL, Case


def main(argv: list[str] | None = None) -> list[dict[str, Any]]:
    """Run the chosen cases, write one JSON line a measurement, print the table of ratios."""
    args = parse(argv)
    about = {"versions": versions(), "device": jax.devices()[0].device_kind, "machine": platform.machine()}
    bandwidth = measure.copy_bandwidth(16 if args.quick else 256)
    print(f"{about['device']}, copies at {bandwidth / 1e9:.1f} GB/s")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    records: list[dict[str, Any]] = []
    with args.out.open("w") as file:
        for case in CASES:
            if args.only and case.name not in args.only:
                continue
            for shape in shapes(case, args):
                for record in measure_case(case, shape, args, bandwidth):
                    records.append(record)
                    file.write(json.dumps(record | about) + "\n")
                    file.flush()
    table.show(records)
    if args.markdown:
        print(table.markdown(*table.rows(records)))
    print(f"wrote {args.out}")
    return records


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the small size alone, few runs")
    parser.add_argument("--only", nargs="+", metavar="CASE", choices=[case.name for case in CASES], help="these cases")
    parser.add_argument("--sizes", nargs="+", choices=["small", "large", "huge"], help="1e3, 1e6, 65536 x 1000")
    parser.add_argument("--operations", nargs="+", choices=measure.OPERATIONS, default=measure.OPERATIONS)
    parser.add_argument("--without", nargs="+", default=[], metavar="PEER", help="peers to leave out")
    parser.add_argument("--seconds", type=float, default=2.0, help="least time for each group of runs")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown as well")
    name = time.strftime("%Y%m%d-%H%M%S.jsonl")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).parent / "results" / name)
    args = parser.parse_args(argv)
    args.seconds = min(args.seconds, 0.05) if args.quick else args.seconds
    return args


def shapes(case: Case, args: argparse.Namespace) -> list[tuple[int, ...]]:
    """The sizes at which ``case`` is measured; the huge one is for the hot cases."""
    sizes = {"small": SMALL, "large": LARGE} | ({"huge": HUGE} if case.name in HOT else {})
    wanted = args.sizes or (["small"] if args.quick else list(sizes))
    return [shape for name, shape in sizes.items() if name in wanted]


def measure_case(
    case: Case, shape: tuple[int, ...], args: argparse.Namespace, bandwidth: float
) -> list[dict[str, Any]]:
    """All operations of one case at one size, by every library that has them."""
    params, y = case.inputs(shape)
    records: list[dict[str, Any]] = []
    for operation in args.operations:
        group = [measure.in_lik_jax(case, operation, params, y)]
        for who, peer in peers.JAX_PEERS.items():
            log_prob = None if who in args.without else peer().get(case.name)
            if log_prob is not None:
                group.append(measure.in_jax(who, operation, log_prob, params, y))
        log_prob = None if "torch" in args.without else peers.torch().get(case.name)
        if log_prob is not None:
            group.append(measure.in_torch(operation, log_prob, params, y))
        inputs = y.nbytes + sum(p.nbytes for p in params.values())
        outputs = {"log_prob": 4 * math.prod(y.shape), "nll": 0, "nll_grad": inputs - y.nbytes}[operation]
        floor_ms = 1e3 * (inputs + outputs) / bandwidth
        times = measure.side_by_side(group, seconds=args.seconds)
        records += [
            {"case": case.name, "shape": shape, "operation": operation} | measure.summary(one, seen, floor_ms)
            for one, seen in zip(group, times, strict=True)
        ]
    return records


def versions() -> dict[str, str]:
    """Of everything that is measured."""
    found = {}
    for name in ("lik-jax", "jax", "jaxlib", "optax", "numpyro", "torch"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


if __name__ == "__main__":
    main()
