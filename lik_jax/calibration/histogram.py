"""Histogram binning: the share of ones in each bin of the probability given out, with a pseudo-count.

Several classes: each against the rest, and the shares made to sum to 1.

>>> import jax.numpy as jnp
>>> logits = jnp.array([-3.0, -2.0, -1.0, 1.0, 2.0, 3.0])
>>> params = fit(logits, jnp.array([0, 0, 1, 0, 1, 1]), bins=2)
>>> [round(x, 4) for x in jax.nn.sigmoid(apply(params, logits)).tolist()]
[0.4, 0.4, 0.4, 0.6, 0.6, 0.6]

Source: Zadrozny and Elkan (2001), "Obtaining calibrated probability estimates from decision trees and naive Bayesian
classifiers".
"""

from functools import partial
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .._arrays import as_floats
from ..estimation.status import Status
from ._data import Data, binary_or_classes
from ._fit import Fit
from ._one_vs_rest import apply_each, fit_each


class Params(NamedTuple):
    """``edges``: inner ones, rising logits, ``[bins - 1]``. ``log_probs``: logarithms of the probability of a 1 and
    of a 0 in each bin, ``[2, bins]``. One more axis in front for several classes. ``fit``: how they were found; its
    ``standard_errors`` is that of the probability of a 1, ``[bins]``, binomial, given the edges."""

    edges: ArrayLike
    log_probs: ArrayLike
    fit: Fit | None = None


@partial(jax.jit, static_argnames=("bins", "edges"))
def fit(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    bins: int = 15,
    edges: Literal["uniform", "mass"] = "uniform",
    pseudo_count: ArrayLike = 1.0,
) -> Params:
    """Shares of ones in bins of held-out data, ``(ones + pseudo_count) / (examples + 2 pseudo_count)``.

    Args:
        logits: of a 1, ``[n]``, finite, or ``[n, k]`` for one map a class against the rest.
        labels: 0 or 1, or 0 to k - 1, ``[n]``.
        weights: how often each example counts, ``[n]``; 0 leaves it out, whatever it holds.
        bins: how many.
        edges: "uniform" cuts the probabilities into bins of equal width, "mass" cuts at calibration logits so that
            bins hold equal weight, as nearly as ties allow. Bins are closed on the right.
        pseudo_count: added to the ones and to the zeros of each bin: 1 is Laplace's. With 0 a bin without ones or
            without zeros says it will always be so, which one test example can turn into an infinite log loss; an
            empty bin then says one half, the limit.

    Returns:
        The params. BOUNDARY: a share is 0 or 1, so that calibrated logits may be infinite. INVALID_DATA: as in
        `temperature.fit`, or a pseudo-count that is negative or not finite; all NaN.

    Raises:
        ValueError: shapes that do not fit, or another ``edges``.
    """
    if edges not in ("uniform", "mass") or bins < 1:
        raise ValueError(f"histogram.fit: edges={edges!r}, bins={bins}; want 'uniform' or 'mass', and a bin at least.")
    data = binary_or_classes("histogram", logits, labels, weights)
    extra = as_floats(data.total, pseudo_count)[1].astype(data.total.dtype)
    extra = jnp.where((extra >= 0) & jnp.isfinite(extra), extra, jnp.nan)
    fraction = jnp.arange(1, bins, dtype=data.total.dtype)

    def one(data: Data) -> tuple[Array, Array, Array]:
        z, w = data.logits, data.weights
        if edges == "uniform":
            cuts = jnp.log(fraction) - jnp.log(bins - fraction)
        else:
            order = jnp.argsort(z)
            reached = jnp.cumsum(w[order])
            cuts = z[order][jnp.searchsorted(reached, fraction * reached[-1] / bins).clip(0, z.size - 1)]
        bin_of = jnp.searchsorted(cuts, z)
        ones, zeros = (
            jnp.zeros(bins, z.dtype).at[bin_of].add(jnp.where(data.labels == y, w, 0)) + extra for y in (1, 0)
        )
        examples = ones + zeros
        empty = examples == 0
        shares = jnp.where(empty[None], 0.5, jnp.stack([ones, zeros]) / jnp.where(empty, 1, examples)[None])
        shares = shares * jnp.where(jnp.isnan(z).any(), jnp.nan, 1.0).astype(z.dtype)
        error = jnp.where(empty, jnp.nan, jnp.sqrt(shares[0] * shares[1] / examples))
        return cuts, jnp.log(shares), error

    cuts, log_probs, errors = fit_each(one, data)
    status = jnp.where(jnp.isinf(log_probs).any(), jnp.int32(Status.BOUNDARY), jnp.int32(Status.OK))
    status = jnp.where(jnp.isnan(log_probs).any(), jnp.int32(Status.INVALID_DATA), status)
    return Params(cuts, log_probs, Fit(status, errors))


def apply(params: Params, logits: ArrayLike) -> Array:
    """The log-odds of each logit's bin, like ``logits`` (a logit outside the range has the first or the last bin's);
    for several classes the logarithms of the shares, ``[..., k]``, infinite or not.

    Raises:
        ValueError: another number of classes.
    """

    def log_probs(one: tuple[Array, ...], z: Array) -> tuple[Array, Array]:
        cuts, (yes, no) = one
        bin_of = jnp.searchsorted(cuts, z)
        # NaN is sorted to the end: let it through
        hole = jnp.where(jnp.isnan(z), jnp.nan, 0.0).astype(z.dtype)
        return yes[bin_of] + hole, no[bin_of] + hole

    return apply_each("histogram", log_probs, (params.edges, params.log_probs), logits)
