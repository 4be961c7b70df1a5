"""A mixture: one of ``k`` components of the same kind, by weight.

``log p(y) = log sum_k softmax(logits)_k p(y | component k)``. As a loss it is that of a mixture density network.
A component of weight 0 (a logit of -inf) or without density at ``y`` has no part in value or gradient.

>>> import jax.numpy as jnp
>>> from lik_jax import mixture, normal
>>> two = mixture(normal, num_components=2)
>>> two
mixture(normal, 2)
>>> params = two.Params(jnp.zeros(2), normal.Params(loc=jnp.array([-1.0, 1.0]), scale=1.0))
>>> round(float(two.log_prob(params, 0.0)), 4)
-1.4189

Source: Bishop (1994), "Mixture density networks"; McLachlan and Peel (2000), Finite Mixture Models.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .. import special, supports
from .._arrays import as_floats
from ..distribution import Distribution, name_of, require
from ..supports import stacked
from ._interval import log_interval_prob
from ._invert import invert
from ._mixing import log_mix, log_weights, parts_with_safe_slopes, responsibilities
from ._optional import needs
from ._quantile_groups import group_weights
from ._trees import example_shape, filled, filled_own_axes, widened, with_event_axis


class MixtureParams(NamedTuple):
    """``logits``: log-weights up to a constant, ``[..., k]``. ``components``: params of the base, each with an axis of
    length ``k`` right after its example axes; a leaf without both is shared by all."""

    logits: ArrayLike
    components: Any


@dataclass(frozen=True, repr=False)
class mixture:
    """A mixture of ``num_components`` distributions of the kind ``base``.

    Args:
        base: any distribution, composed ones too.
        num_components: how many.

    Raises:
        TypeError: ``base`` has no ``log_prob``.
        ValueError: ``num_components`` is not a positive whole number.
    """

    base: Distribution
    num_components: int

    Params = MixtureParams

    def __post_init__(self) -> None:
        require(self.base, ("log_prob", "param_supports"), "mixture")
        if self.num_components != int(self.num_components) or self.num_components < 1:
            raise ValueError(f"mixture: num_components is {self.num_components}; want a whole number, 1 or more.")

    def __repr__(self) -> str:
        return f"mixture({name_of(self.base)}, {self.num_components})"

    @property
    def event_ndim(self) -> int:
        """Rank of one observation: that of the base."""
        return self.base.event_ndim

    @property
    def support(self) -> supports.Support:
        """Where an observation may lie: the support of the base."""
        return self.base.support

    @property
    def param_supports(self) -> MixtureParams:
        """Where each parameter may lie."""
        return MixtureParams(
            supports.extended_real_vector,  # type: ignore[arg-type]
            jax.tree.map(stacked, self.base.param_supports),
        )

    def log_prob(self, params: MixtureParams, y: Any) -> Array:
        """Log-density or log-mass in nats.

        Args:
            params: ``logits`` ``[..., k]`` and ``components`` ``[..., k, ...]``.
            y: ``[..., *event]``.

        Returns:
            ``[...]``; -inf with zero gradient where no component of positive weight has density.
        """
        return log_mix(*self._parts(self.base.log_prob, params, y))

    def weighted_components(self, params: MixtureParams) -> tuple[Array, Any]:
        """Normalised log-weights ``[..., k]``, and the components' params, each with its component axis."""
        return self._lined_up(params)

    def responsibilities(self, params: MixtureParams, y: Any) -> Array:
        """``P(component | y)``, ``[..., k]``; all 0 where ``y`` is outside every component's support."""
        return responsibilities(*self._parts(self.base.log_prob, params, y))

    @needs("log_cdf")
    def log_cdf(self, params: MixtureParams, y: ArrayLike) -> Array:
        """``log P(Y <= y)`` in nats, ``[...]``."""
        return _at_most_zero(log_mix(*self._parts(self.base.log_cdf, params, y)))  # type: ignore[attr-defined]

    @needs("log_sf")
    def log_sf(self, params: MixtureParams, y: ArrayLike) -> Array:
        """``log P(Y > y)`` in nats, ``[...]``."""
        return _at_most_zero(log_mix(*self._parts(self.base.log_sf, params, y)))  # type: ignore[attr-defined]

    @needs("log_cdf", "log_sf")
    def log_interval(self, params: MixtureParams, low: ArrayLike, high: ArrayLike) -> Array:
        """``log P(low < Y <= high)`` in nats for ``low < high``, infinities allowed, ``[...]``."""

        def part(components: Any, ends: tuple[Array, Array]) -> Array:
            return log_interval_prob(self.base, components, *ends)

        return _at_most_zero(log_mix(*self._parts(part, params, as_floats(low, high))))

    @needs("log_cdf")
    def cdf(self, params: MixtureParams, y: ArrayLike) -> Array:
        """``P(Y <= y)``, ``[...]``."""
        return jnp.exp(self.log_cdf(params, y))

    @needs("log_cdf", "log_sf", "icdf")
    def icdf(self, params: MixtureParams, p: ArrayLike) -> Array:
        """The smallest ``y`` whose cdf is at least ``p`` in [0, 1], by bisection, ``[...]``.

        Carries first derivatives where the base is continuous.
        """
        (p,) = as_floats(p)
        weights, components = self._lined_up(widened(*params, p)[:2])
        examples = jnp.broadcast_shapes(weights.shape[:-1], example_shape(self.base.param_supports, components)[:-1])
        inner = invert(self, params, p, examples)
        # the ends of the support, for p of 0 and 1
        ends: Any = jax.lax.stop_gradient(self.base.icdf(components, jnp.round(p)[..., None]))  # type: ignore[attr-defined]
        p, ends, weights = as_floats(p[..., None], ends, weights)
        alive = weights > -jnp.inf
        least, most = jnp.where(alive, ends, jnp.inf).min(-1), jnp.where(alive, ends, -jnp.inf).max(-1)
        p = p[..., 0]
        return jnp.where(p == 0, least, jnp.where(p == 1, most, inner))

    def sample(self, params: MixtureParams, key: Array, shape: tuple[int, ...] = ()) -> Any:
        """Draw ``[*shape, ..., *event]``; gradients flow to the components where they do in the base."""
        k, kinds = self.num_components, self.base.param_supports
        weights, components = self._lined_up(params)
        full = (*shape, *jnp.broadcast_shapes(weights.shape[:-1], example_shape(kinds, components)[:-1]))
        which_key, draw_key = jax.random.split(key)
        index = jax.random.categorical(which_key, weights, shape=full)

        def pick(support: supports.Support, x: Array) -> Array:
            if x.ndim <= support.event_ndim:
                return x
            event = x.shape[x.ndim - support.event_ndim :]
            x = jnp.broadcast_to(x.reshape((1,) * (len(full) + 1 + len(event) - x.ndim) + x.shape), (*full, k, *event))
            at = index.reshape((*full, 1) + (1,) * len(event))
            return jnp.take_along_axis(x, at, len(full)).squeeze(len(full))

        return self.base.sample(jax.tree.map(pick, kinds, components), draw_key)

    @needs("mean")
    def mean(self, params: MixtureParams) -> Array:
        """``sum_k weight_k mean_k``, ``[..., *event]``."""
        weights, components = self._lined_up(params)
        return self._average(weights, self.base.mean(components))  # type: ignore[attr-defined]

    @needs("mean", "variance")
    def variance(self, params: MixtureParams) -> Array:
        """Variance within and between components, of each coordinate, ``[..., *event]``."""
        weights, components = self._lined_up(params)
        means = self.base.mean(components)  # type: ignore[attr-defined]
        centre = self._average(weights, means)
        centre = jnp.expand_dims(centre, centre.ndim - self.event_ndim)
        within, means, centre = as_floats(self.base.variance(components), means, centre)  # type: ignore[attr-defined]
        return self._average(weights, within + (means - centre) ** 2)

    def constrain(self, raw: ArrayLike, **fixed: Any) -> MixtureParams:
        """Map raw ``[..., raw_size]`` to params ``[...]``: ``k`` logits, then ``k`` blocks of the base's raw numbers.

        Args:
            raw: real.
            fixed: what ``base.constrain`` asks for, with a component axis of its own (``[..., k]`` or ``[..., 1]``).

        Raises:
            ValueError: the last axis has the wrong length.
        """
        (raw,) = as_floats(raw)
        k, size = self.num_components, raw.shape[-1] if raw.ndim else 0
        block = (size - k) // k if self.base.raw_size is None else self.base.raw_size
        if size != k * (1 + block) or size < k:
            want = f"{k} * (1 + r)" if self.base.raw_size is None else f"{k} * (1 + {block}) = {k * (1 + block)}"
            raise ValueError(f"{self}.constrain: raw has shape {raw.shape}; its last axis must have length {want}.")
        blocks = raw[..., k:].reshape((*raw.shape[:-1], k, block))
        return MixtureParams(raw[..., :k], self.base.constrain(blocks, **fixed))

    def unconstrain(self, params: MixtureParams) -> Array:
        """Inverse of `constrain`: params ``[...]`` to raw ``[..., raw_size]``."""
        weights, components = self._lined_up(params, normalise=False)
        blocks = self.base.unconstrain(components)
        rank = max(weights.ndim, blocks.ndim - 1)
        blocks = blocks.reshape((1,) * (rank + 1 - blocks.ndim) + blocks.shape)
        examples = jnp.broadcast_shapes((1,) * (rank - weights.ndim) + weights.shape[:-1], blocks.shape[:-2])
        flat = jnp.broadcast_to(blocks, (*examples, self.num_components, blocks.shape[-1])).reshape((*examples, -1))
        weights, flat = as_floats(weights, flat, ndims=(1, 1))
        return jnp.concatenate([jnp.broadcast_to(weights, (*examples, self.num_components)), flat], -1)

    @property
    def raw_size(self) -> int | None:
        """``k (1 + base.raw_size)``, or None where the base has None."""
        return None if self.base.raw_size is None else self.num_components * (1 + self.base.raw_size)

    @needs("init")
    def init(self, y: Any, weights: ArrayLike | None = None) -> MixtureParams:
        """Starting params from data: the base's, one for each of ``k`` groups of neighbours among ``y``.

        Every group also counts all other observations a little, so that no component starts without spread.
        """
        groups = group_weights(y, weights, self.num_components, self.event_ndim)
        start: Callable[..., Any] = partial(self.base.init, y)  # type: ignore[attr-defined]
        components = jax.vmap(start)(groups)
        return MixtureParams(jnp.zeros(self.num_components, groups.dtype), components)

    def _lined_up(self, params: Any, normalise: bool = True) -> tuple[Array, Any]:
        """Log-weights (or logits) ``[..., k]`` and components, each leaf with a component axis or none at all."""
        logits, components = widened(*params)
        (logits,) = as_floats(logits)
        if logits.ndim == 0 or logits.shape[-1] != self.num_components:
            raise ValueError(f"{self}: logits have shape {logits.shape}; want [..., {self.num_components}].")

        def line_up(support: supports.Support, x: Any) -> Array:
            x = jnp.asarray(x)
            return x[None] if x.ndim == support.event_ndim else x

        components = jax.tree.map(line_up, self.base.param_supports, components)
        return (log_weights(logits) if normalise else logits), components

    def _parts(self, part: Callable[[Any, Any], Array], params: MixtureParams, y: Any) -> tuple[Array, Array]:
        """Log-weights and ``part(component, y)``, both ``[..., k]``."""
        params, y = widened(params, y)
        weights, components = self._lined_up(params)

        def make_safe(dead: Array, components: Any, y: Any) -> tuple[Any, Any]:
            safe_y = jax.tree.map(lambda leaf: filled(dead, self.base.support, leaf), y)
            return filled_own_axes(dead, self.base.param_supports, components), safe_y

        return parts_with_safe_slopes(part, weights, components, with_event_axis(y, self.event_ndim), make_safe)

    def _average(self, weights: Array, x: Array) -> Array:
        """Weighted mean over the component axis of ``x`` ``[..., k, *event]``."""
        weights = jnp.exp(weights)
        weights, x = as_floats(weights.reshape(weights.shape + (1,) * self.event_ndim), x)
        return special.weighted(*jnp.broadcast_arrays(weights, x)).sum(-1 - self.event_ndim)


def _at_most_zero(log_probability: Array) -> Array:
    # rounding may carry a sum of probabilities past 1; the slope is right as it is
    return log_probability - jax.lax.stop_gradient(jnp.maximum(log_probability, 0))
