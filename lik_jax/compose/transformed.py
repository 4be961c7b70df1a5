"""A distribution carried through a bijector: ``y = forward(x)`` with ``x`` drawn from the base. With networks: a flow.

``log p(y) = log base(inverse(y)) + log |det d inverse(y) / dy|``. Params are those of the base and those of the
bijector; what a network conditions on its weights has one set of them for all examples.

>>> import jax.numpy as jnp
>>> from lik_jax import bijectors, normal, transformed
>>> shifted = transformed(normal, bijectors.affine())
>>> shifted
transformed(normal, bijectors.affine())
>>> params = shifted.Params(normal.Params(0.0, 1.0), bijectors.affine.Params(shift=0.3, scale=jnp.exp(-0.7)))
>>> round(float(shifted.log_prob(params, 1.1)), 6)
-1.516603

Source: Papamakarios, Nalisnick, Rezende, Mohamed and Lakshminarayanan (2021), "Normalizing flows for probabilistic
modeling and inference", equation 1.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .. import supports
from .._arrays import as_floats
from ..bijectors.bijector import lifted, over_event
from ..distribution import Distribution, name_of, require
from ._optional import offered_unless
from ._trees import example_shape, spread


class Params(NamedTuple):
    """``base``: params of the base. ``bijector``: params of the bijector."""

    base: Any
    bijector: Any


def _no_tails(*names: str) -> Any:
    def lacks(distribution: Any) -> str:
        if not distribution.bijector.increasing:
            return "its bijector is no increasing map of numbers"
        missing = [name for name in names if not hasattr(distribution.base, name)]
        return f"{name_of(distribution.base)} has no {', '.join(missing)}" if missing else ""

    return offered_unless(lacks)


@dataclass(frozen=True, repr=False)
class transformed:
    """The distribution of ``forward(x)`` for ``x`` from ``base``.

    Args:
        base: a continuous distribution; its event has the bijector's axes or more (``independent(normal, 1)``).
        bijector: one of `lik_jax.bijectors`; one of numbers maps every element of a vector.

    Raises:
        TypeError: ``base`` lacks a method, is discrete or has events of too low a rank, or ``bijector`` is none.
    """

    base: Distribution
    bijector: Any

    Params = Params

    def __post_init__(self) -> None:
        require(self.base, ("log_prob", "param_supports"), "transformed")
        for name in ("event_ndim", "forward", "inverse"):
            if isinstance(self.bijector, type) or not hasattr(self.bijector, name):
                raise TypeError(
                    f"transformed: {self.bijector!r} is no bijector; want an instance of one, such as "
                    f"bijectors.affine()."
                )
        if self.base.support.discrete:
            raise TypeError(f"transformed: {name_of(self.base)} is discrete; only a density changes with volume.")
        if self._extra < 0:
            raise TypeError(
                f"transformed: {self.bijector!r} maps events of rank {self.bijector.event_ndim}, but those of "
                f"{name_of(self.base)} have rank {self.base.event_ndim}. Make one observation of the axes: "
                f"independent({name_of(self.base)}, {-self._extra})."
            )

    def __repr__(self) -> str:
        return f"transformed({name_of(self.base)}, {self.bijector!r})"

    @property
    def _extra(self) -> int:
        """Axes of the event that the bijector maps one by one."""
        return self.base.event_ndim - self.bijector.event_ndim

    @property
    def event_ndim(self) -> int:
        """That of the base."""
        return self.base.event_ndim

    @property
    def support(self) -> supports.Support:
        """The bijector's codomain; where the base does not fill the domain, less of it, as the params say."""
        return lifted(self.bijector.codomain, self._extra)

    @property
    def param_supports(self) -> Any:
        """Where each parameter may lie."""
        return Params(self.base.param_supports, lifted(self.bijector.param_supports, self._extra))

    def log_prob(self, params: Params, y: ArrayLike) -> Array:
        """Log-density in nats.

        Args:
            params: ``base`` and ``bijector``, ``[...]``.
            y: ``[..., *event]``.

        Returns:
            ``[...]``; -inf with zero gradient where ``y`` is outside.
        """
        y, outside = self._filled(y)
        outside = outside.any(tuple(range(outside.ndim - self.event_ndim, outside.ndim)))
        x, log_det = self.bijector.inverse(params.bijector, y)
        value, log_det = as_floats(self.base.log_prob(params.base, x), over_event(log_det, self._extra))
        # where the base has no density its slope is 0, and so must be that of the log-determinant
        impossible = jnp.isneginf(value)
        value = value + jnp.where(impossible, 0.0, log_det)
        return jnp.where(outside.reshape((1,) * (value.ndim - outside.ndim) + outside.shape), -jnp.inf, value)

    @_no_tails("log_cdf")
    def log_cdf(self, params: Params, y: ArrayLike) -> Array:
        """``log P(Y <= y)`` in nats for any real ``y``, ``[...]``; only for an increasing map of numbers."""
        return self._tail(self.base.log_cdf, params, y, below=-jnp.inf, above=0.0)  # type: ignore[attr-defined]

    @_no_tails("log_sf")
    def log_sf(self, params: Params, y: ArrayLike) -> Array:
        """``log P(Y > y)`` in nats for any real ``y``, ``[...]``; only for an increasing map of numbers."""
        return self._tail(self.base.log_sf, params, y, below=0.0, above=-jnp.inf)  # type: ignore[attr-defined]

    @_no_tails("log_cdf")
    def cdf(self, params: Params, y: ArrayLike) -> Array:
        """``P(Y <= y)``, ``[...]``; only for an increasing map of numbers."""
        return jnp.exp(self.log_cdf(params, y))

    @_no_tails("icdf")
    def icdf(self, params: Params, p: ArrayLike) -> Array:
        """The quantile at probability ``p`` in [0, 1], ``[...]``; only for an increasing map of numbers."""
        return self.bijector.forward(params.bijector, self.base.icdf(params.base, p))[0]  # type: ignore[attr-defined]

    def sample(self, params: Params, key: Array, shape: tuple[int, ...] = ()) -> Array:
        """Draw ``[*shape, ..., *event]``; gradients flow where those of the base's draws do."""
        return self.bijector.forward(params.bijector, self._base_draw(params, key, shape))[0]

    def sample_and_log_prob(self, params: Params, key: Array, shape: tuple[int, ...] = ()) -> tuple[Array, Array]:
        """Draws ``[*shape, ..., *event]`` and their log-densities ``[*shape, ...]``, without inverting the bijector."""
        x = self._base_draw(params, key, shape)
        y, log_det = self.bijector.forward(params.bijector, x)
        value, log_det = as_floats(self.base.log_prob(params.base, x), over_event(log_det, self._extra))
        return y, value - log_det

    def constrain(self, raw: ArrayLike) -> Params:
        """Map raw numbers to params: the bijector takes the last of them, the base what is left.

        Raises:
            ValueError: another last axis than `raw_size`, where that is known, or a bijector whose params are no
                fixed count of numbers: a network, or a map of numbers under a base of vectors.
        """
        (raw,) = as_floats(raw)
        last = self._bijector_raw_size("constrain")
        length = raw.shape[-1] if raw.ndim else 0
        if length < last or self.raw_size not in (None, length):
            wanted = f"at least {last}" if self.raw_size is None else self.raw_size
            raise ValueError(f"{self}.constrain: raw has shape {raw.shape}; want the last axis {wanted} long.")
        first = length - last
        return Params(self.base.constrain(raw[..., :first]), self.bijector.constrain(raw[..., first:]))

    def unconstrain(self, params: Params) -> Array:
        """Inverse of `constrain`."""
        self._bijector_raw_size("unconstrain")
        base = self.base.unconstrain(params.base)
        if not self.bijector.raw_size:
            return base
        base, rest = as_floats(base, self.bijector.unconstrain(params.bijector), ndims=(1, 1))
        lead = jnp.broadcast_shapes(base.shape[:-1], rest.shape[:-1])
        return jnp.concatenate([jnp.broadcast_to(part, (*lead, part.shape[-1])) for part in (base, rest)], -1)

    @property
    def raw_size(self) -> int | None:
        """The base's and the bijector's together, where both are known."""
        sizes = (self.base.raw_size, self.bijector.raw_size)
        return None if self._extra or None in sizes else sum(sizes)  # type: ignore[arg-type]

    def _filled(self, y: ArrayLike) -> tuple[Array, Array]:
        """``y`` with a legal value in place of each number outside, and where those are."""
        (y,) = as_floats(y)
        support = self.support
        outside = ~support.contains(y) & ~jnp.isnan(y)
        return jnp.where(outside, support.fill, y), outside

    def _tail(self, tail: Any, params: Params, y: ArrayLike, below: float, above: float) -> Array:
        (y,) = as_floats(y)
        safe, outside = self._filled(y)
        value = tail(params.base, self.bijector.inverse(params.bijector, safe)[0])
        y, outside = (x.reshape((1,) * (value.ndim - x.ndim) + x.shape) for x in (y, outside))
        beyond = jnp.where(y < self.support.fill, below, above)
        return jnp.where(outside, beyond.astype(value.dtype), value)

    def _base_draw(self, params: Params, key: Array, shape: tuple[int, ...]) -> Array:
        """``x`` ``[*shape, ..., *event]``: one draw for each set of params, the bijector's own included."""
        examples = example_shape(self.param_supports, params)
        return self.base.sample(spread(examples, self.base.param_supports, params.base), key, shape)

    def _bijector_raw_size(self, asker: str) -> int:
        size = self.bijector.raw_size
        if size is None or (size and self._extra):
            raise ValueError(
                f"{self}.{asker}: the bijector's params are no fixed count of raw numbers; make those of the base and "
                f"those of the bijector by themselves, and give transformed.Params(base, bijector)."
            )
        return size
