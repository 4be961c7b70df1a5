"""Distances between samples: closed forms by quadrature weights, means over all samples by enumeration."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import erf, ndtri

from lik_jax.objectives import distances

pytestmark = pytest.mark.usefixtures("x64")

NODES, MASSES = np.polynomial.hermite_e.hermegauss(80)
MASSES = MASSES / MASSES.sum()
RBF, IMQ = distances.rbf(0.7, 2.0), distances.inverse_multiquadric(1.5)


def gaussian_mean_of_rbf(h: float, variance: float, shift: float) -> float:
    """``E exp(-D^2 / (2 h^2))`` of ``D`` normal with that mean and variance."""
    return h / np.sqrt(h**2 + variance) * np.exp(-(shift**2) / (2 * (h**2 + variance)))


def test_mmd_of_two_normals():
    """N(0, 1) and N(1, 1.5^2); the quadrature's nodes are the sample, its masses the weights."""
    x, y = jnp.asarray(NODES), jnp.asarray(1 + 1.5 * NODES)
    got = distances.maximum_mean_discrepancy(x, y, kernel=RBF, unbiased=False, x_weights=MASSES, y_weights=MASSES).value
    parts = [
        gaussian_mean_of_rbf(h, 2.0, 0)
        + gaussian_mean_of_rbf(h, 2 * 1.5**2, 0)
        - 2 * gaussian_mean_of_rbf(h, 1 + 1.5**2, 1.0)
        for h in (0.7, 2.0)
    ]
    np.testing.assert_allclose(got, np.mean(parts), rtol=1e-9)


def test_energy_distance_of_two_normals():
    """``E|D| = s sqrt(2 / pi) exp(-m^2 / (2 s^2)) + m erf(m / (s sqrt 2))``; quantiles are the sample."""

    def mean_distance(m, s):
        return s * np.sqrt(2 / np.pi) * np.exp(-(m**2) / (2 * s**2)) + m * erf(m / (s * np.sqrt(2)))

    want = 2 * mean_distance(1, np.sqrt(2)) - 2 * mean_distance(0, np.sqrt(2))
    x = ndtri((np.arange(2000) + 0.5) / 2000)
    got = distances.energy_distance(x, x + 1, unbiased=False).value
    np.testing.assert_allclose(got, want, rtol=1e-5)


@pytest.mark.parametrize("kind", ["rbf", "imq", "energy"])
def test_unbiased_is_right_in_the_mean_over_all_samples(kind: str):
    """X on three points, Y on two: every sample of three and of two, by enumeration."""

    def distance(x, y, **options):
        if kind == "energy":
            return distances.energy_distance(x, y, **options).value
        return distances.maximum_mean_discrepancy(x, y, kernel=RBF if kind == "rbf" else IMQ, **options).value

    xs, ys = np.array([0.0, 1.0, 2.5]), np.array([0.2, 2.0])
    p, q = np.array([0.5, 0.3, 0.2]), np.array([0.6, 0.4])
    truth = distance(xs, ys, unbiased=False, x_weights=p, y_weights=q)
    draws = [(i, j) for i in itertools.product(range(3), repeat=3) for j in itertools.product(range(2), repeat=2)]
    x, y = (np.array([values[list(d[side])] for d in draws]) for side, values in ((0, xs), (1, ys)))
    mass = np.array([p[list(i)].prod() * q[list(j)].prod() for i, j in draws])
    unbiased = jax.jit(jax.vmap(distance))(x, y)
    biased = jax.jit(jax.vmap(lambda x, y: distance(x, y, unbiased=False)))(x, y)
    np.testing.assert_allclose((mass * unbiased).sum(), truth, rtol=1e-12)
    assert float((mass * biased).sum()) > float(truth) + 0.01
    assert (np.asarray(biased) >= -1e-12).all()


@pytest.mark.parametrize("distance", [distances.maximum_mean_discrepancy, distances.energy_distance])
@pytest.mark.slow
def test_the_standard_error_is_the_spread_over_samples(distance, key: jax.Array):
    first, second = jax.random.split(key)
    x = jax.random.normal(first, (300, 60, 2), jnp.float64)
    y = 0.7 * jax.random.normal(second, (300, 80, 2), jnp.float64) + 1
    found = jax.jit(jax.vmap(distance))(x, y)
    np.testing.assert_allclose(found.standard_error.mean(), found.value.std(), rtol=0.15)
    assert not jax.grad(lambda x: distance(x, y[0]).standard_error)(x[0]).any()


