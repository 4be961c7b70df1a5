"""Truncation far out in a tail, at the bounds, and of discrete distributions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from mpmath import mp
from special.accuracy import worst

from lik_jax import bernoulli, logistic, normal, weibull
from lik_jax.compose import mixture, truncated
from lik_jax.distribution import name_of


def true_log_prob(low, high):
    def fn(y, loc, scale):
        a, b = (low - loc) / scale, (high - loc) / scale
        a, b = (-b, -a) if a + b > 0 else (a, b)
        mass = (mp.erfc(-b / mp.sqrt(2)) - mp.erfc(-a / mp.sqrt(2))) / 2
        return -(((y - loc) / scale) ** 2) / 2 - mp.log(scale) - mp.log(2 * mp.pi) / 2 - mp.log(mass)

    return fn


@pytest.mark.parametrize(
    ("low", "high", "points"),
    [
        (8.0, 9.0, [(8.5, 0.0, 1.0), (8.0, 1.0, 0.5), (9.0, -3.0, 2.0), (8.25, 8.5, 0.01), (8.5, 8.0, 300.0)]),
        (-20.0, -1.0, [(-1.05, 1.35, 0.01), (-1.0, 1.35, 0.01), (-7.0, 1.35, 3.0), (-2.0, -100.0, 5.0)]),
        (0.0, np.inf, [(0.3, 0.0, 1.0), (0.1, -50.0, 1.0), (3.0, 2.0, 0.1), (1e-3, -5.0, 0.01)]),
        (-np.inf, 2.0, [(1.5, 30.0, 1.0), (-4.0, 0.0, 1.0)]),
    ],
)
@pytest.mark.parametrize("argument", [None, 1, 2])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_normal(low, high, points, argument, dtype):
    mp.dps = 60
    t = truncated(normal, low, high)
    orders = tuple(int(i == argument) for i in range(3))
    truth = true_log_prob(mp.mpf(low), mp.mpf(high))
    error, point = worst(lambda y, *p: t.log_prob(normal.Params(*p), y), truth, points, dtype, orders)
    assert error < 100, point


@pytest.mark.slow
@pytest.mark.parametrize("base", [normal, logistic, mixture(normal, 2)], ids=name_of)
def test_mass_tails_and_quantiles_agree(base):
    t = truncated(base, -1.0, 2.5)
    params = t.constrain(jnp.linspace(-0.5, 0.7, t.raw_size))
    grid = jnp.linspace(-1.0, 2.5, 20_001)
    mass = jnp.trapezoid(jnp.exp(t.log_prob(params, grid)), grid)
    np.testing.assert_allclose(mass, 1.0, rtol=1e-4)
    y = jnp.array([-1.0, -0.5, 1.0, 2.5])
    np.testing.assert_allclose(jnp.exp(t.log_cdf(params, y)) + jnp.exp(t.log_sf(params, y)), 1.0, rtol=1e-6)
    np.testing.assert_allclose(t.log_cdf(params, jnp.array([-5.0, 3.0])), [-np.inf, 0.0])
    np.testing.assert_allclose(t.log_sf(params, jnp.array([-5.0, 3.0])), [0.0, -np.inf])
    p = jnp.array([0.0, 1e-3, 0.5, 0.99, 1.0])
    np.testing.assert_allclose(t.cdf(params, t.icdf(params, p)), p, atol=1e-5)


def test_outside_and_nan():
    t = truncated(weibull, 1.0, 3.0)
    params = weibull.Params(jnp.float32(2.0), jnp.float32(1.5))
    for y in (0.9, -1.0, 3.1, np.inf):
        value, slopes = jax.value_and_grad(t.log_prob)(params, y)
        assert value == -np.inf
        assert all(leaf == 0 for leaf in slopes)
    assert np.isnan(t.log_prob(params, jnp.nan))
    assert np.isnan(t.log_prob(weibull.Params(-1.0, 1.0), 2.0))


def test_discrete_bounds_are_included():
    t = truncated(bernoulli, 1)
    assert t.support.contains(jnp.array([0.0, 1.0])).tolist() == [False, True]
    np.testing.assert_allclose(t.log_prob(bernoulli.Params(-3.0), jnp.array([0, 1])), [-np.inf, 0.0], atol=1e-6)
    both = truncated(bernoulli, 0, 1)
    params = bernoulli.Params(-3.0)
    np.testing.assert_allclose(both.log_prob(params, jnp.array([0, 1])), bernoulli.log_prob(params, jnp.array([0, 1])))


@pytest.mark.slow
def test_draws_lie_between_the_bounds_however_far_out(key):
    t = truncated(normal, -20.0, -1.0)
    params = normal.Params(jnp.array([1.35, -10.0]), jnp.array([0.01, 2.0]))
    draws = t.sample(params, key, (2000,))
    assert draws.shape == (2000, 2)
    assert (draws <= -1).all()
    assert (draws >= -20).all()
    # an exponential tail of rate 235 / 0.01 hangs below -1; 2 sd and 10 sd do not matter around -10
    np.testing.assert_allclose(-1 - draws[:, 0].mean(), 0.01 / 235, rtol=0.1)
    np.testing.assert_allclose(draws[:, 1].mean(), -10, atol=0.2)


@pytest.mark.slow
def test_quantile_slopes():
    t = truncated(normal, 0.0)
    params = normal.Params(jnp.float32(-1.0), jnp.float32(1.5))
    slope = jax.grad(lambda loc: t.icdf(params._replace(loc=loc), 0.3))(params.loc)
    h = 1e-2
    high, low = (t.icdf(params._replace(loc=params.loc + d), 0.3) for d in (h, -h))
    np.testing.assert_allclose(slope, (high - low) / (2 * h), rtol=1e-3)
