"""Gaussian diffusion: training losses, the variational bound with all its terms, and sampling.

``denoise(x_t, t)`` is any function of noised data ``[B, ...]`` and times ``[B]`` that predicts the noise ("eps"), the
clean data ("x0") or "v"; the schedule is one of `schedules`. Sums run over everything but the first axis.

>>> import jax, jax.numpy as jnp
>>> from lik_jax import normal
>>> from lik_jax.objectives import schedules
>>> schedule = schedules.Linear()
>>> denoise = lambda x_t, t: schedules.alpha(schedule.gamma(t))[:, None] * x_t  # best for data N(0, 1), as x0
>>> x = jax.random.normal(jax.random.key(0), (8, 2))
>>> bound = variational_bound(
...     normal, gaussian_decoder, denoise, schedule, x, key=jax.random.key(1), num_steps=100, prediction="x0"
... )
>>> bound.total.shape
(8,)
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .. import special
from .._arrays import as_floats
from ..distribution import Distribution
from ..distributions import categorical, normal
from . import schedules
from .likelihood import check_shapes, observation_axes
from .reduction import Reduction, example_weights, reduce
from .schedules import Prediction, Schedule

Denoiser = Callable[[Array, Array], Array]
Decoder = Callable[[Array, Array], Any]


class DiffusionBound(NamedTuple):
    """An upper bound on ``-log p(y)`` taken apart, each ``[B]`` in nats.

    Attributes:
        prior: ``KL(q(x_1 | x) || N(0, 1))``.
        diffusion: the sum of the KLs of all steps, or its estimate from one time an example.
        reconstruction: ``-log p(y | x_0)``.
        total: their sum.
    """

    prior: Array
    diffusion: Array
    reconstruction: Array
    total: Array


def denoising_loss(
    denoise: Denoiser,
    schedule: Schedule,
    x: ArrayLike,
    *,
    key: Array | None = None,
    t: ArrayLike | None = None,
    noise: ArrayLike | None = None,
    prediction: Prediction = "eps",
    weighting: Literal["simple", "min_snr"] | Callable[[Array], Array] = "simple",
    snr_cap: float = 5.0,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """Weighted squared error of a denoiser at one random time an example: what diffusion models are trained by.

    It is no likelihood: `variational_bound` is. The error is summed, not averaged, over an example's dimensions.

    Args:
        denoise: ``denoise(x_t, t)``, ``[B, ...]`` and ``[B]`` to ``[B, ...]``.
        schedule: one of `schedules`.
        x: clean data, scaled to about unit size, ``[B, ...]``.
        key: draws what of ``t`` and ``noise`` is not given.
        t: times in [0, 1], ``[B]``; by default antithetic of low discrepancy.
        noise: standard normal, ``[B, ...]``.
        prediction: what ``denoise`` predicts: "eps", "x0" or "v".
        weighting: "simple" (1), "min_snr", or a function of ``gamma`` ``[B]``.
        snr_cap: the cap of "min_snr".
        mask: True where an example counts, ``[B]``.
        weights: non-negative, ``[B]``.
        reduction: see `nll`.

    Raises:
        ValueError: shapes that do not fit, or nothing to draw ``t`` and ``noise`` from.

    Source: Ho, Jain and Abbeel (2020), equation 14.

    >>> x, t, noise = jnp.ones((1, 2)), jnp.array([0.5]), jnp.ones((1, 2))
    >>> float(denoising_loss(lambda x_t, t: 0 * x_t, schedules.Linear(), x, t=t, noise=noise))
    2.0
    """
    (x,) = as_floats(x)
    keep, w = example_weights(mask, weights, x.shape[:1], "denoising_loss")
    if keep is not None:
        x = jnp.where(_over(keep, x), x, 0)
    t, noise, _ = _draw(x, key, t, noise)
    gamma = schedule.gamma(t)
    if weighting == "simple":
        weight = jnp.ones_like(gamma)
    elif weighting == "min_snr":
        weight = schedules.min_snr_weight(gamma, prediction, cap=snr_cap)
    elif callable(weighting):
        weight = weighting(gamma)
    else:
        raise ValueError(f"weighting={weighting!r}: want 'simple', 'min_snr' or a function of gamma.")
    losses = weight * _squared_error(denoise, x, noise, t, gamma, prediction)
    if keep is not None and w is not None:
        losses, w = jnp.where(keep, losses, 0), w.astype(losses.dtype)
    return reduce(losses, w, reduction)


def variational_bound(
    likelihood: Distribution,
    decode: Decoder,
    denoise: Denoiser,
    schedule: Schedule,
    x: ArrayLike,
    *,
    y: Any = None,
    key: Array | None = None,
    t: ArrayLike | None = None,
    noise: ArrayLike | None = None,
    num_steps: int | None = None,
    full: bool = False,
    prediction: Prediction = "eps",
) -> DiffusionBound:
    """Upper bound on the negative log-likelihood of a diffusion model, all terms, in nats.

    With ``num_steps`` T the model has T steps from ``t`` to ``t - 1 / T``, and the diffusion term is the sum of their
    KLs, ``T / 2 E[expm1(gamma(t) - gamma(t - 1 / T)) |noise - predicted|^2]``; without, it is the limit of many steps,
    ``1 / 2 E[gamma'(t) |noise - predicted|^2]``.

    Args:
        likelihood: distribution of ``y`` given ``x_0``, the data at time 0 (which is slightly noised).
        decode: ``decode(x_0, gamma_0)`` to its params: `gaussian_decoder`, or `level_decoder` for discrete data.
        denoise: ``denoise(x_t, t)``, ``[B, ...]`` and ``[B]`` to ``[B, ...]``.
        schedule: one of `schedules`.
        x: clean data as the diffusion sees them, ``[B, ...]``.
        y: the observations, if they are not ``x`` itself: the levels of a picture, say.
        key: draws what of ``t`` and ``noise`` is not given.
        t: times, ``[B]``: in [0, 1], or ``i / T`` with ``i`` in 1 .. T; by default antithetic of low discrepancy.
        noise: standard normal, ``[B, ...]``, shared by all terms.
        num_steps: T, or None for continuous time.
        full: sum over every step, T calls of ``denoise``, with no sampling of ``t``: for evaluation.
        prediction: what ``denoise`` predicts: "eps", "x0" or "v".

    Returns:
        A `DiffusionBound`, each part ``[B]``; `bits_per_dim` of ``total`` is what is reported.

    Raises:
        ValueError: shapes that do not fit, nothing to draw from, or ``full`` without ``num_steps``.

    Source: Ho, Jain and Abbeel (2020), equation 5; Kingma et al. (2021), equations 11 to 18.
    """
    if full and (num_steps is None or t is not None):
        raise ValueError("variational_bound: full=True sums over all steps: it needs num_steps, and takes no t.")
    (x,) = as_floats(x)
    noise_0, drawn = noise, t is None
    t, noise, keys = _draw(x, key, jnp.zeros(x.shape[0], x.dtype) if full else t, noise)
    if noise_0 is None:
        noise_0 = jax.random.normal(keys[0], x.shape, x.dtype)

    def squared_error(t: Array, noise: Array) -> Array:
        gamma = schedule.gamma(t)
        return schedules.noise_weight(gamma, prediction) * _squared_error(denoise, x, noise, t, gamma, prediction)

    def step(i: Array, noise: Array, count: int) -> Array:
        """The KL of step ``i`` in 1 .. count."""
        rise = schedule.gamma(i / count) - schedule.gamma((i - 1) / count)
        return 0.5 * jnp.expm1(rise) * squared_error(i / count, noise)

    if num_steps is None:
        slope = jax.jvp(schedule.gamma, (t,), (jnp.ones_like(t),))[1]
        diffusion = 0.5 * slope * squared_error(t, noise)
    elif full:
        shared = key is None
        draws = None if shared else jax.random.split(keys[1], num_steps)

        def add(total: Array, at: tuple[Array, Any]) -> tuple[Array, None]:
            i, draw = at
            fresh = noise if shared else jax.random.normal(draw, x.shape, x.dtype)
            return total + step(jnp.full(x.shape[0], i, x.dtype), fresh, num_steps), None

        diffusion, _ = jax.lax.scan(add, jnp.zeros(x.shape[0], x.dtype), (jnp.arange(1, num_steps + 1), draws))
    else:
        i = jnp.floor(t * num_steps) + 1 if drawn else jnp.round(t * num_steps)
        diffusion = num_steps * step(i, noise, num_steps)

    gamma_0, gamma_1 = schedule.gamma(jnp.zeros((), x.dtype)), schedule.gamma(jnp.ones((), x.dtype))
    # sigma^2 - 1 is -alpha^2, and log sigma^2 a log-sigmoid: nothing cancels where almost all is noise
    each = 0.5 * (special.sigmoid(-gamma_1) * (x - 1) * (x + 1) - special.log_sigmoid(gamma_1))
    prior = _per_example(each)
    params, y = decode(schedules.noised(x, noise_0, gamma_0), gamma_0), x if y is None else y
    check_shapes(likelihood, params, observation_axes(likelihood, y))
    reconstruction = -_per_example(likelihood.log_prob(params, y))
    return DiffusionBound(prior, diffusion, reconstruction, prior + diffusion + reconstruction)


def gaussian_decoder(x_0: Array, gamma_0: Array) -> normal.Params:
    """Params of a normal for continuous data: ``x_0 / alpha`` with the noise that is in it, ``sigma / alpha``."""
    a, s = schedules.alpha(gamma_0), schedules.sigma(gamma_0)
    return normal.Params(x_0 / a, jnp.broadcast_to(s / a, x_0.shape))


def level_decoder(levels: ArrayLike) -> Decoder:
    """A decoder for discrete data: ``p(k | x_0)`` proportional to ``N(x_0; alpha levels[k], sigma^2)``.

    Args:
        levels: the values that ``x`` takes, ``[k]``; the observation is the index among them (`categorical`).

    >>> decode = level_decoder(jnp.array([-1.0, 1.0]))
    >>> decode(jnp.array([[0.5]]), jnp.array(-2.0)).logits.shape
    (1, 1, 2)
    """

    def decode(x_0: Array, gamma_0: Array) -> categorical.Params:
        place, values, gamma = as_floats(x_0[..., None], levels, gamma_0)
        z = (place - schedules.alpha(gamma) * values) / schedules.sigma(gamma)
        return categorical.Params(-0.5 * z**2)

    return decode


def sample(
    denoise: Denoiser,
    schedule: Schedule,
    key: Array,
    shape: tuple[int, ...],
    num_steps: int,
    *,
    prediction: Prediction = "eps",
    low: float | None = None,
    high: float | None = None,
) -> Array:
    """Draw from a diffusion model by ancestral sampling.

    Args:
        denoise: ``denoise(x_t, t)``, ``[B, ...]`` and ``[B]`` to ``[B, ...]``.
        schedule: one of `schedules`.
        key: PRNG key.
        shape: of what is drawn, ``(B, ...)``.
        num_steps: calls of ``denoise``.
        prediction: what ``denoise`` predicts: "eps", "x0" or "v".
        low: least value that data take, if they have one: predictions of ``x`` are cut off there.
        high: greatest value that data take.

    Returns:
        ``shape``: ``x_0 / alpha_0``, which is the data with noise of ``exp(gamma(0) / 2)`` left in it.

    Source: Ho, Jain and Abbeel (2020), algorithm 2.

    >>> denoise = lambda x_t, t: schedules.alpha(schedules.Cosine().gamma(t))[:, None] * x_t
    >>> sample(denoise, schedules.Cosine(), jax.random.key(0), (4, 2), 10, prediction="x0").shape
    (4, 2)
    """
    first, rest = jax.random.split(key)
    start = jax.random.normal(first, shape)

    def step(x_t: Array, at: tuple[Array, Array]) -> tuple[Array, None]:
        i, draw = at
        t = jnp.full(shape[:1], i, x_t.dtype) / num_steps
        gamma_t, gamma_s = (_over(schedule.gamma(u), x_t) for u in (t, t - 1 / num_steps))
        x = schedules.convert(denoise(x_t, t), x_t, gamma_t, source=prediction, to="x0")
        x = x if low is None and high is None else jnp.clip(x, low, high)
        fresh = -jnp.expm1(gamma_s - gamma_t)  # share of the noise that the step removes
        a_s, s_s = schedules.alpha(gamma_s), schedules.sigma(gamma_s)
        mean = a_s / schedules.alpha(gamma_t) * (1 - fresh) * x_t + a_s * fresh * x
        noise = jax.random.normal(draw, shape, x_t.dtype)
        return mean + s_s * jnp.sqrt(fresh) * noise, None

    x_0, _ = jax.lax.scan(step, start, (jnp.arange(num_steps, 0, -1), jax.random.split(rest, num_steps)))
    return x_0 / schedules.alpha(schedule.gamma(jnp.zeros((), x_0.dtype)))


def _squared_error(denoise: Denoiser, x: Array, noise: Array, t: Array, gamma: Array, prediction: Prediction) -> Array:
    """Squared error in what is predicted, summed over all but the first axis."""
    gamma = _over(gamma, x)
    predicted = denoise(schedules.noised(x, noise, gamma), t)
    if jnp.shape(predicted) != x.shape:
        raise ValueError(f"denoise gave the shape {jnp.shape(predicted)} for x_t of shape {x.shape}; want the same.")
    return _per_example((predicted - schedules.target(x, noise, gamma, prediction)) ** 2)


def _draw(x: Array, key: Any, t: Any, noise: Any) -> tuple[Array, Array, Any]:
    if key is None and (t is None or noise is None):
        raise ValueError("Give a key, or both t and noise.")
    keys: Any = None if key is None else jax.random.split(key, 4)
    if t is None:
        t = schedules.antithetic_times(keys[2], x.shape[0], x.dtype)
    if noise is None:
        noise = jax.random.normal(keys[3], x.shape, x.dtype)
    t, noise = jnp.asarray(t, x.dtype), jnp.asarray(noise, x.dtype)
    if t.shape != x.shape[:1] or noise.shape != x.shape:
        raise ValueError(f"x has shape {x.shape}: t wants {x.shape[:1]} and has {t.shape}; noise has {noise.shape}.")
    return t, noise, keys


def _over(per_example: Array, x: Array) -> Array:
    """``[B]`` to ``[B, 1, ...]``, of the rank of ``x``."""
    return per_example.reshape(per_example.shape + (1,) * (x.ndim - 1))


def _per_example(x: Array) -> Array:
    return x.sum(tuple(range(1, x.ndim)))
