"""Latent-variable models: lower bounds on log p(y) = log E_p(z)[p(y | z)], in nats.

`elbo` is the bound of a variational autoencoder, taken apart; `iwae` the tighter one of K importance samples. The
first axis of ``y`` counts examples; everything after it is summed, over pixels and over latents alike. The posterior
is any distribution that can be sampled, the decoder any function from a latent to the params of a likelihood.

>>> import jax, jax.numpy as jnp
>>> from lik_jax import normal
>>> y, q = jnp.ones((1, 1)), normal.Params(jnp.zeros((1, 1)), jnp.ones((1, 1)))
>>> parts = elbo(normal, lambda z: normal.Params(z, 1.0), q, y, noise=jnp.ones((1, 1)))
>>> [round(float(x[0]), 4) for x in (parts.reconstruction, parts.kl, parts.elbo)]
[-0.9189, 0.0, -0.9189]
"""

import math
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .._arrays import as_floats
from ..distribution import Distribution, name_of
from ..distributions import normal
from .likelihood import check_shapes, observation_axes

Decoder = Callable[[Array], Any]


class Elbo(NamedTuple):
    """A bound on ``log p(y)`` taken apart, each ``[B]`` in nats.

    Attributes:
        reconstruction: ``log p(y | z)``.
        kl: ``KL(q || p)``, in closed form or from the sample.
        elbo: ``reconstruction - kl``: the bound, whatever ``beta`` and ``free_bits`` are. Report this.
        objective: ``reconstruction - beta * (kl with free bits)``. Maximise this.
    """

    reconstruction: Array
    kl: Array
    elbo: Array
    objective: Array


class Iwae(NamedTuple):
    """An importance-weighted bound on ``log p(y)``.

    Attributes:
        bound: ``log mean_k w_k``, ``[B]``, in nats.
        log_weights: ``log p(y | z_k) + log p(z_k) - log q(z_k)``, ``[K, B]``.
        effective_sample_size: 1 to K, ``[B]``.
        standard_error: of ``bound``, ``[B]``: the delta method; small samples of heavy-tailed weights understate it.
    """

    bound: Array
    log_weights: Array
    effective_sample_size: Array
    standard_error: Array


def elbo(
    likelihood: Distribution,
    decode: Decoder,
    params: Any,
    y: Any,
    *,
    key: Array | None = None,
    noise: ArrayLike | None = None,
    z: ArrayLike | None = None,
    posterior: Any = normal,
    prior: Any = normal,
    prior_params: Any = None,
    estimator: Literal["reparametrised", "stl"] = "reparametrised",
    analytic_kl: bool = True,
    beta: float = 1.0,
    free_bits: float = 0.0,
) -> Elbo:
    """Evidence lower bound ``E_q[log p(y | z)] - KL(q(z | y) || p(z))`` from one sample of ``z`` an example.

    Args:
        likelihood: distribution of ``y`` given ``z``.
        decode: ``decode(z)``, ``[B, *latent]`` to the likelihood's params.
        params: of the posterior, from the encoder, ``[B, ...]``.
        y: observations, ``[B, ...]``.
        key: draws ``z``. Give exactly one of ``key``, ``noise`` and ``z``.
        noise: standard normal ``[B, *latent]``, for a posterior with ``loc`` and ``scale`` or ``scale_tril``.
        z: the latents themselves, made from ``params``, so that gradients flow.
        posterior: distribution of ``z`` given ``y``.
        prior: distribution of ``z``.
        prior_params: its parameters; the standard normal by default.
        estimator: "reparametrised", or "stl" (sticking the landing: the score of ``q`` is left out of the gradient,
            which has no variance where ``q`` is exact; its ``kl`` is always from the sample).
        analytic_kl: use the closed form where posterior and prior are one family that has one.
        beta: weight of the KL in ``objective``; a schedule of it is KL annealing.
        free_bits: nats that each latent dimension of each example may hold for free in ``objective``.

    Returns:
        An `Elbo`, each part ``[B]``.

    Raises:
        ValueError: shapes that do not fit, not exactly one source of ``z``, or free bits without a KL in closed form.

    Source: Kingma and Welling (2014), "Auto-encoding variational Bayes"; Roeder, Wu and Duvenaud (2017), "Sticking the
    landing"; Higgins et al. (2017) for beta; Kingma et al. (2016) for free bits.

    >>> from lik_jax import bernoulli
    >>> q = normal.Params(jnp.zeros((3, 2)), jnp.ones((3, 2)))
    >>> elbo(bernoulli, lambda z: bernoulli.Params(z), q, jnp.ones((3, 2)), key=jax.random.key(0)).elbo.shape
    (3,)
    """
    if estimator not in ("reparametrised", "stl"):
        raise ValueError(f"elbo: estimator={estimator!r}; want 'reparametrised' or 'stl'.")
    prior_params = _standard(prior, prior_params)
    sample = _draw(posterior, params, key, noise, z, ())
    scored = jax.lax.stop_gradient(params) if estimator == "stl" else params
    log_likelihood, log_prior, log_q = _terms(likelihood, decode, y, posterior, scored, prior, prior_params, sample)
    closed = analytic_kl and estimator != "stl" and prior is posterior and hasattr(posterior, "kl_divergence")
    if closed:
        each = posterior.kl_divergence(params, prior_params)
        kl = counted = _per_example(each)
        if free_bits:
            counted = _per_example(_at_least(each, free_bits))
    elif free_bits:
        raise ValueError(
            "elbo: free_bits needs the KL of each dimension in closed form: a posterior and a prior of one family that "
            "has kl_divergence, analytic_kl=True and estimator='reparametrised'."
        )
    else:
        kl = counted = log_q - log_prior
    return Elbo(log_likelihood, kl, log_likelihood - kl, log_likelihood - beta * counted)


