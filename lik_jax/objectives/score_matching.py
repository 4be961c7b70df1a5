"""Score matching: learn ``score(y) = d log p / dy`` of data, which knows no ``Z``.

``score`` is any function of a batch ``[B, ...]`` to the same shape, each example on its own; that of an energy is
*minus* its gradient (`of_energy`). `implicit` needs the trace of its Jacobian, `sliced` estimates that by random
probes, `denoising` looks at noised data instead; `noise_conditional` does so at many noise levels, and
`likelihood_bound` turns what was learned there into a bound on the likelihood.

>>> import jax.numpy as jnp
>>> float(implicit(lambda y: -y, jnp.array([[1.0, 1.0]])))  # -2 + 2 / 2
-1.0
"""

from collections.abc import Callable
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .._arrays import as_floats
from ._batch import examples, one_each, over, same_shape, sum_each
from .energy import Energy
from .mcmc import Score
from .reduction import Reduction, finish
from .schedules import antithetic_times

ConditionalScore = Callable[[Array, Array], Array]


def of_energy(energy: Energy) -> Score:
    """The score of ``exp(-E)``: minus the gradient of the energy, ``[B, ...]`` to the same.

    >>> of_energy(lambda y: 0.5 * (y**2).sum(-1))(jnp.array([[2.0]])).tolist()
    [[-2.0]]
    """
    return jax.grad(lambda y: -one_each(energy(y), y, "energy").sum())


