"""Masked diffusion with exact conditionals of a small joint: every mask and every path is enumerated."""

import itertools
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lik_jax as lj
from lik_jax import masked_diffusion

JOINT = np.array([0.30, 0.05, 0.10, 0.05, 0.02, 0.18, 0.05, 0.25]).reshape(2, 2, 2)
ALL = np.array(list(itertools.product([0, 1], repeat=3)))
MASKS = np.array(list(itertools.product([False, True], repeat=3)))
SCHEDULES = [masked_diffusion.Linear(), masked_diffusion.Cosine(), masked_diffusion.Polynomial(3.0)]
LINEAR = SCHEDULES[0]


def marginals(tokens: np.ndarray) -> np.ndarray:
    """``p(x_l = v | what is seen)`` of every position, ``[3, 2]``, by summing the joint."""
    keep = np.array([all(t in (2, v) for t, v in zip(tokens, x, strict=True)) for x in ALL])
    p = np.where(keep, JOINT.ravel(), 0)
    return np.array([[p[ALL[:, i] == v].sum() for v in (0, 1)] for i in range(3)]) / p.sum()


TABLE = np.array([marginals(np.array(x)) for x in itertools.product([0, 1, 2], repeat=3)]).reshape(3, 3, 3, 3, 2)


LOGITS = np.log(np.where(TABLE > 0, TABLE, 1))  # of what is hidden; what is seen has nothing to say


def exact(x_t, t):
    """Logits of the exact conditionals."""
    return jnp.asarray(LOGITS)[x_t[:, 0], x_t[:, 1], x_t[:, 2]]


def enumerated(schedule, y, num_steps=None):
    """The bound by quadrature over time (or a sum over steps) and over every mask."""
    if num_steps is None:
        nodes, w = np.polynomial.legendre.leggauss(40)
        t, w = (nodes + 1) / 2, w / 2
    else:
        t, w = np.arange(1, num_steps + 1) / num_steps, np.full(num_steps, 1 / num_steps)
    times, hidden = np.repeat(t, 8), np.tile(MASKS, (len(t), 1))
    share = np.asarray(schedule.hidden(times))
    probability = np.where(hidden, share[:, None], 1 - share[:, None]).prod(1) * np.repeat(w, 8)
    total = masked_diffusion.bound(
        exact,
        schedule,
        jnp.broadcast_to(jnp.asarray(y), (len(times), 3)),
        mask_token=2,
        t=jnp.asarray(times),
        hidden=jnp.asarray(hidden),
        num_steps=num_steps,
    ).total
    return float((probability * total).sum())


def by_paths(schedule, y, num_steps):
    """The bound from its definition: E_q[log q(path | y) - log p(path)] over every chain of masks, in numpy."""
    share = [float(schedule.hidden(i / num_steps)) for i in range(num_steps + 1)]
    total = 0.0
    for path in itertools.product(MASKS, repeat=num_steps - 1):
        # masks at times 1/T .. 1, the last with everything hidden; before them nothing is
        masks = [np.zeros(3, bool), *path, np.ones(3, bool)]
        q, log_ratio = 1.0, 0.0
        for i in range(num_steps, 0, -1):
            later, earlier = masks[i], masks[i - 1]
            stay = share[i - 1] / share[i]
            conditional = TABLE[tuple(np.where(later, 2, y))]
            for l in range(3):  # noqa: E741
                if not later[l]:
                    q *= not earlier[l]
                elif earlier[l]:
                    q *= stay
                else:
                    q *= 1 - stay
                    log_ratio -= np.log(conditional[l, y[l]])
        total += q * log_ratio
    return total


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_with_exact_conditionals_the_bound_is_the_likelihood(schedule):
    np.testing.assert_allclose(enumerated(schedule, [1, 0, 1]), 1.71479843, atol=5e-9)
    for y in ([0, 0, 0], [1, 0, 0]):
        np.testing.assert_allclose(enumerated(schedule, y), -np.log(JOINT[tuple(y)]), rtol=1e-9)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
@pytest.mark.slow
def test_finite_steps_are_the_definition(schedule):
    y = np.array([1, 0, 1])
    np.testing.assert_allclose(enumerated(schedule, y, 1), -np.log(marginals(np.full(3, 2))[[0, 1, 2], y]).sum())
    for num_steps in (2, 3):
        np.testing.assert_allclose(enumerated(schedule, y, num_steps), by_paths(schedule, y, num_steps), rtol=1e-10)
    bounds = [enumerated(schedule, y, n) for n in (1, 10, 100, 1000)]
    assert bounds == sorted(bounds, reverse=True)
    assert 0 < bounds[-1] + np.log(0.18) < 2e-3


