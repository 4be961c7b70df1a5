import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

from lik_jax import special

from .accuracy import worst

pytestmark = pytest.mark.slow

DTYPES = [np.float32, np.float64]
log_gamma = mpmath.loggamma
X = [(x,) for x in np.concatenate([np.logspace(-9, 9, 25), np.linspace(0.1, 5, 30), [1 - 1e-4, 1 + 1e-4, 2 + 1e-4]])]
PAIRS = [(a, b) for a in [1e-5, 0.5, 1, 3.3, 100, 1e6, 1e8] for b in [1e-5, 0.3, 2, 50, 1e6, 1e8]]
CHOICES = [(n, k) for n in [1, 2, 5, 100, 1e6, 2**24] for k in [0, 1, 2, 50, 99, 5e5, 1e6 - 1] if k <= n]
STEPS = [1e-5, -1e-3, 0.1, -0.3, 0.5, -0.6, 1, -0.9, 10, 1e3]
CLOSE = [(x, x * (1 + d)) for x in [1e-3, 1, 30, 1e5, 1e8] for d in STEPS] + [(1e-10, 1), (1e-20, 1e10)]

ONE = {
    "stirling_error": lambda x: log_gamma(x) - (x - 0.5) * mpmath.log(x) + x - mpmath.log(2 * mpmath.pi) / 2,
    "log_factorial_excess": lambda x: log_gamma(x + 1) - x * mpmath.log(x) + x,
    "log_gamma": log_gamma,
    "digamma": mpmath.digamma,
}
TWO = {
    "log_beta": (lambda a, b: log_gamma(a) + log_gamma(b) - log_gamma(a + b), PAIRS),
    "digamma_difference": (lambda a, b: mpmath.digamma(a) - mpmath.digamma(a + b), PAIRS),
    "log_binomial_coefficient": (lambda n, k: log_gamma(n + 1) - log_gamma(k + 1) - log_gamma(n - k + 1), CHOICES),
    "deviance": (lambda x, m: x * mpmath.log(x / m) + m - x, CLOSE),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("name", ONE)
def test_one_argument(name, order, dtype):
    assert worst(getattr(special, name), ONE[name], X, dtype, (order,))[0] < 32


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("orders", [(0, 0), (1, 0), (0, 1), (1, 1), (2, 0), (0, 2)])
@pytest.mark.parametrize("name", TWO)
def test_two_arguments(name, orders, dtype):
    truth, points = TWO[name]
    if name == "digamma_difference" and sum(orders) > 1:
        pytest.skip("a third derivative of log_beta")
    assert worst(getattr(special, name), truth, points, dtype, orders)[0] < 50


def test_edges_are_exact():
    zero, one = jnp.zeros(()), jnp.ones(())
    assert float(special.log_factorial_excess(zero)) == 0
    assert float(special.deviance(zero, zero)) == 0
    assert float(special.deviance(zero, one)) == 1
    assert float(special.deviance(one, zero)) == jnp.inf
    assert float(jax.grad(special.deviance, 1)(zero, zero)) == 1
    assert float(special.log_binomial_coefficient(one, zero)) == 0
    assert float(special.log_binomial_coefficient(one, one)) == 0
    assert jnp.isnan(special.log_binomial_coefficient(one, 2 * one))
    assert float(special.log_gamma(zero)) == jnp.inf


def test_log_gamma_at_its_zeros():
    assert (
        worst(special.log_gamma, log_gamma, [(1,), (1 + 1e-6,), (2 - 1e-6,), (2,)], np.float32, (0,), floor=1e-7)[0] < 4
    )
