"""Dequantisation: a density scores data that come in levels, by a lower bound on the log-mass of the level.

A level ``y`` is the lower end of a bin of width ``w``, and its mass the integral of the density over the bin. With
noise ``u`` in [0, 1) from ``q(u | y)``,
``log P(y) >= E_q[log p(y + w u) + D log w - log q(u | y)]``, ``D`` numbers an example.
The term ``D log w`` makes the result a log-mass, the same whatever units the levels are written in. Uniform noise has
``log q = 0``; a learnt ``q`` (variational dequantisation) tightens the bound, up to equality where it is the density's
own shape within the bin.

The first axis of ``y`` counts examples; sums run over everything after it. ``log_prob`` is any function from data
``[B, ...]`` to log-densities ``[B]``.

>>> import math
>>> import jax, jax.numpy as jnp
>>> from lik_jax import bits_per_dim
>>> flat = lambda x: jnp.full(x.shape[0], -x.shape[1] * math.log(17.0))  # uniform on [0, 17) in every coordinate
>>> y = jnp.zeros((2, 3))
>>> round(float(bits_per_dim(-bound(flat, y, key=jax.random.key(0)).bound[0], 3)), 4)
4.0875

Source: Theis, van den Oord and Bethge (2016), "A note on the evaluation of generative models", section 3.1, for uniform
noise; Ho et al. (2019), "Flow++", section 3.1, for learnt noise.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .._arrays import as_floats, float_dtype
from ._batch import over
from .likelihood import check_shapes, fill_masked
from .reduction import Reduction, example_weights, finish

LogDensity = Callable[[Array], Array]


class Dequantized(NamedTuple):
    """A bound on the log-mass of levels, taken apart; nats.

    Attributes:
        bound: the mean of ``log_weights`` over the draws, ``[B]``: an unbiased estimate of the bound. Report this.
        importance_bound: ``log mean exp`` of them, ``[B]``: tighter as draws grow. Name the number of draws with it.
        log_weights: ``log p(y + w u) + D log w - log q(u | y)``, ``[K, B]``.
        log_density: ``log p(y + w u)``, ``[K, B]``.
        log_noise: ``log q(u | y)``, ``[K, B]``; 0 for uniform noise.
    """

    bound: Array
    importance_bound: Array
    log_weights: Array
    log_density: Array
    log_noise: Array


def bin_width(low: float, high: float, num_levels: int) -> float:
    """The distance between neighbours among levels spread evenly from ``low`` to ``high``, both of them levels.

    256 levels on [0, 1] lie 1 / 255 apart; it is ``k / 256`` that lies 1 / 256 apart, and ends at 255 / 256.

    Raises:
        ValueError: fewer than two levels, or ``low`` is not below ``high``.

    >>> bin_width(0, 255, 256), bin_width(-1, 1, 256) == 2 / 255
    (1.0, True)
    """
    if num_levels != int(num_levels) or num_levels < 2 or not low < high:
        raise ValueError(f"bin_width: {num_levels} levels from {low} to {high}; want 2 or more, low below high.")
    return (high - low) / (num_levels - 1)


def bound(
    log_prob: LogDensity,
    y: ArrayLike,
    *,
    key: Array | None = None,
    noise: ArrayLike | None = None,
    num_samples: int = 1,
    bin_width: float = 1.0,
    posterior: Any = None,
    params: Any = None,
) -> Dequantized:
    """Lower bound on the log-mass of each example's levels.

    Args:
        log_prob: ``log_prob(x)``, ``[B, ...]`` to ``[B]``, nats: the density of the continuous data.
        y: levels, ``[B, ...]``, in the units of the density: each the lower end of its bin.
        key: draws the noise. Give exactly one of ``key`` and ``noise``.
        noise: the noise itself in [0, 1), ``[K, B, ...]``.
        num_samples: K, with ``key``.
        bin_width: distance between neighbouring levels, in the same units.
        posterior: distribution of ``u`` on the unit cube given ``y``; uniform by default. Its event is one example
            (``independent(beta, 1)`` for vectors), or one number, then summed.
        params: of the posterior, from a network that has seen ``y``; example axes ``[B]``.

    Returns:
        A `Dequantized`; maximise its ``bound``.

    Raises:
        ValueError: shapes that do not fit, not exactly one source of noise, or params without a posterior.

    >>> from lik_jax import normal
    >>> y = jnp.array([[0.0], [1.0]])
    >>> parts = bound(lambda x: normal.log_prob(normal.Params(0.0, 1.0), x).sum(-1), y, noise=jnp.full((1, 2, 1), 0.5))
    >>> [round(float(b), 4) for b in parts.bound]
    [-1.0439, -2.0439]
    """
    (y,) = as_floats(y)
    if y.ndim == 0:
        raise ValueError("dequantization: y is one number; want levels [B, ...], the first axis counting examples.")
    if not 0 < bin_width < math.inf:
        raise ValueError(f"dequantization: bin_width is {bin_width}; want the distance between levels, above 0.")
    if (key is None) == (noise is None):
        raise ValueError("dequantization: give exactly one of key and noise.")
    u, log_noise = _noise(y, key, noise, num_samples, posterior, params)
    u = u.astype(float_dtype(u, y))

    def scored(u: Array) -> Array:
        return _checked(log_prob(y + bin_width * u), y)

    # one draw is not mapped over: a batch axis of 1 through the layers of a flow costs a tenth of its time
    log_density = scored(u[0])[None] if u.shape[0] == 1 else jax.vmap(scored)(u)
    log_density, log_noise = as_floats(log_density, log_noise)
    log_weights = log_density + math.log(bin_width) * (y.size / max(y.shape[0], 1)) - log_noise
    mean = log_weights.mean(0)
    tighter = jax.nn.logsumexp(log_weights, 0) - math.log(log_weights.shape[0])
    return Dequantized(mean, tighter, log_weights, log_density, log_noise)


def loss(
    log_prob: LogDensity,
    y: ArrayLike,
    *,
    key: Array | None = None,
    noise: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
    num_samples: int = 1,
    bin_width: float = 1.0,
    posterior: Any = None,
    params: Any = None,
) -> Any:
    """Minus `bound`, reduced as `lik_jax.nll` does: what to minimise.

    Args:
        log_prob: ``log_prob(x)``, ``[B, ...]`` to ``[B]``, nats.
        y: levels, ``[B, ...]``.
        key: draws the noise. Give exactly one of ``key`` and ``noise``.
        noise: the noise itself, ``[K, B, ...]``.
        mask: True where an example counts, ``[B]``. A masked one adds exactly 0 to the value and to every gradient,
            whatever junk or NaN it or its posterior's params hold.
        weights: non-negative, ``[B]``; weight 0 is masked.
        reduction: "mean" (by weight), "sum", "none" or "total".
        num_samples: draws of noise an example, with ``key``.
        bin_width: distance between neighbouring levels.
        posterior: distribution of the noise; uniform by default.
        params: of the posterior.

    Returns:
        A scalar, an array ``[B]``, or a `Total`, in nats.

    Raises:
        ValueError: as `bound`, and masks or weights of another shape.

    >>> from lik_jax import normal
    >>> y, noise = jnp.array([[0.0], [jnp.nan]]), jnp.full((1, 2, 1), 0.5)
    >>> density = lambda x: normal.log_prob(normal.Params(0.0, 1.0), x).sum(-1)
    >>> round(float(loss(density, y, noise=noise, mask=jnp.array([True, False]))), 4)
    1.0439
    """
    (y,) = as_floats(y)
    keep, w = example_weights(mask, weights, y.shape[:1], "dequantization.loss")
    if keep is not None:
        at = over(keep, y)
        y = jnp.where(at, y, 0.0)
        noise = None if noise is None else jnp.where(at[None], jnp.asarray(noise), 0.5)
        if posterior is not None:
            axes = _examples(posterior, y)
            wide = jnp.broadcast_to(keep.reshape(keep.shape + (1,) * (len(axes) - 1)), axes)
            params, _ = fill_masked(posterior, params, y, wide)
    parts = bound(
        log_prob,
        y,
        key=key,
        noise=noise,
        num_samples=num_samples,
        bin_width=bin_width,
        posterior=posterior,
        params=params,
    )
    losses = -parts.bound
    return finish(losses, keep, w, reduction)


def _noise(y: Array, key: Any, noise: Any, num_samples: int, posterior: Any, params: Any) -> tuple[Array, Array]:
    """``u`` ``[K, B, ...]`` and ``log q(u | y)`` ``[K, B]``."""
    if noise is not None:
        (noise,) = as_floats(noise)
        if noise.ndim != y.ndim + 1 or noise.shape[1:] != y.shape:
            raise ValueError(
                f"dequantization: noise has shape {noise.shape}, but y has {y.shape}; want [K, *the shape of y]."
            )
    if posterior is None:
        if params is not None:
            raise ValueError("dequantization: params are those of a posterior; give posterior= too.")
        if noise is None:
            noise = jax.random.uniform(key, (num_samples, *y.shape), y.dtype)
        return noise, jnp.zeros(noise.shape[:2], noise.dtype)
    check_shapes(posterior, params, _examples(posterior, y))
    if noise is not None:
        log_noise = posterior.log_prob(params, noise)
    elif hasattr(posterior, "sample_and_log_prob"):
        noise, log_noise = posterior.sample_and_log_prob(params, key, (num_samples,))
    else:
        noise = posterior.sample(params, key, (num_samples,))
        log_noise = posterior.log_prob(params, noise)
    if noise.shape[1:] != y.shape:
        raise ValueError(
            f"dequantization: the posterior draws {noise.shape[1:]} for y of shape {y.shape}; its params must have the "
            f"example axes {_examples(posterior, y)}."
        )
    return noise, log_noise.sum(tuple(range(2, log_noise.ndim)))


def _examples(posterior: Any, y: Array) -> tuple[int, ...]:
    """The example axes that params of the posterior have."""
    return y.shape[: y.ndim - posterior.event_ndim]


def _checked(log_density: Array, y: Array) -> Array:
    if jnp.shape(log_density) != y.shape[:1]:
        raise ValueError(
            f"dequantization: log_prob gave the shape {jnp.shape(log_density)} for y of shape {y.shape}; want one "
            f"number an example, {y.shape[:1]}: sum over the numbers of one, by independent(...) for instance."
        )
    return log_density
