"""Penalties on a critic's slope: one gradient an example, one norm an example, averaged over examples.

``critic(y)`` is any function ``[B, ...]`` to ``[B]`` that looks at each example on its own (no batch normalisation);
conditions, if any, are bound by the caller example by example, as further features of ``y``. Gradients flow to what
the critic closes over, its params, and not to the examples: the penalty is the critic's, not the generator's.

>>> import jax.numpy as jnp
>>> y = jnp.ones((4, 3))
>>> round(float(gradient_penalty(lambda y: 2 * y[:, 0], y, -y, alpha=jnp.zeros(4))), 4)
10.0
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ... import special
from ..._arrays import as_floats
from .._batch import over, sum_each
from ..reduction import Reduction, example_weights, finish

Critic = Callable[[Array], Array]


def gradient_penalty(
    critic: Critic,
    real: ArrayLike,
    fake: ArrayLike,
    *,
    key: Array | None = None,
    alpha: ArrayLike | None = None,
    coefficient: float = 10.0,
    target: float = 1.0,
    one_sided: bool = False,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """WGAN-GP: ``coefficient * (|d critic / d y| - target)^2`` at a point between each example and its sample.

    Args:
        critic: ``[B, ...]`` to ``[B]``.
        real: data, ``[B, ...]``.
        fake: samples, ``[B, ...]``.
        key: draws ``alpha``. Give exactly one of the two.
        alpha: where between ``fake`` (0) and ``real`` (1), one an example, ``[B]``; uniform if drawn.
        coefficient: the paper's lambda.
        target: slope that costs nothing.
        one_sided: only slopes above ``target`` cost.
        mask: True where a pair counts, ``[B]``.
        weights: non-negative, ``[B]``.
        reduction: see `nll`.

    Raises:
        ValueError: shapes that do not fit; not exactly one of ``key`` and ``alpha``; a critic that does not give one
            number an example.

    Source: Gulrajani et al. (2017), "Improved training of Wasserstein GANs", equation 3.

    >>> y = jnp.ones((2, 3))
    >>> float(gradient_penalty(lambda y: y[:, 0], y, y, key=jax.random.key(0)))
    0.0
    """
    real, fake = as_floats(real, fake)
    if real.shape != fake.shape:
        raise ValueError(
            f"gradient_penalty: real has shape {real.shape} and fake {fake.shape}; want one shape, [B, ...]."
        )
    if (key is None) == (alpha is None):
        raise ValueError("gradient_penalty: give exactly one of key and alpha.")
    if key is not None:
        alpha = jax.random.uniform(key, real.shape[:1], real.dtype)
    elif alpha is not None and jnp.shape(alpha) != real.shape[:1]:
        raise ValueError(
            f"gradient_penalty: alpha has shape {jnp.shape(alpha)}; want one number an example, {real.shape[:1]}."
        )
    share = over(jnp.asarray(alpha).astype(real.dtype), real)

    def cost(gradient: Array) -> Array:
        excess = _norm(gradient) - target
        return coefficient * (jax.nn.relu(excess) if one_sided else excess) ** 2

    return _penalty(critic, share * real + (1 - share) * fake, cost, mask, weights, reduction, "gradient_penalty")


def r1_penalty(
    critic: Critic,
    real: ArrayLike,
    *,
    coefficient: float = 10.0,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """R1: ``coefficient / 2 * |d critic / d y|^2`` at the data.

    Args:
        critic: ``[B, ...]`` to ``[B]``.
        real: data, ``[B, ...]``.
        coefficient: the paper's gamma.
        mask: True where an example counts, ``[B]``.
        weights: non-negative, ``[B]``.
        reduction: see `nll`.

    Raises:
        ValueError: shapes that do not fit; a critic that does not give one number an example.

    Source: Mescheder, Geiger and Nowozin (2018), "Which training methods for GANs do actually converge?", equation 9.

    >>> float(r1_penalty(lambda y: 3 * y[:, 0], jnp.zeros((2, 2)), coefficient=1.0))
    4.5
    """
    (real,) = as_floats(real)
    return _penalty(critic, real, _half_square(coefficient), mask, weights, reduction, "r1_penalty")


def r2_penalty(
    critic: Critic,
    fake: ArrayLike,
    *,
    coefficient: float = 10.0,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """R2: what `r1_penalty` is at the data, at the samples; the generator has no gradient by it.

    >>> float(r2_penalty(lambda y: 3 * y[:, 0], jnp.zeros((2, 2)), coefficient=1.0))
    4.5
    """
    (fake,) = as_floats(fake)
    return _penalty(critic, fake, _half_square(coefficient), mask, weights, reduction, "r2_penalty")


def dragan_penalty(
    critic: Critic,
    real: ArrayLike,
    *,
    key: Array | None = None,
    noise: ArrayLike | None = None,
    scale: float = 1.0,
    coefficient: float = 10.0,
    target: float = 1.0,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """DRAGAN: ``coefficient * (|d critic / d y| - target)^2`` near the data, at ``real + scale * noise``.

    Args:
        critic: ``[B, ...]`` to ``[B]``.
        real: data, ``[B, ...]``.
        key: draws ``noise``. Give exactly one of the two.
        noise: standard normal, ``[B, ...]``.
        scale: of the noise.
        coefficient: the paper's lambda.
        target: slope that costs nothing.
        mask: True where an example counts, ``[B]``.
        weights: non-negative, ``[B]``.
        reduction: see `nll`.

    Raises:
        ValueError: shapes that do not fit; not exactly one of ``key`` and ``noise``; a critic that does not give one
            number an example.

    Source: Kodali et al. (2017), "On convergence and stability of GANs".

    >>> float(dragan_penalty(lambda y: 2 * y[:, 0], jnp.ones((2, 2)), key=jax.random.key(0)))
    10.0
    """
    (real,) = as_floats(real)
    if (key is None) == (noise is None):
        raise ValueError("dragan_penalty: give exactly one of key and noise.")
    if key is not None:
        noise = jax.random.normal(key, real.shape, real.dtype)
    elif noise is not None and jnp.shape(noise) != real.shape:
        raise ValueError(f"dragan_penalty: noise has shape {jnp.shape(noise)}, and real {real.shape}; want one shape.")
    points = real + scale * jnp.asarray(noise).astype(real.dtype)

    def cost(gradient: Array) -> Array:
        return coefficient * (_norm(gradient) - target) ** 2

    return _penalty(critic, points, cost, mask, weights, reduction, "dragan_penalty")


def critic_gradients(critic: Critic, y: ArrayLike) -> Array:
    """``d critic(y) / d y`` of each example on its own, ``[B, ...]``.

    Raises:
        ValueError: the critic does not give one number an example, or needs the batch to do so.

    >>> critic_gradients(lambda y: (y**2).sum(-1), jnp.array([[1.0, 2.0]])).tolist()
    [[2.0, 4.0]]
    """
    (y,) = as_floats(y)
    if y.ndim == 0:
        raise ValueError("critic_gradients: y has shape (); want [B, ...].")
    for count in (y.shape[0], 1):
        given = jax.eval_shape(critic, jax.ShapeDtypeStruct((count, *y.shape[1:]), y.dtype)).shape
        if given != (count,):
            raise ValueError(
                f"critic gives shape {given} for examples of shape {(count, *y.shape[1:])}; want one number an "
                f"example, {(count,)}, each by itself. {_advice(given, count)}"
            )
    return jax.vmap(jax.grad(lambda one: critic(one[None])[0]))(y)


def _advice(given: tuple[int, ...], count: int) -> str:
    if given == (count, 1):
        return "Drop its trailing axis (x[..., 0])."
    return "Reduce all axes but the first; what a critic is told beside y belongs into y."


def _half_square(coefficient: float) -> Callable[[Array], Array]:
    return lambda gradient: 0.5 * coefficient * sum_each(gradient**2)


def _penalty(
    critic: Critic,
    points: Array,
    cost: Callable[[Array], Array],
    mask: ArrayLike | None,
    weights: ArrayLike | None,
    reduction: Reduction,
    name: str,
) -> Any:
    keep, w = example_weights(mask, weights, points.shape[:1], name)
    if keep is not None:
        points = jnp.where(over(keep, points), points, 0)
    losses = cost(critic_gradients(critic, jax.lax.stop_gradient(points)))
    return finish(losses, keep, w, reduction)


def _norm(gradient: Array) -> Array:
    square = sum_each(gradient**2)
    return special.root(square)
