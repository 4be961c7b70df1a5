"""A count with extra zeros: with probability ``sigmoid(logits)`` it is 0 whatever the base says.

``log p(0) = log(g + (1 - g) base(0))`` and ``log p(y) = log(1 - g) + log base(y)`` above, ``g = sigmoid(logits)``.

>>> from lik_jax import poisson, zero_inflated
>>> visits = zero_inflated(poisson)
>>> visits
zero_inflated(poisson)
>>> params = visits.from_probs(0.3, poisson.from_rate(2.0))
>>> round(float(visits.log_prob(params, 0)), 4)
-0.9295

Source: Lambert (1992), "Zero-inflated Poisson regression", Technometrics 34.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .. import special, supports
from .._arrays import as_floats
from ..distribution import Distribution, name_of, require
from ._mixing import log_mix, parts_with_safe_slopes
from ._optional import needs
from ._trees import example_shape, filled, filled_own_axes, spread, widened


class ZeroInflatedParams(NamedTuple):
    """``logits``: log-odds of an extra zero, ``[...]``, infinities allowed. ``base``: params of the base, ``[...]``."""

    logits: ArrayLike
    base: Any


@dataclass(frozen=True, repr=False)
class zero_inflated:
    """``base`` with extra zeros.

    Args:
        base: a discrete distribution of numbers that may be 0.

    Raises:
        TypeError: ``base`` is not one.
    """

    base: Distribution

    Params = ZeroInflatedParams
    event_ndim = 0

    def __post_init__(self) -> None:
        require(self.base, ("log_prob", "param_supports"), "zero_inflated")
        if self.base.event_ndim or not self.base.support.discrete:
            raise TypeError(f"zero_inflated needs a distribution of counts; {name_of(self.base)} is none.")

    def __repr__(self) -> str:
        return f"zero_inflated({name_of(self.base)})"

    @property
    def support(self) -> supports.Support:
        """Where an observation may lie: the support of the base."""
        return self.base.support

    @property
    def param_supports(self) -> ZeroInflatedParams:
        """Where each parameter may lie."""
        return ZeroInflatedParams(supports.extended_real, self.base.param_supports)  # type: ignore[arg-type]

    def from_probs(self, probs: ArrayLike, base: Any) -> ZeroInflatedParams:
        """Params from the probability of an extra zero in [0, 1], ``[...]``, and params of the base."""
        (probs,) = as_floats(probs)
        return ZeroInflatedParams(special.logit(probs), base)

    def log_prob(self, params: ZeroInflatedParams, y: ArrayLike) -> Array:
        """Log-mass in nats.

        Args:
            params: ``logits`` ``[...]`` and ``base`` ``[...]``.
            y: whole numbers, ``[...]``.

        Returns:
            ``[...]``; -inf with zero gradient outside the support of the base.
        """
        return self._log_mix(self.base.log_prob, lambda y: jnp.where(y == 0, 0.0, -jnp.inf), params, y)

    @needs("log_cdf")
    def log_cdf(self, params: ZeroInflatedParams, y: ArrayLike) -> Array:
        """``log P(Y <= y)`` in nats for any real ``y``, ``[...]``."""
        tail: Any = self.base.log_cdf  # type: ignore[attr-defined]
        return self._log_mix(tail, lambda y: jnp.where(y < 0, -jnp.inf, 0.0), params, y)

    @needs("log_sf")
    def log_sf(self, params: ZeroInflatedParams, y: ArrayLike) -> Array:
        """``log P(Y > y)`` in nats for any real ``y``, ``[...]``."""
        tail: Any = self.base.log_sf  # type: ignore[attr-defined]
        return self._log_mix(tail, lambda y: jnp.where(y < 0, 0.0, -jnp.inf), params, y)

    @needs("log_cdf")
    def cdf(self, params: ZeroInflatedParams, y: ArrayLike) -> Array:
        """``P(Y <= y)``, ``[...]``."""
        return jnp.exp(self.log_cdf(params, y))

    @needs("icdf")
    def icdf(self, params: ZeroInflatedParams, p: ArrayLike) -> Array:
        """The smallest whole number whose cdf is at least ``p``, ``[...]``; NaN for a ``p`` that is not in [0, 1]."""
        logits, base = widened(*params)
        p, logits = as_floats(p, logits)
        extra, rest = special.sigmoid(logits), special.sigmoid(-logits)
        some = rest > 0
        rest = jnp.where(some, rest, 1.0)
        below = self.base.icdf(base, jnp.where(some, jnp.clip(p / rest, 0, 1), 0.0))  # type: ignore[attr-defined]
        above = self.base.icdf(base, jnp.where(some, jnp.clip((p - extra) / rest, 0, 1), 0.0))  # type: ignore[attr-defined]
        y = jnp.where(below < 0, below, jnp.maximum(above, 0))
        return jnp.where((p < 0) | (p > 1), jnp.nan, y)

    @needs("sample")
    def sample(self, params: ZeroInflatedParams, key: Array, shape: tuple[int, ...] = ()) -> Array:
        """Draw whole numbers, ``[*shape, ...]``."""
        (logits,) = as_floats(params.logits)
        kinds = self.base.param_supports
        full = jnp.broadcast_shapes(logits.shape, example_shape(kinds, params.base))
        zero_key, draw_key = jax.random.split(key)
        extra = jnp.broadcast_to(special.sigmoid(logits), (*shape, *full))
        draw = self.base.sample(spread(full, kinds, params.base), draw_key, shape)
        return jnp.where(jax.random.bernoulli(zero_key, extra), 0, draw)

    @needs("mean")
    def mean(self, params: ZeroInflatedParams) -> Array:
        """``(1 - g) base mean``, ``[...]``."""
        logits, mean = as_floats(params.logits, self.base.mean(params.base))  # type: ignore[attr-defined]
        return special.sigmoid(-logits) * mean

    @needs("mean", "variance")
    def variance(self, params: ZeroInflatedParams) -> Array:
        """``(1 - g) (base variance + g base mean^2)``, ``[...]``."""
        within: Any = self.base.variance(params.base)  # type: ignore[attr-defined]
        logits, mean, within = as_floats(params.logits, self.base.mean(params.base), within)  # type: ignore[attr-defined]
        return special.sigmoid(-logits) * (within + special.sigmoid(logits) * mean**2)

    def constrain(self, raw: ArrayLike, **fixed: Any) -> ZeroInflatedParams:
        """Map raw ``[..., 1 + base.raw_size]`` to params ``[...]``: the logit, then what the base takes."""
        (raw,) = as_floats(raw)
        if raw.ndim == 0 or raw.shape[-1] < 1 or (self.raw_size is not None and raw.shape[-1] != self.raw_size):
            raise ValueError(
                f"{self}.constrain: raw has shape {raw.shape}; its last axis must have length "
                f"{'1 + r' if self.raw_size is None else self.raw_size}."
            )
        return ZeroInflatedParams(raw[..., 0], self.base.constrain(raw[..., 1:], **fixed))

    def unconstrain(self, params: ZeroInflatedParams) -> Array:
        """Inverse of `constrain`: params ``[...]`` to raw ``[..., raw_size]``."""
        (logits,) = as_floats(params.logits)
        logits, base = as_floats(logits[..., None], self.base.unconstrain(params.base), ndims=(1, 1))
        examples = jnp.broadcast_shapes(logits.shape[:-1], base.shape[:-1])
        parts = [jnp.broadcast_to(x, (*examples, x.shape[-1])) for x in (logits, base)]
        return jnp.concatenate(parts, -1)

    @property
    def raw_size(self) -> int | None:
        """``1 + base.raw_size``, or None where the base has None."""
        return None if self.base.raw_size is None else 1 + self.base.raw_size

    @needs("init")
    def init(self, y: ArrayLike, weights: ArrayLike | None = None) -> ZeroInflatedParams:
        """Starting params from data: the zeros beyond what the base explains are extra, the others the base's own."""
        (y,) = as_floats(y)
        w = jnp.ones_like(y) if weights is None else jnp.broadcast_to(as_floats(y, weights)[1], y.shape)
        start: Callable[..., Any] = self.base.init  # type: ignore[attr-defined]
        zero = y == 0
        share = jnp.where(zero, w, 0).sum() / w.sum()
        # two rounds: the base without most zeros says how many zeros are its own
        extra, own = share, jnp.asarray(0.1, y.dtype)
        for _ in range(2):
            base = start(y, jnp.where(zero, own, 1.0) * w)
            p0 = jnp.exp(self.base.log_prob(base, 0.0)).astype(y.dtype)
            extra = jnp.clip((share - p0) / jnp.maximum(1 - p0, 1e-3), 0.02, 0.95)
            own = jnp.clip(1 - extra / jnp.maximum(share, 1e-3), 0.05, 1.0)
        return ZeroInflatedParams(special.logit(extra), start(y, jnp.where(zero, own, 1.0) * w))

    def _log_mix(
        self, part: Callable[[Any, Any], Array], at_zero: Callable[[Array], Array], params: ZeroInflatedParams, y: Any
    ) -> Array:
        """The base's ``part(params, y)`` and that of a zero, weighted."""
        params, y = widened(params, y)
        (y,) = as_floats(y)
        (logits,) = as_floats(params.logits)

        def both(base: Any, y: Array) -> Array:
            value = part(base, y)
            y, value = as_floats(y, value)
            # NaN in, NaN out
            return jnp.stack(
                jnp.broadcast_arrays(at_zero(y).astype(y.dtype) + 0 * jnp.where(jnp.isinf(y), 0, y), value), -1
            )

        def make_safe(dead: Array, base: Any, y: Array) -> tuple[Any, Array]:
            dead = dead[..., 1]
            return filled_own_axes(dead, self.base.param_supports, base), filled(dead, self.base.support, y)

        weight = jnp.stack([special.log_sigmoid(logits), special.log_sigmoid(-logits)], -1)
        value = log_mix(*parts_with_safe_slopes(both, weight, params.base, y, make_safe))
        return value - jax.lax.stop_gradient(jnp.maximum(value, 0))
