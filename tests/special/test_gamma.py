import functools

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
import scipy.stats

from lik_jax import special

from .accuracy import worst

pytestmark = pytest.mark.slow

DTYPES = [np.float32, np.float64]
POINTS = [(a, a * r) for a in [1e-3, 0.3, 1, 3, 15, 20, 300] for r in [1e-6, 0.03, 0.5, 0.98, 1.1, 3, 50]]
POINTS += [(a, x) for a in [1e-3, 0.4, 0.999] for x in [0.01, 0.6, 0.99, 1, 5, 30]]
POINTS += [(a, a + z * a**0.5) for a in [30, 1e4] for z in [-30, -5, -1, 0, 2, 40] if a + z * a**0.5 > 0]
# the same numbers in both precisions, so that the truth is computed once
POINTS = [tuple(float(np.float32(x)) for x in point) for point in POINTS]


@functools.cache
def tails(a, x):
    """P and Q by series and continued fraction."""
    power = mpmath.exp(a * mpmath.log(x) - x - mpmath.loggamma(a + 1))
    if x < a or x < 1:
        total, term, n = mpmath.mpf(0), mpmath.mpf(1), 0
        while term > total * mpmath.mpf(10) ** -mpmath.mp.dps:
            total, n = total + term, n + 1
            term *= x / (a + n)
        return power * total, 1 - power * total
    rest = mpmath.mpf(0)
    for k in range(int(60 + 3000 / float(x) ** 0.5 + 14 * float(a) ** 0.5), 0, -1):
        rest = k * (k - a) / (x + 2 * k + 1 - a - rest)
    return 1 - power * a / (x + 1 - a - rest), power * a / (x + 1 - a - rest)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("orders", [(0, 0), (1, 0), (0, 1)])
@pytest.mark.parametrize(("name", "i"), [("log_gamma_p", 0), ("log_gamma_q", 1)])
def test_tails(name, i, orders, dtype):
    assert worst(getattr(special, name), lambda a, x: mpmath.log(tails(a, x)[i]), POINTS, dtype, orders)[0] < 64


@pytest.mark.parametrize(("name", "i"), [("log_gamma_p", 0), ("log_gamma_q", 1)])
@pytest.mark.parametrize("orders", [(2, 0), (1, 1), (0, 2)])
def test_second_derivatives(name, i, orders):
    points = [(a, a * r) for a in [0.7, 2.5, 19, 80] for r in [0.3, 0.9, 1.05, 2]]
    assert worst(getattr(special, name), lambda a, x: mpmath.log(tails(a, x)[i]), points, np.float32, orders)[0] < 100


def test_huge_shape_is_nearly_normal():
    with jax.enable_x64(True):
        z = jnp.asarray([-20.0, -3.0, 0.0, 2.0, 10.0])
        got = special.log_gamma_p(jnp.asarray(1e12), 1e12 + 1e6 * z)
        skewed = special.log_ndtr(z) + (1 - z**2) / 3e6 * special.reverse_hazard(z)
        assert jnp.allclose(got, skewed, rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("dtype", DTYPES)
def test_ends(dtype):
    with jax.enable_x64(dtype is np.float64):
        a, ends = jnp.asarray(2.5, dtype), jnp.asarray([0, jnp.inf], dtype)
        assert special.log_gamma_p(a, ends).tolist() == [-jnp.inf, 0]
        assert special.log_gamma_q(a, ends).tolist() == [0, -jnp.inf]
        for x in ends:
            assert [float(g) for g in jax.grad(special.log_gamma_q, (0, 1))(a, x)] == [0, 0]


def quantile(p, a):
    tails = (lambda x, a: special.log_gamma_p(a, x), lambda x, a: special.log_gamma_q(a, x))
    return special.invert_continuous(*tails, p, (a,), 0, jnp.inf)


@pytest.mark.parametrize("dtype", DTYPES)
def test_quantiles(dtype):
    with jax.enable_x64(dtype is np.float64):
        p, a = jnp.asarray([[1e-10], [0.01], [0.5], [0.99]], dtype), jnp.asarray([[0.3, 1, 7, 1e4]], dtype)
        p, a = (v.ravel() for v in jnp.broadcast_arrays(p, a))
        got = jax.jit(quantile)(p, a)
        want = scipy.stats.gamma.ppf(np.asarray(p, float), np.asarray(a, float))
        np.testing.assert_allclose(got, want, rtol=60 * np.finfo(dtype).eps)
        slopes = jax.jit(jax.vmap(jax.grad(quantile, (0, 1))))(p, a)
        density = scipy.stats.gamma.pdf(want, np.asarray(a, float))
        # scipy's density of shape 1e4 has eleven digits
        np.testing.assert_allclose(slopes[0], 1 / density, rtol=max(300 * np.finfo(dtype).eps, 1e-10))
        h = 1e-5
        up, down = (scipy.stats.gamma.ppf(np.asarray(p, float), np.asarray(a, float) * (1 + s)) for s in (h, -h))
        np.testing.assert_allclose(slopes[1], (up - down) / (2 * h * np.asarray(a, float)), rtol=1e-4)


def test_quantiles_at_the_ends():
    a = jnp.asarray(2.0)
    assert [float(quantile(jnp.asarray(p), a)) for p in (0.0, 1.0)] == [0, jnp.inf]
    assert jnp.isnan(quantile(jnp.asarray(1.1), a))
    assert float(jax.grad(quantile, 1)(jnp.asarray(0.0), a)) == 0


def test_discrete_quantiles_are_exact_at_the_steps():
    def log_cdf(y, n):
        return jnp.log(jnp.clip(jnp.floor(y) + 1, 0, n) / n)

    def log_sf(y, n):
        return jnp.log(jnp.clip(n - jnp.floor(y) - 1, 0, n) / n)

    n, k = jnp.asarray(10.0), jnp.arange(11.0)
    got = special.invert_discrete(log_cdf, log_sf, k / 10, (n,), 0, 9)
    assert got.tolist() == [0, *range(10)]
