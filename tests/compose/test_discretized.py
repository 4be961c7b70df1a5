"""Discretised distributions: exact total mass, narrow bins, far tails."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lik_jax as lj
from lik_jax import logistic, normal, weibull
from lik_jax.compose import discretized, mixture
from lik_jax.distribution import name_of

pixel = discretized(logistic, 0, 255)
ALL = jnp.arange(256)


@pytest.mark.parametrize("base", [normal, logistic, mixture(logistic, 2)], ids=name_of)
@pytest.mark.parametrize("scale", [-1e3, 0.0, 30.0, 1e3])
def test_masses_add_to_one(base, scale):
    d = discretized(base, 0, 255)
    raw = jnp.full(d.raw_size, scale).at[-d.raw_size // 3 :].set(100.0)
    np.testing.assert_allclose(jnp.exp(d.log_prob(d.constrain(raw), ALL)).sum(), 1.0, rtol=2e-6)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("loc", [-300.0, 127.3, 1e4])
def test_every_bin_has_finite_mass_and_slope(loc, scale):
    params = logistic.Params(jnp.float32(loc), jnp.float32(scale))
    value, slopes = jax.vmap(jax.value_and_grad(pixel.log_prob), (None, 0))(params, ALL)
    assert np.isfinite(value).all()
    assert (value <= 0).all()
    assert all(np.isfinite(leaf).all() for leaf in slopes)
    raw = pixel.unconstrain(params)
    hessian = jax.vmap(jax.hessian(lambda r, y: pixel.log_prob(pixel.constrain(r), y)), (None, 0))(raw, ALL[::15])
    assert np.isfinite(hessian).all()


def test_known_values():
    # a Gaussian of 256 levels on [-1, 1], in units of a level
    d = discretized(normal, 0, 255)
    params = normal.Params(0.0 * 127.5 + 127.5, 0.5 * 127.5)
    np.testing.assert_allclose(d.log_prob(params, jnp.array([128, 255])), [-5.07394873, -3.76459812], rtol=1e-6)


def test_outside():
    params = logistic.Params(jnp.float32(100.0), jnp.float32(5.0))
    for y in (-1, 256, 3.5, np.inf):
        value, slopes = jax.value_and_grad(pixel.log_prob)(params, y)
        assert value == -np.inf
        assert all(leaf == 0 for leaf in slopes)
    assert np.isnan(pixel.log_prob(params, jnp.nan))
    assert np.isnan(pixel.log_prob(logistic.Params(0.0, -1.0), 3))


@pytest.mark.slow
def test_tails_quantiles_and_moments(key):
    params = logistic.Params(jnp.array([3.0, 250.0]), jnp.array([2.0, 20.0]))
    mass = jnp.exp(pixel.log_prob(params, ALL[:, None].astype(jnp.float32)))
    np.testing.assert_allclose(pixel.cdf(params, ALL[:, None]), jnp.cumsum(mass, 0), atol=2e-6)
    upper = jnp.exp(pixel.log_sf(params, jnp.array([[-1.0], [7.5], [255.0]])))
    np.testing.assert_allclose(upper, jnp.stack([jnp.ones(2), mass[8:].sum(0), jnp.zeros(2)]), atol=2e-6)
    y = ALL[:, None].astype(jnp.float32)
    np.testing.assert_allclose(pixel.mean(params), (mass * y).sum(0), rtol=1e-5)
    np.testing.assert_allclose(pixel.variance(params), (mass * (y - (mass * y).sum(0)[None]) ** 2).sum(0), rtol=1e-4)
    for p in (0.0, 0.1, 0.5, 0.9):
        q = pixel.icdf(params, p)
        assert (pixel.cdf(params, q) >= p).all()
        assert ((pixel.cdf(params, q - 1) < p) | (q == 0)).all()
    draws = pixel.sample(params, key, (20_000,))
    assert draws.dtype == jnp.int32
    np.testing.assert_allclose(draws.mean(0), pixel.mean(params), rtol=0.02)


def test_one_bound_and_none():
    ages = discretized(weibull)
    params = weibull.Params(5.0, 2.0)
    y = jnp.arange(-2, 60)
    mass = jnp.exp(ages.log_prob(params, y))
    np.testing.assert_allclose(mass.sum(), 1.0, rtol=1e-6)
    assert (mass[:2] == 0).all()
    np.testing.assert_allclose(
        jnp.exp(discretized(weibull, low=1).log_prob(params, 1)), weibull.cdf(params, 1.5), rtol=1e-6
    )


@pytest.mark.slow
def test_mixture_of_pixels(key):
    m = mixture(pixel, 10)
    raw = 20 * jax.random.normal(key, (6, m.raw_size))
    y = jnp.array([0, 255, 3, 128, 7, 300])
    loss, slope = jax.value_and_grad(lambda r: lj.nll(m, m.constrain(r), y, weights=jnp.array([1.0, 1, 1, 1, 2, 0])))(
        raw
    )
    assert np.isfinite(loss)
    assert np.isfinite(slope).all()
    np.testing.assert_allclose(jnp.exp(m.log_prob(m.constrain(raw[0]), ALL)).sum(), 1.0, rtol=2e-6)
