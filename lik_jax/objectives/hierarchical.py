"""Several layers of latents with a learned prior: ``p(z_1) p(z_2 | z_1) ... p(y | z_1, ..., z_L)``, from the top down.

The posterior goes the same way, ``q(z_1 | y) q(z_2 | z_1, y) ...``, so that each layer has a KL of its own. A layer is
two functions of the latents above it, a tuple that is empty at the top.

>>> import jax, jax.numpy as jnp
>>> from lik_jax import normal
>>> y = jnp.ones((4, 3))
>>> posteriors = [lambda above: normal.Params(y[:, :1], 0.5), lambda above: normal.Params(y[:, :2] + above[0], 1.0)]
>>> priors = [lambda above: normal.Params(0.0, 1.0), lambda above: normal.Params(jnp.repeat(above[0], 2, -1), 1.0)]
>>> decode = lambda latents: normal.Params(latents[-1] @ jnp.ones((2, 3)), 1.0)
>>> hierarchical_elbo(normal, decode, posteriors, priors, y, key=jax.random.key(0)).kl.shape
(2, 4)
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ..distribution import Distribution
from ..distributions import normal
from ._latents import draw, filled, fits, kept, kl_terms, log_likelihood, one_source, where, zeroed

Layer = Callable[[tuple[Array, ...]], Any]


class HierarchicalElbo(NamedTuple):
    """A bound on ``log p(y)`` taken apart, in nats.

    Attributes:
        reconstruction: ``log p(y | z)``, ``[B]``.
        kl: of each layer given the sample of those above, in closed form or from the sample, ``[L, B]``.
        elbo: ``reconstruction`` less every ``kl``, ``[B]``: the bound. Report this.
        objective: with ``beta`` and ``free_bits``, ``[B]``. Maximise this.
    """

    reconstruction: Array
    kl: Array
    elbo: Array
    objective: Array


def hierarchical_elbo(
    likelihood: Distribution,
    decode: Callable[[tuple[Array, ...]], Any],
    posteriors: Sequence[Layer],
    priors: Sequence[Layer],
    y: Any,
    *,
    key: Array | None = None,
    noise: Sequence[ArrayLike] | None = None,
    z: Sequence[ArrayLike] | None = None,
    posterior: Any = normal,
    prior: Any = normal,
    estimator: Literal["reparametrised", "stl"] = "reparametrised",
    analytic_kl: bool = True,
    beta: ArrayLike = 1.0,
    free_bits: float = 0.0,
    num_groups: int | None = None,
    mask: ArrayLike | None = None,
) -> HierarchicalElbo:
    """Evidence lower bound of L layers of latents from one sample an example.

    With ``analytic_kl=False`` its ``elbo`` is the log-weight of the sample: what `importance_bound` and
    `marginal_log_likelihood` take.

    Args:
        likelihood: distribution of ``y`` given the latents.
        decode: ``decode(latents)``, all L of them, the top one first, to the likelihood's params.
        posteriors: one function a layer, the top one first: the latents above, a tuple, to params ``[B, ...]``.
        priors: the same for the prior.
        y: observations, ``[B, ...]``.
        key: draws the latents. Give exactly one of ``key``, ``noise`` and ``z``.
        noise: one standard normal ``[B, *latent]`` a layer.
        z: one latent a layer, made from the params, so that gradients flow.
        posterior: distribution of each latent given ``y`` and those above.
        prior: distribution of each latent given those above.
        estimator: "reparametrised", or "stl": the score of ``q`` is left out of the gradient, layer by layer, which
            has no variance where ``q`` is exact; its ``kl`` are always from the sample.
        analytic_kl: use the closed form where posterior and prior are one family that has one.
        beta: weight of the KLs in ``objective``, a scalar, or ``[L]`` one a layer.
        free_bits: nats that each group of dimensions of each example may hold for free in ``objective``.
        num_groups: how many groups of neighbouring dimensions a layer has; by default each dimension is one.
        mask: True where an example counts, ``[B]``; the others add exactly 0, whatever they hold.

    Returns:
        A `HierarchicalElbo`.

    Raises:
        ValueError: shapes or numbers of layers that do not fit, not exactly one source of latents, or free bits
            without a KL in closed form.

    Source: Sønderby et al. (2016), "Ladder variational autoencoders"; Roeder, Wu and Duvenaud (2017) for "stl".
    """
    name = "hierarchical_elbo"
    if estimator not in ("reparametrised", "stl"):
        raise ValueError(f"{name}: estimator={estimator!r}; want 'reparametrised' or 'stl'.")
    stl = estimator == "stl"
    closed = analytic_kl and not stl
    num_layers = len(posteriors)
    given = {word: len(x) for word, x in {"priors": priors, "noise": noise, "z": z}.items() if x is not None}
    if num_layers < 1 or any(count != num_layers for count in given.values()):
        raise ValueError(f"{name}: {num_layers} posteriors, but {given}; want one a layer of each.")
    one_source(key, noise, z)
    keys: Any = [None] * num_layers if key is None else jax.random.split(key, num_layers)
    keep = kept(likelihood, y, mask, name)
    latents: tuple[Array, ...] = ()
    kls, counted = [], []
    for layer in range(num_layers):
        params = filled(posterior, posteriors[layer](latents), keep)
        prior_params = priors[layer](latents)
        given_noise, given_z = (None if x is None else x[layer] for x in (noise, z))
        drawn = fits(name, posterior, params, draw(posterior, params, keys[layer], given_noise, given_z))
        sample = where(keep, drawn, posterior.support)
        scored = _without_score(posteriors[layer], latents) if stl else params
        kl, costs = kl_terms(
            name, posterior, params, scored, prior, prior_params, sample, keep, closed, free_bits, num_groups
        )
        kls.append(kl)
        counted.append(costs)
        latents = (*latents, sample)
    reconstruction = log_likelihood(likelihood, decode(latents), y, keep)
    reconstruction, kl, penalty = zeroed(keep, reconstruction, jnp.stack(kls), jnp.stack(counted))
    weight = jnp.broadcast_to(jnp.asarray(beta, kl.dtype), (num_layers,))[:, None]
    return HierarchicalElbo(reconstruction, kl, reconstruction - kl.sum(0), reconstruction - (weight * penalty).sum(0))


def _without_score(layer: Layer, above: tuple[Array, ...]) -> Any:
    """The params of a layer, with a gradient towards the latents above and none towards what ``layer`` closes over."""
    fixed = jax.lax.stop_gradient(above)
    params, slope = jax.linearize(layer, fixed)
    moved = slope(jax.tree.map(lambda a, b: a - b, above, fixed))
    return jax.tree.map(lambda a, b: jax.lax.stop_gradient(a) + b, params, moved)
