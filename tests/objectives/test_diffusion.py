"""The variational bound and the losses: known values, by quadrature over the injected noise and time."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gaussian_data import ENTROPY, KINDS, LINEAR, C, nodes, optimal, over_time, weighted
from scipy import stats

import lik_jax as lj
from lik_jax.distributions import categorical, normal
from lik_jax.objectives import diffusion, schedules


def gaussian_bound(denoise, x, **options):
    return diffusion.variational_bound(normal, diffusion.gaussian_decoder, denoise, LINEAR, x, **options)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("prediction", KINDS)
def test_gaussian_data_in_continuous_time(prediction):
    x, noise, t, weights = over_time(*nodes(), 400)
    mean = weighted(weights, gaussian_bound(optimal(LINEAR, prediction), x, t=t, noise=noise, prediction=prediction))
    np.testing.assert_allclose(mean.reconstruction, -5.23106147, atol=5e-9)
    np.testing.assert_allclose(mean.prior, 0.00084786, atol=5e-9)
    np.testing.assert_allclose(mean.diffusion, 5.95601463, atol=5e-9)
    np.testing.assert_allclose(mean.total, 0.72580102, atol=5e-9)


FINITE = [(16, 4.6463), (64, 0.85623), (256, 0.19956), (1000, 0.05023182), (10000, 0.00500560)]


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(
    ("prediction", "steps", "excess"), [("eps", *row) for row in FINITE] + [(kind, *FINITE[1]) for kind in KINDS[1:]]
)
def test_gaussian_data_in_finite_steps(prediction, steps, excess):
    x, noise, weights = nodes()
    denoise = optimal(LINEAR, prediction)
    bound = gaussian_bound(denoise, x, noise=noise, num_steps=steps, full=True, prediction=prediction)
    np.testing.assert_allclose((weights * bound.total).sum() - ENTROPY, excess, atol=6e-5 if steps < 1000 else 1e-8)


@pytest.mark.usefixtures("x64")
def test_wide_data_are_not_cut_off():
    """Standard deviation 3: a prediction of x cut off at -1 and 1 would cost nats."""
    x, noise, t, weights = over_time(*nodes(std=3.0), 400)
    total = weighted(weights, gaussian_bound(optimal(LINEAR, "x0", 9.0), x, t=t, noise=noise, prediction="x0")).total
    entropy = 0.5 * math.log(2 * math.pi * math.e * 9)
    assert 0 <= total - entropy < 2e-3


@pytest.mark.usefixtures("x64")
def test_dimensions_add_up():
    x, noise, _ = nodes()
    one, three = (
        gaussian_bound(
            optimal(LINEAR, "eps"), jnp.tile(x, (1, d)), noise=jnp.tile(noise, (1, d)), num_steps=5, full=True
        )
        for d in (1, 3)
    )
    for part, parts in zip(one, three, strict=True):
        np.testing.assert_allclose(parts, 3 * part, rtol=1e-12)


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


def test_denoising_loss_masks_and_weights(key: jax.Array):
    x = jnp.array([[1.0, 2.0], [jnp.nan, 0.0], [3.0, 1.0]])
    t, noise = jnp.array([0.2, jnp.nan, 0.9]), jnp.ones((3, 2)).at[1, 1].set(jnp.nan)
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


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("sigma_data", [0.5, 2.0])
def test_a_network_that_says_nothing_costs_one_a_dimension_in_edm(sigma_data):
    x, noise, weights = nodes(std=sigma_data)
    for t in (0.0, 0.3, 0.7, 1.0):
        losses = diffusion.denoising_loss(
            lambda x_t, t: 0 * x_t, schedules.Karras(), x, t=jnp.full(len(x), t), noise=noise, prediction="F",
            sigma_data=sigma_data, weighting="edm", reduction="none",
        )  # fmt: skip
        np.testing.assert_allclose((weights * losses).sum(), 1.0, rtol=1e-10)


@pytest.mark.usefixtures("x64")
def test_the_bound_is_a_denoising_loss(key: jax.Array):
    x, noise = jax.random.normal(key, (2, 5, 3), jnp.float64)
    t = jnp.linspace(0.1, 0.9, 5)
    schedule = schedules.Cosine(-6.0, 4.0)

    def loss(**options):
        return diffusion.denoising_loss(
            lambda x_t, t: jnp.sin(x_t), schedule, x, t=t, noise=noise, prediction="v", reduction="none", **options
        )

    def bound(**options):
        return diffusion.variational_bound(
            normal, diffusion.gaussian_decoder, lambda x_t, t: jnp.sin(x_t), schedule, x, t=t, noise=noise,
            prediction="v", **options,
        )  # fmt: skip

    np.testing.assert_allclose(loss(weighting="vlb"), bound().diffusion, rtol=1e-10)
    density = jnp.linspace(0.5, 2, 5)
    np.testing.assert_allclose(loss(density=density), loss() / density, rtol=1e-10)
    halved = bound(density=jnp.full(5, 2.0))
    np.testing.assert_allclose(halved.diffusion, bound().diffusion / 2, rtol=1e-10)
    np.testing.assert_allclose(halved.total - halved.diffusion, bound().prior + bound().reconstruction, rtol=1e-10)
    with pytest.raises(ValueError, match="density is that of the t given"):
        loss(density=jnp.ones(4))
    with pytest.raises(ValueError, match="there is no t"):
        diffusion.denoising_loss(lambda x_t, t: x_t, schedule, x, key=key, density=density)


@pytest.mark.usefixtures("x64")
@pytest.mark.slow
def test_discretised_gaussian():
    law = diffusion.level_normal(256)

    def log_prob(levels, mean, std):
        return law.log_prob(diffusion.in_levels(normal.Params(mean, std), 256), levels)

    np.testing.assert_allclose(log_prob(jnp.array([128, 255]), 0.0, 0.5), [-5.07394873, -3.76459812], atol=5e-9)
    levels = jnp.arange(256)
    for mean, std in ((0.0, 0.5), (-1.3, 0.01), (0.7, 1e-4), (3.0, 40.0)):
        mass = jnp.exp(log_prob(levels, mean, std))
        np.testing.assert_allclose(mass.sum(), 1, rtol=1e-12)
    # far out: no clamp, and no approximation of the cdf
    at = np.array([0, 3, 200, 254, 255])
    edges = np.concatenate([[-np.inf], (np.arange(255) + 0.5) * 2 / 255 - 1, [np.inf]])
    far = stats.norm(0.1, 0.04)

    def by_tails(k):
        """The larger of two tails less the smaller, in logarithms."""
        big, small = (far.logcdf(edges[[k + 1, k]])) if k < 140 else far.logsf(edges[[k, k + 1]])
        return big + np.log1p(-np.exp(small - big))

    true = np.array([by_tails(k) for k in at])
    assert true.min() < -200
    np.testing.assert_allclose(log_prob(at, 0.1, 0.04), true, rtol=1e-9)
    slope = jax.grad(lambda mean: log_prob(255, mean, 0.04))(-1.0)
    assert 1000 < float(slope) < 2000


def test_discretised_decoder(key: jax.Array):
    levels = jnp.array([[0, 17, 255]])
    x = 2 * levels / 255 - 1
    bound = diffusion.variational_bound(
        diffusion.level_normal(256), diffusion.discretized_decoder(256), lambda x_t, t: x_t,
        schedules.Linear(-16.0, 5.0), x, y=levels, key=key,
    )  # fmt: skip
    assert float(bound.reconstruction[0]) == pytest.approx(0, abs=1e-3)


@pytest.mark.usefixtures("x64")
def test_levels_without_noise_have_no_density(key: jax.Array):
    """Narrow peaks at three levels: with noise over the bins they never beat the entropy, without it they do."""
    y = jnp.repeat(jnp.arange(3), 2000)
    mixture = lj.mixture(normal, num_components=3)
    centres = normal.Params((np.arange(3) + 0.5) * 2 / 3 - 1, np.full(3, 1e-3))
    params = mixture.Params(jnp.zeros(3), centres)

    def bits(x):
        return float(lj.bits_per_dim(-mixture.log_prob(params, x).mean(), 1, bin_width=2 / 3))

    x = diffusion.dequantized(y, 3, key=key)
    assert bits(x) > math.log2(3)
    assert bits(diffusion.dequantized(y, 3, noise=jnp.full(y.shape, 0.5))) < 0
    np.testing.assert_array_equal(jnp.floor((x + 1) * 1.5), y)
    flat = -normal.log_prob(normal.Params(0.0, 1e6), x) - math.log(1e6 * math.sqrt(2 * math.pi) / 2)
    assert float(lj.bits_per_dim(flat.mean(), 1, bin_width=2 / 3)) == pytest.approx(math.log2(3), abs=1e-9)
    with pytest.raises(ValueError, match="exactly one"):
        diffusion.dequantized(y, 3)
