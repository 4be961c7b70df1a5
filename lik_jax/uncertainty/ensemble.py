"""Deep ensembles: K networks that differ by their seeds, trained by one compiled step.

Member ``k`` is the single run of seed ``settings.seed + k``, and ends as that run does, up to rounding: it has that
run's PRNG key, clipping, learning rate, moving average, validation, best params and early stop of its own. The step is
that of `lik_jax.training.loop` under ``jax.vmap``, so the global norm that gradients are clipped by is a member's.
A member whose loss or gradient is no longer finite stays at its last good state, and the others go on.

>>> import jax, jax.numpy as jnp
>>> from lik_jax import normal, nll
>>> from lik_jax.training.settings import Settings
>>> loss = lambda params, batch, key: nll(normal, normal.Params(params["loc"], 1.0), batch)
>>> settings = Settings(steps=200, learning_rate=0.1, validate_every=100)
>>> y = jnp.array([[1.0, 3.0], [5.0, 7.0]])
>>> state = train_ensemble(loss, {"loc": jnp.zeros(2)}, lambda step: y, settings)
>>> state.params["loc"].round(1).tolist()
[2.0, 6.0]

Source: Lakshminarayanan, Pritzel and Blundell (2017), "Simple and scalable predictive uncertainty estimation using
deep ensembles".
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ..training.diverged import explain
from ..training.errors import Diverged
from ..training.loop import Checkpoints, Loss, State, loss_and_gradient, make_step, schedule, start
from ..training.settings import Settings

Validate = Callable[[Any], float]


def stack(members: Sequence[Any]) -> Any:
    """One pytree with an axis of members in front of each leaf, of one pytree a member.

    >>> stack([{"w": 1.0}, {"w": 2.0}])["w"].tolist()
    [1.0, 2.0]
    """
    return jax.tree.map(lambda *leaves: jnp.stack([jnp.asarray(leaf) for leaf in leaves]), *members)


def member(stacked: Any, k: Any) -> Any:
    """That of member ``k``; with an array of numbers, those of as many members."""

    def pick(leaf: Any) -> Any:
        if not jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            return leaf[k]
        # a key that is cut out of an array counts as used up there
        return jax.random.wrap_key_data(jax.random.key_data(leaf)[k], impl=jax.random.key_impl(leaf))

    return jax.tree.map(pick, stacked)


def count(stacked: Any) -> int:
    """How many members ``stacked`` has.

    Raises:
        ValueError: the leaves disagree, or there are none.
    """
    lengths = {jnp.shape(leaf)[:1] for leaf in jax.tree.leaves(stacked)}
    if len(lengths) != 1 or lengths == {()}:
        raise ValueError(
            f"ensemble: the leaves have first axes {sorted(lengths)}; want one length, the number of members, in front "
            f"of each. `stack` makes that of one pytree a member."
        )
    return lengths.pop()[0]


def start_ensemble(params: Any, settings: Settings) -> State:
    """The state before the first step: that of `start` for each member, every leaf with a member axis.

    Args:
        params: each leaf ``[k, ...]``.
        settings: of member 0; the others have seeds that follow its own.
    """
    return stack([start(member(params, k), replace(settings, seed=settings.seed + k)) for k in range(count(params))])


def make_ensemble_step(loss: Loss, settings: Settings) -> Callable[[State, Any, Array], tuple[State, Array, Any]]:
    """One jitted step: ``(state, batch, active)`` -> ``(state, active, (loss, gradient norm))``, all of ``[k]``.

    A member that is not ``active``, or whose loss or gradient is not finite, stays as it is: its ``step`` lags from
    then on, which is how to tell, and it is not active any more.

    Args:
        loss: ``loss(params, batch, key)`` of one member.
        settings: see `Settings`.
    """
    every = jax.vmap(make_step(loss, settings))

    @jax.jit
    def step(state: State, batch: Any, active: Array) -> tuple[State, Array, tuple[Array, Array]]:
        moved, (value, norm) = every(state, batch)
        active = active & jnp.isfinite(value) & jnp.isfinite(norm)
        # the keys never change, and a key that is selected counts as used up
        chosen = _where(active, replace(moved, key=None), replace(state, key=None))
        return replace(chosen, key=state.key), active, (value, norm)

    return step


def train_ensemble(
    loss: Loss,
    params: Any,
    batches: Callable[[int], Any],
    settings: Settings,
    *,
    state: State | None = None,
    validate: Validate | None = None,
    checkpoints: Checkpoints | None = None,
    log: Callable[[dict[str, Any]], None] = lambda record: None,
) -> State:
    """Train until every member has done its steps, or has not improved in validation for a while.

    Args:
        loss: ``loss(params, batch, key)`` of one member, a scalar in nats.
        params: where to start, each leaf ``[k, ...]``: give each member its own.
        batches: the batches of a step, by the step's number, each leaf ``[k, ...]``.
        settings: see `Settings`; member ``k`` has ``seed + k``.
        state: go on from here instead of ``params``.
        validate: held-out loss of one member's params; without it the training loss chooses the best params.
        checkpoints: where to save, at every validation and on Ctrl-C.
        log: is given one record every ``validate_every`` steps: means over the members that go on, and ``members``,
            the held-out loss of each; ``diverged``, if any did, says why by member.

    Returns:
        The last state, every leaf ``[k, ...]``; ``best_params`` are the ones to use. `unfinished` tells which members
        did not get to the end.

    Raises:
        Diverged: no member is left.
        KeyboardInterrupt: Ctrl-C, after saving.
    """
    one_step = make_ensemble_step(loss, settings)
    state = start_ensemble(params, settings) if state is None else state
    members = range(len(state.step))
    rate: Any = schedule(settings)
    reasons: dict[int, Diverged] = {}
    try:
        while True:
            began, first = time.perf_counter(), int(state.step.max())
            # a member that fell behind diverged there, and would again
            active = unfinished(state, settings) & (np.asarray(state.step) == first)
            active[list(reasons)] = False
            if not active.any():
                break
            until = min(settings.steps, (first // settings.validate_every + 1) * settings.validate_every)
            going, best, losses, norms = jnp.asarray(active), state.best_params, [], []
            for i in range(first, until):
                # a compiled step that the best params pass through would copy them every time
                moved, going, (value, norm) = one_step(replace(state, best_params=None), batches(i), going)
                state = replace(moved, best_params=best)
                losses.append(value)
                norms.append(norm)
            good = np.asarray(going)
            for k in np.flatnonzero(active & ~good):
                reasons[int(k)] = _explain(loss, state, batches, int(k), float(rate(int(state.step[k]))))
            if not good.any():
                if unfinished(state, settings).all():
                    raise reasons[min(reasons)]
                continue
            elapsed = time.perf_counter() - began
            seen = np.asarray(jnp.stack(losses)), np.asarray(jnp.stack(norms))
            value = np.array([_held_out(validate, state, seen[0], k) if good[k] else np.nan for k in members])
            state = _keep_best(state, value)
            log(
                {
                    "step": until,
                    "train_loss": float(seen[0][:, good].mean()),
                    "validation_loss": float(value[good].mean()),
                    "best_validation_loss": float(state.best_value[good].mean()),
                    "gradient_norm": float(seen[1][:, good].mean()),
                    "learning_rate": float(rate(until)),
                    "steps_per_second": (until - first) / elapsed,
                    "members": [float(v) if np.isfinite(v) else None for v in value],
                    **({"diverged": {str(k): str(e) for k, e in reasons.items()}} if reasons else {}),
                }
            )
            if checkpoints is not None:
                checkpoints.save(state)
    finally:
        if checkpoints is not None:
            checkpoints.save(state, wait=True)
    return state


def unfinished(state: State, settings: Settings) -> np.ndarray:
    """The members that have steps and patience left, ``[k]`` of bool: once training has ended, those that diverged."""
    step, best = np.asarray(state.step), np.asarray(state.best_step)
    return (step < settings.steps) & (step - best < settings.patience * settings.validate_every)


def best_members(state: State) -> Any:
    """The best params of the members that were ever validated, ``[k or fewer, ...]``: without those that diverged at
    once."""
    seen = np.flatnonzero(np.isfinite(np.asarray(state.best_value)))
    return state.best_params if len(seen) == len(state.step) else member(state.best_params, seen)


def _where(choose: Array, new: Any, old: Any) -> Any:
    """Leaves ``[k, ...]`` of ``new`` where ``choose`` ``[k]``, else of ``old``."""

    def pick(a: Array, b: Array) -> Array:
        return jnp.where(choose.reshape(choose.shape + (1,) * (a.ndim - 1)), a, b)

    return jax.tree.map(pick, new, old)


def _held_out(validate: Validate | None, state: State, losses: np.ndarray, k: int) -> float:
    return float(losses[:, k].mean()) if validate is None else validate(member(state.kept, k))


def _keep_best(state: State, value: np.ndarray) -> State:
    better = jnp.asarray(value < np.asarray(state.best_value))
    return replace(
        state,
        best_params=_where(better, state.kept, state.best_params),
        best_value=jnp.where(better, jnp.asarray(value, jnp.float32), state.best_value),
        best_step=jnp.where(better, state.step, state.best_step),
    )


def _explain(loss: Loss, state: State, batches: Callable[[int], Any], k: int, rate: float) -> Diverged:
    """Why member ``k`` cannot take its next step."""

    def own(step: int) -> Any:
        return member(batches(step), k)

    if hasattr(batches, "rows"):
        own.rows = lambda step: batches.rows(step)[k]  # type: ignore[attr-defined]
    value_and_grad = jax.jit(lambda state, batch: loss_and_gradient(loss, state, batch)[:2])
    return explain(value_and_grad, member(replace(state, best_params=None), k), own, rate)