@pytest.mark.usefixtures("x64")
def test_every_order_and_every_count_give_the_likelihood():
    orders = np.array(list(itertools.permutations(range(3))))
    y = jnp.broadcast_to(jnp.array([1, 0, 1]), (6, 3))
    full = masked_diffusion.any_order_bound(exact, y, mask_token=2, order=orders, full=True)
    np.testing.assert_allclose(full.total.mean(), 1.71479843, atol=5e-9)
    counts, order = np.repeat([1, 2, 3], 6), np.tile(orders, (3, 1))
    each = masked_diffusion.any_order_bound(exact, jnp.tile(y, (3, 1)), mask_token=2, order=order, num_hidden=counts)
    np.testing.assert_allclose(each.total.mean(), 1.71479843, atol=5e-9)


@pytest.mark.parametrize("num_steps", [None, 1, 7])
@pytest.mark.slow
def test_estimates_are_unbiased(key: jax.Array, num_steps):
    n = 20_000
    y = jnp.broadcast_to(jnp.array([1, 0, 1]), (n, 3))
    first, second = jax.random.split(key)
    parts = masked_diffusion.bound(exact, SCHEDULES[1], y, mask_token=2, key=first, num_steps=num_steps)
    error = float(parts.total.std()) / n**0.5
    assert abs(float(parts.total.mean()) - enumerated(SCHEDULES[1], [1, 0, 1], num_steps)) < 4 * error + 1e-5
    counts = masked_diffusion.any_order_bound(exact, y, mask_token=2, key=second)
    assert abs(float(counts.total.mean()) - 1.71479843) < 4 * float(counts.total.std()) / n**0.5
    if num_steps is None:
        assert float(counts.total.std()) < float(parts.total.std())


@pytest.mark.parametrize("num_steps", [None, 4])
@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_nothing_hidden_is_zero_and_everything_hidden_is_finite(schedule, num_steps):
    y, scale = jnp.array([[1, 0, 1], [1, 0, 1], [0, 1, 1], [0, 0, 0]]), jnp.ones(())
    # nothing hidden at time 0 and at the first step, everything at that step and at the end
    first = 1 / num_steps if num_steps else 1e-7
    t, some = jnp.array([0.0, first, first, 1.0]), jnp.array([0, 0, 1, 1], bool)
    hidden = jnp.broadcast_to(some[:, None], (4, 3))

    def total(scale):
        return masked_diffusion.bound(
            lambda x, t: scale * jnp.asarray(LOGITS)[2, 2, 2][None] + 0 * t[:, None, None],
            schedule,
            y,
            mask_token=2,
            t=t,
            hidden=hidden,
            num_steps=num_steps,
        ).total

    each, slopes = total(scale), jax.jacrev(total)(scale)
    assert each[:2].tolist() == slopes[:2].tolist() == [0, 0]
    assert np.isfinite(each).all()
    assert np.isfinite(slopes).all()
    if num_steps:
        # from the first step to the data everything is filled in
        np.testing.assert_allclose(
            each[2], -num_steps * np.log(marginals(np.full(3, 2))[[0, 1, 2], y[2]]).sum(), rtol=1e-5
        )


def test_a_network_of_its_own_at_the_ends_of_time(key: jax.Array):
    """The draws themselves: 0 hides nothing, 1 everything, and neither gives NaN."""
    y = jnp.ones((8, 3), int)
    for t, count in ((0.0, 0), (1.0, 3)):
        draw = jax.random.fold_in(key, count)
        parts = masked_diffusion.bound(exact, LINEAR, y, mask_token=2, key=draw, t=jnp.full(8, t))
        assert parts.num_hidden.tolist() == [count] * 8
        assert np.isfinite(parts.total).all()


@dataclass(frozen=True)
class Bent:
    """A masking schedule of any form."""

    kind: str

    def hidden(self, t):
        t = jnp.asarray(t)
        return {
            "falls": t + 0.5 * jnp.sin(4 * jnp.pi * t),
            "starts late": 0.01 + 0.99 * t,
            "ends early": 0.999 * t,
            "not a number": jnp.where(t == 0.5, jnp.nan, t),
        }[self.kind]


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("falls", "falls or is not finite at t = "),
        ("starts late", r"hidden\(0\) is 0\.01; want 0"),
        ("ends early", r"hidden\(1\) is 0\.999; want 1"),
        ("not a number", r"not finite at t = 0\.49"),
    ],
    ids=["falls", "late", "early", "nan"],
)
def test_a_schedule_that_does_not_rise_from_0_to_1_is_an_error(key: jax.Array, kind: str, message: str):
    y = jnp.zeros((2, 3), int)
    with pytest.raises(ValueError, match=message):
        jax.jit(lambda y: masked_diffusion.bound(exact, Bent(kind), y, mask_token=2, key=key).total)(y)
    with pytest.raises(ValueError, match=message):
        masked_diffusion.sample(exact, Bent(kind), key, (2, 3), mask_token=2, num_steps=2)


