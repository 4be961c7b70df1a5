"""What training may add: a learned variance, drawn steps, a learned schedule, conditions."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from gaussian_data import ENTROPY, KINDS, LINEAR, C, nodes, optimal, over_time

from lik_jax.distributions import normal
from lik_jax.objectives import diffusion, schedules


def with_variance(steps):
    """The best denoiser of N(0, C^2) as eps, and the best place of its variance."""

    def denoise(x_t, t):
        gamma_s, gamma_t = (LINEAR.gamma(u)[:, None] for u in (t - 1 / steps, t))
        a, s = schedules.alpha(gamma_t), schedules.sigma(gamma_t)
        fresh = -jnp.expm1(gamma_s - gamma_t)
        least = schedules.sigma(gamma_s) ** 2 * fresh
        left = C**2 * s**2 / (a**2 * C**2 + s**2)  # variance of x given x_t
        best = least + (schedules.alpha(gamma_s) * fresh) ** 2 * left
        most = schedules.transition(gamma_s, gamma_t)[1] ** 2
        share = jnp.log(best / least) / jnp.log(most / least)
        return optimal(LINEAR, "eps")(x_t, t), jnp.broadcast_to(share, x_t.shape)

    return denoise


@pytest.mark.usefixtures("x64")
def test_with_the_best_variance_few_steps_lose_nothing():
    """The reverse steps are exact then: what is left is the mismatch of the two ends."""
    x, noise, weights = nodes()
    bound = diffusion.variational_bound(
        normal, diffusion.gaussian_decoder, with_variance(16), LINEAR, x, noise=noise, num_steps=16, full=True,
        learned_variance=True,
    )  # fmt: skip
    a2, s2 = (float(schedules.alpha(g)) ** 2 for g in (LINEAR.gamma(1.0), -LINEAR.gamma(1.0)))
    last = normal.kl_divergence(normal.Params(0.0, np.sqrt(a2 * C**2 + s2)), normal.Params(0.0, 1.0))
    a2, s2 = (float(schedules.alpha(g)) ** 2 for g in (LINEAR.gamma(0.0), -LINEAR.gamma(0.0)))
    q, a = a2 * C**2 + s2, np.sqrt(a2)
    true, decoder = np.sqrt(C**2 * s2 / q), np.sqrt(s2 / a2)
    # the mean over x_0 of KL(N(a C^2 / q x_0, true^2) || N(x_0 / a, decoder^2))
    first = np.log(decoder / true) + 0.5 * (true**2 + (a * C**2 / q - 1 / a) ** 2 * q) / decoder**2 - 0.5
    np.testing.assert_allclose((weights * bound.total).sum() - ENTROPY, float(last) + first, atol=1e-8)


@pytest.mark.usefixtures("x64")
def test_a_step_of_any_variance_is_a_kl_divergence(key: jax.Array):
    x, noise, share = jax.random.normal(key, (3, 5, 3), jnp.float64)
    schedule, steps, i = schedules.Cosine(-6.0, 4.0), 10, 4
    gamma_s, gamma_t = schedule.gamma((i - 1) / steps), schedule.gamma(i / steps)
    x_t = schedules.noised(x, noise, gamma_t)
    fresh = -jnp.expm1(gamma_s - gamma_t)
    least = schedules.sigma(gamma_s) ** 2 * fresh
    most = schedules.transition(gamma_s, gamma_t)[1] ** 2
    scale = jnp.exp(0.5 * (share * jnp.log(most) + (1 - share) * jnp.log(least)))
    gap = schedules.alpha(gamma_s) * fresh * (x - jnp.sin(x_t))
    kl = normal.kl_divergence(normal.Params(gap, jnp.sqrt(least)), normal.Params(0.0, scale)).sum(-1)
    options = {"t": jnp.full(5, i / steps), "noise": noise, "num_steps": steps, "prediction": "x0"}

    def bound(denoise, **more):
        return diffusion.variational_bound(
            normal, diffusion.gaussian_decoder, denoise, schedule, x, **options, **more
        ).diffusion

    ours = bound(lambda x_t, t: (jnp.sin(x_t), share), learned_variance=True)
    np.testing.assert_allclose(ours / steps, kl, rtol=1e-10)
    least_one = bound(lambda x_t, t: (jnp.sin(x_t), 0 * share), learned_variance=True)
    np.testing.assert_allclose(least_one, bound(lambda x_t, t: jnp.sin(x_t)), rtol=1e-10)
    hybrid = diffusion.hybrid_loss(
        lambda x_t, t: (jnp.sin(x_t), share), schedule, x, reduction="none", vlb_weight=0.3, **options
    )
    np.testing.assert_allclose(hybrid, ((jnp.sin(x_t) - x) ** 2).sum(-1) + 0.3 * ours, rtol=1e-10)
    with pytest.raises(ValueError, match="pair"):
        bound(lambda x_t, t: x_t, learned_variance=True)
    options["num_steps"] = None
    with pytest.raises(ValueError, match="give num_steps"):
        bound(lambda x_t, t: (x_t, x_t), learned_variance=True)


@pytest.mark.usefixtures("x64")
def test_the_learned_variance_sends_no_gradient_to_the_mean(key: jax.Array):
    x = jax.random.normal(key, (6, 2), jnp.float64)
    options = {"t": jnp.arange(1, 7) / 6, "noise": jnp.cos(x)}

    def hybrid(params):
        return diffusion.hybrid_loss(
            lambda x_t, t: (params["mean"] * x_t, params["share"] + 0 * x_t), LINEAR, x, num_steps=6, vlb_weight=1.0,
            **options,
        )  # fmt: skip

    def simple(params):
        return diffusion.denoising_loss(lambda x_t, t: params["mean"] * x_t, LINEAR, x, **options)

    params = {"mean": jnp.array(0.3), "share": jnp.array(0.4)}
    ours, plain = jax.grad(hybrid)(params), jax.grad(simple)(params)
    np.testing.assert_allclose(ours["mean"], plain["mean"], rtol=1e-12)
    step = 1e-5
    ends = [float(hybrid(params | {"share": jnp.array(0.4 + h)})) for h in (step, -step)]
    assert float(ours["share"]) == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-6)
    masked = diffusion.hybrid_loss(
        lambda x_t, t: (x_t, x_t), LINEAR, x.at[2].set(jnp.nan), num_steps=6, mask=jnp.arange(6) != 2, **options
    )
    assert np.isfinite(float(masked))


def test_resampler_state():
    resampler = diffusion.resampler
    state = resampler.start(3, length=2)
    state = resampler.update(state, jnp.array([0, 0, 0, 2]), jnp.array([1.0, 2.0, 3.0, 4.0]))
    np.testing.assert_array_equal(state.losses, [[3, 2], [0, 0], [4, 0]])
    np.testing.assert_array_equal(state.counts, [2, 0, 1])
    np.testing.assert_allclose(resampler.probs(state), 1 / 3, rtol=1e-6)
    state = jax.jit(resampler.update)(state, jnp.array([1, 1, 2]), jnp.array([0.0, 0.0, 3.0]))
    root = np.sqrt([(9 + 4) / 2, 0, (9 + 16) / 2])
    p = 0.9 * root / root.sum() + 0.1 / 3
    np.testing.assert_allclose(resampler.probs(state, uniform=0.1), p, rtol=1e-6)
    nothing = resampler.State(jnp.zeros((3, 2)), jnp.full(3, 2))
    np.testing.assert_allclose(resampler.probs(nothing), 1 / 3, rtol=1e-6)


def test_resampled_steps_keep_the_mean(key: jax.Array):
    resampler, losses = diffusion.resampler, jnp.array([5.0, 1.0, 0.5, 3.0])
    state = resampler.start(4, length=1)
    state = resampler.update(state, jnp.arange(4), losses)
    drawn = resampler.draw(state, key, 1000)
    np.testing.assert_allclose(drawn.t, (drawn.step + 1) / 4)
    counts = jnp.bincount(drawn.step, length=4)
    np.testing.assert_allclose(counts, 1000 * resampler.probs(state), atol=1.01)
    # the loss over its density is nearly constant: that is the point
    np.testing.assert_allclose((losses[drawn.step] / drawn.density).mean(), losses.mean(), rtol=5e-3)
    each = losses[drawn.step] / drawn.density
    assert float(each.std()) < 0.01


@pytest.mark.slow
@pytest.mark.usefixtures("x64")
def test_a_schedule_learns_the_least_variance(key: jax.Array):
    """E[L^2] is least where the schedule is slow where the loss is high: (the integral of its root)^2."""
    learned = schedules.Monotone(-6.0, 2.0, width=16)
    x, noise, t, weights = over_time(*nodes(3), 48)

    def bound(schedule):
        return diffusion.variational_bound(
            normal, diffusion.gaussian_decoder, optimal(schedule, "eps"), schedule, x, t=t, noise=noise
        )

    def second_moment(params):
        return (weights * bound(learned.at(params)).diffusion ** 2).sum()

    def mean(params):
        return (weights * bound(learned.at(params)).total).sum()

    # noise - predicted is normal with variance tau, so L has the second moment 3 (gamma' tau / 2)^2
    gamma = np.linspace(-6, 2, 20_001)
    tau = C**2 / (C**2 + np.exp(gamma))
    least = 0.75 * np.trapezoid(tau, gamma) ** 2
    start = learned.init(key)
    optimiser = optax.adam(0.05)

    @jax.jit
    def train(params):
        def step(state, _):
            params, opt_state = state
            value, slope = jax.value_and_grad(second_moment)(params)
            with jax.numpy_dtype_promotion("standard"):
                updates, opt_state = optimiser.update(slope, opt_state)
                params = optax.apply_updates(params, updates)
            return (params._replace(ends=start.ends), opt_state), value

        return jax.lax.scan(step, (params, optimiser.init(params)), None, length=400)

    (params, _), moments = train(start)
    assert float(moments[0]) > 1.2 * least
    assert least * 0.999 < float(moments[-1]) < 1.02 * least
    # the bound did not move, and its slope towards the interior is nothing
    np.testing.assert_allclose(mean(params), mean(start), rtol=1e-5)
    # the loss of a schedule: the ends go down the mean, the rest down the square
    slope = jax.grad(lambda p: diffusion.schedule_loss(bound, learned, p))(start)
    by_mean = jax.grad(lambda p: bound(learned.at(p)).total.mean())(start)
    by_square = jax.grad(lambda p: (bound(learned.at(p)).diffusion ** 2).mean())(start)
    np.testing.assert_allclose(slope.ends, by_mean.ends, rtol=1e-9)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-9), slope.interior, by_square.interior)


def test_self_conditioning(key: jax.Array):
    x_t, t = jnp.ones((1000, 2)), jnp.full(1000, 0.5)

    def said(weight, key=None, **options):
        denoise = lambda x_t, t, guess: weight * x_t + guess  # noqa: E731
        return diffusion.self_conditioned(denoise, LINEAR, key=key, prediction="x0", **options)(x_t, t)

    np.testing.assert_allclose(said(2.0), 4.0)
    some = said(2.0, key, share=0.25)[:, 0]
    assert set(np.unique(some)) == {2, 4}
    assert abs(float((some == 4).mean()) - 0.25) < 4 * (0.25 * 0.75 / 1000) ** 0.5
    # the guess has no gradient: d/dw of w x + stop(w x) is x
    np.testing.assert_allclose(jax.grad(lambda w: said(w).sum())(2.0), 2000.0)
    # guesses are of the data, whatever is predicted
    shown = diffusion.self_conditioned(lambda x_t, t, guess: guess, LINEAR, prediction="eps")(x_t, t)
    np.testing.assert_allclose(shown, x_t / schedules.alpha(LINEAR.gamma(0.5)), rtol=1e-5)


@pytest.mark.usefixtures("x64")
def test_guidance_is_one_whatever_is_predicted(key: jax.Array):
    x_t = jax.random.normal(key, (4, 2), jnp.float64)
    t, labels, null = jnp.full(4, 0.4), jnp.arange(4.0), jnp.full(4, -1.0)
    gamma = LINEAR.gamma(0.4)

    def in_kind(kind):
        def denoise(x_t, t, label):
            return schedules.convert(jnp.sin(x_t + label[:, None]), x_t, gamma, source="x0", to=kind)

        said = diffusion.guided(denoise, labels, null, 2.5)(x_t, t)
        return schedules.convert(said, x_t, gamma, source=kind, to="x0")

    plain = 2.5 * jnp.sin(x_t + labels[:, None]) - 1.5 * jnp.sin(x_t - 1)
    for kind in KINDS:
        np.testing.assert_allclose(in_kind(kind), plain, rtol=1e-9)


def test_dropped_conditions(key: jax.Array):
    condition = {"label": jnp.arange(2000), "vector": jnp.ones((2000, 3))}
    dropped = diffusion.drop_condition(key, condition, {"label": -1, "vector": 0.0}, rate=0.2)
    gone = dropped["label"] == -1
    assert abs(float(gone.mean()) - 0.2) < 4 * (0.2 * 0.8 / 2000) ** 0.5
    np.testing.assert_array_equal(dropped["vector"][:, 0] == 0, gone)
    np.testing.assert_array_equal(dropped["label"][~gone], condition["label"][~gone])
