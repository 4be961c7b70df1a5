"""Timing: compiled once, run side by side in alternating order, with the floor that memory sets."""

import importlib
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .cases import Case

OPERATIONS = ("log_prob", "nll", "nll_grad")


@dataclass(frozen=True)
class Runnable:
    """Something ready to be timed.

    Attributes:
        who: the library.
        run: runs it once, to the end.
        about: what is known before it runs: seconds of tracing and compiling, bytes of temporaries.
    """

    who: str
    run: Callable[[], Any]
    about: dict[str, float | None]


def compiled(who: str, fn: Callable[..., Any], *args: Any) -> Runnable:
    """Trace and compile ``fn`` for ``args``, and warm it up."""
    start = time.perf_counter()
    traced = jax.jit(fn).trace(*args)
    lowered = traced.lower()
    middle = time.perf_counter()
    executable = lowered.compile()
    end = time.perf_counter()
    memory = executable.memory_analysis()
    jax.block_until_ready(executable(*args))
    return Runnable(
        who,
        lambda: jax.block_until_ready(executable(*args)),
        {
            "trace_ms": 1e3 * (middle - start),
            "compile_ms": 1e3 * (end - middle),
            "temp_bytes": getattr(memory, "temp_size_in_bytes", None),
        },
    )


def in_jax(who: str, operation: str, log_prob: Callable[..., Any], params: Any, y: Any) -> Runnable:
    """``log_prob``, the mean negative of it, or that with its gradient towards the params."""

    def nll(params: Any, y: Any) -> Any:
        return -log_prob(params, y).mean()

    fn = {"log_prob": log_prob, "nll": nll, "nll_grad": jax.value_and_grad(nll)}[operation]
    return compiled(who, fn, params, y)


def in_lik_jax(case: Case, operation: str, params: dict[str, Any], y: Any) -> Runnable:
    """The same by lik_jax, with its own reduction."""
    import lik_jax as lj

    module: Any = case.module

    def nll(params: Any, y: Any) -> Any:
        return lj.nll(module, params, y)

    fn = {"log_prob": module.log_prob, "nll": nll, "nll_grad": jax.value_and_grad(nll)}[operation]
    return compiled("lik_jax", fn, module.Params(**params), y)


def in_torch(operation: str, log_prob: Callable[..., Any], params: dict[str, Any], y: Any) -> Runnable:
    """The same by PyTorch, eager."""
    torch: Any = importlib.import_module("torch")
    grad = operation == "nll_grad"
    inputs = {name: torch.from_numpy(np.array(p)).requires_grad_(grad) for name, p in params.items()}
    target = torch.from_numpy(np.array(y))
    target = target.long() if target.dtype == torch.int32 else target

    def run() -> Any:
        with torch.set_grad_enabled(grad):
            out = log_prob(inputs, target)
            if operation == "log_prob":
                return out
            loss = -out.mean()
            return torch.autograd.grad(loss, list(inputs.values())) if grad else loss

    run()
    return Runnable("torch", run, {"trace_ms": None, "compile_ms": None, "temp_bytes": None})


def side_by_side(runnables: list[Runnable], *, seconds: float, least: int = 3, most: int = 200) -> list[list[float]]:
    """Seconds of each run, in rounds A B C, C B A, ... so that drift hits all alike."""
    times: list[list[float]] = [[] for _ in runnables]
    order = list(range(len(runnables)))
    start = time.perf_counter()
    while len(times[0]) < least or (time.perf_counter() - start < seconds and len(times[0]) < most):
        for i in order:
            before = time.perf_counter()
            runnables[i].run()
            times[i].append(time.perf_counter() - before)
        order.reverse()
    return times


def copy_bandwidth(megabytes: int = 256) -> float:
    """Bytes a second that a compiled ``x + 1`` reads and writes, fresh output included: the best of 5."""
    x = jnp.zeros(megabytes * 250_000, jnp.float32)
    copy = compiled("copy", lambda x: x + 1, x)
    times = side_by_side([copy], seconds=0, least=5)[0]
    return 2 * x.nbytes / min(times)


def summary(runnable: Runnable, times: list[float], floor_ms: float) -> dict[str, Any]:
    """One JSON record's worth of numbers."""
    return {
        "who": runnable.who,
        **runnable.about,
        "run_ms_min": 1e3 * min(times),
        "run_ms_median": 1e3 * statistics.median(times),
        "runs": len(times),
        "floor_ms": floor_ms,
    }
