"""Gaussian diffusion: bounds with a known value, computed by quadrature over the injected noise and time."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lik_jax.distributions import categorical, normal
from lik_jax.objectives import diffusion, schedules

C = 0.5  # data N(0, C^2)
ENTROPY = 0.72579135
LINEAR = schedules.Linear(-13.3, 5.0)
KINDS = ["eps", "x0", "v"]


def gauss_hermite(points: int) -> tuple[np.ndarray, np.ndarray]:
    x, w = np.polynomial.hermite_e.hermegauss(points)
    return x, w / w.sum()


def optimal(schedule, prediction: str, variance: float = C**2):
    """The best denoiser for data N(0, variance)."""

    def denoise(x_t, t):
        gamma = schedule.gamma(t)[:, None]
        a, s = schedules.alpha(gamma), schedules.sigma(gamma)
        x0 = a * variance / (a**2 * variance + s**2) * x_t
        return schedules.convert(x0, x_t, gamma, source="x0", to=prediction)

    return denoise


def gaussian_nodes():
    """Data and noise ``[n, 1]`` on which quadratic expectations are exact, and weights ``[n]``."""
    nodes, w = gauss_hermite(2)
    x, noise = (jnp.asarray(v.reshape(-1, 1)) for v in np.meshgrid(C * nodes, nodes, indexing="ij"))
    return x, noise, jnp.asarray(np.outer(w, w).ravel())


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("prediction", KINDS)
def test_gaussian_data_in_continuous_time(prediction: str):
    x, noise, weights = gaussian_nodes()
    times, time_weights = np.polynomial.legendre.leggauss(400)

    def grid(v):
        return jnp.repeat(v, 400, 0)

    bound = diffusion.variational_bound(
        normal,
        diffusion.gaussian_decoder,
        optimal(LINEAR, prediction),
        LINEAR,
        grid(x),
        t=jnp.tile(jnp.asarray(times + 1) / 2, 4),
        noise=grid(noise),
        prediction=prediction,
    )
    w = jnp.outer(weights, jnp.asarray(time_weights) / 2).ravel()
    mean = jax.tree.map(lambda part: float((w * part).sum()), bound)
    np.testing.assert_allclose(mean.reconstruction, -5.23106147, atol=5e-9)
    np.testing.assert_allclose(mean.prior, 0.00084786, atol=5e-9)
    np.testing.assert_allclose(mean.diffusion, 5.95601463, atol=5e-9)
    np.testing.assert_allclose(mean.total, 0.72580102, atol=5e-9)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("prediction", KINDS)
@pytest.mark.parametrize(
    ("steps", "excess"), [(16, 4.6463), (64, 0.85623), (256, 0.19956), (1000, 0.05023182), (10000, 0.00500560)]
)
def test_gaussian_data_in_finite_steps(prediction: str, steps: int, excess: float):
    x, noise, weights = gaussian_nodes()
    bound = diffusion.variational_bound(
        normal,
        diffusion.gaussian_decoder,
        optimal(LINEAR, prediction),
        LINEAR,
        x,
        noise=noise,
        num_steps=steps,
        full=True,
        prediction=prediction,
    )
    np.testing.assert_allclose((weights * bound.total).sum() - ENTROPY, excess, atol=6e-5 if steps < 1000 else 1e-8)


@pytest.mark.usefixtures("x64")
def test_levels_with_the_bayes_denoiser():
    levels = jnp.asarray([-2 / 3, 0, 2 / 3])
    decode = diffusion.level_decoder(levels)

    def bayes(x_t, t):
        gamma = LINEAR.gamma(t)[:, None]
        return jax.nn.softmax(decode(x_t, gamma[..., None]).logits, -1) @ levels

    nodes = np.linspace(-9, 9, 601)  # the trapezoid rule, exact to rounding for what is smooth and dies out
    w = np.exp(-0.5 * nodes**2)
    w /= w.sum()
    times, time_weights = np.polynomial.legendre.leggauss(200)
    label, noise, t = (jnp.asarray(v.ravel()) for v in np.meshgrid(range(3), nodes, (times + 1) / 2, indexing="ij"))
    weights = jnp.asarray(np.einsum("i,j,k->ijk", np.ones(3) / 3, w, time_weights / 2).ravel())
    bound = diffusion.variational_bound(
        categorical, decode, bayes, LINEAR, levels[label][:, None], y=label[:, None], t=t, noise=noise[:, None],
        prediction="x0",
    )  # fmt: skip
    np.testing.assert_allclose((weights * bound.total).sum(), 1.09861785, atol=2e-8)


@pytest.mark.usefixtures("x64")
def test_each_step_is_a_kl_divergence(key: jax.Array):
    x, noise = jax.random.normal(key, (2, 5, 3), jnp.float64)
    schedule, steps = schedules.Cosine(-6.0, 4.0), 10

    def denoise(x_t, t):
        return jnp.sin(x_t) * t[:, None]

    for i in (1, 4, 10):
        gamma_s, gamma_t = schedule.gamma((i - 1) / steps), schedule.gamma(i / steps)
        a_s, a_t = schedules.alpha(gamma_s), schedules.alpha(gamma_t)
        x_t = schedules.noised(x, noise, gamma_t)
        step, spread = schedules.transition(gamma_s, gamma_t)
        variance = (spread * schedules.sigma(gamma_s) / schedules.sigma(gamma_t)) ** 2

        predicted = schedules.convert(denoise(x_t, jnp.full(5, i / steps)), x_t, gamma_t, source="eps", to="x0")
        # Bayes: q(x_s | x_t, x) from q(x_t | x_s) and q(x_s | x)
        ours, true = (
            normal.Params(
                variance * (step * x_t / spread**2 + a_s * clean / schedules.sigma(gamma_s) ** 2), jnp.sqrt(variance)
            )
            for clean in (predicted, x)
        )
        kl = normal.kl_divergence(true, ours).sum(-1)
        bound = diffusion.variational_bound(
            normal,
            diffusion.gaussian_decoder,
            denoise,
            schedule,
            x,
            t=jnp.full(5, i / steps),
            noise=noise,
            num_steps=steps,
        )
        np.testing.assert_allclose(bound.diffusion / steps, kl, rtol=1e-10)
        assert float(a_t) > 0


@pytest.mark.usefixtures("x64")
def test_prior_is_a_kl_divergence(key: jax.Array):
    x = jax.random.normal(key, (5, 3), jnp.float64)
    bound = diffusion.variational_bound(
        normal, diffusion.gaussian_decoder, optimal(LINEAR, "eps"), LINEAR, x, t=jnp.ones(5), noise=0 * x
    )
    a, s = schedules.alpha(5.0), schedules.sigma(5.0)
    kl = normal.kl_divergence(normal.Params(a * x, s), normal.Params(0.0, 1.0)).sum(-1)
    np.testing.assert_allclose(bound.prior, kl, rtol=1e-9)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("num_steps", [3, 10])
def test_paths_of_normal_data(key: jax.Array, num_steps: int):
    """log p(path) - log q(path | x) is log N(x; 0, 1) for every path, when the reverse step is exact."""
    path = jax.random.normal(key, (num_steps + 1, 4), jnp.float64)
    total = normal.log_prob(normal.Params(0.0, 1.0), path[-1])
    for i in range(num_steps):
        a, b = schedules.transition(LINEAR.gamma(i / num_steps), LINEAR.gamma((i + 1) / num_steps))
        total += normal.log_prob(normal.Params(a * path[i + 1], b), path[i])
        total -= normal.log_prob(normal.Params(a * path[i], b), path[i + 1])
    np.testing.assert_allclose(total, normal.log_prob(normal.Params(0.0, 1.0), path[0]), rtol=1e-9)


def test_sampled_times_estimate_the_full_sum(key: jax.Array):
    first, second, third = jax.random.split(key, 3)
    x = C * jax.random.normal(first, (20_000, 1))

    def bound(key, **options):
        return diffusion.variational_bound(
            normal, diffusion.gaussian_decoder, optimal(LINEAR, "eps"), LINEAR, x, key=key, num_steps=16, **options
        )

    sampled, full = bound(second), bound(third, full=True)
    error = float(jnp.hypot(sampled.total.std(), full.total.std())) / 20_000**0.5
    assert abs(float(sampled.total.mean() - full.total.mean())) < 4 * error
    np.testing.assert_allclose(full.total.mean(), ENTROPY + 4.6463, atol=4 * error)


@pytest.mark.parametrize("schedule", [LINEAR, schedules.Cosine(), schedules.BetaLinear()])
def test_schedules(schedule):
    t = jnp.linspace(0, 1, 1000)
    gamma = schedule.gamma(t)
    assert bool((jnp.diff(gamma) > 0).all())
    assert bool(jnp.isfinite(jax.vmap(jax.grad(schedule.gamma))(t)).all())
    np.testing.assert_allclose(schedules.alpha(gamma) ** 2 + schedules.sigma(gamma) ** 2, 1, rtol=1e-6)
    assert hash(schedule) == hash(type(schedule)())


@pytest.mark.usefixtures("x64")
def test_schedule_values():
    np.testing.assert_allclose(schedules.alpha(-1.3), 0.88647334, atol=5e-9)
    np.testing.assert_allclose(schedules.sigma(-1.3), 0.46277966, atol=5e-9)
    np.testing.assert_allclose(schedules.Cosine(-9.0, 7.0).gamma(jnp.array([0.0, 1.0])), [-9, 7], rtol=1e-12)
    beta = np.linspace(1e-4, 0.02, 1000)
    np.testing.assert_allclose(
        schedules.alpha(schedules.BetaLinear().gamma(jnp.arange(1000) / 999)) ** 2, np.cumprod(1 - beta), rtol=1e-10
    )


def test_extreme_noise_levels_stay_finite():
    gamma = jnp.array([-200.0, -90.0, 90.0, 200.0])
    for fn in (schedules.alpha, schedules.sigma):
        assert bool((fn(gamma)[1:3] > 0).all())
        assert bool(jnp.isfinite(fn(gamma)).all())


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(
    ("prediction", "weights"),
    [("x0", [0.1, 1, 5, 5]), ("eps", [1, 1, 1, 0.25]), ("v", [0.090909, 0.5, 0.833333, 0.238095])],
)
def test_min_snr(prediction: str, weights: list[float]):
    gamma = -jnp.log(jnp.array([0.1, 1.0, 5.0, 20.0]))
    np.testing.assert_allclose(schedules.min_snr_weight(gamma, prediction), weights, atol=5e-7)
    no_signal = float(schedules.min_snr_weight(jnp.inf, prediction))
    assert no_signal == {"x0": 0.0, "eps": 1.0, "v": 0.0}[prediction]


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("source", KINDS)
@pytest.mark.parametrize("to", KINDS)
def test_conversions(key: jax.Array, source: str, to: str):
    x, noise = jax.random.normal(key, (2, 6), jnp.float64)
    gamma = jnp.linspace(-5, 5, 6)
    given, wanted = (schedules.target(x, noise, gamma, kind) for kind in (source, to))
    x_t = schedules.noised(x, noise, gamma)
    np.testing.assert_allclose(schedules.convert(given, x_t, gamma, source=source, to=to), wanted, rtol=1e-10)

    def error(kind):
        return schedules.noise_weight(gamma, kind) * (
            schedules.convert(given + 0.1, x_t, gamma, source=source, to=kind) - schedules.target(x, noise, gamma, kind)
        ) ** 2  # fmt: skip

    np.testing.assert_allclose(error(source), error(to), rtol=1e-9)


@pytest.mark.parametrize("num", [1, 49, 64])
def test_antithetic_times(key: jax.Array, num: int):
    t = jnp.sort(schedules.antithetic_times(key, num))
    assert t.shape == (num,)
    assert bool(((t >= 0) & (t < 1)).all())
    np.testing.assert_allclose(jnp.diff(t), jnp.full(num - 1, 1 / num), atol=1e-6)


def test_denoising_loss_masks_and_weights(key: jax.Array):
    x = jnp.array([[1.0, 2.0], [jnp.nan, 0.0], [3.0, 1.0]])
    t, noise = jnp.array([0.2, 0.5, 0.9]), jnp.ones((3, 2))
    mask = jnp.array([True, False, True])

    def loss(scale, **options):
        return diffusion.denoising_loss(lambda x_t, t: scale * x_t, LINEAR, x, t=t, noise=noise, **options)

    value, slope = jax.value_and_grad(lambda scale: loss(scale, mask=mask))(0.3)
    assert np.isfinite([value, slope]).all()
    each = loss(0.3, mask=mask, reduction="none")
    assert float(each[1]) == 0
    np.testing.assert_allclose(value, each.sum() / 2, rtol=1e-6)
    snr = loss(0.3, mask=mask, reduction="none", weighting="min_snr")
    own = loss(0.3, mask=mask, reduction="none", weighting=lambda gamma: schedules.min_snr_weight(gamma, "eps"))
    np.testing.assert_allclose(snr, own)
    with pytest.raises(ValueError, match="key"):
        diffusion.denoising_loss(lambda x_t, t: x_t, LINEAR, x)
    with pytest.raises(ValueError, match="shape"):
        diffusion.denoising_loss(lambda x_t, t: x_t[..., :1], LINEAR, x, key=key)


def test_samples_have_the_right_moments(key: jax.Array):
    schedule = schedules.Cosine(-10.0, 10.0)
    first, second = jax.random.split(key)
    draws = diffusion.sample(optimal(schedule, "v"), schedule, first, (20_000, 1), 1000, prediction="v")
    np.testing.assert_allclose(draws.std(), C, rtol=0.02)
    assert abs(float(draws.mean())) < 4 * C / 20_000**0.5
    cut = diffusion.sample(optimal(schedule, "v"), schedule, second, (100, 1), 20, prediction="v", low=-0.1, high=0.1)
    assert float(jnp.abs(cut).max()) < 0.2