def test_masked_examples_add_exactly_nothing(key: jax.Array):
    y, keep = jnp.array([[1, 0, 1], [-7, 99, 2], [0, 0, 1]]), jnp.array([True, False, True])

    t, hidden = jnp.array([0.2, jnp.nan, 0.9]), jnp.array([[0, 1, 1], [0, 1, 0], [1, 1, 1]], bool)

    def loss(scale, **options):
        def denoise(x, t):
            embedded = jnp.take(jnp.ones(3), x)  # NaN for what is no token, as embeddings have it
            return scale * exact(x, t) + 0 * embedded.sum(1)[:, None, None]

        options = {"mask": keep, "t": t, "hidden": hidden, **options}
        return masked_diffusion.loss(denoise, LINEAR, y, mask_token=2, **options)

    value, slope = jax.value_and_grad(loss)(1.3)
    assert np.isfinite([value, slope]).all()
    each = loss(1.3, reduction="none")
    assert float(each[1]) == 0
    np.testing.assert_allclose(value, each.sum() / 2, rtol=1e-6)
    np.testing.assert_allclose(loss(1.3, reduction="sum", weights=jnp.array([2.0, 1.0, 0.0])), 2 * each[0], rtol=1e-6)
    assert np.isfinite(loss(1.3, t=None, hidden=None, key=key))
    unmasked = masked_diffusion.loss(
        exact, LINEAR, y, mask_token=2, t=jnp.full(3, 0.5), hidden=hidden, reduction="none"
    )
    assert float(unmasked[1]) == np.inf  # a token that is none has no probability


def test_what_is_said_of_seen_tokens_counts_for_nothing(key: jax.Array):
    y = jnp.array([[1, 0, 1]] * 4)

    def total(bias):
        def denoise(x, t):
            return jnp.where((x == 2)[..., None], exact(x, t), jnp.nan) + bias[None]

        return masked_diffusion.bound(denoise, LINEAR, y, mask_token=2, key=key).total.sum()

    value, slope = jax.value_and_grad(total)(jnp.zeros((3, 2)))
    assert np.isfinite(value)
    assert np.isfinite(slope).all()


@pytest.mark.usefixtures("x64")
def test_the_mask_itself_is_never_predicted():
    y, t, hidden = jnp.array([[1, 0, 1]]), jnp.array([1.0]), jnp.ones((1, 3), bool)

    def with_mask(x, t):
        return jnp.concatenate([exact(x, t), jnp.full((*x.shape, 1), 5.0)], -1)

    ours, plain = (
        masked_diffusion.bound(denoise, LINEAR, y, mask_token=2, t=t, hidden=hidden).total
        for denoise in (with_mask, exact)
    )
    np.testing.assert_allclose(ours, plain, rtol=1e-12)


def test_samples_of_any_order_follow_the_joint(key: jax.Array):
    n = 20_000
    draws = jax.jit(lambda key: masked_diffusion.sample_any_order(exact, key, (n, 3), mask_token=2))(key)
    counts = np.bincount(np.asarray(draws) @ [4, 2, 1], minlength=8) / n
    assert (np.abs(counts - JOINT.ravel()) < 4 * np.sqrt(JOINT.ravel() * (1 - JOINT.ravel()) / n)).all()


def test_samples_in_two_steps_follow_the_model_of_two_steps(key: jax.Array):
    """Which is not the joint: what is filled in at once is independent."""
    schedule, n = SCHEDULES[1], 20_000
    first = 1 - float(schedule.hidden(0.5))  # the share shown by the first step
    start = marginals(np.full(3, 2))
    model = np.zeros(8)
    for shown in MASKS:
        chance = np.where(shown, first, 1 - first).prod()
        for index, x in enumerate(ALL):
            later = marginals(np.where(shown, x, 2))
            p = np.where(shown, start[[0, 1, 2], x], later[[0, 1, 2], x]).prod()
            model[index] += chance * p
    np.testing.assert_allclose(model.sum(), 1)
    assert np.abs(model - JOINT.ravel()).max() > 0.05

    draws = jax.jit(lambda key: masked_diffusion.sample(exact, schedule, key, (n, 3), mask_token=2, num_steps=2))(key)
    counts = np.bincount(np.asarray(draws) @ [4, 2, 1], minlength=8) / n
    assert (np.abs(counts - model) < 4 * np.sqrt(model * (1 - model) / n)).all()


