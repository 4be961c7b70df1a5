"""One training step by lik_jax against the same step by hand: ``python -m bench.steps``.

A case is a task of `lik-jax train` with its loop's step, and the same mathematics written in plain jax and optax: the
network, the loss, the draws and the optimiser. Both start from the same params and key, so their losses agree, which
is checked before anything is timed. Runs alternate in one process; the goal is a ratio of at most 1.03.
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
import optax
from jax import Array

from lik_jax.models import denoiser
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


def perceptron(layers: Any, x: Array) -> Array:
    for i in range(len(layers["hidden"])):
        x = jax.nn.gelu(linear(layers["hidden"][i], x))
    return linear(layers["out"], x)


def squareplus(raw: Array) -> Array:
    return 0.5 * (raw + jnp.sqrt(raw**2 + 4))


def vae_loss(params: Any, y: Array, key: Array) -> Array:
    """Minus the evidence lower bound of binary images: a normal posterior, Bernoulli pixels."""
    raw = perceptron(params["encoder"], 2 * y - 1).reshape(len(y), -1, 2)
    loc, scale = raw[..., 0], squareplus(raw[..., 1])
    z = loc + scale * jax.random.normal(jax.random.split(key, 3)[0], loc.shape)
    logits = perceptron(params["decoder"], z)
    reconstruction = (y * logits - jax.nn.softplus(logits)).sum(-1)
    kl = (0.5 * (scale**2 + loc**2 - 1) - jnp.log(scale)).sum(-1)
    return (kl - reconstruction).mean()


def denoiser_loss(params: Any, y: Array, key: Array) -> Array:
    """The variational bound of 17 levels in continuous time, one time an example; the network is the library's."""
    low, high, levels = -6.0, 6.0, jnp.linspace(-1.0, 1.0, 17)
    config = configs.Diffusion()
    network = denoiser.create(denoiser.Config(64, 17, config.width, config.blocks), jax.random.key(0)).apply

    def noised(noise: Array, gamma: Any) -> Array:
        return jnp.sqrt(jax.nn.sigmoid(-gamma)) * x + jnp.sqrt(jax.nn.sigmoid(gamma)) * noise

    x = levels[y]
    keys = jax.random.split(key, 4)
    t = (jax.random.uniform(keys[2]) + jnp.arange(len(x)) / len(x)) % 1
    noise, noise_0 = jax.random.normal(keys[3], x.shape), jax.random.normal(keys[0], x.shape)
    gamma = low + (high - low) * t
    clean = jax.nn.softmax(network(params, noised(noise, gamma[:, None]), gamma)) @ levels
    diffusion = 0.5 * (high - low) * jnp.exp(-gamma) * ((x - clean) ** 2).sum(-1)
    alpha2 = jax.nn.sigmoid(-high)
    prior = 0.5 * (alpha2 * x**2 - alpha2 - jax.nn.log_sigmoid(high)).sum(-1)
    log_p = jax.nn.log_softmax(network(params, noised(noise_0, low), jnp.full(len(x), low)))
    reconstruction = -(jax.nn.one_hot(y, len(levels)) * log_p).sum((1, 2))
    return (prior + diffusion + reconstruction).mean()


def affine_map(raw: Array, x: Array) -> tuple[Array, Array]:
    scale = squareplus(raw[..., 1])
    return raw[..., 0] + scale * x, jnp.log(scale)


def spline_map(raw: Array, x: Array, bins: int = 8, bound: float = 4.0, least: float = 1e-3) -> tuple[Array, Array]:
    """A rational-quadratic spline on [-bound, bound], the identity outside."""
    positive = squareplus(raw)

    def knots(sizes: Array) -> Array:
        shares = least + (1 - bins * least) * sizes / sizes.sum(-1, keepdims=True)
        inner = bound * (2 * jnp.cumsum(shares, -1)[..., :-1] - 1)
        ends = jnp.full((*inner.shape[:-1], 1), bound)
        return jnp.concatenate([-ends, inner, ends], -1)

    xs, ys = knots(positive[..., :bins]), knots(positive[..., bins : 2 * bins])
    one = jnp.ones((*x.shape, 1))
    slopes = jnp.concatenate([one, positive[..., 2 * bins :], one], -1)
    inside = jnp.abs(x) <= bound
    at = jnp.where(inside, x, 0)
    chosen = jax.nn.one_hot((at[..., None] >= xs[..., 1:-1]).sum(-1), bins)

    def pick(values: Array) -> Array:
        return (chosen * values).sum(-1)

    left, bottom = pick(xs[..., :-1]), pick(ys[..., :-1])
    width, height = pick(jnp.diff(xs)), pick(jnp.diff(ys))
    a, b = pick(slopes[..., :-1]) * width / height, pick(slopes[..., 1:]) * width / height
    z = (at - left) / width
    below = z**2 + (1 - z) ** 2 + (a + b) * z * (1 - z)
    y = bottom + height * (z**2 + a * z * (1 - z)) / below
    slope = jnp.log(height / width * (b * z**2 + 2 * z * (1 - z) + a * (1 - z) ** 2) / below**2)
    return jnp.where(inside, y, x), jnp.where(inside, slope, 0)


def flow_loss(move: Callable[[Array, Array], tuple[Array, Array]]) -> Callable[..., Array]:
    """Minus the log-density of couplings at uniformly dequantised levels."""

    def loss(params: Any, y: Array, key: Array) -> Array:
        width, rng = 0.9, np.random.default_rng(0)
        x = (y + jax.random.uniform(jax.random.split(key)[0], (1, *y.shape))[0]) / 17
        log_p, log_q = jnp.log(0.05 + width * x), jnp.log(0.05 + width * (1 - x))
        log_det = (math.log(width / 17) - log_p - log_q).sum(-1)
        shift, raw = jnp.split(params["norm"], 2)
        scale = squareplus(raw)
        z, log_det = (log_p - log_q - shift) / scale, log_det - jnp.log(scale).sum()
        for network in params["networks"]:
            kept, moved = jnp.split(z, 2, -1)
            h = linear(network["inputs"], kept)
            for i in range(len(network["up"])):
                h = h + linear(network["down"][i], jax.nn.gelu(linear(network["up"][i], jax.nn.gelu(h))))
            moved, slope = move(linear(network["head"], jax.nn.gelu(h)).reshape(*moved.shape, -1), moved)
            log_det = log_det + slope.sum(-1)
            z = jnp.concatenate([kept, moved], -1)[:, rng.permutation(y.shape[-1])]
        return -(-0.5 * z**2 - 0.5 * math.log(2 * math.pi)).sum(-1).mean() - log_det.mean()

    return loss


STEPS = {
    "vae": Step(configs.Vae(samples=1, dropout=0.0), vae_loss),
    "denoiser": Step(configs.Diffusion(), denoiser_loss),
    "realnvp": Step(configs.Flow(kind="affine", dropout=0.0), flow_loss(affine_map)),
    "spline": Step(configs.Flow(dropout=0.0), flow_loss(spline_map)),
}


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
        count, params, opt_state, key, average = state
        value, gradient = jax.value_and_grad(loss)(params, batch, jax.random.fold_in(key, count))
        updates, opt_state = optimiser.update(gradient, opt_state, params)
        params, count = optax.apply_updates(params, updates), count + 1
        weight = jnp.maximum(1 - settings.ema_decay, 9 / (9.0 + count))
        average = jax.tree.map(lambda a, b: a + weight * (b - a), average, params)
        return (count, params, opt_state, key, average), (value, optax.tree.norm(gradient))

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
    hand_state = (state.step, state.params, optimiser.init(state.params), state.key, state.average)
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
