"""One training step by lik_jax against the same step by hand: ``python -m bench.steps``.

A case is a task of `lik-jax train` with its loop's step, and the same mathematics written in plain jax and optax: the
network, the loss, the draws and the optimiser. Both start from the same params and key, so their losses agree, which
is checked before anything is timed. Runs alternate in one process; the goal is a ratio of at most 1.03.
"""

import argparse
import json
import pathlib
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from lik_jax.training import configs
from lik_jax.training.loop import best_aside, make_step, start
from lik_jax.training.settings import Settings
from lik_jax.training.task import Task
from lik_jax.training.tasks import build

from . import measure


@dataclass(frozen=True)
class Step:
    """A step to compare.

    Attributes:
        config: of the task.
        by_hand: ``loss(params, batch, key)``, the task's, in plain jax.
    """

    config: Any
    by_hand: Callable[[Any, Array, Array], Array]


def linear(layer: Any, x: Array) -> Array:
    return x @ layer["kernel"] + layer["bias"]


def vae_loss(params: Any, y: Array, key: Array) -> Array:
    """Minus the evidence lower bound of binary images: a normal posterior, Bernoulli pixels."""
    h = 2 * y - 1
    for i in range(2):
        h = jax.nn.gelu(linear(params["encoder"][i], h))
    raw = linear(params["posterior"], h).reshape(len(y), -1, 2)
    loc, scale = raw[..., 0], 0.5 * (raw[..., 1] + jnp.sqrt(raw[..., 1] ** 2 + 4))
    h = loc + scale * jax.random.normal(key, loc.shape)
    for i in range(2):
        h = jax.nn.gelu(linear(params["decoder"][i], h))
    logits = linear(params["logits"], h)
    reconstruction = (y * logits - jax.nn.softplus(logits)).sum(-1)
    kl = (0.5 * (scale**2 + loc**2 - 1) - jnp.log(scale)).sum(-1)
    return (kl - reconstruction).mean()


def denoiser_loss(params: Any, y: Array, key: Array) -> Array:
    """The discrete-time variational bound of 17 levels, one time an example; the network is a softmax over levels."""
    steps, low, high, num_levels = configs.Diffusion().timesteps, -4.0, 5.0, 17
    levels = jnp.linspace(-1.0, 1.0, num_levels)

    def network(x_t: Array, gamma: Array) -> Array:
        phase = gamma[:, None] * (0.1 * 2.0 ** jnp.arange(8) / 2)
        waves = jnp.concatenate([jnp.sin(phase), jnp.cos(phase)], -1)
        h = linear(params["inputs"], x_t)
        for i in range(len(params["blocks"])):
            block = params["blocks"][i]
            inner = norm(block["norm"], h) + linear(block["level"], waves)
            h = h + linear(block["down"], jax.nn.gelu(linear(block["up"], inner)))
        prior = linear(params["head"], norm(params["norm"], h)).reshape(len(x_t), -1, num_levels)
        gap = x_t[..., None] - jnp.sqrt(jax.nn.sigmoid(-gamma))[:, None, None] * levels
        return prior - 0.5 * gap**2 / jax.nn.sigmoid(gamma)[:, None, None]

    def norm(layer: Any, x: Array) -> Array:
        mean = x.mean(-1, keepdims=True)
        variance = jnp.maximum((x**2).mean(-1, keepdims=True) - mean**2, 0)
        return (x - mean) * jax.lax.rsqrt(variance + 1e-6) * layer["scale"] + layer["bias"]

    def noised(noise: Array, gamma: Array) -> Array:
        return jnp.sqrt(jax.nn.sigmoid(-gamma)) * x + jnp.sqrt(jax.nn.sigmoid(gamma)) * noise

    x = levels[y]
    keys = jax.random.split(key, 4)
    t = (jax.random.uniform(keys[2]) + jnp.arange(len(x)) / len(x)) % 1
    noise, noise_0 = jax.random.normal(keys[3], x.shape), jax.random.normal(keys[0], x.shape)
    i = jnp.floor(t * steps) + 1
    gamma, before = low + (high - low) * i / steps, low + (high - low) * (i - 1) / steps
    clean = jax.nn.softmax(network(noised(noise, gamma[:, None]), gamma)) @ levels
    diffusion = steps * 0.5 * jnp.expm1(gamma - before) * jnp.exp(-gamma) * ((x - clean) ** 2).sum(-1)
    alpha2 = jax.nn.sigmoid(-high)
    prior = 0.5 * (alpha2 * x**2 - alpha2 - jax.nn.log_sigmoid(high)).sum(-1)
    log_p = jax.nn.log_softmax(network(noised(noise_0, jnp.float32(low)), jnp.full(len(x), low)))
    reconstruction = -jnp.take_along_axis(log_p, y[..., None], -1)[..., 0].sum(-1)
    return (prior + diffusion + reconstruction).mean()


