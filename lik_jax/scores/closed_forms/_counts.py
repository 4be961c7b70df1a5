"""The CRPS of counts whose characteristic function is known: Poisson, binomial, negative binomial.

The score is ``E|Y - y| - E|Y - Y'| / 2``. The first term is elementary. For the second let ``phi`` be the
characteristic function: by Fejer's kernel, ``E|Y - Y'|`` is the integral of ``(1 - |phi(t)|^2) / (pi (1 - cos t))``
over t from 0 to pi. Where one count has most of the mass the two nearly cancel; the score there, ``sum P(Y > k)^2``
at count 0, is that of ``|1 - phi(t)|^2 / (2 pi (1 - cos t))`` by Parseval's theorem. Both are sums of positive terms,
over the logarithm of ``tan(t / 2)``, where a trapezoid rule converges geometrically at all scales.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ... import special
from ..._derivatives import by_forward_mode, with_partials
from ._forms import along, finished, finished_slope, lean_of


def _sum_over_scales(term: Callable[[Array, Array, Array], Array], variance: Array) -> Array:
    """The integral of ``term(s, c, h) / tau^2`` over ``tau = tan(t / 2)``, over ``2 pi``.

    ``term`` is of ``s = sin^2(t / 2)``, ``c = cos^2(t / 2)`` and ``h = sin(t)``.
    """
    wide = variance.dtype == jnp.float64
    step, reach = (0.15, 34.0) if wide else (0.3, 17.0)
    count = math.ceil(reach / step)
    # most of it lies where the phase is that of a standard deviation
    start = jax.lax.stop_gradient(-0.5 * jnp.log1p(4 * variance)) - count * step

    def add(i: Array, total: Array) -> Array:
        w = start + step * i.astype(total.dtype)
        return total + term(special.sigmoid(2 * w), special.sigmoid(-2 * w), 1 / jnp.cosh(w)) * jnp.exp(-w)

    return jax.lax.fori_loop(0, 2 * count + 1, add, jnp.zeros_like(variance)) * (step / (2 * math.pi))


def half_difference(log_square: Callable[..., Array]) -> Callable[..., Array]:
    """``E|Y - Y'| / 2`` of ``(variance, *params)``.

    Args:
        log_square: ``-log |phi|^2`` of ``(s, c, *params)``.
    """

    def value(variance: Array, *params: Array) -> Array:
        return _sum_over_scales(lambda s, c, _: -jnp.expm1(-log_square(s, c, *params)), variance)

    return by_forward_mode(value)


def score_at_zero(log_square: Callable[..., Array], phase: Callable[..., Array]) -> Callable[..., Array]:
    """``sum_k P(Y > k)^2`` of ``(variance, *params)``.

    Args:
        log_square: as above.
        phase: ``arg phi`` of ``(s, c, h, *params)``.
    """

    def value(variance: Array, *params: Array) -> Array:
        def term(s: Array, c: Array, h: Array) -> Array:
            log_size = -0.5 * log_square(s, c, *params)
            return jnp.expm1(log_size) ** 2 + 4 * jnp.exp(log_size) * jnp.sin(0.5 * phase(s, c, h, *params)) ** 2

        return _sum_over_scales(term, variance)

    return by_forward_mode(value)


def count_score(
    distribution: Any, parts: Callable[..., tuple[Array, Array, Array, Array]], valid: Callable[..., ArrayLike]
) -> Callable[..., Array]:
    """The score of ``(y, *params)`` with its partial derivatives; towards ``y`` at a count, the mean of both sides.

    Args:
        distribution: of counts.
        parts: of ``(k, *params)``: the mean, ``E(mean - Y; Y <= k)`` over ``P(Y = k)``, `half_difference` and
            `score_at_zero`.
        valid: where params are legal.
    """

    def lean(k: Array, params: tuple[Array, ...]) -> Array:
        return lean_of(distribution.log_sf(params, k))

    def value(y: Array, *params: Array) -> Array:
        y = jnp.where(jnp.isinf(y), 0.0, y)
        k = jnp.floor(y)
        all_params = distribution.Params(*params)
        mean, partial, half, at_zero = parts(k, *params)
        mass = jnp.exp(distribution.log_prob(all_params, jnp.maximum(k, 0)))
        certain = (k <= 0) & (mass > 0.5)
        side = lean(k, all_params)
        usual = (y - mean) * side + 2 * partial * jnp.where(k < 0, 0.0, mass) - half
        return jnp.where(certain, at_zero + y * side, usual)

    def by_y(y: Array, *params: Array) -> Array:
        finite = jnp.where(jnp.isinf(y), 0.0, y)
        all_params = distribution.Params(*params)
        slope = 0.5 * (lean(jnp.floor(finite), all_params) + lean(jnp.ceil(finite) - 1, all_params))
        return finished_slope(jnp.where(jnp.isinf(y), jnp.sign(y), slope), y, valid(*params))

    def by_param(index: int) -> Callable[..., Array]:
        return lambda y, *params: finished_slope(along(value, index + 1)(y, *params), y, valid(*params))

    def whole(y: Array, *params: Array) -> Array:
        return finished(value(y, *params), y, valid(*params))

    count = len(distribution.Params._fields)
    return with_partials(whole, by_y, *(by_param(i) for i in range(count)))
