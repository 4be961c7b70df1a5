"""Baselines are distributions too: they sum to 1, and known data give known numbers."""

import itertools

import numpy as np

from lik_jax.training import baselines


def test_an_ngram_sums_to_one():
    train = np.random.default_rng(0).integers(0, 3, 50)
    total = 0.0
    for tail in itertools.product(range(3), repeat=3):
        tokens = np.concatenate([train, tail])
        total += np.exp(-baselines.ngram(tokens, 50, vocab_size=3, order=4).sum())
    np.testing.assert_allclose(total, 1.0, rtol=1e-9)


def test_an_ngram_by_hand():
    # after "a" came b, b, a: n = 3, d = 2; unigram: a 3, b 2 of 5, d = 2, below it 1/2 each
    tokens = np.array([0, 1, 0, 0, 1, 0, 1])
    unigram_b = (2 + 2 * 0.5) / (5 + 2)
    unigram_a = (3 + 2 * 0.5) / (5 + 2)
    after_a = (2 + 2 * unigram_b) / (3 + 2)
    after_b = (1 + 1 * unigram_a) / (1 + 1)
    np.testing.assert_allclose(
        baselines.ngram(tokens, 5, vocab_size=2, order=2), -np.log([after_b, after_a]), rtol=1e-12
    )


def test_marginals_of_constant_pixels():
    train = np.zeros((1000, 2, 2))
    assert baselines.independent_bernoulli(train, train).mean() < 0.01
    assert baselines.pixel_marginals(train, train, 17).mean() < 0.01


def test_one_normal_is_a_normal():
    rng = np.random.default_rng(1)
    train, test = rng.normal(size=(200, 2)) @ np.array([[1.0, 0.5], [0.0, 2.0]]), rng.normal(size=(7, 2))
    from scipy.stats import multivariate_normal

    truth = multivariate_normal(train.mean(0), np.cov(train.T, bias=True)).logpdf(test)
    np.testing.assert_allclose(baselines.one_normal(train, test), -truth, rtol=1e-12)
