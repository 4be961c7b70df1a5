"""Bounds whose gradient needs no path through the latents: discrete ones, or any with ``sample`` and ``log_prob``.

The score function trick: ``d E_q[f] = E_q[(f - b) d log q + d f]`` for any baseline ``b`` that does not depend on the
sample it is subtracted for. `reinforce` is the ELBO with it, `vimco` the importance-weighted bound. What they return
has the value of the bound and, differentiated, the estimated gradient: towards the encoder by the score, towards the
decoder and the prior directly.

>>> import jax, jax.numpy as jnp
>>> from lik_jax import bernoulli
>>> q, y = bernoulli.Params(jnp.zeros((1, 2))), jnp.ones((1, 2))
>>> decode, p = lambda z: bernoulli.Params(2.0 * z.astype(float)), bernoulli.Params(0.0)
>>> bits = dict(posterior=bernoulli, prior=bernoulli, prior_params=p)
>>> parts = reinforce(bernoulli, decode, q, y, key=jax.random.key(0), num_samples=8, **bits)
>>> parts.elbo.shape, float(parts.kl[0])
((1,), 0.0)
"""

import math
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ..distribution import Distribution
from ..distributions import normal
from ._latents import (
    Decoder,
    counted,
    divergence,
    filled,
    fits,
    kept,
    log_density,
    log_likelihood,
    standard,
    where,
    zeroed,
)
from .elbo import Elbo
from .importance import Iwae, importance_bound, log_sum_exp


def reinforce(
    likelihood: Distribution,
    decode: Decoder,
    params: Any,
    y: Any,
    *,
    num_samples: int | None = None,
    key: Array | None = None,
    z: ArrayLike | None = None,
    posterior: Any = normal,
    prior: Any = normal,
    prior_params: Any = None,
    baseline: Literal["leave_one_out"] | ArrayLike = "leave_one_out",
    analytic_kl: bool = True,
    beta: ArrayLike = 1.0,
    mask: ArrayLike | None = None,
) -> Elbo:
    """Evidence lower bound, mean of K samples, with the score function gradient towards the posterior.

    Args:
        likelihood: distribution of ``y`` given ``z``.
        decode: ``decode(z)``, ``[B, *latent]`` to the likelihood's params; it is mapped over the samples.
        params: of the posterior, from the encoder, ``[B, ...]``.
        y: observations, ``[B, ...]``.
        num_samples: K, with ``key``.
        key: draws ``z``. Give exactly one of ``key`` and ``z``.
        z: the latents themselves, ``[K, B, *latent]``, drawn from the posterior; no gradient flows through them.
        posterior: distribution of ``z`` given ``y``.
        prior: distribution of ``z``.
        prior_params: its parameters; the standard normal by default.
        baseline: "leave_one_out", the mean of the other samples, which takes two at least; or what is subtracted
            from ``log p(y | z)``, ``[B]`` or a scalar, such as a learned or a moving average: 0 for none.
        analytic_kl: use the closed form where posterior and prior are one family that has one.
        beta: weight of the KL in ``objective``, a scalar.
        mask: True where an example counts, ``[B]``; the others add exactly 0, whatever they hold.

    Returns:
        An `Elbo`; each part has the gradient of its own expectation, so all of them may be trained on.

    Raises:
        ValueError: shapes that do not fit, not exactly one source of ``z``, or too few samples.

    Source: Williams (1992), "Simple statistical gradient-following algorithms for connectionist reinforcement
    learning"; Kool, van Hoof and Welling (2019), "Buy 4 REINFORCE samples, get a baseline for free!".
    """
    leave_one_out = isinstance(baseline, str)
    if leave_one_out and baseline != "leave_one_out":
        raise ValueError(f"reinforce: baseline={baseline!r}; want 'leave_one_out' or numbers, [B] or a scalar.")
    keep, params, prior_params, samples = _setting(
        "reinforce", likelihood, params, y, num_samples, key, z, posterior, prior, prior_params, mask
    )
    k = samples.shape[0]
    if leave_one_out and k < 2:
        raise ValueError("reinforce: a leave-one-out baseline takes two samples at least; with one, give baseline=0.0.")
    reconstructions, log_p, log_q = _each(likelihood, decode, params, y, samples, posterior, prior, prior_params, keep)

    def estimated(values: Array, baseline: Any) -> Array:
        """The mean over samples, with the gradient of its expectation."""
        base = (values.sum(0, keepdims=True) - values) / (k - 1) if leave_one_out else jnp.asarray(baseline)
        if not leave_one_out and base.ndim:
            base = base[None]
        return (values + _score(_difference(values, base), log_q)).mean(0)

    each = divergence(posterior, params, prior, prior_params, keep) if analytic_kl else None
    # the score itself has mean 0, so the gradient of log q in the value is left out
    kl = estimated(jax.lax.stop_gradient(log_q) - log_p, 0.0) if each is None else each.sum(-1)
    reconstruction, kl = zeroed(keep, estimated(reconstructions, baseline), kl)
    return Elbo(reconstruction, kl, reconstruction - kl, reconstruction - beta * kl)


