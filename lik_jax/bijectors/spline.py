"""Monotone rational-quadratic splines of numbers on ``[-bound, bound]``, the identity outside.

In a bin of width ``w``, height ``h`` and end slopes ``d0`` and ``d1``, with ``a = d0 w / h``, ``b = d1 w / h`` and
``z`` the share of the bin that lies below ``x``,
``y = bottom + h (z^2 + a z (1 - z)) / D`` where ``D = z^2 + (1 - z)^2 + (a + b) z (1 - z)``.
The inverse solves a quadratic whose discriminant, with ``t`` the share of the height below ``y``, is
``(a (1 - t) - b t)^2 + 4 t (1 - t)``: a sum of what is not negative, in floating point too.
At the box's ends the slope is 1, so value and slope are continuous.

>>> import jax.numpy as jnp
>>> from lik_jax import bijectors
>>> spline = bijectors.rational_quadratic_spline(num_bins=4, bound=3.0)
>>> y, log_det = spline.forward(spline.constrain(jnp.zeros(11)), jnp.array(0.7))
>>> round(float(y), 4), round(float(log_det), 4) + 0
(0.7, 0.0)

Source: Durkan, Bekasov, Murray and Papamakarios (2019), "Neural spline flows", section 3.1; Gregory and
Delbourgo (1982), "Piecewise rational quadratic interpolation to monotonic data".
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .. import supports
from .._arrays import as_floats, guard
from .bijector import spelled


class Params(NamedTuple):
    """All positive. ``widths`` and ``heights`` of the bins, ``[..., K]``: only ratios count, they fill the box.

    ``slopes`` at the inner knots, ``[..., K - 1]``.
    """

    widths: ArrayLike
    heights: ArrayLike
    slopes: ArrayLike


class _Bin(NamedTuple):
    """The bin that each number falls into, all ``[...]``; ``start`` and ``end`` are ``a`` and ``b`` above."""

    left: Array
    width: Array
    bottom: Array
    height: Array
    start: Array
    end: Array


_positive_vector = supports.stacked(supports.positive)


@dataclass(frozen=True, repr=False)
class rational_quadratic_spline:
    """A monotone map of numbers, smooth in the params; NaN where one of them is not positive.

    Args:
        num_bins: K, 2 or more.
        bound: the box is ``[-bound, bound]``; outside it ``y = x``.
        min_share: no bin takes less than this share of the box.

    Raises:
        ValueError: too few bins, a bound that is not positive, or shares that leave nothing to divide.
    """

    num_bins: int = 8
    bound: float = 3.0
    min_share: float = 1e-3

    event_ndim = 0
    domain = codomain = supports.real
    increasing = True
    Params = Params
    param_supports = Params(_positive_vector, _positive_vector, _positive_vector)  # type: ignore[arg-type]

    def __post_init__(self) -> None:
        if self.num_bins != int(self.num_bins) or self.num_bins < 2:
            raise ValueError(f"{self}: want num_bins 2 or more.")
        if not 0 < self.bound < float("inf"):
            raise ValueError(f"{self}: want a positive finite bound.")
        if not 0 < self.min_share < 1 / self.num_bins:
            raise ValueError(f"{self}: want min_share above 0 and below 1 / num_bins.")

    def __repr__(self) -> str:
        return spelled(self)

    @property
    def raw_size(self) -> int:
        """``3 K - 1``."""
        return 3 * self.num_bins - 1

    def forward(self, params: Params, x: ArrayLike) -> tuple[Array, Array]:
        """``y`` and ``log dy/dx``, both ``[...]``."""
        x, *knots = as_floats(x, *params, ndims=(0, 1, 1, 1))
        # the branch not taken gets a number inside the box, so that its slope is finite
        inside = jnp.abs(x) <= self.bound
        bin, valid = self._bin(jnp.where(inside, x, 0.0), knots, of_y=False)
        z = (jnp.where(inside, x, 0.0) - bin.left) / bin.width
        y = bin.bottom + bin.height * (z**2 + bin.start * z * (1 - z)) / _denominator(bin, z)
        y, log_slope = jnp.where(inside, y, x), jnp.where(inside, _log_slope(bin, z), 0.0)
        return guard(y, valid=valid), guard(log_slope, valid=valid)

    def inverse(self, params: Params, y: ArrayLike) -> tuple[Array, Array]:
        """``x`` and ``log dx/dy``, both ``[...]``."""
        y, *knots = as_floats(y, *params, ndims=(0, 1, 1, 1))
        inside = jnp.abs(y) <= self.bound
        bin, valid = self._bin(jnp.where(inside, y, 0.0), knots, of_y=True)
        t = (jnp.where(inside, y, 0.0) - bin.bottom) / bin.height
        z = _solve(bin, t)
        x, log_slope = jnp.where(inside, bin.left + bin.width * z, y), jnp.where(inside, -_log_slope(bin, z), 0.0)
        return guard(x, valid=valid), guard(log_slope, valid=valid)

    def constrain(self, raw: ArrayLike) -> Params:
        """Map raw ``[..., 3 K - 1]`` (widths, heights, slopes) to params; 0 is the identity.

        Raises:
            ValueError: another last axis.
        """
        (raw,) = as_floats(raw)
        k = self.num_bins
        if raw.ndim == 0 or raw.shape[-1] != self.raw_size:
            raise ValueError(
                f"{self}.constrain: raw has shape {raw.shape}; its last axis must have length {self.raw_size} "
                f"(3 num_bins - 1)."
            )
        positive = supports.to_positive(raw)
        return Params(positive[..., :k], positive[..., k : 2 * k], positive[..., 2 * k :])

    def unconstrain(self, params: Params) -> Array:
        """Inverse of `constrain`."""
        parts = as_floats(*params, ndims=(1, 1, 1))
        lead = jnp.broadcast_shapes(*(part.shape[:-1] for part in parts))
        whole = jnp.concatenate([jnp.broadcast_to(part, (*lead, part.shape[-1])) for part in parts], -1)
        return supports.from_positive(whole)

    def _bin(self, at: Array, knots: list[Array], of_y: bool) -> tuple[_Bin, Array]:
        """The bin of each of ``at``, and where the params are legal."""
        widths, heights, slopes = knots
        k = self.num_bins
        shapes = (widths.shape[-1:], heights.shape[-1:], slopes.shape[-1:])
        if shapes != ((k,), (k,), (k - 1,)):
            raise ValueError(
                f"{self}: widths, heights and slopes have last axes {shapes}; want ({k},), ({k},) and ({k - 1},)."
            )
        if at.ndim == 0:
            at = at.reshape((1,) * (widths.ndim - 1))
        valid = [supports.positive.contains(part).all(-1) for part in knots]
        x, y = self._edges(widths), self._edges(heights)
        index = (at[..., None] >= (y if of_y else x)[..., 1:-1]).sum(-1)
        chosen = jax.nn.one_hot(index, k, dtype=at.dtype)
        slopes = jnp.pad(slopes, [(0, 0)] * (slopes.ndim - 1) + [(1, 1)], constant_values=1)
        left, bottom = _pick(chosen, x[..., :-1]), _pick(chosen, y[..., :-1])
        width, height = _pick(chosen, x[..., 1:] - x[..., :-1]), _pick(chosen, y[..., 1:] - y[..., :-1])
        ratio = width / height
        start, end = ratio * _pick(chosen, slopes[..., :-1]), ratio * _pick(chosen, slopes[..., 1:])
        return _Bin(left, width, bottom, height, start, end), valid[0] & valid[1] & valid[2]

    def _edges(self, sizes: Array) -> Array:
        """Knots ``[..., K + 1]`` from relative sizes ``[..., K]``; the outer two are the box's, exactly."""
        shares = self.min_share + (1 - self.num_bins * self.min_share) * sizes / sizes.sum(-1, keepdims=True)
        inner = self.bound * (2 * jnp.cumsum(shares, -1)[..., :-1] - 1)
        ends = [(0, 0)] * (inner.ndim - 1)
        padded = jnp.pad(inner, [*ends, (1, 0)], constant_values=-self.bound)
        return jnp.pad(padded, [*ends, (0, 1)], constant_values=self.bound)


def _pick(chosen: Array, values: Array) -> Array:
    return (chosen * values).sum(-1)


def _denominator(bin: _Bin, z: Array) -> Array:
    return z**2 + (1 - z) ** 2 + (bin.start + bin.end) * z * (1 - z)


def _log_slope(bin: _Bin, z: Array) -> Array:
    """``log dy/dx`` at the share ``z`` of the bin's width."""
    top = bin.end * z**2 + 2 * z * (1 - z) + bin.start * (1 - z) ** 2
    return jnp.log(bin.height / bin.width) + jnp.log(top) - 2 * jnp.log(_denominator(bin, z))


def _solve(bin: _Bin, t: Array) -> Array:
    """The share of the width at the share ``t`` of the height: of two forms of the root, that which cancels nothing."""
    m = bin.start * (1 - t) - bin.end * t
    root = jnp.sqrt(m**2 + 4 * t * (1 - t))
    return jnp.where(m >= 0, 2 * t / (2 * t + m + root), (root - m) / (root - m + 2 * (1 - t)))
