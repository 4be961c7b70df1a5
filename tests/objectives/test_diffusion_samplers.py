"""Samplers: the right moments, the right order of accuracy, one step by hand."""

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gaussian_data import LINEAR, C, optimal
from test_diffusion_training import with_variance

from lik_jax.objectives import diffusion, schedules

COSINE = schedules.Cosine(-10.0, 10.0)


def test_samples_have_the_right_moments(key: jax.Array):
    first, second = jax.random.split(key)
    draws = diffusion.sample(optimal(COSINE, "v"), COSINE, first, (20_000, 1), 1000, prediction="v")
    np.testing.assert_allclose(draws.std(), C, rtol=0.02)
    assert abs(float(draws.mean())) < 4 * C / 20_000**0.5
    cut = diffusion.sample(optimal(COSINE, "v"), COSINE, second, (100, 1), 20, prediction="v", low=-0.1, high=0.1)
    assert float(jnp.abs(cut).max()) < 0.2


def test_with_the_best_variance_few_steps_are_exact(key: jax.Array):
    def std(denoise, **options):
        return float(diffusion.sample(denoise, LINEAR, jax.random.clone(key), (20_000, 1), 8, **options).std())

    error = 4 * C / (2 * 20_000) ** 0.5
    assert abs(std(with_variance(8), learned_variance=True) - C) < error
    assert abs(std(optimal(LINEAR, "eps")) - C) > 2 * error


def flow(start, schedule):
    """Where the probability flow of data N(0, C^2) carries ``x_1``, as ``x_0 / alpha_0``."""
    a1, (low, high) = schedules.alpha(schedule.gamma(1.0)), jnp.exp(schedule.gamma(jnp.array([0.0, 1.0])))
    return start / a1 * jnp.sqrt((C**2 + low) / (C**2 + high))


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(("sampler", "order"), [(diffusion.ddim, 1), (diffusion.heun, 2)])
def test_deterministic_samplers_follow_the_flow(key: jax.Array, sampler, order):
    start = jnp.array([[1.3], [-0.2]])

    def error(steps):
        end = sampler(
            optimal(COSINE, "score"), COSINE, jax.random.clone(key), (2, 1), steps, prediction="score", start=start
        )
        return np.abs(np.asarray(end - flow(start, COSINE)))

    coarse, fine = error(100), error(200)
    assert (fine < (2e-2 if order == 1 else 5e-4)).all()
    np.testing.assert_allclose(np.log2(coarse / fine), order, atol=0.15)


@pytest.mark.usefixtures("x64")
def test_one_step_of_heun_by_hand(key: jax.Array):
    schedule, times = schedules.Karras(0.1, 3.0), jnp.array([1.0, 0.4])
    start = jnp.array([[0.7], [-1.1]])
    ours = diffusion.heun(optimal(schedule, "F"), schedule, key, (2, 1), 1, prediction="F", start=start, times=times)
    s1, s2 = (float(np.exp(schedule.gamma(t) / 2)) for t in times)
    y = np.asarray(start) * np.sqrt(1 + s1**2)
    slope = lambda y, s: (y - C**2 / (C**2 + s**2) * y) / s  # noqa: E731
    euler = y + (s2 - s1) * slope(y, s1)
    np.testing.assert_allclose(ours, y + (s2 - s1) * 0.5 * (slope(y, s1) + slope(euler, s2)), rtol=1e-10)


def heun_std(churn, low, high, steps):
    """Standard deviation of what Heun gives for data N(0, C^2) between noises 10 and 0.01, step by step."""
    levels = np.linspace(10 ** (1 / 7), 0.01 ** (1 / 7), steps + 1) ** 7
    variance = 1 + levels[0] ** 2
    for s, end in pairwise(levels):
        more = min(churn / steps, np.sqrt(2) - 1) if low <= s <= high else 0.0
        begin = min(s * (1 + more), levels[0])
        variance += begin**2 - s**2
        first, last = (at / (C**2 + at**2) for at in (begin, end))  # (y - x) / s in units of y
        length = end - begin
        variance *= (1 + 0.5 * length * (first + last * (1 + length * first))) ** 2
    return np.sqrt(variance)


