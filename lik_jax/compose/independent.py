"""Independent coordinates: one observation is an array of ``ndims`` more axes, each element drawn on its own.

``log p(y) = sum_i log p(y_i)`` over the last ``ndims`` example axes of the base. Params are those of the base, with
these axes: for ``independent(normal, 1)`` ``loc`` is ``[..., d]``, or has no axis at all and is shared.

>>> import jax.numpy as jnp
>>> from lik_jax import independent, normal
>>> row = independent(normal, 1)
>>> row
independent(normal, 1)
>>> round(float(row.log_prob(normal.Params(loc=jnp.zeros(3), scale=1.0), jnp.zeros(3))), 4)
-2.7568
"""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .. import supports
from .._arrays import as_floats
from ..distribution import Distribution, name_of, require
from ..supports import stacked
from ._optional import needs


@dataclass(frozen=True, repr=False)
class independent:
    """``ndims`` example axes of ``base`` taken into the event.

    Args:
        base: any distribution, composed ones too.
        ndims: how many axes.

    Raises:
        TypeError: ``base`` has no ``log_prob``.
        ValueError: ``ndims`` is not a positive whole number.
    """

    base: Distribution
    ndims: int = 1

    def __post_init__(self) -> None:
        require(self.base, ("log_prob", "param_supports"), "independent")
        if self.ndims != int(self.ndims) or self.ndims < 1:
            raise ValueError(f"independent: ndims is {self.ndims}; want a whole number, 1 or more.")

    def __repr__(self) -> str:
        return f"independent({name_of(self.base)}, {self.ndims})"

    @property
    def event_ndim(self) -> int:
        """Rank of one observation: that of the base and ``ndims`` more."""
        return self.base.event_ndim + self.ndims

    @property
    def support(self) -> supports.Support:
        """Where an observation may lie: every element in the support of the base."""
        return stacked(self.base.support, self.ndims)

    @property
    def Params(self) -> Any:
        """The params of the base."""
        return self.base.Params

    @property
    def param_supports(self) -> Any:
        """Where each parameter may lie."""
        return jax.tree.map(lambda support: stacked(support, self.ndims), self.base.param_supports)

    def log_prob(self, params: Any, y: Any) -> Array:
        """Log-density or log-mass in nats.

        Args:
            params: of the base, ``[..., *axes]``; one without these axes is shared.
            y: ``[..., *axes, *base event]``.

        Returns:
            ``[...]``; -inf with zero gradient, towards the params of every coordinate, where one is outside.

        Raises:
            ValueError: the axes of ``params`` and ``y`` differ.
        """
        values = self.base.log_prob(params, y)
        for leaf in jax.tree.leaves(y):
            shape = jnp.shape(leaf)
            shape = shape[len(shape) - self.event_ndim : len(shape) - self.base.event_ndim]
            if len(shape) != self.ndims or shape != values.shape[values.ndim - self.ndims :]:
                raise ValueError(
                    f"{self}: y has shape {jnp.shape(leaf)}, so the axes of its event are {shape}, but with params "
                    f"they are {values.shape[max(0, values.ndim - self.ndims) :]}. Give both the same axes."
                )
        total = self._total(values)
        return jnp.where(jnp.isneginf(total), -jnp.inf, total)

    @needs("expected_log_prob")
    def expected_log_prob(self, params: Any, probs: ArrayLike) -> Array:
        """The base's, summed over the axes, ``[...]``."""
        return self._total(self.base.expected_log_prob(params, probs))  # type: ignore[attr-defined]

    def sample(self, params: Any, key: Array, shape: tuple[int, ...] = ()) -> Any:
        """Draw ``[*shape, ..., *axes, *base event]``; at least one of the params must have the axes.

        Raises:
            ValueError: none of the params has them, so that nothing tells how many elements to draw.
        """
        draw = self.base.sample(params, key, shape)
        for leaf in jax.tree.leaves(draw):
            if leaf.ndim < len(shape) + self.event_ndim:
                raise ValueError(
                    f"{self}.sample: none of the params has the {self.ndims} axes of the event, so nothing tells how "
                    f"many elements to draw. Broadcast one of them."
                )
        return draw

    @needs("mean")
    def mean(self, params: Any) -> Array:
        """The base's, ``[..., *axes, *base event]``."""
        return self.base.mean(params)  # type: ignore[attr-defined]

    @needs("variance")
    def variance(self, params: Any) -> Array:
        """The base's, of each element, ``[..., *axes, *base event]``."""
        return self.base.variance(params)  # type: ignore[attr-defined]

    @needs("mode")
    def mode(self, params: Any) -> Array:
        """The base's, ``[..., *axes, *base event]``."""
        return self.base.mode(params)  # type: ignore[attr-defined]

    @needs("entropy")
    def entropy(self, params: Any) -> Array:
        """Sum of the base's in nats, ``[...]``."""
        return self._total(self.base.entropy(params))  # type: ignore[attr-defined]

    @needs("kl_divergence")
    def kl_divergence(self, p: Any, q: Any) -> Array:
        """``KL(p || q)`` in nats, a sum of the base's, ``[...]``."""
        return self._total(self.base.kl_divergence(p, q))  # type: ignore[attr-defined]

    def constrain(self, raw: ArrayLike, **fixed: Any) -> Any:
        """Map raw ``[..., d * r]`` to params ``[..., d]``, ``r`` being ``base.raw_size``.

        With ``ndims`` 2 raw is ``[..., h, w * r]``: all that an element needs stands together on the last axis.

        Args:
            raw: real.
            fixed: what ``base.constrain`` asks for, with the axes of the params.

        Raises:
            ValueError: the last axis can't be divided by ``r``, or the base has no fixed ``raw_size``.
        """
        (raw,) = as_floats(raw)
        size = self._base_raw_size("constrain")
        if raw.ndim < self.ndims or raw.shape[-1] % size:
            raise ValueError(
                f"{self}.constrain: raw has shape {raw.shape}; want {self.ndims} axes or more, the last a multiple of "
                f"{size} ({name_of(self.base)}.raw_size) long."
            )
        return self.base.constrain(raw.reshape((*raw.shape[:-1], raw.shape[-1] // size, size)), **fixed)

    def unconstrain(self, params: Any) -> Array:
        """Inverse of `constrain`: params ``[..., d]`` to raw ``[..., d * r]``.

        Raises:
            ValueError: the base has no fixed ``raw_size``, or none of the params has the axes.
        """
        self._base_raw_size("unconstrain")
        raw = self.base.unconstrain(params)
        if raw.ndim <= self.ndims:
            raise ValueError(f"{self}.unconstrain: none of the params has the {self.ndims} axes of the event.")
        return raw.reshape((*raw.shape[:-2], -1))

    raw_size = None

    @needs("init")
    def init(self, y: Any, weights: ArrayLike | None = None) -> Any:
        """Starting params from data ``[*examples, *axes, *base event]``: the base's for each element."""
        return self._each(self.base.init, y, weights)  # type: ignore[attr-defined]

    @needs("mle")
    def mle(self, y: Any, weights: ArrayLike | None = None) -> Any:
        """Maximum likelihood: the base's for each element.

        Args:
            y: observations ``[*examples, *axes, *base event]``.
            weights: non-negative, broadcastable to ``[*examples]``.
        """
        return self._each(self.base.mle, y, weights)  # type: ignore[attr-defined]

    def _each(self, estimate: Any, y: Any, weights: ArrayLike | None) -> Any:
        axis = -1 - self.base.event_ndim
        for _ in range(self.ndims):
            # the axis next to the base's event is mapped last, inside, so the results keep the order of the axes
            estimate = jax.vmap(estimate, in_axes=(axis, None))
            axis = axis - 1
        return estimate(y, weights)

    def _base_raw_size(self, asker: str) -> int:
        if self.base.raw_size is None:
            name = name_of(self.base)
            raise ValueError(
                f"{self}.{asker}: {name} takes a number of raw values that depends on its params, so one flat axis "
                f"can't be divided. Use {name}.{asker} with an axis for the elements: params are the same."
            )
        return self.base.raw_size

    def _total(self, values: Array) -> Array:
        if values.ndim < self.ndims:
            raise ValueError(
                f"{self}: none of the params has the {self.ndims} axes of the event, so nothing tells how many "
                f"elements there are. Broadcast one of them."
            )
        return values.sum(tuple(range(values.ndim - self.ndims, values.ndim)))
