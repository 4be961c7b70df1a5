"""Asymmetric Laplace distribution: the likelihood of quantile regression.

``y`` is real, ``loc`` real, ``scale`` (in the units of ``y``) positive, ``quantile`` in (0, 1) the probability below
``loc``; with ``u = (y - loc) / scale`` and the pinball loss ``rho(u) = max(quantile u, (quantile - 1) u)``
``log p(y) = log(quantile (1 - quantile) / scale) - rho(u)``.
As a loss with fixed scale and quantile it is the pinball (quantile) loss; its gradient at ``y == loc`` is 0.
``y`` at an infinity has density 0 (log_prob -inf).

>>> from lik_jax import asymmetric_laplace
>>> params = asymmetric_laplace.Params(loc=0.0, scale=1.0, quantile=0.9)
>>> round(float(asymmetric_laplace.log_prob(params, 0.3)), 4)
-2.6779

Source: Yu and Zhang (2005), "A three-parameter asymmetric Laplace distribution and its extension".
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .. import special, supports
from .._arrays import as_floats, as_same_shape, for_samples, guard, median_deviation, nan_unless_finite, split_raw
from . import _location_scale

event_ndim = 0
support = supports.real


class Params(NamedTuple):
    """``loc``: the quantile itself, real. ``scale``: positive. ``quantile``: its probability in (0, 1). ``[...]``."""

    loc: ArrayLike
    scale: ArrayLike
    quantile: ArrayLike


param_supports = Params(supports.real, supports.positive, supports.open_unit_interval)  # type: ignore[arg-type]


def from_log_scale(loc: ArrayLike, log_scale: ArrayLike, quantile: ArrayLike) -> Params:
    """Params from the logarithm of the scale instead of the scale, all ``[...]``."""
    loc, log_scale, quantile = as_floats(loc, log_scale, quantile)
    return Params(loc, jnp.exp(log_scale), quantile)


def _valid(loc: Array, scale: Array, q: Array) -> Array:
    return _location_scale.valid(loc, scale) & supports.open_unit_interval.contains(q)


def _value(y: Array, loc: Array, scale: Array, q: Array) -> Array:
    # arithmetic alone, no comparison: XLA on CPU fuses this, and not a select, into the sum that follows
    u = (y - loc) / scale
    log_scale, log_mass = jnp.log(scale), jnp.log(q) + jnp.log1p(-q)
    return log_mass - log_scale - jnp.maximum(q * u, (q - 1) * u) + nan_unless_finite(loc, log_scale, log_mass)


def _guarded(q: Array, x: Array) -> Array:
    return jnp.where(supports.open_unit_interval.contains(q), x, jnp.nan)


def _slope(u: Array, q: Array) -> Array:
    return _guarded(q, jnp.where(u > 0, -q, jnp.where(u < 0, 1 - q, 0 * u)))


def _gain(u: Array, q: Array) -> Array:
    return _guarded(q, jnp.maximum(q * u, (q - 1) * u) - 1)


def _slope_quantile(u: Array, q: Array) -> Array:
    return _guarded(q, 1 / q - 1 / (1 - q) - u)


_log_density = _location_scale.density(_value, _slope, _gain, _slope_quantile)


def log_prob(params: Params, y: ArrayLike) -> Array:
    """Log-density in nats.

    Args:
        params: ``loc``, ``scale`` and ``quantile``, ``[...]``.
        y: real, ``[...]``.

    Returns:
        ``[...]``; -inf where ``y`` is infinite, NaN where ``scale`` is not positive or ``quantile`` not in (0, 1).
    """
    return _log_density(*as_floats(y, *params))


# The probability below u under q is that above -u under 1 - q. Both q and r = 1 - q are passed: a subtraction from 1
# would take the digits from the smaller one.


def _parts(u: Array, q: Array, r: Array) -> tuple[Array, Array, Array, Array]:
    """Where ``u < 0``; ``u`` elsewhere; there the probability above ``u``, and that below without cancellation."""
    low = u < 0
    # by 1e4 / q, exp(-q u) has long been 0, and u exp(-q u) is not yet inf * 0
    high = jnp.minimum(jnp.where(low, 0.0, u), 1e4 / q)
    e = jnp.exp(-q * high)
    return low, high, r * e, q * e - jnp.expm1(-q * high)


def _log_lower(u: Array, q: Array, r: Array) -> Array:
    low, _, above, below = _parts(u, q, r)
    upper = jnp.where(above < 0.5, jnp.log1p(-jnp.minimum(above, 0.5)), jnp.log(below))
    return _guarded(q, jnp.where(low, jnp.log(q) + r * jnp.where(low, u, 0.0), upper))


def _log_lower_slope(u: Array, q: Array, r: Array) -> Array:
    low, _, above, below = _parts(u, q, r)
    return _guarded(q, jnp.where(low, r, q * above / below))


def _log_lower_slope_quantile(u: Array, q: Array, r: Array) -> Array:
    """The derivative towards ``q``, as ``r`` goes down with it."""
    low, high, above, below = _parts(u, q, r)
    return _guarded(q, jnp.where(low, 1 / q - jnp.where(low, u, 0.0), above * (1 / r + high) / below))


_log_cdf = _location_scale.tail(
    lambda u, q: _log_lower(u, q, 1 - q),
    lambda u, q: _log_lower_slope(u, q, 1 - q),
    lambda u, q: _log_lower_slope_quantile(u, q, 1 - q),
)
_log_sf = _location_scale.tail(
    lambda u, q: _log_lower(-u, 1 - q, q),
    lambda u, q: -_log_lower_slope(-u, 1 - q, q),
    lambda u, q: -_log_lower_slope_quantile(-u, 1 - q, q),
)


def log_cdf(params: Params, y: ArrayLike) -> Array:
    """``log P(Y <= y)`` in nats, ``[...]``, accurate however far out."""
    return _log_cdf(*as_floats(y, *params))


def log_sf(params: Params, y: ArrayLike) -> Array:
    """``log P(Y > y)`` in nats, ``[...]``, accurate however far out."""
    return _log_sf(*as_floats(y, *params))


def cdf(params: Params, y: ArrayLike) -> Array:
    """``P(Y <= y)``, ``[...]``."""
    return jnp.exp(log_cdf(params, y))


def icdf(params: Params, p: ArrayLike) -> Array:
    """The quantile at probability ``p`` in [0, 1], ``[...]``; -inf at 0 and inf at 1."""
    p, loc, scale, q = as_floats(p, *params)
    low = p < q
    below = jnp.log(jnp.where(low, p, q) / q) / (1 - q)
    above = -jnp.log((1 - jnp.where(low, q, p)) / (1 - q)) / q
    return guard(loc + scale * jnp.where(low, below, above), valid=_valid(loc, scale, q))


def sample(params: Params, key: Array, shape: tuple[int, ...] = ()) -> Array:
    """Draw ``[*shape, ...]``; gradients flow to the params (reparametrised)."""
    loc, scale, q = for_samples(shape, *params)
    right, left = jax.random.exponential(key, (2, *loc.shape), loc.dtype)
    return loc + scale * (right / q - left / (1 - q))


def mean(params: Params) -> Array:
    """``loc + scale (1 - 2 quantile) / (quantile (1 - quantile))``, ``[...]``."""
    loc, scale, q = as_floats(*params)
    return guard(loc + scale * (1 / q - 1 / (1 - q)), valid=_valid(loc, scale, q))


def variance(params: Params) -> Array:
    """``scale ** 2 (1 / quantile ** 2 + 1 / (1 - quantile) ** 2)``, ``[...]``."""
    loc, scale, q = as_floats(*params)
    return guard((scale / q) ** 2 + (scale / (1 - q)) ** 2, valid=_valid(loc, scale, q))


def mode(params: Params) -> Array:
    """``loc``, ``[...]``."""
    loc, scale, q = as_floats(*params)
    return guard(loc, valid=_valid(loc, scale, q))


def entropy(params: Params) -> Array:
    """Differential entropy in nats, ``1 + log(scale / (quantile (1 - quantile)))``, ``[...]``."""
    loc, scale, q = as_floats(*params)
    return guard(1 + jnp.log(scale) - jnp.log(q) - jnp.log1p(-q), valid=_valid(loc, scale, q))


def kl_divergence(p: Params, q: Params) -> Array:
    """``KL(p || q)`` in nats, ``[...]``."""
    p_loc, p_scale, p_q, q_loc, q_scale, q_q = as_floats(*p, *q)
    same = special.itakura_saito
    # about one loc: which side (Bernoulli), then exponential against exponential on each; no term is below 0
    side = p_q * same(q_q, p_q) + (1 - p_q) * same(1 - q_q, 1 - p_q)
    above = (1 - p_q) * same(p_scale / p_q, q_scale / q_q)
    below = p_q * same(p_scale / (1 - p_q), q_scale / (1 - q_q))
    # what moving q's loc away adds
    move = q_loc - p_loc
    towards = jnp.where(move >= 0, p_q, 1 - p_q)
    shortfall = _location_scale.expected_shortfall(jnp.abs(move), p_scale / towards)
    moved = special.ratio((1 - towards) * shortfall + (p_q - q_q) * move, q_scale)
    return guard(side + above + below + moved, valid=_valid(p_loc, p_scale, p_q) & _valid(q_loc, q_scale, q_q))


def constrain(raw: ArrayLike) -> Params:
    """Map raw ``[..., 3]`` (loc, positive scale, quantile by `supports.to_unit`) to params ``[...]``."""
    loc, scale, quantile = split_raw(raw, raw_size, "asymmetric_laplace")
    return Params(loc, supports.to_positive(scale), supports.to_unit(quantile))


def unconstrain(params: Params) -> Array:
    """Inverse of `constrain`: params ``[...]`` to raw ``[..., 3]``."""
    loc, scale, quantile = as_same_shape(*params)
    return jnp.stack([loc, supports.from_positive(scale), supports.from_unit(quantile)], -1)


raw_size = 3


def init(y: ArrayLike, weights: ArrayLike | None = None) -> Params:
    """Starting params from data: the median, half the mean absolute deviation from it, and quantile 1/2."""
    loc, deviation = median_deviation(y, weights)
    return Params(loc, 0.5 * deviation, jnp.full_like(loc, 0.5))
