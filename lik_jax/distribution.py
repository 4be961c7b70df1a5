"""The contract. Read this file first.

A distribution is a family with no parameters in it: a module of pure functions (``lik_jax.normal``), or a frozen
dataclass with the same names (``lik_jax.mixture(normal, 3)``). Parameters are always an argument.

Words: an *event* is one observation, of rank ``event_ndim``; every axis of ``y`` before the event is an *example*
axis; *raw* is unconstrained real numbers, what a network puts out; every log-probability is in nats.

Rules that hold for every distribution, eagerly and under ``jit``:

- ``log_prob`` gives one number an observation and reduces nothing; example axes broadcast.
- Float64 stays float64; all else is computed in float32 at least; integer and bool targets are fine.
- ``y`` outside the support, a fractional count or a label out of range included: ``-inf`` with gradient zero.
- Invalid params: NaN. NaN in: NaN out.
- The same shapes twice compile once.

Each module has these names in this order, as far as the distribution has them; what it lacks, it lacks.
"""

from typing import Any, Protocol, runtime_checkable

from jax import Array
from jax.typing import ArrayLike

from .supports import Support


@runtime_checkable
class Distribution(Protocol):
    """What every distribution offers.

    Attributes:
        event_ndim: rank of one observation.
        support: where an observation may lie.
        Params: the type of the parameters, a pytree.
        param_supports: where each parameter may lie, in the shape of ``Params``; its ranks tell which axes of a
            parameter are example axes.
        raw_size: how many raw numbers one set of parameters takes, or None if that depends on the number of
            classes or dimensions.
    """

    @property
    def event_ndim(self) -> int: ...
    @property
    def support(self) -> Support: ...
    @property
    def Params(self) -> Any: ...
    @property
    def param_supports(self) -> Any: ...
    @property
    def raw_size(self) -> int | None: ...

    def log_prob(self, params: Any, y: Any) -> Array:
        """Log-density or log-mass of each observation in nats: ``[..., *event]`` -> ``[...]``."""
        ...

    def sample(self, params: Any, key: Array, shape: tuple[int, ...] = ()) -> Any:
        """Draw ``[*shape, *example axes of params, *event]``."""
        ...

    def constrain(self, raw: ArrayLike) -> Any:
        """Map raw numbers ``[..., raw_size]`` to params."""
        ...

    def unconstrain(self, params: Any) -> Array:
        """Inverse of ``constrain``."""
        ...


@runtime_checkable
class Univariate(Distribution, Protocol):
    """A distribution of ordered numbers, with tails: what censoring, truncation and discretising ask for."""

    def log_cdf(self, params: Any, y: ArrayLike) -> Array:
        """``log P(Y <= y)`` in nats, accurate however small."""
        ...

    def log_sf(self, params: Any, y: ArrayLike) -> Array:
        """``log P(Y > y)`` in nats, accurate however small."""
        ...

    def icdf(self, params: Any, p: ArrayLike) -> Array:
        """The smallest ``y`` with ``P(Y <= y) >= p``."""
        ...


def name_of(distribution: Any) -> str:
    """A distribution's name for messages: ``normal``, ``mixture(normal, 3)``."""
    module_name = getattr(distribution, "__name__", None)
    return module_name.rsplit(".", 1)[-1] if isinstance(module_name, str) else repr(distribution)


UNIVARIATE = ("log_prob", "log_cdf", "log_sf", "icdf")


def require(distribution: Any, names: tuple[str, ...], asker: str) -> None:
    """Raise unless ``distribution`` has every one of ``names``.

    Raises:
        TypeError: names what is missing and who asked for it.
    """
    missing = [name for name in names if not hasattr(distribution, name)]
    if missing:
        raise TypeError(
            f"{asker} needs {', '.join(names)}; {name_of(distribution)} has no {', '.join(missing)}. "
            f"Use a distribution that offers them (`lik-jax distributions` lists who has what)."
        )
