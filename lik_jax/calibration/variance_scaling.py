"""Variance scaling: one factor on the scale of every predicted distribution, fitted on held-out data.

For location-scale families, by maximum likelihood: what temperature scaling is for classifiers. The log-likelihood
falls off on both sides of its only maximum in the logarithm of the factor (normal, Laplace, Student's t, logistic).

>>> import jax.numpy as jnp
>>> from lik_jax import normal
>>> params = normal.Params(loc=jnp.zeros(4), scale=jnp.array([1.0, 1.0, 2.0, 2.0]))
>>> fitted = fit(normal, params, jnp.array([3.0, -2.0, 8.0, 2.0]))
>>> round(float(fitted.factor), 4), fitted.fit.status_name
(2.7386, 'OK')
>>> apply(fitted, params).scale.shape
(4,)

Source: Levi, Gispan, Giladi and Fetaya (2022), "Evaluating and calibrating uncertainty prediction in regression tasks".
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .._arrays import as_floats
from ..distribution import Distribution, name_of
from ..distributions import laplace, normal
from ..estimation.status import Status
from ..objectives.likelihood import check_shapes, fill_masked, observation_axes
from ..objectives.reduction import example_weights, finish
from ._fit import Fit


class Params(NamedTuple):
    """``factor``: what scales are multiplied by, not negative, (). ``fit``: how it was found, if it was; its
    ``standard_errors`` is that of the logarithm of the factor."""

    factor: ArrayLike
    fit: Fit | None = None


@partial(jax.jit, static_argnames="distribution")
def fit(
    distribution: Distribution,
    params: Any,
    y: ArrayLike,
    *,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
) -> Params:
    """Maximum likelihood of the factor on held-out data: closed form for normal and Laplace, else Newton's method.

    Args:
        distribution: a location-scale family, whose params have ``loc`` and ``scale``.
        params: those predicted for each example, or shared by all.
        y: ``[*examples]``.
        mask: True where an example counts, ``[*examples]``.
        weights: how often an example counts, ``[*examples]``.

    Returns:
        The factor; status SEPARATION and 0 where every ``y`` is met, or so many that ever smaller scales only help;
        INVALID_DATA and NaN where there is no data, or some that is not finite.

    Raises:
        TypeError: params without ``loc`` and ``scale``.
        ValueError: shapes that do not fit.
    """
    _require_scale(params, name_of(distribution))
    examples = observation_axes(distribution, y)
    check_shapes(distribution, params, examples)
    keep, w = example_weights(mask, weights, examples, "variance_scaling.fit")
    if keep is not None:
        params, y = fill_masked(distribution, params, y, keep)
    y, *leaves = as_floats(y, *params)
    params = type(params)(*leaves)
    total = jnp.full((), y.size, y.dtype) if w is None else w.sum().astype(y.dtype)

    def mean(values: Array) -> Array:
        return finish(jnp.broadcast_to(values, y.shape), keep, w, "mean")

    if distribution in (normal, laplace):
        power = 2 if distribution is normal else 1
        size = jnp.abs(y - params.loc) / params.scale
        most = jnp.max(size, initial=0)
        unit = jnp.where(most > 0, most, 1)
        log_factor = jnp.log(mean((size / unit) ** power)) / power + jnp.log(unit)
        curvature, exact, converged = jnp.full((), power, y.dtype), most == 0, jnp.array(True)
    else:
        log_factor, curvature, exact, converged = _newton(distribution, params, y, mean)
    lost = ~((total > 0) & jnp.isfinite(mean(distribution.log_prob(params, y))))
    solved = ~(exact | lost)
    factor = jnp.where(lost, jnp.nan, jnp.where(exact, 0.0, jnp.exp(log_factor)))
    error = jnp.where(solved, 1 / jnp.sqrt(total * curvature), jnp.nan)
    status = jnp.where(exact, Status.SEPARATION, jnp.where(converged, Status.OK, Status.MAX_STEPS))
    return Params(factor, Fit(jnp.where(lost, Status.INVALID_DATA, status).astype(jnp.int32), error))


def apply(params: Params, predicted: Any) -> Any:
    """Predicted params ``[...]`` with their scale multiplied by the factor.

    Raises:
        TypeError: predicted params without ``loc`` and ``scale``.
    """
    _require_scale(predicted, "variance_scaling.apply")
    factor, scale = as_floats(params.factor, predicted.scale)
    return predicted._replace(scale=factor * scale)


def applies_to(params: Any) -> bool:
    """True where params have a ``loc`` and a ``scale``."""
    return {"loc", "scale"} <= set(getattr(params, "_fields", ()))


def _require_scale(params: Any, name: str) -> None:
    if not applies_to(params):
        raise TypeError(
            f"{name}: params is {type(params).__module__}.{type(params).__name__}; variance scaling wants those of a "
            f"location-scale family, with fields loc and scale. quantile_calibration takes any continuous distribution."
        )


def _newton(distribution: Any, params: Any, y: Array, mean: Callable[[Array], Array]) -> tuple[Array, ...]:
    """Logarithm of the factor, curvature there, whether ever smaller is better, and whether it was found."""
    eps, limit = float(jnp.finfo(y.dtype).eps), 0.45 * math.log(float(jnp.finfo(y.dtype).max))

    def loss(t: Array) -> Array:
        return -distribution.log_prob(params._replace(scale=jnp.exp(t) * params.scale), y)

    def small(slope: Array, curvature: Array, tolerance: float) -> Array:
        return jnp.abs(slope) <= tolerance * (1 + curvature)

    def step(state: tuple[Array, ...]) -> tuple[Array, ...]:
        i, low, high, t, _, _ = state
        one = jnp.ones_like(t)
        slope, curvature = map(mean, jax.jvp(lambda t: jax.jvp(loss, (t,), (one,))[1], (t,), (one,)))
        low, high = jnp.where(slope < 0, t, low), jnp.where(slope < 0, high, t)
        moved = t - slope / curvature
        moved = jnp.where((moved > low) & (moved < high), moved, (low + high) / 2)
        return i + 1, low, high, jnp.where(small(slope, curvature, eps), t, moved), slope, curvature

    def unfinished(state: tuple[Array, ...]) -> Array:
        i, _, high, _, slope, curvature = state
        return (i < 80) & (high > 1 - limit) & ~small(slope, curvature, eps)

    number = partial(jnp.full, (), dtype=y.dtype)
    start = jnp.zeros((), jnp.int32), number(-limit), number(limit), number(0), number(jnp.inf), number(0)
    _, low, _, t, slope, curvature = jax.lax.while_loop(unfinished, step, start)
    # no slope towards larger factors was ever met
    return t, curvature, low == number(-limit), small(slope, curvature, eps**0.5)
