"""Sequences: log p(x) is the sum of log p(x_t | x_<t), the first token included.

Sums and counts are carried apart, as a `Total`, and divided once at the end: a mean of batch means is wrong under
padding and under gradient accumulation.

>>> import jax.numpy as jnp
>>> from lik_jax import categorical, nll
>>> params = categorical.Params(jnp.zeros((2, 3, 65)))
>>> tokens = jnp.ones((2, 3), int)
>>> total = nll(categorical, params, tokens, reduction="total")
>>> round(float(perplexity(total)), 3), round(float(bits_per_character(total)), 4)
(65.0, 6.0224)
"""

import math
from typing import Any

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .._arrays import as_floats
from ..distribution import Distribution, name_of
from .likelihood import nll, observation_axes
from .reduction import Total


def token_log_prob(distribution: Distribution, params: Any, y: Any, *, mask: ArrayLike | None = None) -> Array:
    """Log-probability of each token in nats.

    The params at position ``t`` predict the token at ``t``: the network that makes them sees ``x_<t``, which is what
    `shift_right` gives it.

    Args:
        distribution: of one token, most often ``lik_jax.categorical``.
        params: its parameters, one set a token: ``categorical.Params(logits)`` with logits ``[B, T, k]``.
        y: tokens, ``[B, T, *event]``.
        mask: True where a token counts, ``[B, T]``: False on padding and on prompts.

    Returns:
        ``[B, T]``; exactly 0, with zero gradient, where masked.

    Raises:
        ValueError: shapes that do not fit.

    >>> from lik_jax import bernoulli
    >>> mask = jnp.array([[True, False]])
    >>> [round(float(x), 4) for x in token_log_prob(bernoulli, bernoulli.Params(0.0), jnp.ones((1, 2)), mask=mask)[0]]
    [-0.6931, 0.0]
    """
    return 0.0 - nll(distribution, params, y, mask=mask, reduction="none")


def sequence_log_prob(distribution: Distribution, params: Any, y: Any, *, mask: ArrayLike | None = None) -> Array:
    """Log-probability of each sequence in nats: the sum of `token_log_prob` over the last example axis.

    Args:
        distribution: of one token.
        params: its parameters, one set a token.
        y: tokens, ``[..., T, *event]``.
        mask: True where a token counts, ``[..., T]``.

    Returns:
        ``[...]``.

    Raises:
        ValueError: shapes that do not fit, or no axis of tokens.

    >>> from lik_jax import bernoulli
    >>> round(float(sequence_log_prob(bernoulli, bernoulli.Params(0.0), jnp.ones(10))), 4)
    -6.9315
    """
    if not observation_axes(distribution, y):
        raise ValueError(f"sequence_log_prob({name_of(distribution)}): y has no axis of tokens; want [..., T].")
    return token_log_prob(distribution, params, y, mask=mask).sum(-1)


def shift_right(tokens: ArrayLike, bos: ArrayLike) -> Array:
    """What an autoregressive network is fed to predict ``tokens``: a start token, then all but the last.

    Args:
        tokens: ``[..., T]``.
        bos: the start token, a scalar of the tokens' kind.

    Returns:
        ``[..., T]``: position ``t`` holds the token at ``t - 1``, so the first token is predicted as well.

    >>> shift_right(jnp.array([5, 6, 7]), 0).tolist()
    [0, 5, 6]
    """
    tokens = jnp.asarray(tokens)
    first = jnp.full((*tokens.shape[:-1], 1), bos, tokens.dtype)
    return jnp.concatenate([first, tokens[..., :-1]], -1)


def perplexity(total: Total) -> Array:
    """``exp`` of the nats a token, from `nll` with ``reduction="total"``, added up over batches; 1 if there is none.

    Raises:
        TypeError: not a `Total`.

    >>> two = Total(jnp.float32(20.0), jnp.float32(10.0)) + Total(jnp.float32(10.0), jnp.float32(2.0))
    >>> round(float(perplexity(two)), 4)
    12.1825
    """
    if not isinstance(total, Total):
        raise TypeError(f'perplexity wants a Total, from nll(..., reduction="total"); got {type(total).__name__}.')
    return jnp.exp(total.mean())


def bits_per_character(total: Total) -> Array:
    """Bits a character of a model whose tokens are characters: nats / (tokens * log 2)."""
    return total.mean() / math.log(2)


def bits_per_byte(total: Total, num_bytes: ArrayLike) -> Array:
    """Bits a byte of text, comparable between tokenisers: total nats / (bytes * log 2).

    Args:
        total: of all tokens.
        num_bytes: length in bytes (UTF-8) of the text the tokens stand for.

    >>> round(float(bits_per_byte(Total(jnp.float32(100.0), jnp.float32(30.0)), 120)), 4)
    1.2022
    """
    value, num_bytes = as_floats(total.value, num_bytes)
    return value / (num_bytes * math.log(2))
