"""The evidence of a Laplace approximation as a function of the prior's precision, and its maximum."""

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ...estimation.status import Status


def log_evidence(log_likelihood: Array, spectrum: Array, square_norm: Array, precision: Array) -> Array:
    """``log p(y | w) + log p(w | tau) - log q(w)`` at the centre ``w`` of the posterior, nats.

    Args:
        log_likelihood: of the data at ``w``.
        spectrum: eigenvalues of the curvature ``G``, ``[p]``.
        square_norm: ``w' w``.
        precision: ``tau``.
    """
    return log_likelihood - 0.5 * (precision * square_norm + jnp.log1p(spectrum / precision).sum())


def best_precision(spectrum: Array, square_norm: Array) -> tuple[Array, Array]:
    """The precision of the greatest evidence, ``w`` and ``G`` kept, and how it was found.

    There ``tau w'w = sum_i lambda_i / (lambda_i + tau)``, the number of well-determined weights (MacKay 1992). In
    ``log tau`` the logarithm of the ratio of both sides has a slope between -2 and -1: one root, and a bracket.

    Returns:
        The precision, and a `Status`: BOUNDARY with infinity where all weights are 0, with 0 where nothing curves.
    """
    none, flat = square_norm == 0, spectrum.max() <= 0
    solvable = ~(none | flat) & jnp.isfinite(square_norm) & jnp.isfinite(spectrum).all()
    spectrum = jnp.where(solvable, spectrum, 1.0)
    log_norm = jnp.log(jnp.where(solvable, square_norm, 1.0))

    def excess(s: Array) -> tuple[Array, Array]:
        share = spectrum / (spectrum + jnp.exp(s))
        determined = share.sum()
        return jnp.log(determined) - s - log_norm, -(share * (1 - share)).sum() / determined - 1

    high = jnp.log(jnp.asarray(spectrum.size, spectrum.dtype)) - log_norm
    low = high + excess(high)[0]

    def step(state: tuple[Array, Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array, Array]:
        i, low, high, s, _ = state
        value, slope = excess(s)
        low, high = jnp.where(value > 0, s, low), jnp.where(value > 0, high, s)
        new = s - value / slope
        new = jnp.where((new >= low) & (new <= high), new, (low + high) / 2)
        return i + 1, low, high, new, jnp.abs(new - s)

    def going(state: tuple[Array, Array, Array, Array, Array]) -> Array:
        i, *_, s, moved = state
        return (i < 100) & (moved > 4 * jnp.finfo(s.dtype).eps * jnp.maximum(jnp.abs(s), 1))

    start = (jnp.zeros((), jnp.int32), low, high, (low + high) / 2, jnp.full_like(low, jnp.inf))
    s = jax.lax.while_loop(going, step, start)[3]
    precision = jnp.where(solvable, jnp.exp(s), jnp.where(none, jnp.inf, jnp.where(flat, 0.0, jnp.nan)))
    status = jnp.where(solvable, Status.OK, jnp.where(none | flat, Status.BOUNDARY, Status.INVALID_DATA))
    return precision, status.astype(jnp.int32)


def chosen(spectrum: Array, square_norm: Array, precision: ArrayLike | None) -> tuple[Array, Array]:
    """The precision that is given, or the best."""
    if precision is None:
        return best_precision(spectrum, square_norm)
    return jnp.asarray(precision, spectrum.dtype), jnp.full((), int(Status.OK), jnp.int32)
