"""The continuous ranked probability score: how far the whole predictive cdf is from the step at the ``y`` that came.

``CRPS(F, y)`` is the integral of ``(F(x) - 1{y <= x})^2`` over x, or ``E|Y - y| - E|Y - Y'| / 2`` where the mean is
finite: the absolute error of a forecast that admits to its spread, in the units of ``y``. It is proper: in
expectation least for the distribution that ``y`` comes from. Unlike the log score it is finite for a ``y`` that the
forecast calls impossible.

>>> from lik_jax import normal, scores
>>> round(float(scores.crps(normal, normal.Params(loc=0.2, scale=1.3), 0.7)), 4)
0.3796

Source: Gneiting and Raftery (2007), "Strictly proper scoring rules, prediction, and estimation", section 4.2.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from .._arrays import as_floats, float_dtype
from ..compose._trees import example_shape
from ..distribution import Distribution, name_of
from ..objectives.likelihood import average
from ..objectives.reduction import Reduction
from . import _quadrature, _sums, closed_forms
from .closed_forms._forms import lean_of


def crps(
    distribution: Distribution,
    params: Any,
    y: ArrayLike,
    *,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """Continuous ranked probability score, lower is better.

    In closed form where there is one (`closed_forms`), else by quadrature between quantiles (continuous) or by a sum
    over the support (discrete). Derivatives go to every parameter and to ``y``; at an atom of a discrete distribution
    the one towards ``y`` is the mean of both sides.

    Args:
        distribution: one of numbers, with ``log_cdf``, ``log_sf`` and ``icdf``, composed ones too.
        params: its parameters, as for `lik_jax.nll`.
        y: real, ``[*examples]``, in the support or not.
        mask: see `lik_jax.nll`.
        weights: see `lik_jax.nll`.
        reduction: see `lik_jax.nll`.

    Returns:
        A scalar, an array ``[*examples]``, or a `Total`, in the units of ``y``; NaN for illegal params, inf for an
        infinite ``y`` and for tails so heavy that the integral is.

    Raises:
        TypeError: ``distribution`` has no cdf: score its samples, `crps_from_samples`.
        ValueError: shapes that do not fit.

    >>> from lik_jax import gamma
    >>> round(float(crps(gamma, gamma.Params(concentration=2.5, rate=1.2), 1.7)), 6)
    0.290752
    """
    score = closed_forms.find(distribution)
    if score is None:
        score = _between(distribution, -np.inf, np.inf, "crps")
    return average(score, distribution, params, y, mask, weights, reduction, "crps")


def threshold_weighted_crps(
    distribution: Distribution,
    params: Any,
    y: ArrayLike,
    *,
    low: ArrayLike = -np.inf,
    high: ArrayLike = np.inf,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """`crps` with the integral from ``low`` to ``high`` alone: what the forecast says about that region, still proper.

    It is the CRPS of outcome and forecast both clipped to the region. Cutting down to the cases whose ``y`` lies there
    instead would reward forecasts that always cry wolf.

    Args:
        distribution: see `crps`.
        params: see `crps`.
        y: see `crps`.
        low: where the region starts, a scalar or ``[*examples]``.
        high: where it ends, a scalar or ``[*examples]``; a region that ends before it starts gives NaN.
        mask: see `crps`.
        weights: see `crps`.
        reduction: see `crps`.

    Raises:
        TypeError: ``distribution`` has no cdf.
        ValueError: shapes that do not fit.

    Source: Gneiting and Ranjan (2011), "Comparing density forecasts using threshold- and quantile-weighted scoring
    rules".

    >>> from lik_jax import normal
    >>> round(float(threshold_weighted_crps(normal, normal.Params(0.0, 1.0), 0.3, low=1.0)), 6)
    0.007235
    """
    for name, end in (("low", low), ("high", high)):
        if jnp.shape(end) not in ((), jnp.shape(y)):
            raise ValueError(
                f"threshold_weighted_crps: {name} has shape {jnp.shape(end)}, but y has {jnp.shape(y)}. "
                f"Give one threshold for all, or one for each y."
            )
    score = _between(distribution, low, high, "threshold_weighted_crps")
    return average(score, distribution, params, y, mask, weights, reduction, "threshold_weighted_crps")


def _between(distribution: Any, low: ArrayLike, high: ArrayLike, name: str) -> Callable[[Any, ArrayLike], Array]:
    """``score(params, y)`` by quadrature or summation."""
    missing = [method for method in ("log_cdf", "log_sf", "icdf") if not hasattr(distribution, method)]
    if missing or distribution.event_ndim or hasattr(distribution, "y_supports"):
        why = f"it has no {', '.join(missing)}" if missing else "an observation of it is not one number"
        raise TypeError(
            f"{name} needs a distribution of numbers with a cdf; {name_of(distribution)} will not do: {why}. Draw "
            f"samples of what you want to score and give them to crps_from_samples(samples, y)."
        )
    discrete = distribution.support.discrete
    integral = _sums.integral if discrete else _quadrature.integral

    def score(params: Any, y: ArrayLike) -> Array:
        dtype = float_dtype(y, *jax.tree.leaves(params))
        shape = jnp.broadcast_shapes(jnp.shape(y), example_shape(distribution.param_supports, params))
        params = jax.tree.map(lambda leaf: as_floats(leaf)[0].astype(dtype), params)
        at, start, stop = (jnp.broadcast_to(as_floats(x)[0].astype(dtype), shape) for x in (y, low, high))
        finite = jnp.isfinite(at)
        safe = jnp.where(finite, at, distribution.support.fill)
        value = integral(distribution, params, jax.lax.stop_gradient(safe), start, stop)
        value = value + _moved(distribution, params, safe, start, stop)
        beyond = jnp.where(jnp.isnan(at), jnp.nan, jnp.inf)
        return jnp.where(finite, value, beyond) * jnp.where(start <= stop, 1.0, jnp.nan)

    return score


def _moved(distribution: Any, params: Any, y: Array, low: Array, high: Array) -> Array:
    """0, with the derivative of the score towards ``y``, ``2 F(y) - 1``, and that one's derivatives."""
    here = jax.lax.stop_gradient(y)
    inside = (here > low) & (here < high)

    def lean(y: Array) -> Array:
        return lean_of(distribution.log_sf(params, y))

    # the trapezoid of the lean from where y is to y; of both sides of an atom
    sides = (jnp.floor(y), jnp.ceil(y) - 1) if distribution.support.discrete else (y, here)
    slope = 0.5 * (lean(sides[0]) + lean(sides[1]))
    return jnp.where(inside, (y - here) * slope, 0.0)
