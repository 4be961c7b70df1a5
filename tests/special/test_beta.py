import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

from lik_jax import special

from .accuracy import worst

pytestmark = pytest.mark.slow

DTYPES = [np.float32, np.float64]
SHAPES = [(1e-3, 1e-3), (1e-3, 2), (0.3, 0.5), (1, 1), (1e-2, 60), (3, 1.5), (40, 0.02), (150, 70)]


def logits(a, b):
    spread = np.sqrt(1 / a + 1 / b)
    return [np.log(a / b) + spread * z for z in (-4, -1, -0.1, 0.2, 2)]


# what the series of the truth can do, and shapes that only the quadrature of the truth can do
POINTS = [(a, b, v) for a, b in [*SHAPES, *[s[::-1] for s in SHAPES if s[0] != s[1]]] for v in logits(a, b)]
LARGE = [(a, b, v) for a, b in [(1e5, 3e4), (1e8, 20), (1e8, 1e8), (50, 1e6)] for v in logits(a, b)]


def tails(a, b, v):
    return special.log_beta_tails(a, b, v, special.sigmoid(v), special.sigmoid(-v))


def lower(a, b, v):
    return tails(a, b, v)[0]


def upper(a, b, v):
    return tails(a, b, v)[1]


def log_power(a, b, v):
    x, xc = 1 / (1 + mpmath.exp(-v)), 1 / (1 + mpmath.exp(v))
    return a * mpmath.log(x) + b * mpmath.log(xc) - mpmath.loggamma(a) - mpmath.loggamma(b) + mpmath.loggamma(a + b)


def by_series(a, b, v):
    """``log I_x(a, b)`` for ``x`` not above the mean, by the hypergeometric series of positive terms."""
    return log_power(a, b, v) + mpmath.log(mpmath.hyp2f1(a + b, 1, a + 1, 1 / (1 + mpmath.exp(-v))) / a)


def by_quadrature(a, b, v):
    """The same by quadrature over the logit, for shapes with too long a series."""
    x, xc = 1 / (1 + mpmath.exp(-v)), 1 / (1 + mpmath.exp(v))
    s = a + b
    unit = 20 / (a * xc - b * x + mpmath.sqrt(s * x * xc))
    ends = [unit * k for k in (0, 1, 2, 4, 8)]
    return log_power(a, b, v) + mpmath.log(
        mpmath.quad(lambda u: mpmath.exp(b * u - s * mpmath.log(x + xc * mpmath.exp(u))), ends)
    )


def truth(near, upper):
    def tail(a, b, v):
        flip = a / (1 + mpmath.exp(v)) < b / (1 + mpmath.exp(-v))
        value = near(b, a, -v) if flip else near(a, b, v)
        return value if flip == upper else mpmath.log(-mpmath.expm1(value))

    return tail


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("tail", [lower, upper])
def test_tails(dtype, tail):
    assert worst(tail, truth(by_series, tail is upper), POINTS[::2], dtype, (0, 0, 0))[0] < 30


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("orders", [(1, 0, 0), (0, 1, 0), (0, 0, 1)])
def test_slopes(dtype, orders):
    assert worst(lower, truth(by_series, False), POINTS[1::5], dtype, orders)[0] < 100


@pytest.mark.parametrize("orders", [(2, 0, 0), (1, 1, 0), (0, 1, 1), (0, 0, 2)])
def test_second_derivatives(orders):
    points = [p for p in POINTS[3::5] if min(p[:2]) > 0.1]
    assert worst(lower, truth(by_series, False), points, np.float32, orders)[0] < 100


@pytest.mark.parametrize("dtype", DTYPES)
def test_tails_of_large_shapes(dtype):
    assert worst(lower, truth(by_quadrature, False), LARGE[::2], dtype, (0, 0, 0))[0] < 30


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("orders", [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 0, 1)])
def test_power(dtype, orders):
    def power(a, b, v):
        return special.log_beta_power(a, b, v, special.sigmoid(v), special.sigmoid(-v))

    assert worst(power, log_power, (POINTS + LARGE)[::2], dtype, orders)[0] < 100


def test_ends_and_junk():
    x = jnp.array([-1.0, 0.0, 1.0, 2.0, jnp.nan])
    np.testing.assert_array_equal(special.log_beta_inc(2.0, 3.0, x), [-jnp.inf, -jnp.inf, 0, 0, jnp.nan])
    np.testing.assert_array_equal(special.log_beta_inc_c(2.0, 3.0, x), [0, 0, -jnp.inf, -jnp.inf, jnp.nan])
    assert np.isnan(special.log_beta_inc(jnp.array([-1.0, 0.0, jnp.nan]), 1.0, 0.5)).all()
    assert special.log_beta_inc(1.0, 1.0, jnp.arange(3) / 2).shape == (3,)


def test_argument_close_to_one_is_given_by_its_complement():
    """``1 - I_x(2, 3)`` is ``4 xc^3`` there: at 1e-20 ``x`` itself is 1."""
    got = special.log_beta_inc_c(2.0, 3.0, jnp.float32(1.0), jnp.float32(1e-20))
    np.testing.assert_allclose(got, np.log(4.0) + 3 * np.log(1e-20), rtol=1e-6)


def test_derivatives_under_jit_and_vmap():
    def value(a, b, x):
        return special.log_beta_inc(a, b, x)

    args = tuple(jnp.array(c, jnp.float32) for c in ([2.0, 30.0], [3.0, 0.5], [0.2, 0.99]))
    hessian = jax.jit(jax.vmap(jax.hessian(value, (0, 1, 2))))(*args)
    again = jax.vmap(jax.jacfwd(jax.grad(value, (0, 1, 2)), (0, 1, 2)))(*args)
    for row, other in zip(jax.tree.leaves(hessian), jax.tree.leaves(again), strict=True):
        np.testing.assert_allclose(row, other, rtol=1e-4, atol=1e-4)
