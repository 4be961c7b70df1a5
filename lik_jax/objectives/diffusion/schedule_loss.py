"""A loss for the params of a learned schedule: the bound for its ends, the variance of its estimate in between."""

from collections.abc import Callable

import jax
from jax import Array

from ..schedules import Learned, Monotone
from ..schedules.learned import Params
from .bound import DiffusionBound


def schedule_loss(bound: Callable[[Learned], DiffusionBound], learned: Monotone, params: Params) -> Array:
    """What to differentiate by the params of a schedule, and by nothing else.

    In continuous time the bound depends on a schedule by its ends alone; what lies in between changes only how much
    the estimate from one random time varies. So the ends go down the mean bound, and the interior goes down the mean
    square of the diffusion term, whose mean it cannot change.

    Args:
        bound: `variational_bound` of a batch in continuous time, as a function of the schedule.
        learned: the schedule's network.
        params: its params.

    Returns:
        A scalar; its value, a sum of nats and squared nats, says nothing.

    Source: Kingma et al. (2021), "Variational diffusion models", section 5.1 and appendix I.

    >>> import jax.numpy as jnp
    >>> from lik_jax import normal
    >>> from lik_jax.objectives import diffusion
    >>> learned, x = Monotone(-8.0, 5.0), jnp.ones((4, 1))
    >>> def bound(schedule):
    ...     return diffusion.variational_bound(
    ...         normal, diffusion.gaussian_decoder, lambda x_t, t: x_t, schedule, x, key=jax.random.key(0)
    ...     )
    >>> gradient = jax.jit(jax.grad(lambda p: schedule_loss(bound, learned, p)))(learned.init(jax.random.key(1)))
    >>> gradient.ends.shape, gradient.interior.heights.shape
    ((2,), (64,))
    """
    by_ends = Params(params.ends, jax.lax.stop_gradient(params.interior))
    by_interior = Params(jax.lax.stop_gradient(params.ends), params.interior)
    squares = bound(learned.at(by_interior)).diffusion ** 2
    return bound(learned.at(by_ends)).total.mean() + squares.mean()
