"""Corruptions of pictures, for test sets that are not like the training set.

Each takes pictures ``[B, H, W]`` with values in [0, 1], a key and a ``severity`` in [0, 1], and gives pictures of the
same kind; every picture gets its own random numbers. Severity 0 changes nothing. `CORRUPTIONS` has them by name.

>>> import jax
>>> pictures = jnp.full((2, 8, 8), 0.5)
>>> noisy = CORRUPTIONS["gaussian_noise"](pictures, jax.random.key(0), 0.3)
>>> noisy.shape, bool((noisy >= 0).all() & (noisy <= 1).all())
((2, 8, 8), True)

Source: after Hendrycks and Dietterich (2019), "Benchmarking neural network robustness to common corruptions and
perturbations".
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .._arrays import as_floats

Corruption = Callable[[ArrayLike, Array, ArrayLike], Array]


def gaussian_noise(pictures: ArrayLike, key: Array, severity: ArrayLike) -> Array:
    """Add normal noise with standard deviation ``severity`` to each pixel, and cut at 0 and 1."""
    x, severity = _checked("gaussian_noise", pictures, severity)
    return jnp.clip(x + severity * jax.random.normal(key, x.shape, x.dtype), 0, 1)


def impulse_noise(pictures: ArrayLike, key: Array, severity: ArrayLike) -> Array:
    """Salt and pepper: a share ``severity`` of pixels becomes 0 or 1, either as likely."""
    x, severity = _checked("impulse_noise", pictures, severity)
    u = jax.random.uniform(key, x.shape, x.dtype)
    # below half of the share 0, from there to the share 1
    return jnp.where(u < severity, jnp.where(u < severity / 2, 0.0, 1.0), x)


def blur(pictures: ArrayLike, key: Array, severity: ArrayLike) -> Array:
    """Average with the neighbours, by a normal kernel of standard deviation ``severity`` times a quarter of the
    picture's shorter side; weights at the border are made to add up to 1. The key has no part in it."""
    del key
    x, severity = _checked("blur", pictures, severity)
    width = severity * (min(x.shape[1:]) / 4)

    def kernel(size: int) -> Array:
        offset = jnp.arange(size, dtype=x.dtype)
        distance = jnp.abs(offset[:, None] - offset[None, :])
        sharp = width == 0
        # the difference of logarithms is formed first: a width near 0 leaves the pixel itself
        logits = -0.5 * (distance / jnp.where(sharp, 1.0, width)) ** 2
        return jnp.where(sharp, (distance == 0).astype(x.dtype), jax.nn.softmax(logits, axis=1))

    rows, columns = kernel(x.shape[1]), kernel(x.shape[2])
    return jnp.einsum("ih,bhw,jw->bij", rows, x, columns, precision=jax.lax.Precision.HIGHEST)


def occlusion(pictures: ArrayLike, key: Array, severity: ArrayLike) -> Array:
    """Hide a block, whose sides are ``severity`` times those of the picture, to whole pixels: 0 in there. It lies
    anywhere inside the picture."""
    x, severity = _checked("occlusion", pictures, severity)
    hidden = jnp.ones(x.shape, bool)
    for axis, own in zip((1, 2), jax.random.split(key), strict=True):
        size = x.shape[axis]
        side = jnp.round(severity * size)
        u = jax.random.uniform(own, (x.shape[0], 1, 1), x.dtype)
        start = jnp.minimum(jnp.floor(u * (size - side + 1)), size - side)
        pixel = jnp.arange(size, dtype=x.dtype).reshape([-1 if i == axis else 1 for i in range(3)])
        hidden = hidden & (pixel >= start) & (pixel < start + side)
    return jnp.where(hidden, 0.0, x)


def contrast(pictures: ArrayLike, key: Array, severity: ArrayLike) -> Array:
    """Move each pixel towards the mean of its picture by a share ``severity`` of the way. The key has no part in it."""
    del key
    x, severity = _checked("contrast", pictures, severity)
    return x + severity * (x.mean((1, 2), keepdims=True) - x)


def shift(pictures: ArrayLike, key: Array, severity: ArrayLike) -> Array:
    """Move each picture by ``severity`` times half its sides, to whole pixels, in one of eight directions (straight or
    diagonal); 0 comes in from outside."""
    x, severity = _checked("shift", pictures, severity)
    steps = jnp.asarray([(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j])
    direction = steps[jax.random.randint(key, x.shape[:1], 0, len(steps))]

    def moved(picture: Array, direction: Array) -> Array:
        inside = jnp.ones((1, 1), bool)
        for axis in (0, 1):
            size = picture.shape[axis]
            by = direction[axis] * jnp.round(severity * (size / 2)).astype(direction.dtype)
            source = jnp.arange(size, dtype=direction.dtype) - by
            there = (source >= 0) & (source < size)
            picture = jnp.take(picture, jnp.clip(source, 0, size - 1), axis)
            inside = inside & jnp.expand_dims(there, 1 - axis)
        return jnp.where(inside, picture, 0.0)

    return jax.vmap(moved)(x, direction)


CORRUPTIONS: dict[str, Corruption] = {
    "blur": blur,
    "contrast": contrast,
    "gaussian_noise": gaussian_noise,
    "impulse_noise": impulse_noise,
    "occlusion": occlusion,
    "shift": shift,
}


def _checked(name: str, pictures: ArrayLike, severity: ArrayLike) -> tuple[Array, Array]:
    if jnp.ndim(pictures) != 3 or jnp.ndim(severity) != 0:
        raise ValueError(
            f"{name}: pictures have shape {jnp.shape(pictures)} and severity {jnp.shape(severity)}; want [B, H, W] and "
            f"(). For one picture x, x[None]; for several severities, vmap."
        )
    x, severity = as_floats(pictures, severity)
    return x, severity
