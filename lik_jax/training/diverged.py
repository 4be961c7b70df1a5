"""What went wrong when a loss is no longer finite: the step, the rows and the likely cause."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .errors import Diverged


def explain(
    value_and_grad: Callable[..., Any], state: Any, batches: Callable[[int], Any], learning_rate: float
) -> Diverged:
    """Look at the step that ``state`` is about to take, and say why its loss or gradient is not finite.

    Args:
        value_and_grad: ``(state, batch)`` to the loss and its gradient.
        state: before that step.
        batches: the batch of a step.
        learning_rate: at that step.
    """
    step = int(state.step)
    batch = batches(step)
    rows = batches.rows(step) if hasattr(batches, "rows") else None  # type: ignore[attr-defined]
    for path, leaf in jax.tree_util.tree_leaves_with_path(batch):
        values = np.asarray(leaf)
        if values.dtype.kind != "f":
            continue
        values = np.atleast_1d(values)
        broken: Any = ~np.isfinite(values.reshape(len(values), -1)).all(1)
        if broken.any():
            where = np.flatnonzero(broken) if rows is None or len(rows) != len(broken) else rows[broken]
            name = f"batch{jax.tree_util.keystr(path)}"
            return Diverged(step, where, f"{name} holds NaN or infinity in these rows. Mend or mask the data.")
    value, gradient = value_and_grad(state, batch)
    value = float(value)
    sizes = [float(jnp.max(jnp.abs(leaf))) for leaf in jax.tree.leaves(state.params) if leaf.size]
    largest = max(sizes, default=0.0)
    if largest > 1e4:
        cause = (
            f"the loss is {value:.4g} and the largest param is {largest:.3g}: the optimiser blew up. Lower the "
            f"learning rate (it is {learning_rate:.3g} at this step), warm up longer, or clip harder."
        )
    elif np.isfinite(value):
        broken_leaves = [
            jax.tree_util.keystr(path)
            for path, leaf in jax.tree_util.tree_leaves_with_path(gradient)
            if not bool(jnp.isfinite(leaf).all())
        ]
        where = "in params" + ", params".join(broken_leaves) if broken_leaves else "its norm overflows"
        cause = (
            f"the loss is finite ({value:.4g}) but the gradient is not: {where}. "
            f"Look for a function with an infinite slope (sqrt or log at 0, a norm of zeros) in the model."
        )
    elif value == np.inf:
        cause = (
            "the loss is +inf: an observation has probability 0 under the model. Look for values outside the "
            "distribution's support in these rows (`lik_jax.check` names them), or for a scale that went to 0."
        )
    else:
        cause = (
            f"the loss is {value} though batch and params are finite (largest param {largest:.3g}): invalid "
            f"distribution params, or an overflow inside the model. Try a lower learning rate (it is "
            f"{learning_rate:.3g} at this step), and jax.config.update('jax_debug_nans', True) to find the operation."
        )
    return Diverged(step, rows, cause)
