"""Categorical distribution: one of ``k`` classes.

``y`` is a label 0, 1, ..., k - 1 of any integer (or whole float) type, ``logits`` ``[..., k]`` are log-probabilities up
to a constant: ``log p(y) = logits[y] - logsumexp(logits)``. As a loss it is softmax cross-entropy with integer labels.
A class of logit -inf is impossible. A label out of range or not whole is outside (-inf): it never wraps around, and
never passes for a good score. Soft labels have `expected_log_prob`.

>>> import jax.numpy as jnp
>>> from lik_jax import categorical
>>> round(float(categorical.log_prob(categorical.Params(logits=jnp.zeros(3)), 2)), 4)
-1.0986

Source: Bishop (2006), Pattern Recognition and Machine Learning, section 4.3.4.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.custom_derivatives import SymbolicZero
from jax.typing import ArrayLike

from .. import special, supports
from .._arrays import as_floats, guard, not_integer

event_ndim = 0
support = supports.label


class Params(NamedTuple):
    """``logits``: log-probabilities up to a constant, -inf for an impossible class, ``[..., k]``."""

    logits: ArrayLike


param_supports = Params(supports.extended_real_vector)  # type: ignore[arg-type]


def from_probs(probs: ArrayLike) -> Params:
    """Params from probabilities ``[..., k]``; any non-negative weights will do."""
    return Params(jnp.log(as_floats(probs)[0]))


def _aligned(y: ArrayLike, logits: ArrayLike) -> tuple[Array, Array, Array]:
    """Labels as int32 (``k`` where one is out of range or not whole), where they are NaN, and logits of equal rank."""
    (z,) = as_floats(logits)
    if z.ndim == 0:
        raise ValueError("categorical: logits has shape (); want [..., k], one number a class on the last axis.")
    y = jnp.asarray(y)
    k = z.shape[-1]
    missing = jnp.isnan(y) if jnp.issubdtype(y.dtype, jnp.floating) else jnp.zeros((), bool)
    if not jnp.issubdtype(y.dtype, jnp.floating) and y.dtype.itemsize < 8:
        y = y.astype(jnp.int32)
    outside = ~((y >= 0) & (y < k)) | (not_integer(y) if jnp.issubdtype(y.dtype, jnp.floating) else False)
    label = jnp.where(outside, k, y).astype(jnp.int32)
    rank = max(label.ndim, z.ndim - 1)
    label = label.reshape((1,) * (rank - label.ndim) + label.shape)
    return label, missing, z.reshape((1,) * (rank + 1 - z.ndim) + z.shape)


def _pick(x: Array, label: Array) -> Array:
    """``x[label]`` along the last axis, 0 for a label that is not there."""
    if any(axis is not None for axis in jax.typeof(x).sharding.spec):
        # a gather from an axis that is sharded explicitly is an error; a comparison is not, and takes no memory
        classes = jax.lax.broadcasted_iota(jnp.int32, x.shape, x.ndim - 1)
        return jnp.where(classes == label[..., None], x, 0).sum(-1)
    return jnp.take_along_axis(x, label[..., None], -1, mode="fill", fill_value=0)[..., 0]


def _normaliser(logits: Array) -> tuple[Array, Array]:
    """The maximum of the logits, and the logarithm of the sum of ``exp(logits - maximum)``."""
    # no finite logit at all: -inf - -inf is NaN, as it should be
    top = jax.lax.stop_gradient(logits.max(-1))
    return top, jnp.log(jnp.exp(logits - top[..., None]).sum(-1))


def _log_probs(logits: Array) -> Array:
    """Normalised log-probabilities of all classes, ``[..., k]``."""
    top, log_total = _normaliser(logits)
    return (logits - top[..., None]) - log_total[..., None]


@jax.custom_jvp
def _log_mass(label: Array, logits: Array) -> Array:
    top, log_total = _normaliser(logits)
    value = (_pick(logits, label) - top) - log_total
    return jnp.where(label == logits.shape[-1], jnp.where(jnp.isnan(log_total), log_total, -jnp.inf), value)


def _log_mass_rule(primals: tuple[Array, Array], tangents: tuple) -> tuple[Array, Array]:
    label, logits = primals
    out = _log_mass(label, logits)
    tangent = tangents[1]
    if isinstance(tangent, SymbolicZero):
        return out, jnp.zeros_like(out)
    change = _pick(tangent, label) - (jnp.exp(_log_probs(logits)) * tangent).sum(-1)
    return out, jnp.where(jnp.isneginf(out), 0.0, change)


_log_mass.defjvp(_log_mass_rule, symbolic_zeros=True)


def log_prob(params: Params, y: ArrayLike) -> Array:
    """Log-mass in nats.

    Args:
        params: ``logits``, ``[..., k]``.
        y: label in 0 .. k - 1, ``[...]``.

    Returns:
        ``[...]``; -inf, with gradient zero, where the label is out of range or its class impossible; NaN where every
        logit is -inf, or one is inf.
    """
    label, missing, logits = _aligned(y, *params)
    return guard(_log_mass(label, logits), valid=~missing)


def expected_log_prob(params: Params, probs: ArrayLike) -> Array:
    """``E[log p(Y)]`` in nats when ``Y`` has the class probabilities ``probs`` (soft labels).

    Args:
        params: ``logits``, ``[..., k]``.
        probs: non-negative, summing to 1, ``[..., k]``. A class of probability 0 adds 0, whatever its logit.

    Returns:
        ``[...]``; -inf where a probability is negative or their sum is off 1 by more than 0.01 (what is left by
        rounding, in half precision too).
    """
    probs, logits = as_floats(probs, *params, ndims=(1, 1))
    value = special.weighted(probs, _log_probs(logits)).sum(-1)
    outside = (probs < 0).any(-1) | (jnp.abs(probs.sum(-1) - 1) > 0.01)
    return guard(value, outside=outside)


def sample(params: Params, key: Array, shape: tuple[int, ...] = ()) -> Array:
    """Draw labels (int32), ``[*shape, ...]``."""
    (logits,) = as_floats(*params)
    return jax.random.categorical(key, logits, -1, (*shape, *logits.shape[:-1])).astype(jnp.int32)


def mode(params: Params) -> Array:
    """The likeliest label (the first at a tie), ``[...]``."""
    (logits,) = as_floats(*params)
    return jnp.argmax(logits, -1).astype(logits.dtype)


def entropy(params: Params) -> Array:
    """Entropy in nats, ``[...]``."""
    log_p = _log_probs(as_floats(*params)[0])
    return -special.weighted(jnp.exp(log_p), log_p).sum(-1)


def kl_divergence(p: Params, q: Params) -> Array:
    """``KL(p || q)`` in nats, ``[...]``; inf where ``p`` has a class that is impossible under ``q``."""
    p_logits, q_logits = as_floats(*p, *q, ndims=(1, 1))
    log_p, log_q = _log_probs(p_logits), _log_probs(q_logits)
    p_mass, q_mass = jnp.exp(log_p), jnp.exp(log_q)
    possible = p_mass > 0
    d = jnp.where(possible, log_q, 0) - jnp.where(possible, log_p, 0)
    near = jnp.abs(d) < 1
    # p (r - 1 - log r) with r = q / p: the same sum, as the masses sum to 1, and no term is below 0
    small = p_mass * -special.log1pmx(jnp.expm1(jnp.where(near, d, 0.0)))
    large = q_mass - p_mass - special.weighted(p_mass, d)
    return jnp.where(jnp.isnan(d), d, jnp.where(possible & near, small, large)).sum(-1)


def constrain(raw: ArrayLike) -> Params:
    """Map raw ``[..., k]`` to params: the logits themselves."""
    return Params(as_floats(raw)[0])


def unconstrain(params: Params) -> Array:
    """Inverse of `constrain`: the logits ``[..., k]``."""
    return as_floats(*params)[0]


raw_size = None


def init(y: ArrayLike, weights: ArrayLike | None = None, *, num_classes: int | None = None) -> Params:
    """Starting params from data: the shares of `mle`, drawn a little together so that the logits are finite."""
    counts = _counts(y, weights, num_classes)
    return from_probs((counts + 0.5) / (counts.sum() + 0.5 * len(counts)))


def mle(y: ArrayLike, weights: ArrayLike | None = None, *, num_classes: int | None = None) -> Params:
    """Maximum likelihood: the shares of the classes over every axis of ``y`` (logit -inf for one never seen).

    Args:
        y: labels 0, 1, ..., any shape.
        weights: non-negative, broadcastable to ``y``.
        num_classes: how many classes there are; as many as the largest label tells if not given, which takes data
            that are known (not under ``jit``).

    Raises:
        ValueError: ``num_classes`` is not given under ``jit``.
    """
    counts = _counts(y, weights, num_classes)
    return from_probs(counts / counts.sum())


def _counts(y: ArrayLike, weights: ArrayLike | None, num_classes: int | None) -> Array:
    """The weight of each class; NaN where a label that counts is not a class."""
    if num_classes is None:
        try:
            num_classes = int(jnp.max(jnp.asarray(y))) + 1
        except jax.errors.ConcretizationTypeError:
            raise ValueError("categorical: the number of classes is not known under jit; give num_classes=.") from None
    w = jnp.ones(jnp.shape(y)) if weights is None else jnp.broadcast_to(as_floats(weights)[0], jnp.shape(y))
    label, missing, _ = _aligned(y, jnp.zeros(num_classes, w.dtype))
    bad = ((label == num_classes) | missing) & (w != 0)
    counts = jnp.zeros(num_classes, w.dtype).at[label.ravel()].add(w.ravel(), mode="drop")
    return guard(counts, valid=~bad.any())