def implicit(
    score: Score,
    y: ArrayLike,
    *,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """``trace(d score / dy) + |score|^2 / 2``: the Fisher divergence from the data, up to a constant of the data.

    Args:
        score: ``score(y)``, ``[B, ...]`` to the same, its params closed over; examples must not mix. It is
            differentiated once for every number in an example.
        y: observations with a density that is smooth and 0 at the edges, ``[B, ...]``.
        mask: True where an example counts, ``[B]``.
        weights: non-negative, ``[B]``.
        reduction: see `lik_jax.nll`.

    Raises:
        ValueError: shapes that do not fit.

    Source: Hyvärinen (2005), "Estimation of non-normalized statistical models by score matching", theorem 1.
    """
    (y,) = as_floats(y)
    y, keep, w = examples(y, mask, weights, "implicit")
    values, push = jax.linearize(lambda y: same_shape(score(y), y, "score"), y)
    dims = y[0].size

    def slope(i: Array) -> Array:
        direction = jnp.broadcast_to(jnp.zeros(dims, y.dtype).at[i].set(1).reshape(y.shape[1:])[None], y.shape)
        return sum_each(direction * push(direction))

    trace = jax.lax.map(slope, jnp.arange(dims)).sum(0)
    return finish(trace + 0.5 * sum_each(values**2), keep, w, reduction)


def sliced(
    score: Score,
    y: ArrayLike,
    *,
    key: Array | None = None,
    probes: ArrayLike | None = None,
    num_probes: int = 1,
    variance_reduced: bool = True,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """``v' (d score / dy) v + |score|^2 / 2`` for random ``v``: `implicit` in expectation, at the cost of one slope.

    Args:
        score: ``score(y)``, ``[B, ...]`` to the same, its params closed over; examples must not mix.
        y: observations, ``[B, ...]``.
        key: draws the probes, each number -1 or 1. Give exactly one of ``key`` and ``probes``.
        probes: of mean 0 and covariance 1, ``[num_probes, B, ...]``.
        num_probes: how many are drawn.
        variance_reduced: False takes ``(v' score)^2 / 2`` in place of ``|score|^2 / 2``.
        mask: True where an example counts, ``[B]``.
        weights: non-negative, ``[B]``.
        reduction: see `lik_jax.nll`.

    Raises:
        ValueError: shapes that do not fit, or not exactly one source of probes.

    Source: Song, Garg, Shi and Ermon (2019), "Sliced score matching".

    >>> float(sliced(lambda y: -y, jnp.array([[1.0, 1.0]]), probes=jnp.array([[[1.0, -1.0]]])))
    -1.0
    """
    (y,) = as_floats(y)
    if (key is None) == (probes is None):
        raise ValueError("sliced: give exactly one of key and probes.")
    if key is not None:
        directions = jax.random.rademacher(key, (num_probes, *y.shape), y.dtype)
    else:
        directions = jnp.asarray(probes, y.dtype)
    if directions.ndim != y.ndim + 1 or directions.shape[1:] != y.shape:
        raise ValueError(f"sliced: probes have shape {directions.shape}; want [num_probes, *{y.shape}].")
    y, keep, w = examples(y, mask, weights, "sliced")
    values, push = jax.linearize(lambda y: same_shape(score(y), y, "score"), y)

    def one(probe: Array) -> Array:
        square = sum_each(values**2) if variance_reduced else sum_each(probe * values) ** 2
        return sum_each(probe * push(probe)) + 0.5 * square

    return finish(jax.vmap(one)(directions).mean(0), keep, w, reduction)


def denoising(
    score: Score,
    y: ArrayLike,
    sigma: ArrayLike,
    *,
    key: Array | None = None,
    noise: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """``|score(y + sigma noise) + noise / sigma|^2 / 2``: least at the score of the *noised* data.

    Args:
        score: ``score(y)``, ``[B, ...]`` to the same, its params closed over.
        y: clean observations, ``[B, ...]``.
        sigma: standard deviation of the noise, a scalar or ``[B]``.
        key: draws the noise. Give exactly one of ``key`` and ``noise``.
        noise: standard normal, ``[B, ...]``.
        mask: True where an example counts, ``[B]``.
        weights: non-negative, ``[B]``.
        reduction: see `lik_jax.nll`.

    Raises:
        ValueError: shapes that do not fit, or not exactly one source of noise.

    Source: Vincent (2011), "A connection between score matching and denoising autoencoders".

    >>> float(denoising(lambda y: 0 * y, jnp.zeros((1, 1)), 0.5, noise=jnp.ones((1, 1))))
    2.0
    """
    (y,) = as_floats(y)
    y, keep, w = examples(y, mask, weights, "denoising")
    sigma = _levels(sigma, y)
    each = _denoising_error(lambda y, sigma: score(y), y, sigma, _noise(y, key, noise)) / sigma**2
    return finish(0.5 * each, keep, w, reduction)


def noise_conditional(
    score: ConditionalScore,
    y: ArrayLike,
    sigmas: ArrayLike,
    *,
    key: Array | None = None,
    levels: ArrayLike | None = None,
    noise: ArrayLike | None = None,
    weighting: Literal["variance", "none"] | Callable[[Array], Array] = "variance",
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """`denoising` at one random noise level an example, weighted: what noise-conditional score networks learn by.

    Args:
        score: ``score(y, sigma)``, ``[B, ...]`` and ``[B]`` to ``[B, ...]``, its params closed over.
        y: clean observations, ``[B, ...]``.
        sigmas: the noise levels, ``[levels]``.
        key: draws what of ``levels`` and ``noise`` is not given.
        levels: the number of each example's level, ``[B]``; by default evenly spread.
        noise: standard normal, ``[B, ...]``.
        weighting: "variance" (``sigma^2``: every level counts alike), "none" (1), or a function of ``sigma`` ``[B]``.
        mask: True where an example counts, ``[B]``.
        weights: non-negative, ``[B]``.
        reduction: see `lik_jax.nll`.

    Raises:
        ValueError: shapes that do not fit, or nothing to draw from.

    Source: Song and Ermon (2019), "Generative modeling by estimating gradients of the data distribution",
    equations 5 and 6.

    >>> score = lambda y, sigma: -y / (1 + sigma[:, None] ** 2)
    >>> noise_conditional(score, jnp.zeros((4, 2)), [1.0, 0.1], key=jax.random.key(0)).shape
    ()
    """
    (y,) = as_floats(y)
    sigmas = jnp.asarray(sigmas, y.dtype)
    y, keep, w = examples(y, mask, weights, "noise_conditional")
    if key is None and (levels is None or noise is None):
        raise ValueError("noise_conditional: give a key, or both levels and noise.")
    first, second = (None, None) if key is None else jax.random.split(key)
    if levels is None and first is not None:
        place = jnp.floor(antithetic_times(first, y.shape[0], y.dtype) * sigmas.size).astype(jnp.int32)
    else:
        place = jnp.asarray(levels)
    if place.shape != y.shape[:1]:
        raise ValueError(f"noise_conditional: levels have shape {place.shape}; want {y.shape[:1]}.")
    sigma = sigmas[place]
    each = _denoising_error(score, y, sigma, _noise(y, second if noise is None else None, noise))
    if weighting == "variance":
        losses = 0.5 * each
    elif weighting == "none":
        losses = 0.5 * each / sigma**2
    elif callable(weighting):
        losses = 0.5 * weighting(sigma) * each / sigma**2
    else:
        raise ValueError(f"weighting={weighting!r}: want 'variance', 'none' or a function of sigma.")
    return finish(losses, keep, w, reduction)


def likelihood_bound(
    score: ConditionalScore,
    y: ArrayLike,
    sigmas: ArrayLike,
    prior_log_prob: Energy,
    *,
    key: Array | None = None,
    noise: ArrayLike | None = None,
) -> Array:
    """Upper bound on ``-log p`` of data with the least noise on them, from a score at all noise levels.

    Taken through every level with ``d = dim y``:
    ``E[-log prior(y + sigma_max noise)] + integral E[|sigma score + noise|^2 - d] d log sigma``. With the score of the
    noised data and the prior their density at the greatest noise, it is their entropy exactly. The integral is by the
    trapezoidal rule over ``sigmas``, so these should be many.

    Args:
        score: ``score(y, sigma)``, ``[B, ...]`` and ``[B]`` to ``[B, ...]``.
        y: clean observations, ``[B, ...]``.
        sigmas: all of one order, rising or falling, ``[levels]``.
        prior_log_prob: of what the data are taken for at the greatest noise, ``[B, ...]`` to ``[B]``, in nats.
        key: draws noise at every level. Give exactly one of ``key`` and ``noise``.
        noise: standard normal, ``[levels, B, ...]``.

    Returns:
        ``[B]``, in nats.

    Source: Song, Durkan, Murray and Ermon (2021), "Maximum likelihood training of score-based diffusion models",
    theorem 3, for noise that is only added.
    """
    (y,) = as_floats(y)
    sigmas = jnp.asarray(sigmas, y.dtype)
    if (key is None) == (noise is None):
        raise ValueError("likelihood_bound: give exactly one of key and noise.")
    shape = sigmas.size, *y.shape
    draws = jax.random.normal(key, shape, y.dtype) if key is not None else jnp.asarray(noise, y.dtype)
    if draws.shape != shape:
        raise ValueError(f"likelihood_bound: noise has shape {draws.shape}; want {shape}.")

    def excess(at: tuple[Array, Array]) -> Array:
        sigma, draw = at
        return _denoising_error(score, y, jnp.broadcast_to(sigma, y.shape[:1]), draw) - sum_each(draw**2)

    each = jax.lax.map(excess, (sigmas, draws))  # (levels, B)
    gaps = jnp.abs(jnp.diff(jnp.log(sigmas)))
    integral = (0.5 * (each[1:] + each[:-1]) * gaps[:, None]).sum(0)
    most = jnp.argmax(sigmas)
    far = y + sigmas[most] * draws[most]
    return integral - one_each(prior_log_prob(far), far, "prior_log_prob")


def _denoising_error(score: ConditionalScore, y: Array, sigma: Array, noise: Array) -> Array:
    """``|sigma score(y + sigma noise) + noise|^2``, ``[B]``."""
    noised = y + over(sigma, y) * noise
    return sum_each((over(sigma, y) * same_shape(score(noised, sigma), y, "score") + noise) ** 2)


def _levels(sigma: ArrayLike, y: Array) -> Array:
    sigma = jnp.asarray(sigma, y.dtype)
    if sigma.shape not in ((), y.shape[:1]):
        raise ValueError(f"sigma has shape {sigma.shape}; want one number, or one an example: {y.shape[:1]}.")
    return jnp.broadcast_to(sigma, y.shape[:1])


def _noise(y: Array, key: Array | None, noise: ArrayLike | None) -> Array:
    if (key is None) == (noise is None):
        raise ValueError("Give exactly one of key and noise.")
    draws = jax.random.normal(key, y.shape, y.dtype) if key is not None else jnp.asarray(noise, y.dtype)
    if draws.shape != y.shape:
        raise ValueError(f"noise has shape {draws.shape}; want that of y, {y.shape}.")
    return draws
