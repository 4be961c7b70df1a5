"""Likelihood of diffusion models by their ODE: normal data and three levels, whose densities are known."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lik_jax as lj
from lik_jax import diffusion, ode, schedules
from lik_jax.distributions import categorical, normal

pytest.importorskip("diffrax")
pytestmark = pytest.mark.usefixtures("x64")

C = 0.5
TIGHT = {"rtol": 1e-10, "atol": 1e-10}


@dataclass(frozen=True)
class ContinuousBeta:
    """The variance-preserving diffusion ``dx = -beta x / 2 dt + sqrt(beta) dw``, beta from .1 to 20."""

    def gamma(self, t):
        return jnp.log(jnp.expm1(0.1 * t + 0.5 * 19.9 * t**2))


def optimal(schedule, prediction: str, loc: float = 0.0):
    """The best denoiser for data N(loc, C^2)."""

    def denoise(x_t, t):
        gamma = schedule.gamma(t)[:, None]
        a, s = schedules.alpha(gamma), schedules.sigma(gamma)
        x0 = loc + a * C**2 / (a**2 * C**2 + s**2) * (x_t - a * loc)
        return schedules.convert(x0, x_t, gamma, source="x0", to=prediction)

    return denoise


def terminal(schedule, loc: float = 0.0):
    """The exact density of the noised data at time 1."""
    a, s = schedules.alpha(schedule.gamma(1.0)), schedules.sigma(schedule.gamma(1.0))

    def base(x):
        return normal.log_prob(normal.Params(a * loc, jnp.sqrt(a**2 * C**2 + s**2)), x).sum(-1)

    return base


@pytest.mark.parametrize("prediction", ["eps", "x0", "v"])
def test_variance_preserving_diffusion_of_a_normal(prediction: str):
    schedule = ContinuousBeta()
    log_p = lj.probability_flow_log_prob(
        optimal(schedule, prediction), schedule, jnp.array([[0.7]]), prediction=prediction,
        base=terminal(schedule), t_min=1e-9, **TIGHT,
    )  # fmt: skip
    np.testing.assert_allclose(log_p, [-1.20579135], atol=2e-8)


@pytest.mark.parametrize("schedule", [schedules.Linear(-12.0, 6.0), schedules.Cosine(-10.0, 10.0)])
def test_a_vector_with_a_mean_in_any_schedule(schedule):
    x = jnp.array([[0.7, 0.1], [-0.3, 1.0]])
    log_p = lj.probability_flow_log_prob(
        optimal(schedule, "v", 0.3), schedule, x, prediction="v", base=terminal(schedule, 0.3), **TIGHT
    )
    # the sampler gives x_0 / alpha_0, which has the noise of gamma(0) in it
    spread = jnp.sqrt(C**2 + jnp.exp(schedule.gamma(0.0)))
    np.testing.assert_allclose(log_p, normal.log_prob(normal.Params(0.3, spread), x).sum(-1), atol=1e-8)


def test_the_field_carries_every_density_to_the_next():
    """The continuity equation: d/dt log p_t(x) + div(p_t field) / p_t = 0, with p_t known."""
    schedule = schedules.Cosine(-6.0, 6.0)
    field = lj.probability_flow_field(optimal(schedule, "eps", 0.3), schedule)
    x = jnp.linspace(-1.5, 2.0, 8)[:, None]

    def log_p(t, x):
        gamma = schedule.gamma(t)
        a, s = schedules.alpha(gamma), schedules.sigma(gamma)
        return normal.log_prob(normal.Params(a * 0.3, jnp.sqrt(a**2 * C**2 + s**2)), x).sum(-1)

    def residual(t):
        velocity, div = ode.divergence(field, t, x)
        rate = jax.jacfwd(log_p)(t, x)
        score = jax.vmap(jax.grad(log_p, 1), (None, 0))(t, x)
        return rate + div + (velocity * score).sum(-1)

    np.testing.assert_allclose(jax.jit(jax.vmap(residual))(jnp.array([0.1, 0.5, 0.9])), 0, atol=1e-10)


def test_the_bound_has_the_entropy_of_the_noise_at_the_least_time():
    schedule = schedules.Linear(-9.0, 5.0)
    nodes, w = np.polynomial.hermite_e.hermegauss(2)  # exact for what is quadratic
    x, noise = (jnp.asarray(v.reshape(-1, 1)) for v in np.meshgrid(C * nodes, nodes, indexing="ij"))
    weights = np.outer(w, w).ravel() / w.sum() ** 2

    @jax.jit
    def mean(t_min):
        parts = lj.probability_flow_bound(
            normal, diffusion.gaussian_decoder, optimal(schedule, "eps"), schedule, x, noise=noise,
            base=terminal(schedule), t_min=t_min, **TIGHT,
        )  # fmt: skip
        return jax.tree.map(lambda part: (weights * part).sum(), parts)

    entropy = 0.5 * np.log(2 * np.pi * np.e * C**2)
    for t_min in (0.0, 0.2):
        parts, gamma = mean(t_min), float(schedule.gamma(t_min))
        noise_entropy = 0.5 * np.log(2 * np.pi * np.e / (1 + np.exp(-gamma)))
        np.testing.assert_allclose(parts.entropy, noise_entropy, rtol=1e-12)
        # KL of q(x | x_0) = N(., 1 / (1 / C^2 + SNR)) with its mean shrunk, to the decoder N(x_0 / alpha, 1 / SNR)
        ratio = 1 / (1 + np.exp(gamma) / C**2)
        gap = 0.5 * (ratio - 1 - np.log(ratio)) + 0.5 * (1 - ratio) ** 2 * (C**2 + np.exp(gamma)) * np.exp(-gamma)
        np.testing.assert_allclose(-parts.total - entropy, gap, atol=1e-8)
    # a bound that forgot the noise would fall below the entropy of the data
    assert -parts.flow - parts.reconstruction < entropy


def test_three_levels_with_the_bayes_denoiser():
    schedule = schedules.Linear(-13.3, 5.0)
    levels = jnp.asarray([-2 / 3, 0, 2 / 3])
    decode = diffusion.level_decoder(levels)

    def bayes(x_t, t):
        gamma = schedule.gamma(t)[:, None]
        return jax.nn.softmax(decode(x_t, gamma[..., None]).logits, -1) @ levels

    def base(x):
        a, s = schedules.alpha(5.0), schedules.sigma(5.0)
        return jax.nn.logsumexp(normal.log_prob(normal.Params(a * levels[None], s), x), -1) - jnp.log(3.0)

    nodes, w = np.polynomial.hermite_e.hermegauss(8)
    label, noise = (v.reshape(-1, 1) for v in np.meshgrid(range(3), nodes, indexing="ij"))
    parts = lj.probability_flow_bound(
        categorical, decode, bayes, schedule, levels[jnp.asarray(label)], y=jnp.asarray(label),
        noise=jnp.asarray(noise), prediction="x0", base=base, rtol=1e-8, atol=1e-8,
    )  # fmt: skip
    np.testing.assert_allclose((np.tile(w / w.sum(), 3) / 3 * parts.total).sum(), -np.log(3), atol=1e-6)


@pytest.mark.slow
def test_hutchinson_is_right_on_average():
    schedule = schedules.Linear(-6.0, 4.0)

    def denoise(x_t, t):
        return jnp.tanh(x_t @ jnp.array([[0.5, -0.3], [0.8, 0.2]]))

    x = jnp.array([[0.7, -0.2]])
    signs = jnp.array([[[1.0, 1.0], [1.0, -1.0]]])
    both = lj.probability_flow_log_prob(denoise, schedule, jnp.concatenate([x, x]), probes=signs, **TIGHT)
    exact = lj.probability_flow_log_prob(denoise, schedule, x, **TIGHT)
    assert abs(float(both[0] - both[1])) > 0.1
    np.testing.assert_allclose(both.mean(), exact[0], atol=1e-8)


def test_one_source_of_noise(key: jax.Array):
    x = jnp.zeros((2, 1))
    arguments = (normal, diffusion.gaussian_decoder, lambda x_t, t: x_t, schedules.Linear(), x)
    with pytest.raises(ValueError, match="exactly one"):
        lj.probability_flow_bound(*arguments)
    with pytest.raises(ValueError, match=r"noise has shape \(2,\)"):
        lj.probability_flow_bound(*arguments, noise=jnp.zeros(2))
    assert lj.probability_flow_bound(*arguments, key=key).total.shape == (2,)