def iwae(
    likelihood: Distribution,
    decode: Decoder,
    params: Any,
    y: Any,
    *,
    num_samples: int | None = None,
    key: Array | None = None,
    noise: ArrayLike | None = None,
    z: ArrayLike | None = None,
    posterior: Any = normal,
    prior: Any = normal,
    prior_params: Any = None,
    estimator: Literal["reparametrised", "dreg"] = "reparametrised",
) -> Iwae:
    """Importance-weighted bound ``E[log (1/K) sum_k w_k]``, ``w = p(y | z) p(z) / q(z | y)``: it rises with K.

    Args:
        likelihood: distribution of ``y`` given ``z``.
        decode: ``decode(z)``, ``[B, *latent]`` to the likelihood's params; it is mapped over the samples.
        params: of the posterior, from the encoder, ``[B, ...]``.
        y: observations, ``[B, ...]``.
        num_samples: K, with ``key``.
        key: draws ``z``. Give exactly one of ``key``, ``noise`` and ``z``.
        noise: standard normal ``[K, B, *latent]``, for a posterior with ``loc`` and ``scale`` or ``scale_tril``.
        z: the latents themselves, ``[K, B, *latent]``, made from ``params``, so that gradients flow.
        posterior: distribution of ``z`` given ``y``.
        prior: distribution of ``z``.
        prior_params: its parameters; the standard normal by default.
        estimator: "reparametrised", or "dreg" (doubly reparametrised): towards ``params`` each path is weighted by
            the square of its normalised weight, towards the model (decoder, prior) by the weight itself. Both are
            unbiased; that of "dreg" keeps its signal as K grows.

    Returns:
        An `Iwae`; maximise its ``bound``.

    Raises:
        ValueError: shapes that do not fit, or not exactly one source of ``z``.

    Source: Burda, Grosse and Salakhutdinov (2016), "Importance weighted autoencoders"; Tucker et al. (2019), "Doubly
    reparameterized gradient estimators for Monte Carlo objectives".

    >>> q = normal.Params(jnp.zeros((1, 1)), jnp.ones((1, 1)))
    >>> iwae(normal, lambda z: normal.Params(z, 1.0), q, jnp.ones((1, 1)), noise=jnp.ones((5, 1, 1))).log_weights.shape
    (5, 1)
    """
    if estimator not in ("reparametrised", "dreg"):
        raise ValueError(f"iwae: estimator={estimator!r}; want 'reparametrised' or 'dreg'.")
    if (num_samples is None) != (key is None):
        raise ValueError("iwae: num_samples goes with key; noise and z hold the samples along their first axis.")
    prior_params = _standard(prior, prior_params)
    samples = _draw(posterior, params, key, noise, z, () if num_samples is None else (num_samples,))

    def log_weights(samples: Array, params: Any) -> Array:
        def one(sample: Array) -> Array:
            log_likelihood, log_prior, log_q = _terms(
                likelihood, decode, y, posterior, params, prior, prior_params, sample
            )
            return log_likelihood + log_prior - log_q

        return jax.vmap(one)(samples)

    if estimator == "dreg":
        params = jax.lax.stop_gradient(params)
        shares = jax.nn.softmax(jax.lax.stop_gradient(log_weights(jax.lax.stop_gradient(samples), params)), 0)
        samples = _scale_gradient(samples, shares.reshape(shares.shape + (1,) * (samples.ndim - shares.ndim)))
    logs = log_weights(samples, params)
    k = logs.shape[0]
    ess = effective_sample_size(logs)
    error = jnp.sqrt(jnp.maximum(1 / ess - 1 / k, 0) * (k / max(k - 1, 1)))
    return Iwae(jax.nn.logsumexp(logs, 0) - math.log(k), logs, ess, jax.lax.stop_gradient(error))


