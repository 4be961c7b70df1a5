"""Schedules rise, predictions turn into one another, weights are those of the papers, times are drawn as they say."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gaussian_data import KINDS, LINEAR
from scipy import special

from lik_jax.objectives import schedules

ALL = [
    LINEAR,
    schedules.Cosine(),
    schedules.Sigmoid(),
    schedules.Polynomial(),
    schedules.Karras(),
    schedules.BetaLinear(),
]


def learned(**options):
    """A learned schedule far from a line, its raw numbers of either sign."""
    network = schedules.Monotone(width=8, **options)
    params = network.init(jax.random.key(0))
    interior = params.interior._replace(
        line=jnp.array(-3.0),
        slopes=jnp.full(8, 14.0),
        places=-jnp.array([1.0, 2.0, 3.0, 3.5, 5.0, 7.0, 9.0, 11.0]),
        heights=jnp.tile(jnp.array([6.0, -6.0]), 4),
    )
    return network, params._replace(interior=interior)


@pytest.mark.parametrize("schedule", ALL, ids=lambda schedule: type(schedule).__name__)
def test_schedules_rise(schedule):
    t = jnp.linspace(0, 1, 1000)
    gamma = schedule.gamma(t)
    assert bool((jnp.diff(gamma) > 0).all())
    assert bool(jnp.isfinite(jax.vmap(jax.grad(schedule.gamma))(t)).all())
    np.testing.assert_allclose(schedules.alpha(gamma) ** 2 + schedules.sigma(gamma) ** 2, 1, rtol=1e-6)
    assert hash(schedule) == hash(type(schedule)())
    schedules.check(schedule)


@pytest.mark.parametrize("learn_ends", [True, False])
@pytest.mark.slow
def test_a_learned_schedule_rises_and_keeps_its_ends(learn_ends):
    network, params = learned(gamma_min=-7.0, gamma_max=4.0, learn_ends=learn_ends)
    schedule = network.at(params)
    schedules.check(schedule)
    np.testing.assert_allclose(schedule.gamma(jnp.array([0.0, 1.0])), [-7, 4], rtol=1e-5)
    assert float(jnp.abs(schedule.gamma(0.5) + 1.5)) > 0.05
    assert schedule.gamma(jnp.zeros((2, 3))).shape == (2, 3)
    slope = jax.jit(jax.grad(lambda params: network.at(params).gamma(1.0)))(params)
    assert (float(slope.ends[0]) == 1) is learn_ends
    inner = jax.grad(lambda params: network.at(params).gamma(0.5))(params).interior
    assert all(bool((leaf != 0).any()) for leaf in inner)


@pytest.mark.usefixtures("x64")
def test_schedule_values():
    np.testing.assert_allclose(schedules.alpha(-1.3), 0.88647334, atol=5e-9)
    np.testing.assert_allclose(schedules.sigma(-1.3), 0.46277966, atol=5e-9)
    for kind in (schedules.Cosine, schedules.Sigmoid, schedules.Polynomial):
        np.testing.assert_allclose(kind(-9.0, 7.0).gamma(jnp.array([0.0, 1.0])), [-9, 7], rtol=1e-12)
    beta = np.linspace(1e-4, 0.02, 1000)
    np.testing.assert_allclose(
        schedules.alpha(schedules.BetaLinear().gamma(jnp.arange(1000) / 999)) ** 2, np.cumprod(1 - beta), rtol=1e-10
    )


@pytest.mark.usefixtures("x64")
def test_each_schedule_is_a_straight_line_in_its_own_terms():
    t = jnp.linspace(0, 1, 11)

    def shape(schedule, inverse):
        """The variable of the paper, from alpha."""
        u = inverse(np.asarray(schedules.alpha(schedule.gamma(t))))
        np.testing.assert_allclose(np.diff(u, 2), 0, atol=1e-10)

    shape(schedules.Cosine(-5.0, 6.0), lambda alpha: np.arccos(alpha))
    shape(schedules.Polynomial(-5.0, 6.0, power=3.0), lambda alpha: (1 - alpha) ** (1 / 3))
    low, high = special.expit(-2.0), special.expit(4.0)
    shape(
        schedules.Sigmoid(-5.0, 6.0, start=-2.0, end=4.0),
        lambda alpha: special.logit(high - alpha**2 * (high - low)),
    )
    shape(schedules.Karras(rho=5.0), lambda alpha: (np.sqrt(1 - alpha**2) / alpha) ** (1 / 5))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: schedules.Linear(5.0, -5.0), r"Linear: gamma_min=5.0, gamma_max=-5.0; noise must rise"),
        (lambda: schedules.Cosine(1.0, 1.0), "Cosine.*must rise"),
        (lambda: schedules.Sigmoid(start=3.0, end=-3.0), "start < end"),
        (lambda: schedules.Polynomial(power=-1.0), "power"),
        (lambda: schedules.Karras(sigma_min=0.0), "zero < sigma_min"),
        (lambda: schedules.BetaLinear(beta_min=0.02, beta_max=1.5), "beta_max < 1"),
        (lambda: schedules.Monotone(2.0, 1.0), "must rise"),
        (lambda: schedules.Monotone(width=0), "width"),
        (lambda: schedules.Function(lambda t: jnp.sin(7 * t)), r"must rise with t.* at t=0.225"),
        (lambda: schedules.Function(jnp.log), r"finite on \[0, 1\]; it is -inf at t=0"),
        (lambda: schedules.Function(lambda t: t.sum()), "elementwise"),
        (lambda: jax.jit(lambda x: x + schedules.Function(lambda t: -t).gamma(x))(1.0), "must rise with t"),
    ],
)
def test_what_does_not_rise_is_no_schedule(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_extreme_noise_levels_stay_finite():
    gamma = jnp.array([-200.0, -90.0, 90.0, 200.0])
    for fn in (schedules.alpha, schedules.sigma):
        assert bool((fn(gamma)[1:3] > 0).all())
        assert bool(jnp.isfinite(fn(gamma)).all())


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("source", KINDS)
def test_conversions(key: jax.Array, source):
    x, noise = jax.random.normal(key, (2, 6), jnp.float64)
    gamma = jnp.linspace(-5, 5, 6)
    x_t = schedules.noised(x, noise, gamma)
    given = schedules.target(x, noise, gamma, source, sigma_data=0.7)

    def error(predicted, kind):
        return predicted - schedules.target(x, noise, gamma, kind, sigma_data=0.7)

    def convert(predicted, to):
        return schedules.convert(predicted, x_t, gamma, source=source, to=to, sigma_data=0.7)

    for to in KINDS:
        np.testing.assert_allclose(error(convert(given, to), to), 0, atol=1e-10)
        squares = [
            schedules.noise_weight(gamma, kind, sigma_data=0.7) * error(convert(given + 0.1, kind), kind) ** 2
            for kind in (source, to)
        ]
        np.testing.assert_allclose(*squares, rtol=1e-9)


@pytest.mark.usefixtures("x64")
def test_what_one_network_is_off_by():
    """Squared errors in units of that of x: eps SNR, v SNR + 1, score SNR / sigma^2; F by EDM's own formulas."""
    x, noise, gamma, sigma_data = jnp.array(0.3), jnp.array(-1.1), jnp.array(-1.3), 0.6
    snr, x_t = np.exp(1.3), schedules.noised(x, noise, gamma)

    def error(kind):
        said = schedules.convert(x + 0.1, x_t, gamma, source="x0", to=kind, sigma_data=sigma_data)
        return float(said - schedules.target(x, noise, gamma, kind, sigma_data=sigma_data)) ** 2 / 0.01

    sigma2 = 1 / (1 + snr)
    for kind, ratio in (("eps", snr), ("v", snr + 1), ("score", snr / sigma2)):
        assert error(kind) == pytest.approx(ratio, rel=1e-9)
    # EDM has y = x + s n, and x = c_skip y + c_out F
    s = snr**-0.5
    y, total = float(x + s * noise), s**2 + sigma_data**2
    c_skip, c_out = sigma_data**2 / total, s * sigma_data / total**0.5
    said = schedules.convert(0.4, x_t, gamma, source="F", to="x0", sigma_data=sigma_data)
    assert float(said) == pytest.approx(c_skip * y + c_out * 0.4, rel=1e-12)
    assert error("F") == pytest.approx(1 / c_out**2, rel=1e-9)
    assert float(schedules.edm_weight(gamma, "x0", sigma_data=sigma_data)) == pytest.approx(1 / c_out**2, rel=1e-12)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(
    ("prediction", "weights"),
    [("x0", [0.1, 1, 5, 5]), ("eps", [1, 1, 1, 0.25]), ("v", [0.090909, 0.5, 0.833333, 0.238095])],
)
def test_min_snr(prediction, weights):
    gamma = -jnp.log(jnp.array([0.1, 1.0, 5.0, 20.0]))
    np.testing.assert_allclose(schedules.min_snr_weight(gamma, prediction), weights, atol=5e-7)
    no_signal = float(schedules.min_snr_weight(jnp.inf, prediction))
    assert no_signal == {"x0": 0.0, "eps": 1.0, "v": 0.0}[prediction]


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("name", ["min_snr", "edm", "sigmoid", "vlb"])
def test_a_weighting_is_one_loss_whatever_is_predicted(name):
    t = jnp.linspace(0.02, 0.98, 9)
    gamma = LINEAR.gamma(t)
    in_noise = [schedules.weight(name, LINEAR, t, kind) / schedules.noise_weight(gamma, kind) for kind in KINDS]
    for other in in_noise[1:]:
        np.testing.assert_allclose(other, in_noise[0], rtol=1e-9)
    snr = np.exp(-np.asarray(gamma))
    truth = {
        "min_snr": np.minimum(snr, 5) / snr,
        "edm": (1 / snr + 0.25) / (1 / snr * 0.25) / snr,
        "sigmoid": 1 / (1 + snr * np.exp(-2.0)),
        "vlb": np.full(9, 18.3 / 2),
    }
    np.testing.assert_allclose(in_noise[0], truth[name], rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_weights_without_signal_are_numbers(kind):
    for weight in (schedules.min_snr_weight, schedules.sigmoid_weight):
        assert np.isfinite(float(weight(jnp.inf, kind)))
    assert np.isfinite(float(schedules.edm_weight(60.0, kind)))


@pytest.mark.parametrize("num", [1, 49, 64])
def test_antithetic_times(key: jax.Array, num):
    t = jnp.sort(schedules.antithetic_times(key, num))
    assert t.shape == (num,)
    assert bool(((t >= 0) & (t < 1)).all())
    np.testing.assert_allclose(jnp.diff(t), jnp.full(num - 1, 1 / num), atol=1e-6)


@pytest.mark.slow
@pytest.mark.usefixtures("x64")
def test_times_by_a_density_keep_the_mean(key: jax.Array):
    first, second = jax.random.split(key)
    drawn = schedules.piecewise_times(first, 20_000, jnp.array([1.0, 5.0, 0.5, 2.0]))
    edm = jax.jit(lambda key: schedules.log_normal_times(key, 20_000, schedules.Karras()))(second)
    for times in (drawn, edm):
        assert bool(((times.t >= 0) & (times.t <= 1)).all())
        inside = (times.t > 0.2) & (times.t < 0.6)
        # evenly spaced draws: far better than 4 standard errors of independent ones
        for values, truth in ((jnp.ones_like(times.t), 0.4), (times.t**2, (0.6**3 - 0.2**3) / 3)):
            np.testing.assert_allclose(jnp.where(inside, values / times.density, 0).mean(), truth, atol=2e-3)
    np.testing.assert_allclose((schedules.Karras().gamma(edm.t) / 2).std(), 1.2, atol=2e-3)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("schedule", ALL, ids=lambda schedule: type(schedule).__name__)
def test_the_time_of_a_noise_level(schedule):
    t = jnp.linspace(0, 1, 7)
    np.testing.assert_allclose(schedules.time_of(schedule, schedule.gamma(t)), t, atol=1e-12)
    np.testing.assert_array_equal(schedules.time_of(schedule, jnp.array([-99.0, 99.0])), [0, 1])
    grid = schedules.rho_grid(schedule, 6, rho=3.0)
    noise = jnp.exp(schedule.gamma(grid) / 2) ** (1 / 3)
    assert (float(grid[0]), float(grid[-1])) == (1, 0)
    np.testing.assert_allclose(jnp.diff(noise), (noise[-1] - noise[0]) / 6, rtol=1e-9)
    np.testing.assert_allclose(schedules.uniform_grid(49), np.linspace(1, 0, 50), atol=1e-12)


def test_what_is_unknown_is_named():
    with pytest.raises(ValueError, match="prediction='noise'"):
        schedules.target(1.0, 1.0, 0.0, "noise")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="sigma_data=0"):
        schedules.convert(1.0, 1.0, 0.0, source="F", to="x0", sigma_data=0.0)
    with pytest.raises(ValueError, match="weighting='snr'"):
        schedules.weight("snr", LINEAR, jnp.ones(1), "eps")  # type: ignore[arg-type]