STEPS = {"vae": Step(configs.Vae(), vae_loss), "denoiser": Step(configs.Diffusion(), denoiser_loss)}


def step_by_hand(loss: Callable[..., Array], settings: Settings) -> tuple[Any, Any]:
    """``(optimiser, step)``; the step is ``(state, batch) -> (state, (loss, gradient norm))``."""
    rate = optax.warmup_cosine_decay_schedule(
        0.0, settings.learning_rate, settings.warmup_steps, settings.steps, 0.01 * settings.learning_rate
    )
    optimiser = optax.chain(
        optax.clip_by_global_norm(settings.clip_norm),
        optax.adamw(
            rate,
            b1=settings.beta1,
            b2=settings.beta2,
            weight_decay=settings.weight_decay,
            mask=lambda params: jax.tree.map(lambda leaf: leaf.ndim > 1, params),
        ),
    )

    def step(state: Any, batch: Array) -> Any:
        count, params, opt_state, key = state
        value, gradient = jax.value_and_grad(loss)(params, batch, jax.random.fold_in(key, count))
        updates, opt_state = optimiser.update(gradient, opt_state, params)
        return (count + 1, optax.apply_updates(params, updates), opt_state, key), (value, optax.tree.norm(gradient))

    return optimiser, step


def called(who: str, step: Callable[..., Any], *args: Any) -> measure.Runnable:
    """A step as a training loop calls it: dispatch and all."""
    jax.block_until_ready(step(*args))
    return measure.Runnable(who, lambda: jax.block_until_ready(step(*args)), {})


def compare(name: str, seconds: float) -> dict[str, Any]:
    """Time both and return one record."""
    case = STEPS[name]
    task: Task = build(case.config)
    settings = case.config.fit
    state, batch = start(task.params, settings), jnp.asarray(task.batches(0))
    optimiser, by_hand = step_by_hand(case.by_hand, settings)
    hand_state = (state.step, state.params, optimiser.init(state.params), state.key)
    ours = called("lik_jax", best_aside(make_step(task.loss, settings)), state, batch)
    hand = called("by hand", jax.jit(by_hand), hand_state, batch)
    losses = [float(runnable.run()[1][0]) for runnable in (ours, hand)]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)
    times = measure.side_by_side([ours, hand], seconds=seconds, least=5, most=2000)
    record: dict[str, Any] = {"case": name, "batch": len(batch), "runs": len(times[0]), "loss": losses[0]}
    for runnable, each in zip((ours, hand), times, strict=True):
        record[runnable.who] = {"run_ms_min": 1e3 * min(each), "run_ms_median": 1e3 * statistics.median(each)}
    for of in ("min", "median"):
        record[f"ratio_{of}"] = record["lik_jax"][f"run_ms_{of}"] / record["by hand"][f"run_ms_{of}"]
    return record


def main(argv: list[str] | None = None) -> list[dict[str, Any]]:
    """Compare the chosen steps, write one JSON line each, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", choices=list(STEPS), default=list(STEPS))
    parser.add_argument("--seconds", type=float, default=10.0, help="for each step")
    parser.add_argument("--out", type=pathlib.Path, help="where the JSON lines go")
    args = parser.parse_args(argv)
    records = [compare(name, args.seconds) for name in args.only]
    print("| step | batch | runs | lik_jax, least ms | median | by hand, least ms | median | ratio least | median |")
    print("|---|---|---|---|---|---|---|---|---|")
    for r in records:
        ours, hand = r["lik_jax"], r["by hand"]
        cells = (ours["run_ms_min"], ours["run_ms_median"], hand["run_ms_min"], hand["run_ms_median"])
        numbers = [f"{c:.2f}" for c in cells] + [f"{r['ratio_min']:.3f}", f"{r['ratio_median']:.3f}"]
        print(f"| {r['case']} | {r['batch']} | {r['runs']} | " + " | ".join(numbers) + " |")
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text("".join(json.dumps(r | {"device": jax.devices()[0].device_kind}) + "\n" for r in records))
    return records


if __name__ == "__main__":
    main()
