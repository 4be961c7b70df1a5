"""The training loop: ``loss(params, batch, key)`` and any pytree of params.

Each step depends on the state and the step's number alone: its batch is ``batches(step)``, its key is the state's key
folded with the step. So the state is all there is to save, and a resumed run repeats an unbroken one bit for bit.

>>> import jax, jax.numpy as jnp
>>> from lik_jax import normal, nll
>>> loss = lambda params, y, key: nll(normal, normal.Params(params["loc"], 1.0), y)
>>> settings = Settings(steps=200, learning_rate=0.1, validate_every=100)
>>> state = train(loss, {"loc": jnp.array(0.0)}, lambda step: jnp.array([1.0, 3.0]), settings)
>>> round(float(state.params["loc"]), 2)
2.0
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from .diverged import explain
from .settings import Settings

Loss = Callable[..., Any]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class State:
    """Everything a run needs to go on.

    Attributes:
        step: steps done.
        params: the network's, any pytree.
        opt_state: the optimiser's.
        key: the run's PRNG key; step ``i`` uses ``fold_in(key, i)``.
        best_params: those of the best validation so far.
        best_value: its held-out loss, nats.
        best_step: its step.
        average: the moving average of the params; None without one.
        carry: what the loss hands on from step to step; None if nothing.
    """

    step: Array
    params: Any
    opt_state: Any
    key: Array
    best_params: Any
    best_value: Array
    best_step: Array
    average: Any = None
    carry: Any = None

    @property
    def kept(self) -> Any:
        """The params that are validated and kept: their moving average, if there is one."""
        return self.params if self.average is None else self.average


Step = Callable[[State, Any], tuple[State, tuple[Array, Array]]]


class Checkpoints(Protocol):
    """Where states are kept."""

    def save(self, state: State, wait: bool = False) -> None: ...


def optimiser(settings: Settings, rate: optax.ScalarOrSchedule | None = None) -> optax.GradientTransformation:
    """AdamW with clipping; its learning rate is warm-up and cosine decay, if no other is given."""
    return optax.chain(
        optax.clip_by_global_norm(settings.clip_norm),
        optax.adamw(
            schedule(settings) if rate is None else rate,
            b1=settings.beta1,
            b2=settings.beta2,
            weight_decay=settings.weight_decay,
            mask=lambda params: jax.tree.map(lambda leaf: leaf.ndim > 1, params),
        ),
    )


def schedule(settings: Settings) -> optax.Schedule:
    """The learning rate by step."""
    warmup = min(settings.warmup_steps, settings.steps // 2)
    peak = settings.learning_rate
    return optax.warmup_cosine_decay_schedule(0.0 if warmup else peak, peak, warmup, settings.steps, 0.01 * peak)


def start(params: Any, settings: Settings, carry: Any = None) -> State:
    """The state before the first step."""
    params = jax.tree.map(jnp.asarray, params)
    return State(
        step=jnp.zeros((), jnp.int32),
        params=params,
        opt_state=optimiser(settings).init(params),
        key=jax.random.key(settings.seed),
        best_params=params,
        best_value=jnp.full((), jnp.inf, jnp.float32),
        best_step=jnp.zeros((), jnp.int32),
        average=params if settings.ema_decay else None,
        carry=jax.tree.map(jnp.asarray, carry),
    )


def loss_and_gradient(loss: Loss, state: State, batch: Any) -> tuple[Array, Any, Any]:
    """The loss of the step that ``state`` is about to take, its gradient, and what it hands on."""
    key = jax.random.fold_in(state.key, state.step)
    if state.carry is None:
        return *jax.value_and_grad(loss)(state.params, batch, key), None
    (value, carry), gradient = jax.value_and_grad(loss, has_aux=True)(state.params, batch, key, state.carry)
    return value, gradient, carry


def make_step(loss: Loss, settings: Settings, rate: optax.ScalarOrSchedule | None = None) -> Step:
    """One jitted step: ``(state, batch)`` -> ``(state, (loss, gradient norm))``; ``rate``: see `optimiser`."""
    update = optimiser(settings, rate).update

    @jax.jit
    def step(state: State, batch: Any) -> tuple[State, tuple[Array, Array]]:
        value, gradient, carry = loss_and_gradient(loss, state, batch)
        # optax counts on JAX's standard promotion of its step counts
        with jax.numpy_dtype_promotion("standard"):
            updates, opt_state = update(gradient, state.opt_state, state.params)
            params = optax.apply_updates(state.params, updates)
            norm = optax.tree.norm(gradient)
        done = state.step + 1
        average = None if state.average is None else _averaged(state.average, params, done, settings.ema_decay)
        state = replace(state, step=done, params=params, opt_state=opt_state, average=average, carry=carry)
        return state, (value, norm)

    return step


def best_aside(step: Step) -> Step:
    """``step`` with the best params kept out of it: a compiled step that they pass through copies them every time."""

    def slim(state: State, batch: Any) -> tuple[State, tuple[Array, Array]]:
        moved, seen = step(replace(state, best_params=None), batch)
        return replace(moved, best_params=state.best_params), seen

    return slim


def _averaged(average: Any, params: Any, step: Array, decay: float) -> Any:
    """The moving average after a step; the first steps, which are far off, are soon forgotten."""
    weight = jnp.maximum(1 - decay, 9 / (9 + step.astype(jnp.float32)))
    return jax.tree.map(lambda a, b: a + weight.astype(a.dtype) * (b - a), average, params)


def train(
    loss: Loss,
    params: Any,
    batches: Callable[[int], Any],
    settings: Settings,
    *,
    carry: Any = None,
    state: State | None = None,
    validate: Callable[[Any], float] | None = None,
    checkpoints: Checkpoints | None = None,
    log: Callable[[dict[str, Any]], None] = lambda record: None,
) -> State:
    """Train until the steps are done or validation has not improved for a while.

    Args:
        loss: ``loss(params, batch, key)``, a scalar in nats; with a ``carry``, ``loss(params, batch, key, carry)``
            gives the scalar and the next ``carry``, which has no gradient.
        params: where to start, any pytree of arrays.
        batches: the batch of a step, by the step's number.
        settings: see `Settings`.
        carry: what the loss hands on from step to step: any pytree of arrays, a sampler's chains, say.
        state: go on from here instead of ``params`` and ``carry``.
        validate: held-out loss of params; without it the training loss chooses the best params.
        checkpoints: where to save, at every validation and on Ctrl-C.
        log: is given one record every ``validate_every`` steps.

    Returns:
        The last state; ``best_params`` are the ones to use.

    Raises:
        Diverged: a loss or a gradient is not finite; says at which step, on which rows and the likely cause. The
            last finite state has been saved.
        KeyboardInterrupt: Ctrl-C, after saving.
    """
    one_step = best_aside(make_step(loss, settings))
    state = start(params, settings, carry) if state is None else state
    rate: Any = schedule(settings)
    patience = settings.patience * settings.validate_every
    done = int(state.step)
    best = int(state.best_step)
    before = state
    try:
        while done < settings.steps and done - best < patience:
            began, first, before = time.perf_counter(), done, state
            until = min(settings.steps, (done // settings.validate_every + 1) * settings.validate_every)
            losses, norms = [], []
            while done < until:
                state, (value, norm) = one_step(state, batches(done))
                losses.append(value)
                norms.append(norm)
                done += 1
            seen = np.asarray(jnp.stack(losses)), np.asarray(jnp.stack(norms))
            bad = ~(np.isfinite(seen[0]) & np.isfinite(seen[1]))
            if bad.any():
                state = before
                for i in range(first, first + int(bad.argmax())):
                    state, _ = one_step(state, batches(i))
                value_and_grad = jax.jit(lambda state, batch: loss_and_gradient(loss, state, batch)[:2])
                raise explain(value_and_grad, state, batches, float(rate(int(state.step))))
            elapsed = time.perf_counter() - began
            train_loss = float(seen[0].mean())
            value = train_loss if validate is None else validate(state.kept)
            if value < float(state.best_value):
                best = done
                state = replace(
                    state,
                    best_params=state.kept,
                    best_value=jnp.asarray(value, jnp.float32),
                    best_step=jnp.asarray(done, jnp.int32),
                )
            log(
                {
                    "step": done,
                    "train_loss": train_loss,
                    "validation_loss": value,
                    "best_validation_loss": float(state.best_value),
                    "gradient_norm": float(seen[1].mean()),
                    "learning_rate": float(rate(done)),
                    "steps_per_second": (done - first) / elapsed,
                }
            )
            if checkpoints is not None:
                checkpoints.save(state)
    finally:
        # on Ctrl-C, on a divergence and at the end alike: the last good state is on disk before anyone is told
        if checkpoints is not None:
            checkpoints.save(state if _finite(state.params) else before, wait=True)
    return state


def _finite(params: Any) -> bool:
    return all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(params))
