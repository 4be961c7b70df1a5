"""Are the probabilities right? Temperature scaling of a classifier's logits, reliability and calibration error.

>>> import jax.numpy as jnp
>>> logits = jnp.array([[4.0, 0.0], [4.0, 0.0], [4.0, 0.0], [0.0, 4.0]])
>>> fit = fit_temperature(logits, jnp.array([0, 0, 1, 1]))
>>> round(float(fit.temperature), 3), str(fit.status_name())
(3.641, 'OK')
"""

from functools import partial
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ._arrays import as_floats

OK, UNINFORMATIVE, SEPARATED = 0, 1, 2


class Temperature(NamedTuple):
    """A fitted temperature; logits are divided by it.

    ``temperature``: inf if the logits are no better than uniform, 0 if dividing by ever less only helps.
    ``log_standard_error``: standard error of its logarithm, from the observed information.
    ``status``: 0 OK, 1 uninformative (inf), 2 separated (0).
    """

    temperature: Array
    log_standard_error: Array
    status: Array

    def status_name(self) -> str:
        """The status in a word."""
        return ("OK", "UNINFORMATIVE", "SEPARATED")[int(self.status)]


@jax.jit
def fit_temperature(logits: ArrayLike, labels: ArrayLike) -> Temperature:
    """Maximum likelihood of the temperature on held-out data.

    The NLL is convex in ``1 / T``: Newton's method, kept inside a bracket by bisection, is exact.

    Args:
        logits: ``[n, k]``, finite.
        labels: ``[n]``, 0 to k - 1.

    Raises:
        ValueError: shapes that do not fit.

    Source: Guo, Pleiss, Sun and Weinberger (2017), "On calibration of modern neural networks", section 4.2.
    """
    (z,) = as_floats(logits)
    if z.ndim != 2 or jnp.shape(labels) != z.shape[:1]:
        raise ValueError(
            f"fit_temperature: logits have shape {z.shape} and labels {jnp.shape(labels)}; want [n, k] and [n]."
        )
    # only differences matter: with the label's logit at 0 no large numbers cancel
    z = z - jnp.take_along_axis(z, jnp.asarray(labels)[:, None], axis=1)

    def slopes(inverse: Array) -> tuple[Array, Array]:
        p = jax.nn.softmax(inverse * z, axis=1)
        mean = (p * z).sum(1)
        return mean.mean(), (p * (z - mean[:, None]) ** 2).sum(1).mean()

    zero = jnp.zeros((), z.dtype)
    uninformative = slopes(zero)[0] >= 0
    separated = z.max() <= 0
    solvable = ~(uninformative | separated)

    def widen(high: Array) -> Array:
        return high * 2

    # a wrong label at all makes the slope positive for a large enough 1 / T
    start = 1 / jnp.maximum(jnp.abs(z).max(), jnp.finfo(z.dtype).tiny)
    high = jax.lax.while_loop(lambda b: solvable & (slopes(b)[0] < 0) & jnp.isfinite(b), widen, start)

    def newton(state: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
        i, low, high, b = state
        slope, curvature = slopes(b)
        low, high = jnp.where(slope < 0, b, low), jnp.where(slope < 0, high, b)
        step = b - slope / curvature
        return i + 1, low, high, jnp.where((step > low) & (step < high), step, (low + high) / 2)

    def unfinished(state: tuple[Array, Array, Array, Array]) -> Array:
        i, _, _, b = state
        slope, curvature = slopes(b)
        return solvable & (i < 200) & (jnp.abs(slope) > 4 * jnp.finfo(z.dtype).eps * b * curvature)

    _, _, _, b = jax.lax.while_loop(unfinished, newton, (jnp.zeros((), jnp.int32), zero, high, high))
    temperature = jnp.where(uninformative, jnp.inf, jnp.where(separated, 0.0, 1 / b))
    error = jnp.where(solvable, 1 / (b * jnp.sqrt(z.shape[0] * slopes(b)[1])), jnp.nan)
    status = jnp.where(uninformative, UNINFORMATIVE, jnp.where(separated, SEPARATED, OK))
    return Temperature(temperature, error, status)


class Reliability(NamedTuple):
    """A reliability diagram's numbers, one a bin: mean ``confidence``, share ``correct``, ``examples``; 0 if empty."""

    confidence: Array
    correct: Array
    examples: Array


@partial(jax.jit, static_argnames=("bins", "edges"))
def reliability(
    logits: ArrayLike, labels: ArrayLike, *, bins: int = 15, edges: Literal["uniform", "mass"] = "uniform"
) -> Reliability:
    """Confidence against accuracy of the top label.

    Args:
        logits: ``[n, k]``.
        labels: ``[n]``.
        bins: how many.
        edges: "uniform" cuts (0, 1] into bins of equal width, "mass" cuts at the quantiles of the confidences
            (linear interpolation), so that bins hold equal counts. Both are closed on the right.

    Returns:
        Arrays ``[bins]``.
    """
    (z,) = as_floats(logits)
    p = jax.nn.softmax(z, axis=-1)
    confidence = p.max(-1)
    correct = (p.argmax(-1) == jnp.asarray(labels)).astype(z.dtype)
    if edges == "uniform":
        bin_of = jnp.clip(jnp.ceil(confidence * bins).astype(jnp.int32) - 1, 0, bins - 1)
    elif edges == "mass":
        cuts = jnp.quantile(confidence, jnp.linspace(0, 1, bins + 1, dtype=z.dtype))
        bin_of = jnp.clip(jnp.searchsorted(cuts, confidence, side="left").astype(jnp.int32) - 1, 0, bins - 1)
    else:
        raise ValueError(f"reliability: edges={edges!r}; want 'uniform' or 'mass'.")
    count = jnp.zeros(bins, z.dtype).at[bin_of].add(1.0)
    per = jnp.where(count > 0, count, 1)
    return Reliability(
        jnp.zeros(bins, z.dtype).at[bin_of].add(confidence) / per,
        jnp.zeros(bins, z.dtype).at[bin_of].add(correct) / per,
        count,
    )


def calibration_error(
    logits: ArrayLike, labels: ArrayLike, *, bins: int = 15, edges: Literal["uniform", "mass"] = "uniform"
) -> Array:
    """Expected calibration error of the top label: mean over examples of |confidence - accuracy| of their bin.

    Conventions as in `reliability`. The estimate is biased upwards: a perfect forecaster of 10 classes with 15 bins
    averages about 0.04 at n = 1000.
    """
    bin_values = reliability(logits, labels, bins=bins, edges=edges)
    gaps = jnp.abs(bin_values.confidence - bin_values.correct)
    return (gaps * bin_values.examples).sum() / bin_values.examples.sum()
