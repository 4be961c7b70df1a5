"""Importance weights ``w = p(y, z) / q(z | y)``: what they say about ``log p(y)``, and how far to trust them.

>>> import jax.numpy as jnp
>>> bound = importance_bound(jnp.log(jnp.array([[1.0], [3.0]])))
>>> round(float(bound.bound[0]), 4), round(float(bound.effective_sample_size[0]), 4)
(0.6931, 1.6)
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .._arrays import as_floats
from ..distribution import Distribution
from ..distributions import normal
from ._latents import Decoder, filled, fits, kept, log_density, log_likelihood, standard, where, zeroed


class Iwae(NamedTuple):
    """An importance-weighted bound on ``log p(y)``.

    Attributes:
        bound: ``log mean_k w_k``, ``[B]``, in nats.
        log_weights: ``log p(y | z_k) + log p(z_k) - log q(z_k)``, ``[K, B]``.
        effective_sample_size: 1 to K, ``[B]``; 0 where every weight is 0.
        standard_error: of ``bound``, ``[B]``: the delta method; small samples of heavy-tailed weights understate it,
            and one sample says nothing (inf).
    """

    bound: Array
    log_weights: Array
    effective_sample_size: Array
    standard_error: Array


class Marginal(NamedTuple):
    """An estimate of ``log p(y)``, each ``[B]``, without gradient.

    Attributes:
        log_likelihood: ``log mean_k w_k`` in nats: too low on average, less so with more samples.
        effective_sample_size: 1 to K; 0 where every weight is 0.
        standard_error: of ``log_likelihood``, by the delta method.
    """

    log_likelihood: Array
    effective_sample_size: Array
    standard_error: Array


def importance_bound(log_weights: ArrayLike) -> Iwae:
    """``log (1/K) sum_k w_k`` of weights made anyhow, `log_weight` or a hierarchical bound for one sample.

    Args:
        log_weights: ``[K, B]``.

    Returns:
        An `Iwae`; its ``bound`` is -inf with zero gradient where every weight is 0.

    Raises:
        ValueError: no weights.
    """
    (logs,) = as_floats(log_weights)
    if logs.ndim == 0 or logs.shape[0] < 1:
        raise ValueError(f"importance_bound: log_weights has shape {logs.shape}; want [K, B] with K of 1 or more.")
    k = logs.shape[0]
    ess = effective_sample_size(logs)
    return Iwae(log_sum_exp(logs) - math.log(k), logs, ess, _delta_method(ess, k))


def log_weight(
    likelihood: Distribution,
    decode: Decoder,
    params: Any,
    y: Any,
    *,
    key: Array | None = None,
    z: ArrayLike | None = None,
    posterior: Any = normal,
    prior: Any = normal,
    prior_params: Any = None,
    mask: ArrayLike | None = None,
) -> Array:
    """``log p(y | z) + log p(z) - log q(z | y)`` of one sample of ``z`` an example, ``[B]``, in nats.

    Args:
        likelihood: distribution of ``y`` given ``z``.
        decode: ``decode(z)``, ``[B, *latent]`` to the likelihood's params.
        params: of the posterior, from the encoder, ``[B, ...]``.
        y: observations, ``[B, ...]``.
        key: draws ``z``. Give exactly one of ``key`` and ``z``.
        z: the latents themselves, ``[B, *latent]``.
        posterior: distribution of ``z`` given ``y``, discrete ones too.
        prior: distribution of ``z``.
        prior_params: its parameters; the standard normal by default.
        mask: True where an example counts, ``[B]``; the weight of the others is 1.

    Raises:
        ValueError: shapes that do not fit, or not exactly one of ``key`` and ``z``.

    >>> q = normal.Params(jnp.zeros((2, 1)), jnp.ones((2, 1)))
    >>> log_weight(normal, lambda z: normal.Params(z, 1.0), q, jnp.ones((2, 1)), key=jax.random.key(0)).shape
    (2,)
    """
    if (key is None) == (z is None):
        raise ValueError("log_weight: give exactly one of key and z.")
    keep = kept(likelihood, y, mask, "log_weight")
    prior_params, params = standard(prior, prior_params), filled(posterior, params, keep)
    sample = posterior.sample(params, key) if z is None else fits("log_weight", posterior, params, jnp.asarray(z))
    sample = where(keep, sample, posterior.support)
    log_joint = log_likelihood(likelihood, decode(sample), y, keep) + log_density(prior, prior_params, sample, keep)
    return zeroed(keep, log_joint - log_density(posterior, params, sample, keep))[0]


def marginal_log_likelihood(
    log_weight: Callable[[Array], Array], key: Array, num_samples: int, *, chunk_size: int = 50
) -> Marginal:
    """``log p(y)`` from any number of importance samples, in the memory of ``chunk_size`` of them: for test sets.

    Args:
        log_weight: ``log_weight(key)``, ``[B]``: one draw's log-weight an example, from `lik_jax.log_weight` or from
            ``hierarchical_elbo(..., analytic_kl=False).elbo``.
        key: PRNG key. The estimate does not depend on ``chunk_size``, but for rounding.
        num_samples: K.
        chunk_size: draws that are worked on at once.

    Returns:
        A `Marginal`, without gradient; `iwae` has one.

    Raises:
        ValueError: ``num_samples`` or ``chunk_size`` below 1.

    Source: Burda, Grosse and Salakhutdinov (2016), "Importance weighted autoencoders", section 5.

    >>> q, y = normal.Params(jnp.full((1, 1), 0.5), 0.5**0.5), jnp.ones((1, 1))
    >>> weight = lambda key: log_weight(normal, lambda z: normal.Params(z, 1.0), q, y, key=key)
    >>> round(float(marginal_log_likelihood(weight, jax.random.key(0), 1000).log_likelihood[0]), 4)
    -1.5155
    """
    if num_samples < 1 or chunk_size < 1:
        raise ValueError(
            f"marginal_log_likelihood: num_samples={num_samples}, chunk_size={chunk_size}; want both 1 or more."
        )
    keys = jax.random.split(key, num_samples)
    whole = num_samples // chunk_size * chunk_size

    def add(sums: tuple[Array, Array], keys: Array) -> tuple[tuple[Array, Array], None]:
        logs = jax.lax.stop_gradient(jax.vmap(log_weight)(keys))
        # running log-sums of the weights and of their squares
        return (jnp.logaddexp(sums[0], log_sum_exp(logs)), jnp.logaddexp(sums[1], log_sum_exp(2 * logs))), None

    shape = jax.eval_shape(log_weight, jax.ShapeDtypeStruct((), keys.dtype))
    nothing = jnp.full(shape.shape, -jnp.inf, shape.dtype)
    sums = nothing, nothing
    if whole:
        sums, _ = jax.lax.scan(add, sums, keys[:whole].reshape(whole // chunk_size, chunk_size))
    if whole < num_samples:
        sums, _ = add(sums, keys[whole:])
    total, squares = sums
    none = jnp.isneginf(total)
    ess = jnp.where(none, 0, jnp.exp(2 * total - jnp.where(none, 0, squares)))
    return Marginal(total - math.log(num_samples), ess, _delta_method(ess, num_samples))


def effective_sample_size(log_weights: ArrayLike) -> Array:
    """How many equal weights would be worth as much: ``(sum w)^2 / sum w^2``, ``[K, ...]`` to ``[...]``; no gradient.

    0 where every weight is 0.

    >>> round(float(effective_sample_size(jnp.log(jnp.array([1.0, 1.0, 0.0])))), 4)
    2.0
    """
    (logs,) = as_floats(jax.lax.stop_gradient(log_weights))
    total = log_sum_exp(logs)
    none = jnp.isneginf(total)
    return jnp.where(none, 0, jnp.exp(2 * total - jnp.where(none, 0, log_sum_exp(2 * logs))))


def standard_error(values: ArrayLike) -> Array:
    """Standard error of the mean of independent values, ``[B, ...]`` to ``[...]``: what to print beside a bound.

    >>> round(float(standard_error(jnp.array([1.0, 2.0, 3.0]))), 4)
    0.5774
    """
    (values,) = as_floats(values)
    return values.std(0, ddof=1) / math.sqrt(values.shape[0])


def log_sum_exp(logs: Array) -> Array:
    """Over the first axis; -inf with zero gradient where all are -inf."""
    none = jnp.isneginf(logs).all(0)
    return jnp.where(none, -jnp.inf, jax.nn.logsumexp(jnp.where(none[None], 0, logs), 0))


def _delta_method(ess: Array, k: int) -> Array:
    """Standard error of ``log mean w``: that of ``mean w`` over the mean, which the effective sample size holds."""
    if k == 1:
        return jnp.full_like(ess, jnp.inf)
    return jax.lax.stop_gradient(jnp.sqrt(jnp.maximum(1 / ess - 1 / k, 0) * (k / (k - 1))))
