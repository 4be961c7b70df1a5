"""Rankings: probabilities by enumeration, the top of a ranking, the laws it becomes, and a fit."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lik_jax as lj
from lik_jax import bernoulli, categorical, plackett_luce

pytestmark = pytest.mark.usefixtures("x64")

SCORES = np.array([0.3, -1.2, 0.8, 2.0])
PARAMS = plackett_luce.Params(SCORES)


def every(m: int) -> np.ndarray:
    return np.array(list(itertools.permutations(range(4), m)))


@pytest.mark.parametrize("m", [0, 1, 2, 3, 4])
def test_all_rankings_of_the_top_add_up_to_one(m: int):
    np.testing.assert_allclose(jnp.exp(plackett_luce.log_prob(PARAMS, every(m))).sum(), 1.0, rtol=1e-13)


def test_the_top_of_a_ranking_is_what_its_completions_add_up_to():
    whole = np.exp(plackett_luce.log_prob(PARAMS, every(4)))
    for top in every(2):
        want = whole[(every(4)[:, :2] == top).all(1)].sum()
        np.testing.assert_allclose(np.exp(plackett_luce.log_prob(PARAMS, top)), want, rtol=1e-13)


def test_a_ranking_is_a_sequence_of_softmaxes():
    """Each choice a categorical over all items, those that are gone at -inf."""
    ranking, logits, total = [2, 0, 3, 1], jnp.asarray(SCORES), 0.0
    for item in ranking:
        total += categorical.log_prob(categorical.Params(logits), item)
        logits = logits.at[item].set(-jnp.inf)
    np.testing.assert_allclose(plackett_luce.log_prob(PARAMS, jnp.array(ranking)), total, rtol=1e-13)


def test_one_choice_is_a_categorical_and_two_items_are_bradley_terry():
    labels = jnp.arange(4)
    one = plackett_luce.log_prob(PARAMS, labels[:, None])
    np.testing.assert_allclose(one, categorical.log_prob(categorical.Params(SCORES), labels), rtol=1e-13)
    two = plackett_luce.Params(SCORES[:2])
    won = bernoulli.log_prob(bernoulli.Params(SCORES[0] - SCORES[1]), 1)
    np.testing.assert_allclose(plackett_luce.log_prob(two, jnp.array([0, 1])), won, rtol=1e-13)
    pair = lj.preference.Pair(SCORES[:1], SCORES[1:2])
    np.testing.assert_allclose(lj.preference.bradley_terry(pair).loss, -won, rtol=1e-13)


def test_samples_have_the_probabilities_of_the_rankings(key: jax.Array):
    n = 20_000
    draws = plackett_luce.sample(PARAMS, key, (n,))
    codes = np.asarray(draws) @ np.array([64, 16, 4, 1])
    wanted = every(4) @ np.array([64, 16, 4, 1])
    shares = np.array([(codes == c).mean() for c in wanted])
    p = np.exp(np.asarray(plackett_luce.log_prob(PARAMS, every(4))))
    assert (np.abs(shares - p) < 4.5 * np.sqrt(p * (1 - p) / n) + 1e-12).all()
    assert shares.sum() == 1


def test_the_gradient_is_what_was_chosen_less_what_was_expected():
    """``sum over stages of (one-hot of the chosen - softmax over those left)``, by hand in numpy."""
    ranking, left = [3, 1, 0], [0, 1, 2, 3]
    want = np.zeros(4)
    for item in ranking:
        p = np.exp(np.asarray(SCORES)[left])
        want[left] -= p / p.sum()
        want[item] += 1
        left.remove(item)
    got = jax.grad(lambda s: plackett_luce.log_prob(plackett_luce.Params(s), jnp.array(ranking)))(SCORES)
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14)


def test_masked_rankings_and_the_message_of_check():
    y = jnp.array([[0, 1], [2, 2], [3, 0]])
    params = plackett_luce.Params(jnp.broadcast_to(SCORES, (3, 4)))
    assert float(lj.nll(plackett_luce, params, y)) == np.inf
    mask = jnp.array([True, False, True])
    assert np.isfinite(lj.nll(plackett_luce, params, y, mask=mask))
    lj.check(plackett_luce, params, y, mask=mask)
    with pytest.raises(ValueError, match=r"must be a ranking.*no two alike.*y\[1\]"):
        lj.check(plackett_luce, params, y)
    with pytest.raises(ValueError, match="in 1 of 1 rows"):
        lj.check(plackett_luce, plackett_luce.Params(SCORES), jnp.array([[4, 0]]))


def test_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match=r"ranks 3 items.*has 2"):
        plackett_luce.log_prob(plackett_luce.Params(SCORES[:2]), jnp.array([0, 1, 2]))
    with pytest.raises(ValueError, match=r"want \[\.\.\., k\]"):
        plackett_luce.log_prob(plackett_luce.Params(1.0), jnp.array([0]))


def test_gradient_descent_finds_the_scores(key: jax.Array):
    """From the start that `init` gives, on the top two of four; up to a constant."""
    y = plackett_luce.sample(PARAMS, key, (4000,))[:, :2]
    loss = jax.jit(jax.value_and_grad(lambda s: lj.nll(plackett_luce, plackett_luce.Params(s), y)))
    scores = jnp.asarray(plackett_luce.init(y, num_items=4).scores)
    before, _ = loss(scores)
    for _ in range(150):
        scores = scores - 2.0 * loss(scores)[1]
    after, slope = loss(scores)
    assert float(after) < float(before)
    assert float(jnp.abs(slope).max()) < 1e-3
    gap = (scores - scores.mean()) - (SCORES - SCORES.mean())
    assert float(jnp.abs(gap).max()) < 0.15
