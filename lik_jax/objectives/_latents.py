"""What the bounds of latent-variable models share: checks, latents drawn, the terms of a weight, masks."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from .._arrays import as_floats
from ..compose import independent
from ..distribution import name_of
from ..distributions import normal
from ..supports import Support, example_axes
from ._batch import over, sum_each
from .free_bits import free_bits
from .likelihood import check_shapes, observation_axes
from .reduction import example_weights

Decoder = Callable[[Array], Any]


def standard(prior: Any, params: Any) -> Any:
    """Params of the prior: those given, or the standard normal."""
    if params is not None:
        return params
    if prior is not normal:
        raise ValueError(f"Give prior_params: only the normal has a standard, and the prior is {name_of(prior)}.")
    return normal.Params(0.0, 1.0)


def kept(likelihood: Any, y: Any, mask: Any, name: str) -> Array | None:
    """Which examples count, ``[B]``, or None if all do."""
    axes = observation_axes(likelihood, y)
    if not axes:
        raise ValueError(f"{name}: y has no axis of examples; want [B, ...]: y[None] is a batch of one.")
    return example_weights(mask, None, axes[:1], name)[0]


def filled(distribution: Any, params: Any, keep: Array | None, rank: int | None = None) -> Any:
    """Params with legal values where an example does not count.

    Those of fewer than ``rank`` example axes, by default the most that one of them has, are shared and left alone.
    """
    if keep is None:
        return params
    most = example_rank(distribution, params) if rank is None else rank

    def fill(support: Support, x: Any) -> Any:
        return where(keep, x, support) if len(example_axes(support, x)) == most else x

    return jax.tree.map(fill, distribution.param_supports, params)


def example_rank(distribution: Any, params: Any) -> int:
    """The most example axes that one of the params has."""
    ranks = jax.tree.map(lambda support, x: len(example_axes(support, x)), distribution.param_supports, params)
    return max(jax.tree.leaves(ranks))


def where(keep: Array | None, x: Any, support: Support) -> Any:
    """Observations or latents ``[B, ...]`` with legal values where an example does not count."""
    if keep is None:
        return x
    return jax.tree.map(lambda leaf: jnp.where(over(keep, jnp.asarray(leaf)), leaf, support.legal(leaf)), x)


def zeroed(keep: Array | None, *parts: Array) -> tuple[Array, ...]:
    """Parts ``[..., B]``, exactly 0 where an example does not count."""
    return parts if keep is None else tuple(jnp.where(keep, part, 0) for part in parts)


def log_likelihood(likelihood: Any, params: Any, y: Any, keep: Array | None) -> Array:
    """``log p(y | z)`` from the decoder's params, ``[B]``, within the shape guard."""
    check_shapes(likelihood, params, observation_axes(likelihood, y))
    params, y = filled(likelihood, params, keep), where(keep, y, likelihood.support)
    return sum_each(likelihood.log_prob(params, y))


def log_density(distribution: Any, params: Any, z: Array, keep: Array | None) -> Array:
    """``log p(z)`` or ``log q(z)``, ``[B]``."""
    params = filled(distribution, params, keep, z.ndim - distribution.event_ndim)
    return sum_each(distribution.log_prob(params, where(keep, z, distribution.support)))


def one_source(key: Any, noise: Any, z: Any) -> None:
    """Raise unless exactly one of the three is given."""
    if sum(x is not None for x in (key, noise, z)) != 1:
        raise ValueError("Give exactly one of key, noise and z.")


def counted(num_samples: int | None, key: Any, samples: Any, name: str) -> tuple[int, ...]:
    """The shape ``(K,)`` of the draws that ``key`` is for; () if noise or latents are given, and hold K themselves."""
    if (num_samples is None) != (key is None):
        raise ValueError(f"{name}: num_samples goes with key; noise and z hold the samples along their first axis.")
    count = num_samples if samples is None else (jnp.shape(samples) or (0,))[0]
    if count is not None and (count < 1 or count != int(count)):
        raise ValueError(f"{name}: {count} samples; want a whole number of them, 1 or more.")
    return () if num_samples is None else (num_samples,)


def draw(posterior: Any, params: Any, key: Any, noise: Any, z: Any, shape: tuple[int, ...] = ()) -> Array:
    """Latents ``[*shape, B, *latent]`` through which gradients flow to ``params``."""
    one_source(key, noise, z)
    sample = jnp.asarray(z) if z is not None else _drawn(posterior, params, key, noise, shape)
    if not jnp.issubdtype(sample.dtype, jnp.floating):
        raise ValueError(
            f"No gradient flows through draws of {name_of(posterior)}: they are {sample.dtype}. Use reinforce or vimco."
        )
    return sample


def _drawn(posterior: Any, params: Any, key: Any, noise: Any, shape: tuple[int, ...]) -> Array:
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


def fits(name: str, posterior: Any, params: Any, z: Array, *, many: bool = False) -> Array:
    """``z``, if it has the shape of a draw from the posterior; with ``many``, of K of them.

    Raises:
        ValueError: another shape; a broadcast would share draws among examples.
    """
    one = jax.eval_shape(lambda params: posterior.sample(params, jax.random.key(0)), params).shape
    if z.shape[many:] != one or (many and z.ndim != len(one) + 1):
        wanted = f"[K, *{one}]" if many else f"{one}"
        raise ValueError(f"{name}: the latents have shape {z.shape}; one draw an example is {one}, so want {wanted}.")
    return z


def divergence(posterior: Any, params: Any, prior: Any, prior_params: Any, keep: Array | None) -> Array | None:
    """``KL(q || p)`` of each dimension in closed form, ``[B, d]``; None if there is none."""
    # coordinates taken into the event have the closed form of their base
    posterior, prior = _coordinates(posterior), _coordinates(prior)
    if prior != posterior or not hasattr(posterior, "kl_divergence"):
        return None
    rank = example_rank(posterior, params)
    each = posterior.kl_divergence(filled(posterior, params, keep, rank), filled(prior, prior_params, keep, rank))
    return each.reshape(each.shape[0], -1)


def _coordinates(distribution: Any) -> Any:
    return _coordinates(distribution.base) if isinstance(distribution, independent) else distribution


def kl_terms(
    name: str,
    posterior: Any,
    params: Any,
    scored: Any,
    prior: Any,
    prior_params: Any,
    z: Array,
    keep: Array | None,
    closed: bool,
    least: float,
    num_groups: int | None,
) -> tuple[Array, Array]:
    """``KL(q || p)`` and what of it counts with free bits, ``[B]`` each.

    ``params`` give the closed form, if it is wanted and there is one; ``scored`` the log-density of the sample.
    """
    each = divergence(posterior, params, prior, prior_params, keep) if closed else None
    if each is not None:
        return each.sum(-1), free_bits(each, least, num_groups=num_groups) if least else each.sum(-1)
    if least:
        raise ValueError(
            f"{name}: free_bits needs the KL of each dimension in closed form: a posterior and a prior of one family "
            f"that has kl_divergence, analytic_kl=True and estimator='reparametrised'."
        )
    kl = log_density(posterior, scored, z, keep) - log_density(prior, prior_params, z, keep)
    return kl, kl
