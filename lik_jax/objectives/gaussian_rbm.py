"""Restricted Boltzmann machine of real visible numbers and hidden bits.

``E(v, h) = sum (v - b)^2 / (2 s^2) - c.h - (v / s)'W h``: given the hidden bits each visible number is normal with
mean ``b + s W h`` and deviation ``s``; given the visible ones the hidden bits have log-odds ``c + W'(v / s)``. So the
model is a mixture of ``2^hidden`` normals. The names are those of `rbm`.

>>> import jax.numpy as jnp
>>> params = Params(jnp.zeros((1, 1)), jnp.zeros(1), jnp.zeros(1), jnp.ones(1))
>>> round(float(log_partition(params)), 4)  # log 2 + log(2 pi) / 2
1.6121

Source: Hinton (2010), "A practical guide to training restricted Boltzmann machines", section 13.2.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .. import special
from .._arrays import as_floats
from . import energy as energies
from ._batch import promote, vector
from .mcmc import Kernel


class Params(NamedTuple):
    """``weights`` ``[visible, hidden]``, the biases, and ``visible_scale`` s ``[visible]``, above 0."""

    weights: Array
    visible_bias: Array
    hidden_bias: Array
    visible_scale: Array


def energy(params: Params, v: ArrayLike, h: ArrayLike) -> Array:
    """``E(v, h)`` in nats: ``[..., visible]`` and ``[..., hidden]`` to ``[...]``."""
    (w, b, c, s), seen, hidden = promote(params, v, h)
    z = seen / vector(s, seen)
    return 0.5 * ((z - vector(b / s, seen)) ** 2).sum(-1) - ((z @ w) * hidden).sum(-1) - hidden @ c


def free_energy(params: Params, v: ArrayLike) -> Array:
    """``F(v) = -log sum_h exp(-E(v, h))`` in nats, ``[..., visible]`` to ``[...]``: ``-log p(v) = F(v) + log Z``."""
    params, seen = promote(params, v)
    z = (seen - vector(params.visible_bias, seen)) / vector(params.visible_scale, seen)
    return 0.5 * (z**2).sum(-1) - special.softplus(hidden_logits(params, seen)).sum(-1)


def hidden_logits(params: Params, v: ArrayLike) -> Array:
    """Log-odds of each hidden bit given the visible numbers, ``[..., visible]`` to ``[..., hidden]``."""
    (w, _, c, s), seen = promote(params, v)
    return (seen / vector(s, seen)) @ w + vector(c, seen)


def visible_mean(params: Params, h: ArrayLike) -> Array:
    """Mean of each visible number given the hidden bits, ``[..., hidden]`` to ``[..., visible]``."""
    (w, b, _, s), bits = promote(params, h)
    return vector(b, bits) + vector(s, bits) * (bits @ w.T)


def sample_hidden(params: Params, key: Array, v: ArrayLike) -> Array:
    """Hidden bits given visible numbers, ``[..., visible]`` to ``[..., hidden]``."""
    logits = hidden_logits(params, v)
    bits = (jax.random.logistic(key, logits.shape, logits.dtype) < logits).astype(logits.dtype)
    # a NaN stays one: a draw would hide it
    return jnp.where(jnp.isnan(logits), logits, bits)


def sample_visible(params: Params, key: Array, h: ArrayLike) -> Array:
    """Visible numbers given hidden bits, ``[..., hidden]`` to ``[..., visible]``."""
    mean = visible_mean(params, h)
    return mean + vector(params.visible_scale, mean).astype(mean.dtype) * jax.random.normal(key, mean.shape, mean.dtype)


def gibbs(params: Params) -> Kernel:
    """Kernel of visible numbers: hidden bits given them, then visible numbers given those. Reversible."""

    def kernel(key: Array, v: Array) -> Array:
        first, second = jax.random.split(key)
        return sample_visible(params, second, sample_hidden(params, first, v)).astype(v.dtype)

    return kernel


def log_partition(params: Params, *, chunk_size: int = 2**12) -> Array:
    """``log Z`` in nats, exact: the integral over ``v`` in closed form, the sum over all states of ``h``."""

    def given_hidden(h: Array) -> Array:
        (w, b, c, s), h = promote(params, h)
        shift = h @ w.T
        return -(h @ c) - (shift * vector(b / s, h)).sum(-1) - 0.5 * (shift**2).sum(-1)

    num_hidden = params.hidden_bias.size
    return _normal_log_partition(params) + energies.log_partition(given_hidden, num_hidden, chunk_size=chunk_size)


def anneal(params: Params, base: Params, beta: ArrayLike) -> Params:
    """The machine on the way from ``base`` (without weights and hidden biases) at 0 to ``params`` at 1."""
    beta = jnp.asarray(beta, params.weights.dtype)
    bias = (1 - beta) * base.visible_bias + beta * params.visible_bias
    return Params(beta * params.weights, bias, beta * params.hidden_bias, params.visible_scale)


def base(params: Params, visible_bias: ArrayLike | None = None) -> Params:
    """A machine of the shape of ``params`` with visible biases alone, by default its own: independent normals."""
    bias = params.visible_bias if visible_bias is None else jnp.asarray(visible_bias, params.visible_bias.dtype)
    if bias.shape != params.visible_bias.shape:
        raise ValueError(f"gaussian_rbm.base: visible_bias has shape {bias.shape}; want {params.visible_bias.shape}.")
    return Params(jnp.zeros_like(params.weights), bias, jnp.zeros_like(params.hidden_bias), params.visible_scale)


def base_log_partition(base: Params) -> Array:
    """``log Z`` of a `base`: the hidden bits, free as they are, count ``log 2`` each."""
    return base.hidden_bias.size * math.log(2) + _normal_log_partition(base)


def base_sample(base: Params, key: Array, num: int) -> Array:
    """Visible numbers of a `base`, ``[num, visible]``."""
    noise = jax.random.normal(key, (num, base.visible_bias.size), base.visible_bias.dtype)
    return base.visible_bias[None] + base.visible_scale[None] * noise


def init(key: Array, num_hidden: int, y: ArrayLike) -> Params:
    """Where to start: visible biases and scales by the moments of the data, small random weights.

    Args:
        key: of the weights, normal with deviation 0.01.
        num_hidden: how many hidden bits.
        y: observations, ``[n, visible]``, no column constant.
    """
    (y,) = as_floats(y)
    weights = 0.01 * jax.random.normal(key, (y.shape[1], num_hidden), y.dtype)
    return Params(weights, y.mean(0), jnp.zeros(num_hidden, y.dtype), y.std(0))


def _normal_log_partition(params: Params) -> Array:
    return jnp.log(params.visible_scale).sum() + 0.5 * math.log(2 * math.pi) * params.visible_scale.size
