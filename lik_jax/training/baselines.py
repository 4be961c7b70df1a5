"""Honest baselines: what a model has to beat.

>>> text = np.tile(np.array([0, 1, 2]), 100)
>>> bool(ngram(text, 200, vocab_size=3, order=3).mean() < 0.1)
True
"""

import numpy as np


def ngram(tokens: np.ndarray, train_size: int, *, vocab_size: int, order: int = 5) -> np.ndarray:
    """NLL of each held-out token under an interpolated n-gram, nats: ``[len(tokens) - train_size]``.

    Witten-Bell smoothing from the uniform distribution up: after a context ``h`` seen ``n`` times with ``d``
    different followers, ``p(c | h) = (count(h c) + d p(c | shorter h)) / (n + d)``.

    Args:
        tokens: the whole text, ``[n]``, 0 to ``vocab_size - 1``.
        train_size: how many of the first tokens are counted; the others are scored, each once.
        vocab_size: how many tokens there are.
        order: the longest n-gram; its context is ``order - 1`` tokens.

    Source: Witten and Bell (1991), "The zero-frequency problem", method C; Chen and Goodman (1999), section 2.
    """
    tokens = np.asarray(tokens, np.int64)
    held_out = slice(train_size, None)
    probability = np.full(len(tokens) - train_size, 1 / vocab_size)
    context = np.zeros(len(tokens), np.int64)
    for k in range(order):
        if k:
            earlier = np.concatenate([np.full(k, vocab_size), tokens[:-k]])
            context = np.unique(context * (vocab_size + 1) + earlier, return_inverse=True)[1]
        pairs, pair = np.unique(context * vocab_size + tokens, return_inverse=True)
        pair_count = np.bincount(pair[:train_size], minlength=len(pairs))
        seen = np.bincount(context[:train_size], minlength=context.max() + 1)
        followers = np.bincount((pairs // vocab_size)[pair_count > 0], minlength=len(seen))
        n, d, count = seen[context[held_out]], followers[context[held_out]], pair_count[pair[held_out]]
        probability = np.where(n > 0, (count + d * probability) / np.maximum(n + d, 1), probability)
    return -np.log(probability)


def independent_bernoulli(train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """NLL of each image when every pixel is a coin of its own, nats: ``[m]``.

    Args:
        train: 0 or 1, ``[n, ...]``; the shares of ones are smoothed by half a count each way.
        test: 0 or 1, ``[m, ...]``.
    """
    share = (train.sum(0) + 0.5) / (len(train) + 1)
    log_p = np.where(test > 0, np.log(share), np.log1p(-share))
    return -log_p.reshape(len(test), -1).sum(1)


def pixel_marginals(train: np.ndarray, test: np.ndarray, levels: int) -> np.ndarray:
    """NLL of each image when every pixel is drawn on its own from its levels, nats: ``[m]``.

    Args:
        train: whole numbers 0 to ``levels - 1``, ``[n, ...]``; each count is smoothed by ``1 / levels``.
        test: the same, ``[m, ...]``.
        levels: how many.
    """
    train, test = (a.reshape(len(a), -1).astype(np.int64) for a in (train, test))
    pixels = np.arange(train.shape[1])
    counts = np.full((train.shape[1], levels), 1 / levels)
    np.add.at(counts, (np.broadcast_to(pixels, train.shape), train), 1)
    log_p = np.log(counts / counts.sum(1, keepdims=True))
    return -log_p[pixels, test].sum(1)


def one_normal(train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """NLL of each point under one normal with the mean and the covariance of the training points, nats: ``[m]``.

    Args:
        train: ``[n, d]``.
        test: ``[m, d]``.
    """
    train, test = np.asarray(train, np.float64), np.asarray(test, np.float64) - np.asarray(train, np.float64).mean(0)
    covariance = np.cov(train.T, bias=True)
    squares = (test * np.linalg.solve(covariance, test.T).T).sum(1)
    return 0.5 * (squares + np.linalg.slogdet(2 * np.pi * covariance)[1])
