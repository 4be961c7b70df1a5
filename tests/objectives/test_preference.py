"""Preference losses: closed forms, what they have in common, who has a gradient, masks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lik_jax.objectives import preference as pref
from lik_jax.objectives.preference import Pair

pytestmark = pytest.mark.usefixtures("x64")

POLICY = Pair(np.array([-12.0, -30.5, -7.0, -20.0]), np.array([-14.0, -28.0, -7.5, -21.0]))
REFERENCE = Pair(np.array([-13.0, -29.0, -7.2, -20.5]), np.array([-13.5, -29.5, -7.0, -22.0]))
LENGTHS = Pair(np.array([6, 10, 4, 8]), np.array([7, 9, 4, 10]))
# by hand: (chosen - its reference) - (rejected - its reference)
H = np.array([1.0 - -0.5, -1.5 - 1.5, 0.2 - -0.5, 0.5 - 1.0])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_dpo_and_its_gradient_by_hand():
    """``-log sigmoid(beta h)``; its slope is ``-beta sigmoid(-beta h)`` towards the chosen log-probability."""
    beta = 0.3
    out = pref.dpo(POLICY, REFERENCE, beta=beta, reduction="none")
    np.testing.assert_allclose(out.loss, -np.log(sigmoid(beta * H)), rtol=1e-13)
    np.testing.assert_allclose(out.margin, beta * H, rtol=1e-12)
    np.testing.assert_allclose(out.chosen_reward, beta * np.array([1.0, -1.5, 0.2, 0.5]), rtol=1e-12)
    assert out.accuracy.tolist() == [1, 0, 1, 0]
    slope = jax.grad(lambda p: pref.dpo(p, REFERENCE, beta=beta, reduction="sum").loss)(POLICY)
    np.testing.assert_allclose(slope.chosen, -beta * sigmoid(-beta * H), rtol=1e-12)
    np.testing.assert_allclose(slope.rejected, beta * sigmoid(-beta * H), rtol=1e-12)


def test_dpo_is_bradley_terry_on_implicit_rewards():
    rewards = Pair(*(0.1 * (p - r) for p, r in zip(POLICY, REFERENCE, strict=True)))
    for smoothing in (0.0, 0.2):
        want = pref.bradley_terry(rewards, label_smoothing=smoothing, reduction="none")
        got = pref.dpo(POLICY, REFERENCE, beta=0.1, label_smoothing=smoothing, reduction="none")
        for a, b in zip(got, want, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-13)


@pytest.mark.parametrize("loss", [pref.dpo, pref.ipo], ids=["dpo", "ipo"])
def test_the_reference_never_has_a_gradient(loss):
    slopes = jax.grad(lambda r: loss(POLICY, r).loss)(REFERENCE)
    assert not np.any(slopes.chosen)
    assert not np.any(slopes.rejected)
    assert not np.any(jax.grad(lambda r: pref.kto(POLICY[0], r, jnp.ones(4, bool)).loss)(REFERENCE[0]))


def test_diagnostics_have_no_gradient():
    for field in ("chosen_reward", "rejected_reward", "margin", "accuracy"):
        slopes = jax.grad(lambda p, field=field: getattr(pref.dpo(p, REFERENCE), field))(POLICY)
        assert not np.any(slopes.chosen), field


def test_conservative_and_robust_dpo():
    """With a share of labels flipped, conservative is the mean loss of one label read both ways; robust, averaged over
    flips, is the loss of the right labels."""
    e = 0.2
    flipped = (Pair(*POLICY[::-1]), Pair(*REFERENCE[::-1]))
    right, wrong = pref.dpo(POLICY, REFERENCE).loss, pref.dpo(*flipped).loss
    np.testing.assert_allclose(
        pref.dpo(POLICY, REFERENCE, label_smoothing=e).loss, (1 - e) * right + e * wrong, rtol=1e-13
    )
    robust = [pref.dpo(*args, label_smoothing=e, robust=True).loss for args in ((POLICY, REFERENCE), flipped)]
    np.testing.assert_allclose((1 - e) * robust[0] + e * robust[1], right, rtol=1e-13)
    with pytest.raises(ValueError, match="want a share"):
        pref.dpo(POLICY, REFERENCE, label_smoothing=0.5)


def test_ipo():
    """``(h - 1 / (2 beta))^2``: least where the log-ratios differ by ``1 / (2 beta)``, and growing beyond."""
    out = pref.ipo(POLICY, REFERENCE, beta=0.25, reduction="none")
    np.testing.assert_allclose(out.loss, (H - 2.0) ** 2, rtol=1e-12)
    np.testing.assert_allclose(out.margin, 0.25 * H, rtol=1e-12)
    slope = jax.grad(lambda p: pref.ipo(p, REFERENCE, beta=0.25, reduction="sum").loss)(POLICY)
    np.testing.assert_allclose(slope.chosen, 2 * (H - 2.0), rtol=1e-12)


def test_kto():
    """Saturating on either side of the baseline; a mixture of desirable and not, by hand."""
    policy, reference = POLICY.chosen, REFERENCE.chosen
    good = jnp.array([True, False, True, False])
    h, z, beta = np.array([1.0, -1.5, 0.2, 0.5]), 0.3, 0.5
    options = {"baseline": z, "beta": beta, "desirable_weight": 1.5, "undesirable_weight": 0.7}
    out = pref.kto(policy, reference, good, **options, reduction="none")
    want = np.where(good, 1.5 * (1 - sigmoid(beta * (h - z))), 0.7 * (1 - sigmoid(beta * (z - h))))
    np.testing.assert_allclose(out.loss, want, rtol=1e-12)
    np.testing.assert_allclose(out.reward, beta * h, rtol=1e-12)
    slope = jax.grad(lambda p: pref.kto(p, reference, good, **options, reduction="sum").loss)(policy)
    assert (np.asarray(slope) < 0).tolist() == good.tolist()
    assert jax.grad(lambda z: pref.kto(policy, reference, good, baseline=z).loss)(jnp.array(0.3)) == 0


def test_kto_baseline_is_a_kl_that_has_no_gradient_and_is_never_negative():
    a, b = POLICY.chosen, REFERENCE.chosen
    np.testing.assert_allclose(pref.kto_baseline(a, b), 0.2 / 4, rtol=1e-12)
    assert float(pref.kto_baseline(b, a)) == 0
    assert not jax.grad(lambda a: pref.kto_baseline(a, b))(a).any()
    kept = pref.kto_baseline(jnp.asarray(a).at[1].set(jnp.nan), b, mask=jnp.array([True, False, True, True]))
    np.testing.assert_allclose(kept, 1.7 / 3, rtol=1e-12)


def test_orpo():
    p, q = (np.exp(np.asarray(lp) / np.asarray(n)) for lp, n in zip(POLICY, LENGTHS, strict=True))
    log_odds = np.log(p / (1 - p)) - np.log(q / (1 - q))
    want = -np.log(p) - 0.2 * np.log(sigmoid(log_odds))
    out = pref.orpo(POLICY, LENGTHS, coefficient=0.2, reduction="none")
    np.testing.assert_allclose(out.loss, want, rtol=1e-12)
    np.testing.assert_allclose(out.margin, log_odds, rtol=1e-12)
    # an answer that is all but sure: 1 - p has no digits left in exp(log p), and log1mexp keeps them
    sure = pref.orpo(Pair(jnp.array([-1e-20]), jnp.array([-1.0])), Pair(jnp.ones(1), jnp.ones(1)), reduction="none")
    np.testing.assert_allclose(sure.chosen_reward, 20 * np.log(10), rtol=1e-12)


def test_simpo():
    rewards = [2.5 * np.asarray(lp) / np.asarray(n) for lp, n in zip(POLICY, LENGTHS, strict=True)]
    want = -np.log(sigmoid(rewards[0] - rewards[1] - 0.4))
    out = pref.simpo(POLICY, LENGTHS, beta=2.5, margin=0.4, reduction="none")
    np.testing.assert_allclose(out.loss, want, rtol=1e-12)
    np.testing.assert_allclose(out.margin, rewards[0] - rewards[1], rtol=1e-12)


def test_a_reward_model_with_a_margin():
    rewards = Pair(jnp.array([1.0, 0.5]), jnp.array([0.2, 0.9]))
    got = pref.bradley_terry(rewards, margin=jnp.array([0.3, 0.0]), reduction="none").loss
    np.testing.assert_allclose(got, -np.log(sigmoid(np.array([0.5, -0.4]))), rtol=1e-13)


@pytest.mark.parametrize(("model", "tie"), [("davidson", 0.4), ("davidson", -50.0), ("rao_kupper", 0.7)])
def test_ties(model: str, tie: float):
    """Three outcomes that add up to one; by hand from worths; equals tie most; without ties it is Bradley-Terry."""
    first, second = jnp.full(3, 1.2), jnp.full(3, 0.3)
    nats = pref.bradley_terry_ties((first, second), jnp.array([0, 1, 2]), tie=tie, model=model, reduction="none")
    p = np.exp(-np.asarray(nats))
    np.testing.assert_allclose(p.sum(), 1.0, rtol=1e-12)
    a, b = np.exp(1.2), np.exp(0.3)
    if model == "davidson":
        want = np.array([a, b, np.exp(tie) * np.sqrt(a * b)])
        want = want / want.sum()
    else:
        t = np.exp(tie)
        want = np.array([a / (a + t * b), b / (b + t * a), (t**2 - 1) * a * b / ((a + t * b) * (b + t * a))])
    np.testing.assert_allclose(p, want, rtol=1e-10)
    if tie == -50.0:
        np.testing.assert_allclose(nats[0], pref.bradley_terry(Pair(first[:1], second[:1])).loss, rtol=1e-12)


LOSSES = {
    "bradley_terry": lambda a, b, m, r: pref.bradley_terry(Pair(a, b), mask=m, reduction=r).loss,
    "dpo": lambda a, b, m, r: pref.dpo(Pair(a, b), Pair(b, a), mask=m, reduction=r).loss,
    "robust": lambda a, b, m, r: (
        pref.dpo(Pair(a, b), REFERENCE, label_smoothing=0.1, robust=True, mask=m, reduction=r).loss
    ),
    "ipo": lambda a, b, m, r: pref.ipo(Pair(a, b), REFERENCE, mask=m, reduction=r).loss,
    "orpo": lambda a, b, m, r: pref.orpo(Pair(a, b), Pair(-a, LENGTHS[1]), mask=m, reduction=r).loss,
    "simpo": lambda a, b, m, r: pref.simpo(Pair(a, b), Pair(LENGTHS[0], -b), mask=m, reduction=r).loss,
    "kto": lambda a, b, m, r: pref.kto(a, b, jnp.array([True, True, False, False]), mask=m, reduction=r).loss,
    "ties": lambda a, b, m, r: pref.bradley_terry_ties((a, b), jnp.array([0, 1, 2, 0]), mask=m, reduction=r),
}


@pytest.mark.parametrize("name", LOSSES)
def test_masked_junk_adds_exactly_nothing_and_reductions_agree(name: str):
    mask = jnp.array([True, False, True, True])
    loss = LOSSES[name]
    step = jax.jit(jax.value_and_grad(lambda a, b: loss(a, b, mask, "mean"), (0, 1)))
    value, slopes = step(*POLICY)
    each = loss(*POLICY, mask, "none")
    assert float(each[1]) == 0
    np.testing.assert_allclose(each.sum() / 3, value, rtol=1e-13)
    total = loss(*POLICY, mask, "total")
    np.testing.assert_allclose([total.mean(), total.weight], [value, 3], rtol=1e-13)
    for junk in (jnp.nan, jnp.inf, -jnp.inf, 0.0):
        again = step(*(jnp.asarray(x).at[1].set(junk) for x in POLICY))
        np.testing.assert_array_equal(again[0], value)
        for a, b in zip(again[1], slopes, strict=True):
            np.testing.assert_array_equal(a, b)
            assert a[1] == 0


def test_shapes_that_do_not_fit_name_all():
    column = jnp.zeros((4, 1))
    with pytest.raises(ValueError, match=r"policy.chosen \(4,\).*reference.rejected \(4, 1\)"):
        pref.dpo(POLICY, Pair(REFERENCE.chosen, column))
    with pytest.raises(ValueError, match=r"lengths.chosen \(4, 1\)"):
        pref.orpo(POLICY, Pair(column, column))
    with pytest.raises(ValueError, match=r"want one shape"):
        pref.kto(POLICY.chosen, column, jnp.ones(4, bool))
    with pytest.raises(ValueError, match=r"margin has shape \(4, 1\)"):
        pref.bradley_terry(POLICY, margin=column)
    with pytest.raises(ValueError, match=r"mask has shape \(3,\)"):
        pref.dpo(POLICY, REFERENCE, mask=jnp.ones(3, bool))
    with pytest.raises(ValueError, match="want 'davidson' or 'rao_kupper'"):
        pref.bradley_terry_ties(POLICY, jnp.zeros(4, int), model="none")  # type: ignore[arg-type]
