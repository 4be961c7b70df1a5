"""The importance-weighted bound of K samples: tighter than the ELBO, and trained towards.

>>> import jax.numpy as jnp
>>> q, y = normal.Params(jnp.zeros((1, 1)), jnp.ones((1, 1))), jnp.ones((1, 1))
>>> two = iwae(normal, lambda z: normal.Params(z, 1.0), q, y, noise=jnp.array([0.0, 1.0]).reshape(2, 1, 1))
>>> round(float(two.bound[0]), 4)
-1.138
"""

from typing import Any, Literal

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ..distribution import Distribution
from ..distributions import normal
from ._latents import Decoder, counted, draw, filled, fits, kept, zeroed
from .importance import Iwae, importance_bound, log_sum_exp, log_weight


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
    mask: ArrayLike | None = None,
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
            unbiased; that of "dreg" keeps its signal as K grows. There is no "stl" here: leaving the score out is
            right for one sample, and biased for more.
        mask: True where an example counts, ``[B]``; the others add exactly 0, whatever they hold.

    Returns:
        An `Iwae`; maximise its ``bound``.

    Raises:
        ValueError: shapes that do not fit, not exactly one source of ``z``, no sample at all, or a posterior whose
            draws carry no gradient (`vimco` needs none).

    Source: Burda, Grosse and Salakhutdinov (2016), "Importance weighted autoencoders"; Tucker et al. (2019), "Doubly
    reparameterized gradient estimators for Monte Carlo objectives".

    >>> q = normal.Params(jnp.zeros((1, 1)), jnp.ones((1, 1)))
    >>> iwae(normal, lambda z: normal.Params(z, 1.0), q, jnp.ones((1, 1)), noise=jnp.ones((5, 1, 1))).log_weights.shape
    (5, 1)
    """
    if estimator == "stl":
        raise ValueError(
            "iwae: sticking the landing is biased for more than one sample; want estimator='dreg', which has as little "
            "variance and no bias."
        )
    if estimator not in ("reparametrised", "dreg"):
        raise ValueError(f"iwae: estimator={estimator!r}; want 'reparametrised' or 'dreg'.")
    given = noise if z is None else z
    shape = counted(num_samples, key, given, "iwae")
    keep = kept(likelihood, y, mask, "iwae")
    params = filled(posterior, params, keep)
    samples = fits("iwae", posterior, params, draw(posterior, params, key, noise, z, shape), many=True)

    def log_weights(samples: Array, params: Any) -> Array:
        def one(sample: Array) -> Array:
            return log_weight(
                likelihood,
                decode,
                params,
                y,
                z=sample,
                posterior=posterior,
                prior=prior,
                prior_params=prior_params,
                mask=mask,
            )

        return jax.vmap(one)(samples)

    if estimator == "dreg":
        params = jax.lax.stop_gradient(params)
        logs = jax.lax.stop_gradient(log_weights(jax.lax.stop_gradient(samples), params))
        total = log_sum_exp(logs)[None]
        shares = jnp.exp(logs - jnp.where(jnp.isneginf(total), 0, total))
        samples = _scale_gradient(samples, shares.reshape(shares.shape + (1,) * (samples.ndim - shares.ndim)))
    result = importance_bound(log_weights(samples, params))
    return result._replace(bound=zeroed(keep, result.bound)[0])


def _scale_gradient_rule(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    return primals[0], primals[1] * tangents[0]


# the first argument, with its gradient multiplied by the second
_scale_gradient: Any = jax.custom_jvp(lambda x, factor: x)
_scale_gradient.defjvp(_scale_gradient_rule)