def free_bits(kl: ArrayLike, least: ArrayLike) -> Array:
    """KL in which no dimension counts for less than ``least`` nats, and has gradient 0 below that.

    Args:
        kl: of each dimension, ``[..., d]``: of one example, or averaged over a batch first.
        least: nats a dimension may hold for free.

    Returns:
        ``[...]``: the sum over dimensions.

    Source: Kingma et al. (2016), "Improving variational inference with inverse autoregressive flow".

    >>> float(free_bits(jnp.array([0.02, 0.7, 1.3]), 0.5))
    2.5
    """
    kl, least = as_floats(kl, least)
    return _at_least(kl, least).sum(-1)


def effective_sample_size(log_weights: ArrayLike) -> Array:
    """How many equal weights would be worth as much: ``(sum w)^2 / sum w^2``, ``[K, ...]`` to ``[...]``; no gradient.

    >>> round(float(effective_sample_size(jnp.log(jnp.array([1.0, 1.0, 0.0])))), 4)
    2.0
    """
    (logs,) = as_floats(jax.lax.stop_gradient(log_weights))
    return 1 / (jax.nn.softmax(logs, 0) ** 2).sum(0)


def standard_error(values: ArrayLike) -> Array:
    """Standard error of the mean of independent values, ``[B, ...]`` to ``[...]``: what to print beside a bound.

    >>> round(float(standard_error(jnp.array([1.0, 2.0, 3.0]))), 4)
    0.5774
    """
    (values,) = as_floats(values)
    return values.std(0, ddof=1) / math.sqrt(values.shape[0])


def _at_least(kl: Array, least: ArrayLike) -> Array:
    return jnp.where(kl < least, least, kl)


def _per_example(x: Array) -> Array:
    return x.sum(tuple(range(1, x.ndim)))


def _terms(
    likelihood: Any, decode: Decoder, y: Any, posterior: Any, params: Any, prior: Any, prior_params: Any, z: Array
) -> tuple[Array, Array, Array]:
    """``log p(y | z)``, ``log p(z)`` and ``log q(z)``, each ``[B]``."""
    decoded = decode(z)
    check_shapes(likelihood, decoded, observation_axes(likelihood, y))
    parts = (likelihood.log_prob(decoded, y), prior.log_prob(prior_params, z), posterior.log_prob(params, z))
    return _per_example(parts[0]), _per_example(parts[1]), _per_example(parts[2])


def _standard(prior: Any, params: Any) -> Any:
    if params is not None:
        return params
    if prior is not normal:
        raise ValueError(f"Give prior_params: only the normal has a standard, and the prior is {name_of(prior)}.")
    return normal.Params(0.0, 1.0)


def _draw(posterior: Any, params: Any, key: Any, noise: Any, z: Any, shape: tuple[int, ...]) -> Array:
    if sum(x is not None for x in (key, noise, z)) != 1:
        raise ValueError("Give exactly one of key, noise and z.")
    if z is not None:
        return jnp.asarray(z)
    if key is not None:
        return posterior.sample(params, key, shape)
    if hasattr(params, "loc") and hasattr(params, "scale_tril"):
        loc, tril, noise = jnp.asarray(params.loc), jnp.asarray(params.scale_tril), jnp.asarray(noise)
        return jnp.expand_dims(loc, tuple(range(noise.ndim - loc.ndim))) + jnp.einsum("...ij,...j->...i", tril, noise)
    if hasattr(params, "loc") and hasattr(params, "scale") and posterior is normal:
        latents = jnp.broadcast_shapes(jnp.shape(params.loc), jnp.shape(params.scale))
        if jnp.shape(noise)[jnp.ndim(noise) - len(latents) :] != latents:
            raise ValueError(f"noise has shape {jnp.shape(noise)}, but the latents of params have {latents}.")
        noise, loc, scale = as_floats(noise, params.loc, params.scale)
        return loc + scale * noise
    raise ValueError(
        f"noise can be turned into z only by the params of a normal or multivariate normal posterior; it is "
        f"{name_of(posterior)}, and its params are {type(params).__name__}. Give key or z, or constrain raw first."
    )


def _scale_gradient_rule(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    return primals[0], primals[1] * tangents[0]


# the first argument, with its gradient multiplied by the second
_scale_gradient: Any = jax.custom_jvp(lambda x, factor: x)
_scale_gradient.defjvp(_scale_gradient_rule)
