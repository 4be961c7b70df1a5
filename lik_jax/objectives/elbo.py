"""The evidence lower bound on ``log p(y) = log E_p(z)[p(y | z)]``, taken apart, in nats.

The first axis of ``y`` counts examples; everything after it is summed, over pixels and over latents alike. The
posterior is any distribution whose draws carry gradients, the decoder any function from a latent to the params of a
likelihood. Discrete latents have `reinforce` and `vimco`; several layers of them `hierarchical_elbo`.

>>> import jax, jax.numpy as jnp
>>> from lik_jax import normal
>>> y, q = jnp.ones((1, 1)), normal.Params(jnp.zeros((1, 1)), jnp.ones((1, 1)))
>>> parts = elbo(normal, lambda z: normal.Params(z, 1.0), q, y, noise=jnp.ones((1, 1)))
>>> [round(float(x[0]), 4) for x in (parts.reconstruction, parts.kl, parts.elbo)]
[-0.9189, 0.0, -0.9189]
"""

from typing import Any, Literal, NamedTuple

import jax
from jax import Array
from jax.typing import ArrayLike

from ..distribution import Distribution
from ..distributions import normal
from ._latents import Decoder, draw, filled, fits, kept, kl_terms, log_likelihood, standard, where, zeroed


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
    beta: ArrayLike = 1.0,
    free_bits: float = 0.0,
    num_groups: int | None = None,
    mask: ArrayLike | None = None,
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
        beta: weight of the KL in ``objective``, a scalar; `annealing` has schedules of it.
        free_bits: nats that each group of dimensions of each example may hold for free in ``objective``; over a
            batch, see `lik_jax.free_bits`.
        num_groups: how many groups of neighbouring latent dimensions there are; by default each is one.
        mask: True where an example counts, ``[B]``; the others add exactly 0, whatever they hold.

    Returns:
        An `Elbo`, each part ``[B]``. A ``y`` that the likelihood cannot give, a grey pixel under a Bernoulli, makes
        the bound -inf.

    Raises:
        ValueError: shapes that do not fit, not exactly one source of ``z``, a posterior whose draws carry no gradient,
            or free bits without a KL in closed form.

    Source: Kingma and Welling (2014), "Auto-encoding variational Bayes"; Roeder, Wu and Duvenaud (2017), "Sticking the
    landing"; Higgins et al. (2017) for beta; Kingma et al. (2016) for free bits.

    >>> from lik_jax import bernoulli
    >>> q = normal.Params(jnp.zeros((3, 2)), jnp.ones((3, 2)))
    >>> elbo(bernoulli, lambda z: bernoulli.Params(z), q, jnp.ones((3, 2)), key=jax.random.key(0)).elbo.shape
    (3,)
    """
    if estimator not in ("reparametrised", "stl"):
        raise ValueError(f"elbo: estimator={estimator!r}; want 'reparametrised' or 'stl'.")
    keep = kept(likelihood, y, mask, "elbo")
    prior_params, params = standard(prior, prior_params), filled(posterior, params, keep)
    sample = where(keep, fits("elbo", posterior, params, draw(posterior, params, key, noise, z)), posterior.support)
    reconstruction = log_likelihood(likelihood, decode(sample), y, keep)
    stl = estimator == "stl"
    scored = jax.lax.stop_gradient(params) if stl else params
    closed = analytic_kl and not stl
    kl, counted = kl_terms(
        "elbo", posterior, params, scored, prior, prior_params, sample, keep, closed, free_bits, num_groups
    )
    reconstruction, kl, counted = zeroed(keep, reconstruction, kl, counted)
    return Elbo(reconstruction, kl, reconstruction - kl, reconstruction - beta * counted)
