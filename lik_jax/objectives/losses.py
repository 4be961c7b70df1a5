"""Losses under the names people know, each a likelihood and its constant.

Every function here is `nll` of a distribution, or of its *kernel*: the log-density without the terms that hold no
prediction. So all share one shape guard, one meaning of ``mask`` and ``weights`` and one place that averages.

>>> import jax.numpy as jnp
>>> round(float(mean_squared_error(jnp.array([1.0, 2.0]), jnp.array([1.0, 4.0]))), 4)
2.0
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .. import supports
from .._arrays import as_floats
from .._derivatives import with_partials
from ..distributions import bernoulli, categorical, normal, poisson
from ..supports import Support
from .likelihood import nll
from .reduction import Reduction


@dataclass(frozen=True)
class Kernel:
    """A log-density without its constant: as much of a distribution as `nll` asks for.

    Attributes:
        name: as an error message uses it.
        log_prob: ``log_prob(params, y)``, one number an observation.
        param_supports: where each parameter may lie, in the shape of the params.
        support: where an observation may lie.
        event_ndim: rank of one observation.
    """

    name: str
    log_prob: Callable[[Any, Any], Array]
    param_supports: Any
    support: Support = supports.real
    event_ndim: int = 0

    @property
    def __name__(self) -> str:
        return self.name


class Prediction(NamedTuple):
    """``loc``: the prediction, real, ``[...]``."""

    loc: ArrayLike


class Quantile(NamedTuple):
    """``loc``: the predicted quantile, real, ``[...]``. ``quantile``: its probability in (0, 1), ``[...]``."""

    loc: ArrayLike
    quantile: ArrayLike


_ONE_REAL: Any = Prediction(supports.real)  # type: ignore[arg-type]

_minus_square = with_partials(
    lambda y, loc: -((y - loc) ** 2),
    lambda y, loc: 2 * (loc - y),
    lambda y, loc: 2 * (y - loc),
)
_minus_distance = with_partials(
    lambda y, loc: -jnp.abs(y - loc),
    lambda y, loc: -jnp.sign(y - loc),
    lambda y, loc: jnp.sign(y - loc),
)


def minus_pinball(params: Quantile, y: ArrayLike) -> Array:
    """Minus the quantile loss of each observation, ``[...]``: the kernel of an asymmetric Laplace of scale 1."""
    y, loc, quantile = as_floats(y, *params)
    return -quantile * jnp.maximum(y - loc, 0) - (1 - quantile) * jnp.maximum(loc - y, 0)


_square = Kernel("mean_squared_error", lambda params, y: _minus_square(*as_floats(y, *params)), _ONE_REAL)
_distance = Kernel("mean_absolute_error", lambda params, y: _minus_distance(*as_floats(y, *params)), _ONE_REAL)
_pinball: Any = Kernel("pinball", minus_pinball, Quantile(supports.real, supports.open_unit_interval))  # type: ignore[arg-type]
_soft_binary: Any = Kernel(
    "binary_cross_entropy", bernoulli.expected_log_prob, bernoulli.param_supports, supports.unit_interval
)


def mean_squared_error(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """Squared error ``(targets - predictions)^2``.

    The likelihood: ``2 * nll(normal, Params(predictions, scale=1)) - log(2 pi)``. The prediction is the mean.

    Args:
        predictions: real, ``[*examples]``, or a scalar shared by all.
        targets: real, ``[*examples]``.
        mask: see `nll`.
        weights: see `nll`.
        reduction: see `nll`.

    Raises:
        ValueError: shapes that do not fit.

    >>> float(mean_squared_error(0.0, 3.0))
    9.0
    """
    return nll(_square, Prediction(predictions), targets, mask=mask, weights=weights, reduction=reduction)  # type: ignore[arg-type]


def mean_absolute_error(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """Absolute error ``|targets - predictions|``; the gradient at 0 is 0.

    The likelihood: ``nll(laplace, Params(predictions, scale=1)) - log 2``. The prediction is the median.

    Args:
        predictions: real, ``[*examples]``, or a scalar shared by all.
        targets: real, ``[*examples]``.
        mask: see `nll`.
        weights: see `nll`.
        reduction: see `nll`.

    Raises:
        ValueError: shapes that do not fit.

    >>> float(mean_absolute_error(0.0, -3.0))
    3.0
    """
    return nll(_distance, Prediction(predictions), targets, mask=mask, weights=weights, reduction=reduction)  # type: ignore[arg-type]


def pinball(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    quantile: ArrayLike = 0.5,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """Quantile loss: ``quantile * d``, or ``(quantile - 1) * d`` where negative, with ``d = targets - predictions``.

    The likelihood: ``nll(asymmetric_laplace, Params(predictions, 1, quantile)) + log(quantile (1 - quantile))``. The
    prediction is that quantile of the target; half of `mean_absolute_error` at 0.5.

    Args:
        predictions: real, ``[*examples]``, or a scalar shared by all.
        targets: real, ``[*examples]``.
        quantile: probability in (0, 1), a scalar or ``[*examples]``.
        mask: see `nll`.
        weights: see `nll`.
        reduction: see `nll`.

    Raises:
        ValueError: shapes that do not fit.

    Source: Koenker and Bassett (1978), "Regression quantiles"; Yu and Moyeed (2001) for the likelihood.

    >>> round(float(pinball(0.0, 2.0, quantile=0.9)), 4)
    1.8
    """
    params = Quantile(predictions, quantile)
    return nll(_pinball, params, targets, mask=mask, weights=weights, reduction=reduction)


def binary_cross_entropy(
    logits: ArrayLike,
    targets: ArrayLike,
    *,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """Cross-entropy of a yes or no, with logits, in nats.

    The likelihood: ``nll(bernoulli, Params(logits))`` for integer and bool targets, which are 0 or 1 (anything else
    costs inf). A floating-point target is the probability of a 1: the same likelihood in expectation
    (``bernoulli.expected_log_prob``), equal to it at 0.0 and 1.0.

    Args:
        logits: log-odds of a 1, ``[*examples]``, or a scalar shared by all.
        targets: 0 or 1, or floats in [0, 1], ``[*examples]``.
        mask: see `nll`.
        weights: see `nll`.
        reduction: see `nll`.

    Raises:
        ValueError: shapes that do not fit.

    >>> round(float(binary_cross_entropy(0.0, 1)), 4)
    0.6931
    >>> round(float(binary_cross_entropy(2.0, 0.25)), 4)
    1.6269
    """
    soft = jnp.issubdtype(jnp.result_type(targets), jnp.floating)
    distribution: Any = _soft_binary if soft else bernoulli
    params = bernoulli.Params(logits)
    return nll(distribution, params, targets, mask=mask, weights=weights, reduction=reduction)


def cross_entropy(
    logits: ArrayLike,
    targets: ArrayLike,
    *,
    label_smoothing: float = 0.0,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """Softmax cross-entropy in nats.

    The likelihood: ``nll(categorical, Params(logits))`` for integer labels; the same in expectation
    (``categorical.expected_log_prob``) where a target is a vector of probabilities.

    With ``label_smoothing`` the value is the *smoothed* loss, ``(1 - s) * cross_entropy + s * mean_k(-log p_k)``. It
    is not a negative log-likelihood: it does not reach 0, and no perplexity or bits may be made of it. Report those
    from a second call with ``label_smoothing=0``. A logit of -inf makes the smoothed loss inf.

    Args:
        logits: unnormalised log-probabilities, ``[*examples, k]``, or ``[k]`` shared by all.
        targets: labels 0 to k - 1, integers ``[*examples]``; or probabilities, floats ``[*examples, k]``.
        label_smoothing: share in [0, 1] of a uniform target that is mixed in.
        mask: see `nll`.
        weights: see `nll`.
        reduction: see `nll`.

    Raises:
        ValueError: shapes that do not fit, or a ``label_smoothing`` outside [0, 1].

    Source: Szegedy et al. (2016), "Rethinking the Inception architecture" (smoothing).

    >>> round(float(cross_entropy(jnp.zeros((2, 4)), jnp.array([3, 0]))), 4)
    1.3863
    """
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"cross_entropy: label_smoothing={label_smoothing}; want a share in [0, 1].")
    soft = jnp.issubdtype(jnp.result_type(targets), jnp.floating)
    return nll(
        _categorical(soft, float(label_smoothing)),
        categorical.Params(logits),
        targets,
        mask=mask,
        weights=weights,
        reduction=reduction,
    )


def _categorical(soft: bool, smoothing: float) -> Any:
    plain = categorical.expected_log_prob if soft else categorical.log_prob

    def smoothed(params: Any, y: ArrayLike) -> Array:
        (logits,) = as_floats(params.logits)
        uniform = jnp.full(logits.shape[-1:], 1 / logits.shape[-1], logits.dtype)
        return (1 - smoothing) * plain(params, y) + smoothing * categorical.expected_log_prob(params, uniform)

    if not soft and not smoothing:
        return categorical
    target = supports.stacked(supports.unit_interval) if soft else categorical.support
    log_prob = smoothed if smoothing else plain
    return Kernel("cross_entropy", log_prob, categorical.param_supports, target, int(soft))


def poisson_nll(
    log_rate: ArrayLike,
    targets: ArrayLike,
    *,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """Negative log-likelihood of counts in nats, from the logarithm of the rate.

    The likelihood: ``nll(poisson, poisson.Params(log_rate))``, with the constant ``log(targets!)`` that other
    libraries leave out: ``exp(log_rate) - targets * log_rate + log(targets!)``.

    Args:
        log_rate: real, ``[*examples]``, or a scalar shared by all.
        targets: whole numbers not below 0, ``[*examples]``.
        mask: see `nll`.
        weights: see `nll`.
        reduction: see `nll`.

    Raises:
        ValueError: shapes that do not fit.

    >>> round(float(poisson_nll(0.0, 2)), 4)
    1.6931
    """
    params = poisson.Params(log_rate)
    return nll(poisson, params, targets, mask=mask, weights=weights, reduction=reduction)


def gaussian_nll(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    scale: ArrayLike = 1.0,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """Negative log-likelihood of a normal in nats, constant included.

    The likelihood: ``nll(normal, Params(predictions, scale))``.

    Args:
        predictions: the mean, real, ``[*examples]``, or a scalar shared by all.
        targets: real, ``[*examples]``.
        scale: standard deviation (not the variance), positive: fixed, a scalar, or predicted, ``[*examples]``.
        mask: see `nll`.
        weights: see `nll`.
        reduction: see `nll`.

    Raises:
        ValueError: shapes that do not fit.

    >>> round(float(gaussian_nll(0.0, 0.3)), 4)
    0.9639
    """
    params = normal.Params(predictions, scale)
    return nll(normal, params, targets, mask=mask, weights=weights, reduction=reduction)
