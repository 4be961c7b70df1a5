"""Masked (absorbing) diffusion: tokens are hidden one by one, and a network learns to fill them in.

``denoise(x_t, t)`` is any function of tokens ``[B, ...]``, the hidden ones replaced by ``mask_token``, and of times
``[B]`` that gives logits ``[B, ..., k]``. `bound` is an upper bound on ``-log p(y)``, in nats: the surprise of the
hidden tokens, weighted by time. It is the same for every schedule, and equals ``-log p(y)`` where the network knows
every conditional of one joint distribution. `any_order_bound` is the same number by counts of hidden tokens, with less
noise.

>>> import jax, jax.numpy as jnp
>>> denoise = lambda x_t, t: jnp.zeros((*x_t.shape, 4))  # 4 levels, all alike; 4 is the mask
>>> y = jnp.array([[0, 3, 1]])
>>> round(float(any_order_bound(denoise, y, mask_token=4, key=jax.random.key(0), full=True).total[0]), 4)
4.1589

Source: Sahoo et al. (2024), "Simple and effective masked diffusion language models"; Shi et al. (2024), "Simplified and
generalized masked diffusion for discrete data"; Austin et al. (2021), "Structured denoising diffusion models".
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .._arrays import as_floats
from ..distributions import categorical
from ._batch import over, sum_each
from ._tokens import Denoiser, logits_of, mask_of, random_order, tokens_of
from .masked_sampling import sample as sample
from .masked_sampling import sample_any_order as sample_any_order
from .masking_schedules import Cosine as Cosine
from .masking_schedules import Linear as Linear
from .masking_schedules import MaskingSchedule as MaskingSchedule
from .masking_schedules import Polynomial as Polynomial
from .masking_schedules import check_schedule, rate
from .reduction import Reduction, example_weights, finish
from .schedules import antithetic_times


class MaskedBound(NamedTuple):
    """An upper bound on ``-log p(y)``, or its estimate from one mask an example; each ``[B]``.

    There is no other term: all is hidden at the end, and what is seen at the beginning is the data itself.

    Attributes:
        total: ``weight * surprise``, nats.
        surprise: ``-log p`` of the hidden tokens given the others, summed, nats.
        weight: of the time; that of time 1 where nothing was hidden.
        num_hidden: how many tokens were hidden.
    """

    total: Array
    surprise: Array
    weight: Array
    num_hidden: Array


def bound(
    denoise: Denoiser,
    schedule: MaskingSchedule,
    y: ArrayLike,
    *,
    mask_token: int,
    key: Array | None = None,
    t: ArrayLike | None = None,
    hidden: ArrayLike | None = None,
    num_steps: int | None = None,
) -> MaskedBound:
    """Upper bound on ``-log p(y)``, estimated without bias from one time and one mask an example, nats.

    In continuous time it is ``E_t[hidden'(t) / hidden(t) sum of -log p(token) over the hidden]``. With ``num_steps`` T
    the model has T steps, each filling in tokens independently of each other, and the weight is
    ``T (1 - hidden(t - 1 / T) / hidden(t))``: a looser bound. An example with nothing hidden adds exactly 0.

    Args:
        denoise: ``denoise(x_t, t)``, tokens ``[B, ...]`` and ``[B]`` to logits ``[B, ..., k]``.
        schedule: `Linear`, `Cosine`, `Polynomial` or another `MaskingSchedule`.
        y: tokens 0 .. k - 1, whole numbers, ``[B, ...]``.
        mask_token: what stands for a hidden token, usually k. If it is below k it is never predicted.
        key: draws what of ``t`` and ``hidden`` is not given.
        t: times, ``[B]``: in [0, 1], or ``i / T`` with ``i`` in 1 .. T; by default antithetic of low discrepancy.
        hidden: True where a token is hidden, ``[B, ...]``.
        num_steps: T, or None for continuous time.

    Returns:
        A `MaskedBound`; `bits_per_dim` of ``total`` is what is reported.

    Raises:
        ValueError: shapes that do not fit, nothing to draw from, or a schedule that does not rise from 0 to 1.

    Source: Sahoo et al. (2024), section 3; Shi et al. (2024); Austin et al. (2021) for finite steps.

    >>> y, t, hidden = jnp.array([[0, 1]]), jnp.array([0.5]), jnp.array([[True, False]])
    >>> denoise = lambda x_t, t: jnp.zeros((1, 2, 2))
    >>> round(float(bound(denoise, Linear(), y, mask_token=2, t=t, hidden=hidden).total[0]), 4)
    1.3863
    """
    check_schedule(schedule)
    y = tokens_of(y, "masked_diffusion.bound")
    if key is None and (t is None or hidden is None):
        raise ValueError("masked_diffusion.bound: give a key, or both t and hidden.")
    keys: Any = None if key is None else jax.random.split(key)
    if t is None:
        t = 1 - antithetic_times(keys[0], y.shape[0])  # in (0, 1]: at 0 nothing is hidden
        t = t if num_steps is None else jnp.ceil(t * num_steps) / num_steps
    (t,) = as_floats(t)
    if t.shape != y.shape[:1]:
        raise ValueError(f"masked_diffusion.bound: t has shape {t.shape}, but y has {y.shape}: want {y.shape[:1]}.")
    if hidden is None:
        hidden = jax.random.uniform(keys[1], y.shape, t.dtype) < over(schedule.hidden(t), y)
    hidden = mask_of(hidden, y, "masked_diffusion.bound")
    surprise = _surprise(denoise, y, hidden, t, mask_token)
    count = sum_each(hidden)
    # where nothing is hidden there is no surprise to weight, and at t = 0 the weight would be infinite
    safe = jnp.where(count > 0, t, 1)
    if num_steps is None:
        weight = rate(schedule, safe)
    else:
        earlier = (jnp.round(safe * num_steps) - 1) / num_steps
        weight = num_steps * (1 - schedule.hidden(earlier) / schedule.hidden(safe))
    weight = weight.astype(surprise.dtype)
    return MaskedBound(weight * surprise, surprise, weight, count)


def loss(
    denoise: Denoiser,
    schedule: MaskingSchedule,
    y: ArrayLike,
    *,
    mask_token: int,
    key: Array | None = None,
    t: ArrayLike | None = None,
    hidden: ArrayLike | None = None,
    num_steps: int | None = None,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """`bound`, reduced to a training loss: nats an example.

    Args:
        denoise: see `bound`.
        schedule: see `bound`.
        y: see `bound`.
        mask_token: see `bound`.
        key: see `bound`.
        t: see `bound`.
        hidden: see `bound`.
        num_steps: see `bound`.
        mask: True where an example counts, ``[B]``. A masked example adds exactly 0, whatever tokens it holds.
        weights: non-negative, ``[B]``.
        reduction: see `nll`.

    Raises:
        ValueError: see `bound`.

    >>> float(loss(lambda x_t, t: jnp.zeros((2, 3, 1)), Linear(), jnp.zeros((2, 3), int), mask_token=1,
    ...            key=jax.random.key(0)))
    0.0
    """
    y = tokens_of(y, "masked_diffusion.loss")
    keep, w = example_weights(mask, weights, y.shape[:1], "masked_diffusion.loss")
    if keep is not None:
        # nothing is hidden in what does not count, and what is there is a legal token
        y = jnp.where(over(keep, y), y, 0)
        t = None if t is None else jnp.where(keep, jnp.asarray(t), 1)
    losses = bound(denoise, schedule, y, mask_token=mask_token, key=key, t=t, hidden=hidden, num_steps=num_steps).total
    return finish(losses, keep, w, reduction)


def any_order_bound(
    denoise: Denoiser,
    y: ArrayLike,
    *,
    mask_token: int,
    key: Array | None = None,
    order: ArrayLike | None = None,
    num_hidden: ArrayLike | None = None,
    full: bool = False,
) -> MaskedBound:
    """The bound of continuous time by how many tokens are hidden: the same in expectation, with less noise.

    With the time integrated out, the bound is the mean over all orders of filling in the D tokens one by one,
    ``sum over n = 1 .. D of 1 / n E[sum of -log p(token) over n hidden]``, for every schedule alike.

    Args:
        denoise: ``denoise(x_t, t)``, tokens ``[B, ...]`` and ``[B]`` to logits ``[B, ..., k]``; ``t`` is the share that
            is hidden, the time of `Linear`.
        y: tokens 0 .. k - 1, whole numbers, ``[B, ...]``.
        mask_token: what stands for a hidden token, usually k. If it is below k it is never predicted.
        key: draws what is not given.
        order: the rank 0 .. D - 1 of each token, ``[B, ...]``: the ``n`` hidden ones are those of rank below ``n``.
        num_hidden: ``n`` in 1 .. D, ``[B]``; by default uniform, antithetic of low discrepancy.
        full: sum over every ``n``, D calls of ``denoise``, for one order an example: for evaluation.

    Returns:
        A `MaskedBound`; with ``full``, ``weight`` is 1 and ``total`` equals ``surprise``.

    Raises:
        ValueError: shapes that do not fit, nothing to draw from, or ``full`` with ``num_hidden``.

    Source: Hoogeboom et al. (2022), "Autoregressive diffusion models"; Uria, Murray and Larochelle (2014), "A deep and
    tractable density estimator".
    """
    y = tokens_of(y, "masked_diffusion.any_order_bound")
    if full and num_hidden is not None:
        raise ValueError("masked_diffusion.any_order_bound: full=True sums over every num_hidden, and takes none.")
    if key is None and (order is None or not (full or num_hidden is not None)):
        raise ValueError("masked_diffusion.any_order_bound: give a key, or both order and num_hidden.")
    batch, dims = y.shape[0], y[0].size
    keys: Any = None if key is None else jax.random.split(key)
    if order is None:
        order = random_order(keys[0], y.shape)
    order = jnp.asarray(order)
    if order.shape != y.shape:
        raise ValueError(f"masked_diffusion.any_order_bound: order has shape {order.shape}, but y has {y.shape}.")

    def at(count: Array) -> MaskedBound:
        share = count.astype(float) / dims
        surprise = _surprise(denoise, y, order < over(count, y), share, mask_token)
        weight = (dims / count).astype(surprise.dtype)
        return MaskedBound(weight * surprise, surprise, weight, count)

    if full:

        def add(total: Array, n: Array) -> tuple[Array, None]:
            return total + at(jnp.full(batch, n)).total / dims, None

        dtype = jax.eval_shape(at, jnp.ones(batch, order.dtype)).total.dtype
        total, _ = jax.lax.scan(add, jnp.zeros(batch, dtype), jnp.arange(1, dims + 1))
        return MaskedBound(total, total, jnp.ones_like(total), jnp.full(batch, dims))
    if num_hidden is None:
        num_hidden = jnp.ceil((1 - antithetic_times(keys[1], batch)) * dims).astype(int)
    num_hidden = jnp.asarray(num_hidden)
    if num_hidden.shape != (batch,):
        raise ValueError(
            f"masked_diffusion.any_order_bound: num_hidden has shape {num_hidden.shape}, but y has {y.shape}: want "
            f"{(batch,)}."
        )
    return at(num_hidden)


def _surprise(denoise: Denoiser, y: Array, hidden: Array, t: Array, mask_token: int) -> Array:
    """``-log p`` of the hidden tokens given the others, summed over an example."""
    logits = logits_of(denoise, jnp.where(hidden, mask_token, y), t, mask_token)
    # what is said of tokens that are seen counts for nothing, whatever it is
    logits = jnp.where(hidden[..., None], logits, 0)
    log_p = categorical.log_prob(categorical.Params(logits), jnp.where(hidden, y, 0))
    return -sum_each(jnp.where(hidden, log_p, 0))