def test_churn_adds_what_it_takes_away(key: jax.Array):
    schedule = schedules.Karras(0.01, 10.0)
    first, second = jax.random.split(key)

    def draw(**options):
        start = jax.random.normal(jax.random.clone(first), (20_000, 1))
        denoise = optimal(schedule, "x0")
        return diffusion.heun(
            denoise, schedule, jax.random.clone(second), (20_000, 1), 40, prediction="x0", start=start, **options
        )

    still, churned = draw(), draw(churn=12.0, churn_low=0.05, churn_high=20.0)
    for draws, options in ((still, (0, 0, 0)), (churned, (12, 0.05, 20))):
        std = heun_std(*options, 40)
        assert abs(std - C) < 0.03
        assert abs(float(draws.std()) - std) < 4 * std / (2 * 20_000) ** 0.5
    assert abs(float(jnp.corrcoef(still[:, 0], churned[:, 0])[0, 1])) < 0.5
    np.testing.assert_allclose(draw(churn=30.0, churn_low=100.0), still, rtol=1e-5, atol=1e-6)


@pytest.mark.usefixtures("x64")
@pytest.mark.slow
def test_ddim_with_all_noise_is_ancestral(key: jax.Array):
    options = {"prediction": "x0", "times": schedules.rho_grid(COSINE, 12)}
    ddim, ancestral, still, other = (
        fn(optimal(COSINE, "x0"), COSINE, jax.random.clone(key), (3, 1), 12, **options, **more)
        for fn, more in (
            (diffusion.ddim, {"eta": 1.0}),
            (diffusion.sample, {}),
            (diffusion.ddim, {}),
            (diffusion.ddim, {"eta": 0.5}),
        )
    )
    np.testing.assert_allclose(ddim, ancestral, rtol=1e-12)
    assert float(jnp.abs(still - ancestral).min()) > 1e-3
    assert float(jnp.abs(other - still).min()) > 1e-4
    # by Bayes: mean and variance of q(x_s | x_t, x) in one step
    start = jnp.array([[0.4]])
    gamma_t, gamma_s = COSINE.gamma(1.0), COSINE.gamma(0.8)
    a, b = schedules.transition(gamma_s, gamma_t)
    prior = schedules.sigma(gamma_s) ** 2
    variance = 1 / (1 / prior + a**2 / b**2)
    x = optimal(COSINE, "x0")(start, jnp.ones(1))
    mean = variance * (schedules.alpha(gamma_s) * x / prior + a * start / b**2)
    noise = (start - schedules.alpha(gamma_t) * x) / schedules.sigma(gamma_t)
    half = 0.25 * variance  # DDIM's equation 12 with a quarter of the variance
    half_mean = schedules.alpha(gamma_s) * x + jnp.sqrt(prior - half) * noise
    drawn = jax.random.normal(jax.random.split(jax.random.split(jax.random.clone(key))[1], 1)[0], (1, 1), jnp.float64)
    for eta, centre, spread in ((1.0, mean, variance), (0.5, half_mean, half)):
        end = diffusion.ddim(
            optimal(COSINE, "x0"), COSINE, jax.random.clone(key), (1, 1), 1, prediction="x0", start=start, eta=eta,
            times=jnp.array([1.0, 0.8]),
        )  # fmt: skip
        np.testing.assert_allclose(end * schedules.alpha(gamma_s), centre + jnp.sqrt(spread) * drawn, rtol=1e-9)


def test_samplers_show_a_network_its_last_guess(key: jax.Array):
    """A network that adds 1 to its guess has counted the steps when it ends."""
    for sampler in (diffusion.sample, diffusion.ddim):
        end = sampler(
            lambda x_t, t, guess: guess + 1,
            COSINE,
            jax.random.clone(key),
            (2, 3),
            5,
            prediction="x0",
            self_condition=True,
        )
        np.testing.assert_allclose(end, 5.0, atol=0.1)


def test_what_does_not_fit_is_named(key: jax.Array):
    with pytest.raises(ValueError, match=r"eta=1\.5"):
        diffusion.ddim(optimal(COSINE, "eps"), COSINE, jax.random.clone(key), (1, 1), 3, eta=1.5)
    with pytest.raises(ValueError, match="times has shape"):
        diffusion.sample(optimal(COSINE, "eps"), COSINE, jax.random.clone(key), (1, 1), 3, times=jnp.ones(3))
    with pytest.raises(ValueError, match="start has shape"):
        diffusion.heun(optimal(COSINE, "eps"), COSINE, jax.random.clone(key), (1, 1), 3, start=jnp.ones(3))
