"""Quantiles from tail functions, by bisection over the floating-point numbers themselves.

Floats of one sign are ordered as their bit patterns are, so halving the interval of bit patterns finds the smallest
float that satisfies a monotone condition in as many steps as the dtype has bits, whatever the scale of the answer.

>>> import jax, jax.numpy as jnp
>>> tails = (jax.nn.log_sigmoid, lambda y: jax.nn.log_sigmoid(-y))
>>> round(float(invert_continuous(*tails, jnp.asarray(0.9), (), -jnp.inf, jnp.inf)), 4)
2.1972
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

Tail = Callable[..., Array]


def _bits(x: Array) -> Array:
    """An integer for each float, in the same order."""
    integer = jnp.int64 if x.dtype == jnp.float64 else jnp.int32
    pattern = jax.lax.bitcast_convert_type(x, integer)
    return jnp.where(pattern < 0, jnp.iinfo(integer).min - pattern, pattern)


def _float(bits: Array, dtype: Any) -> Array:
    """Inverse of `_bits`."""
    pattern = jnp.where(bits < 0, jnp.iinfo(bits.dtype).min - bits, bits)
    return jax.lax.bitcast_convert_type(pattern, dtype)


def _search(
    log_cdf: Tail, log_sf: Tail, p: Array, params: tuple[Array, ...], low: ArrayLike, high: ArrayLike, slack: float
) -> Array:
    dtype = p.dtype
    shape = jnp.broadcast_shapes(p.shape, *(x.shape for x in params), jnp.shape(low), jnp.shape(high))
    ends = [jnp.broadcast_to(jnp.asarray(end, dtype), shape) for end in (low, high)]
    eps = slack * float(jnp.finfo(dtype).eps)
    # the smaller tail decides: p itself, or what is missing from 1
    log_p = jnp.log(p)
    log_p = log_p - eps * jnp.maximum(-log_p, 1)
    log_rest = jnp.log1p(-p) if slack == 0 else jnp.log((1 - p) + eps) + eps

    def step(_: int, state: tuple[Array, Array]) -> tuple[Array, Array]:
        below, reached = state
        middle = (below >> 1) + (reached >> 1) + (below & reached & 1)
        y = _float(middle, dtype)
        enough = jnp.where(p > 0.5, log_sf(y, *params) <= log_rest, log_cdf(y, *params) >= log_p)
        return jnp.where(enough, below, middle), jnp.where(enough, middle, reached)

    steps = 64 if dtype == jnp.float64 else 32
    _, reached = jax.lax.fori_loop(0, steps, step, (_bits(ends[0]), _bits(ends[1])))
    y = _float(reached, dtype)
    y = jnp.where(p == 0, ends[0], jnp.where(p == 1, ends[1], y))
    legal = (p >= 0) & (p <= 1)
    for x in params:
        legal = legal & ~jnp.isnan(x)
    return jnp.where(legal, y, jnp.nan)


def invert_continuous(
    log_cdf: Tail, log_sf: Tail, p: Array, params: tuple[Array, ...], low: ArrayLike, high: ArrayLike
) -> Array:
    """The ``y`` with ``P(Y <= y) = p``, right to the last digit that the tail functions allow.

    Args:
        log_cdf: ``log_cdf(y, *params)``, elementwise; monotone in ``y``.
        log_sf: the other tail, used for ``p`` above a half.
        p: probabilities, ``[...]``; NaN comes back for one outside [0, 1].
        params: arrays of the dtype of ``p``, broadcastable to it.
        low, high: ends of the support, which come back at 0 and 1; numbers or arrays, infinities allowed.

    Returns:
        ``[...]``; derivatives by the implicit function theorem, towards ``p`` and params, 0 at the ends.
    """

    @jax.custom_jvp
    def solve(p: Array, *params: Array) -> Array:
        return _search(log_cdf, log_sf, p, params, low, high, 0)

    @solve.defjvp
    def rule(primals: tuple[Array, ...], tangents: tuple[Array, ...]) -> tuple[Array, Array]:
        (p, *theta), (dp, *dtheta) = primals, tangents
        y = solve(p, *theta)
        end = (p <= 0) | (p >= 1)
        share, lower = jnp.where(end, 0.5, p), p <= 0.5
        inside = jnp.where(end, solve(share, *theta), y)

        def both(y: Array, *theta: Array) -> Array:
            return jnp.where(lower, log_cdf(y, *theta), log_sf(y, *theta))

        _, slope = jax.jvp(lambda y: both(y, *theta), (inside,), (jnp.ones_like(inside),))
        moved = dp / jnp.where(lower, share, share - 1)
        if theta:
            moved = moved - jax.jvp(lambda *theta: both(inside, *theta), tuple(theta), tuple(dtheta))[1]
        return y, jnp.where(end, 0.0, moved / slope)

    return solve(p, *params)


def invert_discrete(
    log_cdf: Tail, log_sf: Tail, p: Array, params: tuple[Array, ...], low: ArrayLike, high: ArrayLike
) -> Array:
    """The smallest whole ``y`` from ``low`` on with ``P(Y <= y) >= p``, without gradient.

    A ``p`` that is ``P(Y <= y)`` but for rounding gives that ``y``. ``log_cdf`` and ``log_sf`` take any real ``y`` and
    round it down. Other arguments as in `invert_continuous`.
    """
    p, params = jax.lax.stop_gradient((p, params))
    low = jnp.asarray(low, p.dtype)
    y = _search(log_cdf, log_sf, p, params, low - 1, high, 4)
    return jnp.maximum(jnp.ceil(y), low)
