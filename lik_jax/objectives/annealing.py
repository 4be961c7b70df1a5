"""KL annealing: the weight ``beta`` of the KL as a function of the step.

The bound of a model is the one with weight 1, whatever it was trained with: report that.

>>> [round(float(linear(step, 10)), 2) for step in (0, 5, 10, 20)]
[0.0, 0.5, 1.0, 1.0]
>>> [round(float(cyclical(step, 10)), 2) for step in (0, 4, 5, 9, 10, 12)]
[0.0, 0.8, 1.0, 1.0, 0.0, 0.4]
"""

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .._arrays import as_floats


def linear(step: ArrayLike, num_steps: int, *, start: float = 0.0, end: float = 1.0) -> Array:
    """A weight that rises in a straight line and stays.

    Args:
        step: steps done, any shape, 0 before the first.
        num_steps: after so many the weight is ``end``.
        start: the weight at step 0.
        end: the weight from ``num_steps`` on.

    Returns:
        Weights, the shape of ``step``.

    Raises:
        ValueError: ``num_steps`` is not positive.

    Source: Bowman et al. (2016), "Generating sentences from a continuous space".
    """
    if not num_steps > 0:
        raise ValueError(f"linear: num_steps={num_steps}; want a positive number.")
    (step,) = as_floats(step)
    return start + (end - start) * jnp.clip(step / num_steps, 0, 1)


def cyclical(step: ArrayLike, period: int, *, rise: float = 0.5, start: float = 0.0, end: float = 1.0) -> Array:
    """A weight that starts anew every ``period`` steps: it rises over the first ``rise`` of them, and stays.

    Args:
        step: steps done, any shape, 0 before the first.
        period: steps in a cycle.
        rise: share of the cycle in which the weight rises, above 0 and at most 1.
        start: the weight at the start of a cycle.
        end: the weight from ``rise * period`` steps on.

    Returns:
        Weights, the shape of ``step``.

    Raises:
        ValueError: ``period`` is not positive, or ``rise`` not in (0, 1].

    Source: Fu et al. (2019), "Cyclical annealing schedule: a simple approach to mitigating KL vanishing".
    """
    if not period > 0 or not 0 < rise <= 1:
        raise ValueError(f"cyclical: period={period} and rise={rise}; want period > 0 and rise in (0, 1].")
    (step,) = as_floats(step)
    return start + (end - start) * jnp.clip(jnp.mod(step, period) / (rise * period), 0, 1)
