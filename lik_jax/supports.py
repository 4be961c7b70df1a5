"""Supports: where an observation or a parameter may lie, and the maps between there and the real line."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from ._arrays import as_floats, not_integer


@dataclass(frozen=True)
class Support:
    """A set of values. Equal supports are equal and hash alike.

    Attributes:
        name: in words, as an error message uses it: "a positive number".
        contains: ``contains(x)`` is True where a value lies in the set, elementwise over ``x`` (NaN lies in none).
        fill: a legal value, put in place of masked junk (every coordinate of it).
        event_ndim: rank of one value: 0 a number, 1 a vector, 2 a matrix.
        discrete: True if the set is countable.
        triangular: True if a value is a lower triangular matrix.
        ranked: True if no two coordinates of a value are alike.
    """

    name: str
    contains: Callable[[Array], Array]
    fill: float
    event_ndim: int = 0
    discrete: bool = False
    triangular: bool = False
    ranked: bool = False

    def legal(self, like: Array) -> Array:
        """Legal values of the shape and dtype of ``like``."""
        if self.ranked:
            return jnp.broadcast_to(jnp.arange(like.shape[-1], dtype=like.dtype), like.shape)
        full = jnp.full(like.shape, self.fill, like.dtype)
        return jnp.tril(full) if self.triangular else full


def stacked(support: Support, ndims: int = 1) -> Support:
    """The support of an array of ``ndims`` more axes whose elements lie in ``support`` each."""
    return support if support == shared else replace(support, event_ndim=support.event_ndim + ndims)


def _real(x: Array) -> Array:
    return jnp.isfinite(x)


def _extended_real(x: Array) -> Array:
    return ~jnp.isnan(x)


def _positive(x: Array) -> Array:
    return (x > 0) & jnp.isfinite(x)


def _nonnegative(x: Array) -> Array:
    return (x >= 0) & jnp.isfinite(x)


def _unit(x: Array) -> Array:
    return (x >= 0) & (x <= 1)


def _open_unit(x: Array) -> Array:
    return (x > 0) & (x < 1)


def _boolean(x: Array) -> Array:
    return (x == 0) | (x == 1)


def _count(x: Array) -> Array:
    return (x >= 0) & ~not_integer(x)


real = Support("a finite number", _real, 0.0)
extended_real = Support("a number, infinities included", _extended_real, 0.0)
positive = Support("a positive finite number", _positive, 1.0)
nonnegative = Support("a finite number not below 0", _nonnegative, 1.0)
unit_interval = Support("a number in [0, 1]", _unit, 0.5)
open_unit_interval = Support("a number strictly between 0 and 1", _open_unit, 0.5)
boolean = Support("0 or 1", _boolean, 0.0, discrete=True)
count = Support("a whole number not below 0", _count, 0.0, discrete=True)
label = Support("a class label: 0, 1, ..., number of classes - 1", _count, 0.0, discrete=True)
real_vector = Support("a vector of finite numbers", _real, 0.0, event_ndim=1)
extended_real_vector = Support("a vector of numbers, infinities included", _extended_real, 0.0, event_ndim=1)
# stands for a whole pytree without example axes, such as the weights of a network
shared = Support("a pytree of numbers that all examples share", _extended_real, 0.0)


def _cholesky(x: Array) -> Array:
    diagonal = jnp.diagonal(x, axis1=-2, axis2=-1)
    return jnp.isfinite(x).all((-2, -1)) & (diagonal > 0).all(-1) & (jnp.triu(x, 1) == 0).all((-2, -1))


lower_cholesky = Support(
    "a lower triangular matrix with a positive diagonal", _cholesky, 1.0, event_ndim=2, triangular=True
)


def distinct(x: Array) -> Array:
    """True where no two of the numbers along the last axis are alike, ``[..., m]`` to ``[...]``."""
    ordered = jnp.sort(x, -1)
    return (ordered[..., 1:] != ordered[..., :-1]).all(-1)


def _ranking(x: Array) -> Array:
    return _count(x).all(-1) & distinct(x)


ranking = Support(
    "a ranking: labels 0, 1, ..., number of items - 1, no two alike",
    _ranking,
    0.0,
    event_ndim=1,
    discrete=True,
    ranked=True,
)


@jax.custom_jvp
def _to_positive(raw: Array) -> Array:
    half = jnp.abs(raw) / 2
    # sqrt(half^2 + 1), which is half where the square would overflow
    upper = half + jnp.maximum(half, jnp.sqrt(jnp.minimum(half, 1e9) ** 2 + 1))
    tiny = jnp.finfo(raw.dtype).tiny
    return jnp.where(raw < 0, jnp.maximum(1 / upper, tiny), upper)


def _to_positive_rule(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    # from the value, which whoever asks for the slope needs anyway
    s = _to_positive(primals[0])
    return s, tangents[0] / (1 + (1 / s) ** 2)


_to_positive.defjvp(_to_positive_rule)


def to_positive(raw: ArrayLike) -> Array:
    """Map a real number to a positive one: squareplus, ``(raw + sqrt(raw^2 + 4)) / 2``, so 0 goes to 1.

    Unlike softplus and exp it neither underflows nor overflows: the result's logarithm is finite for every finite
    ``raw``, its slope falls off as a power and not exponentially, and its inverse is rational.

    Args:
        raw: real, any shape.

    Returns:
        Positive, the same shape.

    Source: Barron (2021), "Squareplus: a softplus-like algebraic rectifier", arXiv 2112.11687.

    >>> float(to_positive(0.0))
    1.0
    """
    (raw,) = as_floats(raw)
    return _to_positive(raw)


def from_positive(x: ArrayLike) -> Array:
    """Inverse of `to_positive`: ``x - 1 / x``.

    >>> float(from_positive(1.0))
    0.0
    """
    (x,) = as_floats(x)
    return x - 1 / x


def to_unit(raw: ArrayLike) -> Array:
    """Map a real number into the open interval (0, 1): the logistic function, kept off its ends.

    Args:
        raw: real, any shape.

    Returns:
        Strictly between 0 and 1, the same shape.

    >>> float(to_unit(0.0))
    0.5
    """
    (raw,) = as_floats(raw)
    info = jnp.finfo(raw.dtype)
    return jnp.minimum(jnp.maximum(jax.nn.sigmoid(raw), info.tiny), 1 - info.epsneg)


def from_unit(x: ArrayLike) -> Array:
    """Inverse of `to_unit`: the logit.

    >>> float(from_unit(0.5))
    0.0
    """
    (x,) = as_floats(x)
    return jnp.log(x) - jnp.log1p(-x)


def tril_size(size: int) -> int:
    """The ``d`` for which ``d + d (d + 1) / 2`` is ``size``; 0 if there is none."""
    d = int((np.sqrt(9 + 8 * size) - 3) / 2 + 0.5)
    return d if d * (d + 3) // 2 == size else 0


def to_tril(raw: Array, d: int) -> Array:
    """Map ``[..., d (d + 1) / 2]`` real numbers to a lower triangular ``[..., d, d]`` with positive diagonal."""
    rows, cols = np.tril_indices(d)
    values = jnp.where(rows == cols, to_positive(raw), raw)
    return jnp.zeros((*raw.shape[:-1], d, d), raw.dtype).at[..., rows, cols].set(values)


def from_tril(tril: Array) -> Array:
    """Inverse of `to_tril`."""
    rows, cols = np.tril_indices(tril.shape[-1])
    values = tril[..., rows, cols]
    return jnp.where(rows == cols, from_positive(jnp.where(rows == cols, values, 1.0)), values)


def example_axes(support: Support, x: Any) -> tuple[int, ...]:
    """The axes of ``x`` before its event; () if it has none, or if all examples share it."""
    if support == shared:
        return ()
    shape = jnp.shape(x)
    return shape[: max(0, len(shape) - support.event_ndim)]


def paired(supports: Any, params: Any) -> list[tuple[str, Support, Any]] | None:
    """Where each parameter stands, its support and itself; None where the two trees do not fit.

    `shared` goes with any pytree, every other support with one array.
    """
    flat, treedef = jax.tree_util.tree_flatten_with_path(supports)
    try:
        parts = treedef.flatten_up_to(params)
    except ValueError:
        return None
    pairs = [(jax.tree_util.keystr(path), s, part) for (path, s), part in zip(flat, parts, strict=True)]
    leaf = jax.tree_util.treedef_is_leaf
    return pairs if all(s == shared or leaf(jax.tree.structure(part)) for _, s, part in pairs) else None