def test_what_is_given_is_completed(key: jax.Array):
    start = jnp.broadcast_to(jnp.array([1, 2, 2]), (20_000, 3))
    draws = jax.jit(lambda key: masked_diffusion.sample_any_order(exact, key, start.shape, mask_token=2, start=start))(
        key
    )
    assert bool((draws[:, 0] == 1).all())
    truth = JOINT[1].ravel() / JOINT[1].sum()
    counts = np.bincount(np.asarray(draws)[:, 1:] @ [2, 1], minlength=4) / 20_000
    assert (np.abs(counts - truth) < 4 * np.sqrt(truth * (1 - truth) / 20_000)).all()


@pytest.mark.slow
def test_times_are_of_low_discrepancy_and_never_0(key: jax.Array):
    seen = {}

    def denoise(x, t):
        seen["t"] = t
        return jnp.zeros((*x.shape, 2))

    y = jnp.zeros((49, 3), int)
    keys = jax.random.split(key, 3)
    masked_diffusion.bound(denoise, LINEAR, y, mask_token=2, key=keys[0])
    assert bool(((seen["t"] > 0) & (seen["t"] <= 1)).all())
    np.testing.assert_allclose(jnp.diff(jnp.sort(seen["t"])), jnp.full(48, 1 / 49), atol=1e-6)
    masked_diffusion.bound(denoise, LINEAR, y, mask_token=2, key=keys[1], num_steps=7)
    assert np.bincount(np.round(np.asarray(seen["t"]) * 7).astype(int)).tolist() == [0] + [7] * 7
    masked_diffusion.any_order_bound(denoise, y[:48], mask_token=2, key=keys[2])
    assert np.bincount(np.round(np.asarray(seen["t"]) * 3).astype(int)).tolist() == [0] + [16] * 3


def test_independent_tokens_lose_nothing_in_one_step():
    logits = jnp.array([0.3, -0.2, 1.0])
    y = jnp.array([[0, 2, 1]])
    parts = masked_diffusion.bound(
        lambda x, t: jnp.broadcast_to(logits, (1, 3, 3)), LINEAR, y, mask_token=3, num_steps=1, t=jnp.ones(1),
        hidden=jnp.ones((1, 3), bool),
    )  # fmt: skip
    np.testing.assert_allclose(parts.total, -jax.nn.log_softmax(logits).sum(), rtol=1e-6)
    assert float(lj.bits_per_dim(parts.total, 3)[0]) > 0


def test_errors():
    y = jnp.zeros((2, 3), int)
    with pytest.raises(ValueError, match="give a key"):
        masked_diffusion.bound(exact, LINEAR, y, mask_token=2)
    with pytest.raises(ValueError, match="whole numbers"):
        masked_diffusion.bound(exact, LINEAR, y.astype(float), mask_token=2, key=jax.random.key(0))
    with pytest.raises(ValueError, match="want a batch"):
        masked_diffusion.bound(exact, LINEAR, y[0], mask_token=2, key=jax.random.key(0))
    with pytest.raises(ValueError, match="t has shape"):
        masked_diffusion.bound(exact, LINEAR, y, mask_token=2, key=jax.random.key(0), t=jnp.zeros(3))
    with pytest.raises(ValueError, match="hidden is"):
        masked_diffusion.bound(exact, LINEAR, y, mask_token=2, key=jax.random.key(0), hidden=jnp.zeros((2, 3)))
    with pytest.raises(ValueError, match="denoise gave the shape"):
        masked_diffusion.bound(lambda x, t: jnp.zeros((2, 4, 2)), LINEAR, y, mask_token=2, key=jax.random.key(0))
    with pytest.raises(ValueError, match="takes none"):
        masked_diffusion.any_order_bound(exact, y, mask_token=2, key=jax.random.key(0), num_hidden=y[:, 0], full=True)
    with pytest.raises(ValueError, match="order has shape"):
        masked_diffusion.any_order_bound(exact, y, mask_token=2, order=y[0], full=True)
    with pytest.raises(ValueError, match="start has shape"):
        masked_diffusion.sample_any_order(exact, jax.random.key(0), (2, 3), mask_token=2, start=y[0])


def test_a_schedule_may_be_learned():
    y, t, hidden = jnp.array([[1, 0, 1]]), jnp.array([0.4]), jnp.array([[True, True, False]])

    def parts(power):
        return masked_diffusion.bound(exact, masked_diffusion.Polynomial(power), y, mask_token=2, t=t, hidden=hidden)

    # the weight is power / t
    slope = jax.jit(jax.grad(lambda power: parts(power).total.sum()))(2.0)
    np.testing.assert_allclose(slope, parts(2.0).surprise[0] / 0.4, rtol=1e-5)
