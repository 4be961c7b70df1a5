"""Steps of the training loop without validation: for what collects params along the way."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from ..training.errors import Diverged
from ..training.loop import State, Step


def advance(step: Step, state: State, batches: Callable[[int], Any], until: int) -> State:
    """Take steps until there are ``until``.

    Raises:
        Diverged: a loss or a gradient on the way is not finite.
    """
    first, seen = int(state.step), []
    for i in range(first, until):
        state, of_step = step(state, batches(i))
        seen.append(jnp.stack(of_step))
    bad = ~np.isfinite(np.asarray(jnp.stack(seen))).all(1) if seen else np.zeros(1, bool)
    if bad.any():
        at = first + int(bad.argmax())
        rows = batches.rows(at) if hasattr(batches, "rows") else None  # type: ignore[attr-defined]
        raise Diverged(at, rows, "the loss or its gradient is not finite. Lower the learning rate, or mend the data.")
    return state
