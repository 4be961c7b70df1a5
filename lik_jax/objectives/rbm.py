"""Restricted Boltzmann machine of bits: ``E(v, h) = -b.v - c.h - v'W h``, both 0 or 1.

The hidden bits sum out: ``F(v) = -b.v - sum softplus(c + W'v)`` is the energy of the visible ones; `log_partition`
adds up the smaller side. Given one side, the bits of the other are independent, so `gibbs` draws each side at once.

`gaussian_rbm` has the same names for visible numbers.

>>> import jax.numpy as jnp
>>> params = Params(jnp.ones((3, 2)), jnp.zeros(3), jnp.zeros(2))
>>> round(float(log_partition(params)), 4), round(float(free_energy(params, jnp.ones(3))), 4)
(6.5528, -6.0972)

Source: Smolensky (1986), "Information processing in dynamical systems: foundations of harmony theory".
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
    """``weights`` W ``[visible, hidden]``, ``visible_bias`` b ``[visible]``, ``hidden_bias`` c ``[hidden]``."""

    weights: Array
    visible_bias: Array
    hidden_bias: Array


def energy(params: Params, v: ArrayLike, h: ArrayLike) -> Array:
    """``E(v, h)`` in nats: ``[..., visible]`` and ``[..., hidden]`` to ``[...]``."""
    (w, b, c), seen, hidden = promote(params, v, h)
    return -((seen @ w) * hidden).sum(-1) - seen @ b - hidden @ c


def free_energy(params: Params, v: ArrayLike) -> Array:
    """``F(v) = -log sum_h exp(-E(v, h))`` in nats, ``[..., visible]`` to ``[...]``: ``-log p(v) = F(v) + log Z``."""
    params, bits = promote(params, v)
    return -(bits @ params.visible_bias) - special.softplus(hidden_logits(params, bits)).sum(-1)


def hidden_logits(params: Params, v: ArrayLike) -> Array:
    """Log-odds of each hidden bit given the visible ones, ``[..., visible]`` to ``[..., hidden]``."""
    (w, _, c), bits = promote(params, v)
    return bits @ w + vector(c, bits)


def visible_logits(params: Params, h: ArrayLike) -> Array:
    """Log-odds of each visible bit given the hidden ones, ``[..., hidden]`` to ``[..., visible]``."""
    (w, b, _), bits = promote(params, h)
    return bits @ w.T + vector(b, bits)


def sample_hidden(params: Params, key: Array, v: ArrayLike) -> Array:
    """Hidden bits given visible ones, ``[..., visible]`` to ``[..., hidden]``."""
    return _bits(key, hidden_logits(params, v))


def sample_visible(params: Params, key: Array, h: ArrayLike) -> Array:
    """Visible bits given hidden ones, ``[..., hidden]`` to ``[..., visible]``."""
    return _bits(key, visible_logits(params, h))


def gibbs(params: Params) -> Kernel:
    """Kernel of visible bits: hidden ones given them, then visible ones given those. Reversible."""

    def kernel(key: Array, v: Array) -> Array:
        first, second = jax.random.split(key)
        return sample_visible(params, second, sample_hidden(params, first, v)).astype(v.dtype)

    return kernel


def log_partition(params: Params, *, chunk_size: int = 2**12) -> Array:
    """``log Z`` in nats, exact: the sum over all states of the smaller side, at most 2^30.

    >>> round(float(log_partition(Params(jnp.zeros((3, 2)), jnp.zeros(3), jnp.zeros(2)))), 4)  # 5 log 2
    3.4657
    """
    w, b, c = params
    if w.shape[0] < w.shape[1]:
        return energies.log_partition(lambda v: free_energy(params, v), w.shape[0], chunk_size=chunk_size)
    turned = Params(w.T, c, b)
    return energies.log_partition(lambda h: free_energy(turned, h), w.shape[1], chunk_size=chunk_size)


def anneal(params: Params, base: Params, beta: ArrayLike) -> Params:
    """The machine on the way from ``base`` (without weights and hidden biases) at 0 to ``params`` at 1.

    Source: Salakhutdinov and Murray (2008), "On the quantitative analysis of deep belief networks".
    """
    beta = jnp.asarray(beta, params.weights.dtype)
    bias = (1 - beta) * base.visible_bias + beta * params.visible_bias
    return Params(beta * params.weights, bias, beta * params.hidden_bias)


def base(params: Params, visible_bias: ArrayLike | None = None) -> Params:
    """A machine of the shape of ``params`` with visible biases alone, by default its own: bits that are independent."""
    w, b, c = params
    bias = b if visible_bias is None else jnp.asarray(visible_bias, b.dtype)
    if bias.shape != b.shape:
        raise ValueError(f"rbm.base: visible_bias has shape {bias.shape}; want {b.shape}.")
    return Params(jnp.zeros_like(w), bias, jnp.zeros_like(c))


def base_log_partition(base: Params) -> Array:
    """``log Z`` of a `base`: the hidden bits, free as they are, count ``log 2`` each."""
    return base.hidden_bias.size * math.log(2) + special.softplus(base.visible_bias).sum()


def base_sample(base: Params, key: Array, num: int) -> Array:
    """Visible bits of a `base`, ``[num, visible]``."""
    return _bits(key, jnp.broadcast_to(base.visible_bias[None], (num, base.visible_bias.size)))


def init(key: Array, num_hidden: int, y: ArrayLike) -> Params:
    """Where to start: visible biases at the log-odds of the data, small random weights.

    Args:
        key: of the weights, normal with deviation 0.01.
        num_hidden: how many hidden bits.
        y: observations, ``[n, visible]``; shares of ones are smoothed by half a count each way.

    Source: Hinton (2010), "A practical guide to training restricted Boltzmann machines", section 8.
    """
    (y,) = as_floats(y)
    share = (y.sum(0) + 0.5) / (y.shape[0] + 1)
    weights = 0.01 * jax.random.normal(key, (y.shape[1], num_hidden), y.dtype)
    return Params(weights, special.logit(share), jnp.zeros(num_hidden, y.dtype))


def _bits(key: Array, logits: Array) -> Array:
    # a NaN stays one: a draw would hide it
    return jnp.where(
        jnp.isnan(logits), logits, (jax.random.logistic(key, logits.shape, logits.dtype) < logits).astype(logits.dtype)
    )
