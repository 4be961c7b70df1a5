"""Energy-based models: ``-log p(y) = E(y) + log Z``, in nats.

``energy(y)`` is any function of a batch ``[B, ...]`` that gives one number an example, ``[B]``; its params are closed
over. ``Z`` is the sum (or integral) of ``exp(-E)`` over everything ``y`` might be: `log_partition` adds it up where
that is feasible, `ais` estimates it where it is not. `pseudo_nll` needs no ``Z``.

>>> import jax.numpy as jnp
>>> energy = lambda y: -(y @ jnp.array([0.0, 1.0]))
>>> log_z = log_partition(energy, 2)
>>> [round(float(p), 4) for p in jnp.exp(log_prob(energy, states(2), log_z))]
[0.1345, 0.3655, 0.1345, 0.3655]
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .._arrays import as_floats
from ._batch import examples, one_each
from .reduction import Reduction, finish

Energy = Callable[[Array], Array]
Values = ArrayLike | Sequence[float]

_MOST_STATES = 2**30


def states(num_sites: int, values: Values = (0.0, 1.0), *, start: ArrayLike = 0, count: int | None = None) -> Array:
    """Every state of ``num_sites`` sites in counting order, the last site fastest: ``[count, num_sites]``.

    Args:
        num_sites: how many.
        values: what a site may be, ``[k]``: 0 and 1, -1 and 1, or ``jnp.arange(k)``.
        start: the first state's number.
        count: how many states; all by default. Past the last one they begin again.

    Raises:
        ValueError: more than 2^30 states in all.

    >>> states(2, (-1.0, 1.0)).tolist()
    [[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]]
    """
    values = jnp.asarray(values)
    total = _num_states(num_sites, values)
    place = jnp.asarray([values.size**i for i in range(num_sites - 1, -1, -1)], jnp.int32)
    number = jnp.asarray(start, jnp.int32) + jnp.arange(total if count is None else count, dtype=jnp.int32)
    return values[number[:, None] // place[None] % values.size]


def log_partition(energy: Energy, num_sites: int, values: Values = (0.0, 1.0), *, chunk_size: int = 2**14) -> Array:
    """``log Z = log sum_y exp(-E(y))`` over every state of a small discrete space, exact.

    Args:
        energy: ``energy(y)``, ``[n, num_sites]`` to ``[n]``; a state with energy inf is impossible.
        num_sites: how many.
        values: what a site may be, ``[k]``; see `states`.
        chunk_size: states held in memory at once, backwards too.

    Returns:
        A scalar, in nats. Its gradient is ``-E_model[dE]``, exact.

    Raises:
        ValueError: more than 2^30 states, or an energy that is not one number an example.

    >>> round(float(log_partition(lambda y: 0 * y.sum(-1), 10)), 4)
    6.9315
    """
    values = jnp.asarray(values)
    total = _num_states(num_sites, values)
    size = min(chunk_size, total)

    @jax.checkpoint
    def add(carry: tuple[Array, Array], start: Array) -> tuple[tuple[Array, Array], None]:
        """The sum so far is ``scaled * exp(top)``."""
        top, scaled = carry
        y = states(num_sites, values, start=start, count=size)
        logs = -one_each(energy(y), y, "energy")
        logs = jnp.where(start + jnp.arange(size, dtype=jnp.int32) < total, logs, -jnp.inf)
        highest = jax.lax.stop_gradient(jnp.maximum(top, logs.max()))
        # where nothing is possible yet, subtract 0 and not -inf
        highest = jnp.where(highest == -jnp.inf, jnp.finfo(highest.dtype).min, highest)
        return (highest, scaled * jnp.exp(top - highest) + jnp.exp(logs - highest).sum()), None

    probe = jax.eval_shape(lambda: one_each(energy(states(num_sites, values, count=1)), jnp.zeros((1, 1)), "energy"))
    lowest = jnp.full((), jnp.finfo(probe.dtype).min, probe.dtype)
    starts = jnp.arange(0, total, size, dtype=jnp.int32)
    (top, scaled), _ = jax.lax.scan(add, (lowest, jnp.zeros_like(lowest)), starts)
    return top + jnp.log(scaled)


def log_prob(energy: Energy, y: ArrayLike, log_z: ArrayLike) -> Array:
    """``log p(y) = -E(y) - log Z`` in nats, ``[B]``.

    Args:
        energy: ``energy(y)``, ``[B, ...]`` to ``[B]``.
        y: observations, ``[B, ...]``.
        log_z: a scalar, from `log_partition`, or the ``log_z`` of an estimate from `ais` (which is too low on average,
            so that this comes out too high).

    Raises:
        ValueError: an energy that is not one number an example, or a ``log_z`` that is not one number.
    """
    (y,) = as_floats(y)
    if isinstance(log_z, tuple) or jnp.shape(log_z) != ():
        what = type(log_z).__name__ if isinstance(log_z, tuple) else f"an array of shape {jnp.shape(log_z)}"
        raise ValueError(f"energy: log_z is {what}; want one number, of all states together (an Estimate's .log_z).")
    each, log_z = as_floats(one_each(energy(y), y, "energy"), log_z)
    return -each - log_z


def nll(
    energy: Energy,
    y: ArrayLike,
    log_z: ArrayLike,
    *,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """Negative log-likelihood ``E(y) + log Z`` in nats.

    Args:
        energy: ``energy(y)``, ``[B, ...]`` to ``[B]``.
        y: observations, ``[B, ...]``.
        log_z: a scalar, `log_partition` of the same energy; its gradient is half of that of the loss.
        mask: True where an example counts, ``[B]``.
        weights: non-negative, ``[B]``.
        reduction: see `lik_jax.nll`.

    Raises:
        ValueError: shapes that do not fit.

    >>> energy = lambda y: -y.sum(-1)
    >>> round(float(nll(energy, jnp.ones((1, 2)), log_partition(energy, 2))), 4)
    0.6265
    """
    (y,) = as_floats(y)
    y, keep, w = examples(y, mask, weights, "energy.nll")
    return finish(-log_prob(energy, y, log_z), keep, w, reduction)


def pseudo_nll(
    energy: Energy,
    y: ArrayLike,
    values: Values = (0.0, 1.0),
    *,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """Negative pseudo-log-likelihood ``-sum_i log p(y_i | all other sites)`` in nats: ``Z`` cancels.

    It is no likelihood, but its minimum over all models is where the likelihood's is.

    Args:
        energy: ``energy(y)``, ``[B, d]`` to ``[B]``, called once a site and value.
        y: observations, ``[B, d]``, each site one of ``values``; anything else counts as impossible (inf).
        values: what a site may be, ``[k]``; see `states`.
        mask: True where an example counts, ``[B]``.
        weights: non-negative, ``[B]``.
        reduction: see `lik_jax.nll`.

    Raises:
        ValueError: shapes that do not fit.

    Source: Besag (1975), "Statistical analysis of non-lattice data".

    >>> round(float(pseudo_nll(lambda y: -y.sum(-1), jnp.ones((1, 2)))), 4)
    0.6265
    """
    (y,) = as_floats(y)
    if y.ndim != 2:
        raise ValueError(f"pseudo_nll: y has shape {y.shape}; want [B, d]: flatten the sites of an example.")
    y, keep, w = examples(y, mask, weights, "pseudo_nll")
    values = jnp.asarray(values, y.dtype)

    def site(i: Array) -> Array:
        logs = jax.vmap(lambda value: log_prob(energy, y.at[:, i].set(value), 0.0))(values)  # (k, B)
        seen = y[:, i][None] == values[:, None]
        chosen = jnp.where(seen, logs, 0).sum(0)
        return jnp.where(seen.any(0), jax.nn.logsumexp(logs, 0) - chosen, jnp.inf)

    return finish(jax.lax.map(site, jnp.arange(y.shape[1])).sum(0), keep, w, reduction)


def _num_states(num_sites: int, values: Array) -> int:
    if values.ndim != 1 or num_sites < 1:
        raise ValueError(f"num_sites={num_sites}, values of shape {values.shape}: want at least 1, and one axis.")
    total = values.size**num_sites
    if total > _MOST_STATES:
        raise ValueError(
            f"{values.size}^{num_sites} states are too many to add up one by one (at most 2^30). Estimate log Z: ais."
        )
    return total
