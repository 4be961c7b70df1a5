"""Sequences: known answers, masks, and sums that are carried apart."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lik_jax as lj
from lik_jax.distributions import categorical


def toy_logits(tokens: jax.Array, bos: int, vocabulary: int) -> jax.Array:
    """An autoregressive model: logits at ``t`` from every token before ``t``."""
    seen = jnp.cumsum(lj.shift_right(tokens, bos).astype(float), -1)[..., None]
    return jnp.sin(1.7 * seen + jnp.arange(float(vocabulary))[None, None])


@pytest.mark.usefixtures("x64")
def test_probabilities_of_all_sequences_sum_to_one():
    every = jnp.asarray(list(itertools.product(range(3), repeat=4)))
    params = categorical.Params(toy_logits(every, 5, 3))
    total = jnp.exp(lj.sequence_log_prob(categorical, params, every)).sum()
    np.testing.assert_allclose(total, 1.0, rtol=1e-12)
    without_first = jnp.exp(lj.token_log_prob(categorical, params, every)[:, 1:].sum(-1)).sum()
    np.testing.assert_allclose(without_first, 3.0, rtol=1e-12)


@pytest.mark.usefixtures("x64")
def test_uniform_characters():
    params, tokens = categorical.Params(jnp.zeros((2, 7, 65))), jnp.ones((2, 7), int)
    total = lj.nll(categorical, params, tokens, reduction="total")
    np.testing.assert_allclose(total.mean(), 4.17438727, atol=5e-9)
    np.testing.assert_allclose(lj.bits_per_character(total), 6.02236781, atol=5e-9)
    np.testing.assert_allclose(lj.perplexity(total), 65.0, rtol=1e-12)
    np.testing.assert_allclose(lj.bits_per_byte(total, 28), 6.02236781 / 2, atol=5e-9)


def test_micro_batches_add_exactly():
    batches = [lj.Total(jnp.float32(20), jnp.float32(10)), lj.Total(jnp.float32(10), jnp.float32(2))]
    total = batches[0] + batches[1]
    np.testing.assert_allclose(total.mean(), 2.5)
    np.testing.assert_allclose(lj.perplexity(total), 12.1825, rtol=1e-5)


@pytest.mark.slow
def test_micro_batches_of_a_model_add_to_the_whole(key: jax.Array):
    tokens = jax.random.randint(key, (6, 9), 0, 5)
    lengths = jnp.array([9, 1, 4, 2, 0, 7])
    mask = jnp.arange(9)[None] < lengths[:, None]
    params = categorical.Params(toy_logits(tokens, 0, 5))
    whole = lj.nll(categorical, params, tokens, mask=mask)

    def part(rows: slice) -> lj.Total:
        cut = jax.tree.map(lambda x: x[rows], params)
        return lj.nll(categorical, cut, tokens[rows], mask=mask[rows], reduction="total")

    total = part(slice(0, 2)) + part(slice(2, 6))
    np.testing.assert_allclose(total.mean(), whole, rtol=1e-6)
    assert int(total.weight) == 23


def test_masked_tokens_are_exactly_zero_whatever_they_hold():
    logits = jnp.zeros((1, 3, 4)).at[0, 2].set(jnp.nan)
    tokens, mask = jnp.array([[1, 2, 99]]), jnp.array([[True, True, False]])

    def fn(x):
        return lj.token_log_prob(categorical, categorical.Params(x), tokens, mask=mask)

    assert float(fn(logits)[0, 2]) == 0.0
    slope = jax.grad(lambda x: fn(x).sum())(logits)
    assert bool((slope[0, 2] == 0).all())
    assert bool(jnp.isfinite(slope).all())


def test_no_leak_from_the_future(key: jax.Array):
    embedded = jax.random.normal(key, (6,))

    def logits(x):
        return jnp.cumsum(jnp.concatenate([jnp.zeros(1), x[:-1]]))

    leak = jax.jacobian(logits)(embedded)
    assert bool((jnp.triu(leak) == 0).all())


def test_shift_right_keeps_the_first_token():
    assert lj.shift_right(jnp.array([[3, 4, 5]]), 9).tolist() == [[9, 3, 4]]


def test_no_token_at_all():
    params, tokens = categorical.Params(jnp.zeros((2, 3, 4))), jnp.zeros((2, 3), int)
    total = lj.nll(categorical, params, tokens, mask=jnp.zeros((2, 3), bool), reduction="total")
    assert float(total.mean()) == 0.0
    assert float(lj.perplexity(total)) == 1.0


def test_one_token_is_no_sequence():
    with pytest.raises(ValueError, match="axis of tokens"):
        lj.sequence_log_prob(categorical, categorical.Params(jnp.zeros(3)), jnp.array(1))


def test_perplexity_of_a_plain_number_is_an_error():
    with pytest.raises(TypeError, match="wants a Total"):
        lj.perplexity(jnp.float32(2.0))
