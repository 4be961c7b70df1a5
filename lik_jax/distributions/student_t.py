"""Student's t distribution.

``y`` is real, ``df`` (degrees of freedom) positive, inf included (the normal distribution), ``loc`` real, ``scale``
positive: with ``z = (y - loc) / scale``,
``log p(y) = -(df + 1) / 2 log(1 + z^2 / df) - log(scale) - log(df) / 2 - log B(1 / 2, df / 2)``.
As a loss it is robust regression: an outlier's pull falls off as ``1 / (y - loc)``.
``y`` at an infinity has density 0 (log_prob -inf).

>>> from lik_jax import student_t
>>> round(float(student_t.log_prob(student_t.Params(df=4.0, loc=0.0, scale=1.0), 0.3)), 4)
-1.0365

Source: Johnson, Kotz and Balakrishnan (1995), Continuous Univariate Distributions 2, chapter 28.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .. import special, supports
from .._arrays import as_floats, as_same_shape, for_samples, guard, guard_slope, moments, split_raw
from .._derivatives import in_one_pass, with_partials
from . import _location_scale

event_ndim = 0
support = supports.real


class Params(NamedTuple):
    """``df``: degrees of freedom, positive, inf for normal; ``loc``: real; ``scale``: positive. Each ``[...]``."""

    df: ArrayLike
    loc: ArrayLike
    scale: ArrayLike


def _positive_or_infinite(x: Array) -> Array:
    return x > 0


param_supports = Params(
    supports.Support("a positive number, infinity included", _positive_or_infinite, 1.0),  # type: ignore[arg-type]
    supports.real,  # type: ignore[arg-type]
    supports.positive,  # type: ignore[arg-type]
)

_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


def _constant_value(n: Array) -> Array:
    n = jnp.where(jnp.isinf(n), float(jnp.finfo(n.dtype).max) / 4, n)
    rest = special.stirling_error(n + 0.5) - special.stirling_error(n)
    return n * special.log1pmx(0.5 / n) + rest - _HALF_LOG_2PI


def _constant_slope(n: Array) -> Array:
    infinite = jnp.isinf(n)
    n = jnp.where(infinite, 1.0, n)
    e = special.ratio(jnp.full_like(n, 0.5), n)
    rest = special.stirling_slope(n + 0.5) - special.stirling_slope(n)
    return jnp.where(infinite, 0.0, special.log1pmx(e) + e * (e / (1 + e)) + rest)


# log Gamma(n + 1/2) - log Gamma(n) - log(2 pi n) / 2, for n = df / 2
_log_constant = with_partials(_constant_value, _constant_slope)


def _valid(df: Array, loc: Array, scale: Array) -> Array:
    return (df > 0) & _location_scale.valid(loc, scale)


def _pieces(y: Array, df: Array, loc: Array, scale: Array) -> tuple[Array, ...]:
    """``z`` and ``z^2 / df`` where that is at most 1; elsewhere 0, but ``far`` says so and holds ``sqrt(df) / |z|``."""
    y = jnp.where(jnp.isinf(y), loc, y)
    gap = y - loc
    root = jnp.sqrt(df)
    # a quotient of three may overflow either way round: the nearer one is formed
    far = jnp.abs(gap) / root > scale
    z = special.ratio(jnp.where(far, 0.0, gap), scale)
    safe = jnp.where(far, gap, 1.0)
    inverse = jnp.where(far, special.ratio(jnp.where(far, scale, 1.0), jnp.abs(safe) / jnp.where(far, root, 1.0)), 0.0)
    return far, z, special.ratio(z, root) ** 2, safe, inverse


def _value(y: Array, df: Array, loc: Array, scale: Array) -> Array:
    far, z, r, safe, inverse = _pieces(y, df, loc, scale)
    log_root = 0.5 * jnp.log(jnp.where(far, df, 1.0))
    # log(1 + z^2 / df) through logarithms where z^2 would overflow
    log_far = 2 * (jnp.log(jnp.abs(safe)) - jnp.log(jnp.where(far, scale, 1.0)) - log_root) + jnp.log1p(inverse**2)
    near = 0.5 * z * z * (1 + 1 / df) * _log1p_over(r)
    tail = jnp.where(far, 0.5 * (jnp.where(far, df, 1.0) + 1) * log_far, near)
    value = _log_constant(df / 2) - jnp.log(scale) - tail
    return guard(value, outside=jnp.isinf(y), valid=_valid(df, loc, scale))


def _log1p_over(r: Array) -> Array:
    """``log(1 + r) / r``, 1 at 0."""
    small = r < 1e-4
    safe = jnp.where(small, 1.0, r)
    return jnp.where(small, 1 - r * (0.5 - r * (1 / 3 - r / 4)), jnp.log1p(safe) / safe)


def _slope_loc(y: Array, df: Array, loc: Array, scale: Array) -> Array:
    far, z, r, safe, inverse = _pieces(y, df, loc, scale)
    near = special.ratio(z * (1 + 1 / df) / (1 + r), scale)
    away = special.ratio((jnp.where(far, df, 1.0) + 1) / (1 + inverse**2), safe)
    return guard_slope(jnp.where(far, away, near), outside=jnp.isinf(y), valid=_valid(df, loc, scale))


def _slope_scale(y: Array, df: Array, loc: Array, scale: Array) -> Array:
    far, z, r, _, inverse = _pieces(y, df, loc, scale)
    near = (z - 1) * (z + 1) / (1 + r)
    away = (jnp.where(far, df, 1.0) - inverse**2) / (1 + inverse**2)
    slope = special.ratio(jnp.where(far, away, near), scale)
    return guard_slope(slope, outside=jnp.isinf(y), valid=_valid(df, loc, scale))


def _slope_df(y: Array, df: Array, loc: Array, scale: Array) -> Array:
    infinite = jnp.isinf(df)
    df_safe = jnp.where(infinite, 1.0, df)
    far, z, r, safe, inverse = _pieces(y, df_safe, loc, scale)
    share = r / (1 + r)
    near = -0.5 * (special.log1pmx(r) + r * share) + 0.5 * special.ratio(share, df_safe)
    log_root = 0.5 * jnp.log(df_safe)
    log_far = 2 * (jnp.log(jnp.abs(safe)) - jnp.log(jnp.where(far, scale, 1.0)) - log_root) + jnp.log1p(inverse**2)
    share = 1 / (1 + inverse**2)
    away = -0.5 * log_far + 0.5 * share + 0.5 * special.ratio(share, df_safe)
    slope = jnp.where(infinite, 0.0, 0.5 * _constant_slope(df_safe / 2) + jnp.where(far, away, near))
    return guard_slope(slope + 0 * z, outside=jnp.isinf(y), valid=_valid(df, loc, scale))


_log_density = with_partials(in_one_pass(_value), lambda *args: -_slope_loc(*args), _slope_df, _slope_loc, _slope_scale)


def log_prob(params: Params, y: ArrayLike) -> Array:
    """Log-density in nats.

    Args:
        params: ``df``, ``loc`` and ``scale``, ``[...]``.
        y: real, ``[...]``.

    Returns:
        ``[...]``; -inf where ``y`` is infinite, NaN where ``df`` or ``scale`` is not positive.
    """
    return _log_density(*as_floats(y, *params))


def _log_lower(z_given: Array, df: Array) -> Array:
    """``log P(Z <= z)``, as the two halves of the incomplete beta function."""
    wide = z_given.dtype == jnp.float64
    gauss = df > (1e40 if wide else 1e25)
    infinite = jnp.isinf(z_given)
    z = jnp.where(infinite, 0.0, z_given)
    df = jnp.where(gauss, 1.0, df)
    n = df / 2
    t = jnp.abs(z) / jnp.sqrt(df)
    # so far out that only the leading power is left, and z^2 would overflow
    far = t > (1e40 if wide else 1e12)
    centre = t == 0
    inner = jnp.where(far | centre, 1.0, t)
    tt = inner * inner
    half = jnp.full_like(n, 0.5)
    log_odds = -2 * jnp.log(inner)
    x, xc = jax.lax.stop_gradient((1 / (1 + tt), tt / (1 + tt)))
    both, _ = special.log_beta_tails(n, half, log_odds, x, xc)
    power = -df * jnp.log(jnp.where(far, t, 1.0)) - special.log_beta(n, half) - jnp.log(n)
    both = jnp.where(far, power, both)
    # P(|Z| > |z|) is exp(both)
    below = jnp.where(z < 0, both - math.log(2), jnp.log1p(-0.5 * jnp.exp(both)))
    # the slope at the centre is the density twice over; |z| hides it
    density = jnp.exp(_log_constant(n))
    below = jnp.where(centre, jnp.log(0.5 + jnp.where(centre, z, 0.0) * density), below)
    below = jnp.where(gauss, special.log_ndtr(jnp.where(gauss, z, 0.0)), below)
    return jnp.where(infinite, jnp.where(z_given < 0, -jnp.inf, 0.0), below)


def _hazard(z: Array, df: Array) -> Array:
    return jax.jvp(lambda z: _log_lower(z, df), (z,), (jnp.ones_like(z),))[1]


def _slope_scale_tail(gap: Array, df: Array, scale: Array) -> Array:
    z = special.ratio(gap, scale)
    return special.ratio(-z * _hazard(z, df), scale)


# the slopes divide by the scale one time each: its square may underflow
_log_tail = with_partials(
    lambda gap, df, scale: _log_lower(special.ratio(gap, scale), df),
    lambda gap, df, scale: special.ratio(_hazard(special.ratio(gap, scale), df), scale),
    lambda gap, df, scale: jax.jvp(lambda df: _log_lower(special.ratio(gap, scale), df), (df,), (jnp.ones_like(df),))[
        1
    ],
    _slope_scale_tail,
)


def _tail(end: Array, gap: Array, df: Array, loc: Array, scale: Array) -> Array:
    """The lower tail ``gap`` away from ``loc``, whose limits at the infinities of ``end`` have no gradient."""
    infinite = jnp.isinf(end)
    inside = _log_tail(jnp.where(infinite, 0.0, gap), df, scale)
    value = jnp.where(infinite, jnp.where(end < 0, -jnp.inf, 0.0), inside)
    return guard(value, valid=_valid(df, loc, scale))


def log_cdf(params: Params, y: ArrayLike) -> Array:
    """``log P(Y <= y)`` in nats, ``[...]``, accurate however small."""
    y, df, loc, scale = as_same_shape(y, *params)
    return _tail(y, y - loc, df, loc, scale)


def log_sf(params: Params, y: ArrayLike) -> Array:
    """``log P(Y > y)`` in nats, ``[...]``, accurate however small."""
    y, df, loc, scale = as_same_shape(y, *params)
    return _tail(-y, loc - y, df, loc, scale)


def cdf(params: Params, y: ArrayLike) -> Array:
    """``P(Y <= y)``, ``[...]``."""
    return jnp.exp(log_cdf(params, y))


# a compiled function of its own: run op by op, its loop would be compiled anew at each call
@jax.jit
def _quantile(p: Array, df: Array) -> Array:
    return special.invert_continuous(_log_lower, lambda z, df: _log_lower(-z, df), p, (df,), -jnp.inf, jnp.inf)


def icdf(params: Params, p: ArrayLike) -> Array:
    """The quantile at probability ``p`` in [0, 1], ``[...]``; -inf at 0 and inf at 1."""
    p, df, loc, scale = as_same_shape(p, *params)
    return loc + scale * _quantile(p, df)


def sample(params: Params, key: Array, shape: tuple[int, ...] = ()) -> Array:
    """Draw ``[*shape, ...]``; gradients flow to the params (reparametrised)."""
    df, loc, scale = for_samples(shape, *params)
    normal_key, gamma_key = jax.random.split(key)
    infinite = jnp.isinf(df)
    n = jnp.where(infinite, 1.0, df) / 2
    # a normal over the root of a mean of squares, in logarithms: for small df the mean underflows
    spread = jnp.exp(0.5 * (jnp.log(n) - jax.random.loggamma(gamma_key, n, dtype=n.dtype)))
    z = jax.random.normal(normal_key, n.shape, n.dtype) * jnp.where(infinite, 1.0, spread)
    return loc + scale * z


def mean(params: Params) -> Array:
    """``loc``, ``[...]``; NaN for ``df <= 1``, where there is none."""
    df, loc, _ = as_same_shape(*params)
    return jnp.where(df > 1, loc, jnp.nan)


def variance(params: Params) -> Array:
    """``scale^2 df / (df - 2)``, ``[...]``; inf for ``1 < df <= 2``, NaN for ``df <= 1``."""
    df, _, scale = as_same_shape(*params)
    some = df > 2
    finite = scale**2 / (1 - 2 / jnp.where(some, df, 3.0))
    return jnp.where(some, finite, jnp.where(df > 1, jnp.inf, jnp.nan))


def mode(params: Params) -> Array:
    """``loc``, ``[...]``."""
    return as_same_shape(*params)[1]


def entropy(params: Params) -> Array:
    """Differential entropy in nats, ``[...]``."""
    df, _, scale = as_same_shape(*params)
    infinite = jnp.isinf(df)
    n = jnp.where(infinite, 1.0, df) / 2
    half = jnp.full_like(n, 0.5)
    # (df + 1) / 2 times E log(1 + Z^2 / df), a difference of digammas
    spread = (n + 0.5) * -special.digamma_difference(n, half)
    return jnp.log(scale) - _log_constant(df / 2) + jnp.where(infinite, 0.5, spread)


def constrain(raw: ArrayLike) -> Params:
    """Map raw ``[..., 3]`` (df by `supports.to_positive`, loc, scale by the same) to params ``[...]``."""
    df, loc, scale = split_raw(raw, raw_size, "student_t")
    return Params(supports.to_positive(df), loc, supports.to_positive(scale))


def unconstrain(params: Params) -> Array:
    """Inverse of `constrain`: params ``[...]`` to raw ``[..., 3]``."""
    df, loc, scale = as_same_shape(*params)
    return jnp.stack([supports.from_positive(df), loc, supports.from_positive(scale)], -1)


raw_size = 3


def init(y: ArrayLike, weights: ArrayLike | None = None) -> Params:
    """Starting params from data: 5 degrees of freedom, the mean, and the scale with the variance of the data."""
    m, v = moments(y, weights)
    df = jnp.full_like(m, 5.0)
    return Params(df, m, jnp.sqrt(v * (df - 2) / df))
