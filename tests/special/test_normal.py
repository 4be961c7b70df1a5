import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

from lik_jax import special

from .accuracy import worst

pytestmark = pytest.mark.slow

DTYPES = [np.float32, np.float64]
X = [(x,) for x in np.concatenate([-np.logspace(0, 3.3, 16), np.linspace(-5, 5, 22), [8, 10]])]
INTERVALS = [
    (c - w / 3, c + w * 2 / 3)
    for c in [-300, -30, -3, -1, 0.01, 0.5, 5, 20]
    for w in [1e-4, 1e-2, 0.3, 0.9, 1.1, 3, 10]
    if abs(c) * 1e-6 < w
]


def log_ndtr(x):
    return mpmath.log(mpmath.erfc(-x / mpmath.sqrt(2)) / 2)


def log_ndtr_difference(a, b):
    if a > 0:
        a, b = -b, -a
    root = mpmath.sqrt(2)
    return mpmath.log((mpmath.erfc(-b / root) - mpmath.erfc(-a / root)) / 2)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("order", [0, 1, 2])
def test_log_ndtr(dtype, order):
    assert worst(special.log_ndtr, log_ndtr, X, dtype, (order,), floor=0 if order else 1)[0] < 100


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("orders", [(0, 0), (1, 0), (0, 1), (1, 1), (0, 2)])
def test_log_ndtr_difference(dtype, orders):
    assert worst(special.log_ndtr_difference, log_ndtr_difference, INTERVALS, dtype, orders)[0] < 50


def test_third_derivative_far_in_the_tail():
    assert worst(special.log_ndtr, log_ndtr, [(-1000.0,), (-50.0,)], np.float32, (3,), floor=0)[0] < 20


def test_whole_line_and_half_lines():
    inf = jnp.asarray(jnp.inf)
    b = jnp.asarray([-40.0, 0.5, 7.0])
    assert float(special.log_ndtr_difference(-inf, inf)) == 0
    assert jnp.allclose(special.log_ndtr_difference(-inf, b), special.log_ndtr(b), rtol=1e-6)
    assert jnp.allclose(special.log_ndtr_difference(b, inf), special.log_ndtr(-b), rtol=1e-6)
    assert float(special.log_ndtr_difference(b, b)[0]) == -jnp.inf