def test_weights_are_repetitions_and_masked_rows_are_not_there(key: jax.Array):
    x, y = jax.random.normal(key, (2, 5, 3), jnp.float64)
    w = jnp.array([1.0, 0.0, 2.0, 1.0, 0.0])
    repeated = jnp.concatenate([x[:1], x[2:3], x[2:3], x[3:4]])

    def loss(x, y):
        return distances.energy_distance(x, y, unbiased=False, x_weights=w).value

    np.testing.assert_allclose(loss(x, y), distances.energy_distance(repeated, y, unbiased=False).value, rtol=1e-12)
    value, slopes = jax.value_and_grad(loss)(x, y)
    again = jax.value_and_grad(loss)(x.at[1].set(jnp.nan).at[4].set(jnp.inf), y)
    assert again[0] == value
    np.testing.assert_array_equal(again[1], slopes)
    assert not slopes[1].any()
    kept = distances.maximum_mean_discrepancy(x, y, x_weights=jnp.array([True, True, False, True, False]))
    alone = distances.maximum_mean_discrepancy(x[jnp.array([0, 1, 3])], y)
    for a, b in zip(kept, alone, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


@pytest.mark.parametrize("kind", ["rbf", "imq", "energy", "sliced"])
def test_gradients_are_finite_differences(kind: str, key: jax.Array):
    x, y = jax.random.normal(key, (2, 4, 2), jnp.float64)
    fns = {
        "rbf": lambda x: distances.maximum_mean_discrepancy(x, y, kernel=RBF).value,
        "imq": lambda x: distances.maximum_mean_discrepancy(x, y, kernel=IMQ).value,
        "energy": lambda x: distances.energy_distance(x, y).value,
        "sliced": lambda x: distances.sliced_wasserstein(x, y, directions=jnp.array([[0.6, 0.8], [1.0, 0.0]])).value,
    }
    fn = jax.jit(fns[kind])
    along = jnp.asarray(np.linspace(-1, 1, 8).reshape(4, 2))
    want = (fn(x + 1e-5 * along) - fn(x - 1e-5 * along)) / 2e-5
    np.testing.assert_allclose((jax.grad(fn)(x) * along).sum(), want, rtol=1e-7)


def test_equal_rows_have_a_gradient():
    x = jnp.ones((3, 2))
    slope = jax.grad(lambda x: distances.energy_distance(x, jnp.ones((3, 2))).value)(x)
    assert slope.tolist() == [[0, 0]] * 3


def test_sliced_wasserstein_of_a_shift(key: jax.Array):
    """A shift by ``d`` moves every projection by ``u.d``: on average ``|d|^2 / dims``; along one axis it is exact."""
    first, second = jax.random.split(key)
    x = jax.random.normal(first, (50, 3), jnp.float64)
    shift = jnp.array([[1.0, -2.0, 0.5]])
    axes = distances.sliced_wasserstein(x, x + shift, directions=jnp.eye(3))
    np.testing.assert_allclose(axes.value, (1 + 4 + 0.25) / 3, rtol=1e-12)
    first_power = distances.sliced_wasserstein(x, x + shift, directions=jnp.eye(3), power=1)
    np.testing.assert_allclose(first_power.value, 3.5 / 3, rtol=1e-12)
    drawn = distances.sliced_wasserstein(x, x[::-1] + shift, key=second, num_directions=400)
    assert abs(float(drawn.value) - 5.25 / 3) < 4 * float(drawn.standard_error)


def test_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match=r"\(4, 2\) and y \(4, 3\)"):
        distances.energy_distance(jnp.ones((4, 2)), jnp.ones((4, 3)))
    with pytest.raises(ValueError, match=r"\(4,\) and y \(4, 1\)"):
        distances.maximum_mean_discrepancy(jnp.ones(4), jnp.ones((4, 1)))
    with pytest.raises(ValueError, match=r"x has 4 rows.*\(3,\)"):
        distances.energy_distance(jnp.ones(4), jnp.ones(4), x_weights=jnp.ones(3))
    with pytest.raises(ValueError, match="positive scales"):
        distances.rbf(1.0, -2.0)
    with pytest.raises(ValueError, match="exactly one of key and directions"):
        distances.sliced_wasserstein(jnp.ones((4, 1)), jnp.ones((4, 1)))
    with pytest.raises(ValueError, match="as many of either"):
        distances.sliced_wasserstein(jnp.ones((4, 1)), jnp.ones((3, 1)), directions=jnp.ones((1, 1)))