def vimco(
    likelihood: Distribution,
    decode: Decoder,
    params: Any,
    y: Any,
    *,
    num_samples: int | None = None,
    key: Array | None = None,
    z: ArrayLike | None = None,
    posterior: Any = normal,
    prior: Any = normal,
    prior_params: Any = None,
    mask: ArrayLike | None = None,
) -> Iwae:
    """Importance-weighted bound of K samples with the score function gradient, each sample's baseline from the others.

    The baseline of sample k is the bound with its weight replaced by the geometric mean of the others' weights (0, a
    baseline as legal as any, where that bound is -inf).

    Args:
        likelihood: distribution of ``y`` given ``z``.
        decode: ``decode(z)``, ``[B, *latent]`` to the likelihood's params; it is mapped over the samples.
        params: of the posterior, from the encoder, ``[B, ...]``.
        y: observations, ``[B, ...]``.
        num_samples: K of 2 or more, with ``key``.
        key: draws ``z``. Give exactly one of ``key`` and ``z``.
        z: the latents themselves, ``[K, B, *latent]``, drawn from the posterior; no gradient flows through them.
        posterior: distribution of ``z`` given ``y``.
        prior: distribution of ``z``.
        prior_params: its parameters; the standard normal by default.
        mask: True where an example counts, ``[B]``; the others add exactly 0, whatever they hold.

    Returns:
        An `Iwae`; maximise its ``bound``, which has the estimated gradient.

    Raises:
        ValueError: shapes that do not fit, not exactly one source of ``z``, or fewer than two samples.

    Source: Mnih and Rezende (2016), "Variational inference for Monte Carlo objectives".

    >>> q = normal.Params(jnp.zeros((1, 1)), jnp.ones((1, 1)))
    >>> vimco(normal, lambda z: normal.Params(z, 1.0), q, jnp.ones((1, 1)), z=jnp.ones((5, 1, 1))).log_weights.shape
    (5, 1)
    """
    keep, params, prior_params, samples = _setting(
        "vimco", likelihood, params, y, num_samples, key, z, posterior, prior, prior_params, mask
    )
    k = samples.shape[0]
    if k < 2:
        raise ValueError("vimco: each sample's baseline comes from the others; want two samples at least.")
    reconstructions, log_p, log_q = _each(likelihood, decode, params, y, samples, posterior, prior, prior_params, keep)
    logs = zeroed(keep, reconstructions + log_p - log_q)[0]
    result = importance_bound(logs)
    signals = _difference(result.bound[None], _without(logs))
    bound = result.bound + _score(signals, log_q).sum(0)
    return result._replace(bound=zeroed(keep, bound)[0])


def _setting(
    name: str,
    likelihood: Any,
    params: Any,
    y: Any,
    num_samples: int | None,
    key: Any,
    z: Any,
    posterior: Any,
    prior: Any,
    prior_params: Any,
    mask: Any,
) -> tuple[Array | None, Any, Any, Array]:
    """Which examples count, the params of posterior and prior, and the samples, which carry no gradient."""
    if (key is None) == (z is None):
        raise ValueError(f"{name}: give exactly one of key and z.")
    shape = counted(num_samples, key, z, name)
    keep = kept(likelihood, y, mask, name)
    params = filled(posterior, params, keep)
    samples = posterior.sample(params, key, shape) if z is None else jnp.asarray(z)
    fits(name, posterior, params, samples, many=True)
    return keep, params, standard(prior, prior_params), jax.lax.stop_gradient(samples)


def _each(
    likelihood: Any,
    decode: Decoder,
    params: Any,
    y: Any,
    samples: Array,
    posterior: Any,
    prior: Any,
    prior_params: Any,
    keep: Array | None,
) -> tuple[Array, Array, Array]:
    """``log p(y | z)``, ``log p(z)`` and ``log q(z)`` of every sample, ``[K, B]`` each."""

    def one(sample: Array) -> tuple[Array, Array, Array]:
        sample = where(keep, sample, posterior.support)
        return (
            log_likelihood(likelihood, decode(sample), y, keep),
            log_density(prior, prior_params, sample, keep),
            log_density(posterior, params, sample, keep),
        )

    return jax.vmap(one)(samples)


def _score(signal: Array, log_q: Array) -> Array:
    """0, with the gradient ``signal * d log q``."""
    signal = jax.lax.stop_gradient(signal)
    surrogate = signal * log_q
    return surrogate - jax.lax.stop_gradient(surrogate)


def _difference(values: Array, baseline: Array) -> Array:
    """``values - baseline``, but 0 where the values are -inf: such a bound has no gradient."""
    none = jnp.isneginf(values)
    base = jnp.where(jnp.isneginf(baseline), 0, baseline)
    return jnp.where(none, 0, jnp.where(none, 0, values) - base)


def _without(logs: Array) -> Array:
    """The bound with each log-weight replaced by the mean of the others, ``[K, B]``."""
    k = logs.shape[0]
    others = ~jnp.eye(k, dtype=bool).reshape(k, k, *(1,) * (logs.ndim - 1))
    rest = jnp.where(others, logs[None], 0).sum(1) / (k - 1)
    replaced = jnp.where(others, logs[None], rest[:, None])
    return log_sum_exp(replaced.swapaxes(0, 1)) - math.log(k)
