"""Flow matching between normals, where the best velocity, its least loss and the density are known."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lik_jax import flow_matching, ode, probability_flow_field, schedules
from lik_jax.distributions import normal

pytest.importorskip("diffrax")

M, C = 1.0, 0.5  # data N(M, C^2)
TIGHT = {"rtol": 1e-10, "atol": 1e-10}
PATHS = [
    flow_matching.ConditionalOT(),
    flow_matching.VariancePreserving(),
    flow_matching.Diffused(schedules.Cosine(-20.0, 18.0)),
]


def optimal(path):
    """E[velocity | x_t] of independent N(0, 1) and N(M, C^2): linear regression of one normal on another."""

    def velocity(x_t, t):
        ones = jnp.ones_like(t)
        (a, da), (b, db) = (jax.jvp(f, (t,), (ones,)) for f in (path.signal, path.spread))
        slope = (a * da * C**2 + b * db) / (a**2 * C**2 + b**2)
        return da[:, None] * M + slope[:, None] * (x_t - a[:, None] * M)

    return velocity


def quadrature(count: int):
    """Data, noise and times with weights: exact in what is quadratic in data and noise."""
    nodes, w = np.polynomial.hermite_e.hermegauss(2)
    times, tw = np.polynomial.legendre.leggauss(count)
    x, noise, t = np.meshgrid(M + C * nodes, nodes, (times + 1) / 2, indexing="ij")
    weights = np.einsum("i,j,k->ijk", w, w, tw).ravel() / (2 * w.sum() ** 2)
    return jnp.asarray(x.reshape(-1, 1)), jnp.asarray(noise.reshape(-1, 1)), jnp.asarray(t.ravel()), weights


@pytest.mark.usefixtures("x64")
def test_least_loss_of_straight_lines_is_not_zero():
    x, noise, t, weights = quadrature(60)
    each = flow_matching.loss(optimal(PATHS[0]), x, t=t, noise=noise, reduction="none")
    np.testing.assert_allclose((weights * each).sum(), np.pi * C / 2, rtol=1e-10)


@pytest.mark.usefixtures("x64")
def test_another_velocity_loses_by_its_squared_distance():
    x, noise, t, weights = quadrature(60)
    best = optimal(PATHS[1])

    def mean(velocity):
        each = flow_matching.loss(velocity, x, t=t, noise=noise, interpolant=PATHS[1], reduction="none")
        return float((weights * each).sum())

    np.testing.assert_allclose(mean(lambda x_t, t: best(x_t, t) + 0.3 * t[:, None]) - mean(best), 0.03, rtol=1e-9)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("path", PATHS, ids=["straight", "circle", "diffused"])
def test_density_of_a_normal(path):
    x = jnp.array([[1.3], [0.0]])
    start = path.signal(0.0)  # a little of the data is in the noise of a diffusion

    def base(x):
        return normal.log_prob(normal.Params(start * M, jnp.hypot(start * C, path.spread(0.0))), x).sum(-1)

    log_p = flow_matching.log_prob(optimal(path), x, interpolant=path, base=base, **TIGHT)
    np.testing.assert_allclose(log_p[0], -0.40579135, atol=2e-8)
    np.testing.assert_allclose(log_p, normal.log_prob(normal.Params(M, C), x[:, 0]), atol=1e-7)


@pytest.mark.usefixtures("x64")
def test_noise_left_at_the_end_is_in_the_density():
    path = flow_matching.ConditionalOT(noise_left=0.3)
    log_p = flow_matching.log_prob(optimal(path), jnp.array([[1.3]]), interpolant=path, **TIGHT)
    np.testing.assert_allclose(log_p, normal.log_prob(normal.Params(M, np.hypot(C, 0.3)), 1.3), atol=1e-8)


def test_samples_have_the_right_moments(key: jax.Array):
    draws = flow_matching.sample(optimal(PATHS[0]), key, (4000, 1))
    assert abs(float(draws.mean()) - M) < 4 * C / 4000**0.5
    np.testing.assert_allclose(draws.std(), C, rtol=4 / 8000**0.5)


@pytest.mark.usefixtures("x64")
def test_the_path_of_a_diffusion_has_its_velocity(key: jax.Array):
    schedule = schedules.Cosine(-6.0, 6.0)
    x, noise = jax.random.normal(key, (2, 5, 3), jnp.float64)
    for t in (0.2, 0.7):
        pairs = flow_matching.paired(x, noise, jnp.full(5, 1 - t), interpolant=flow_matching.Diffused(schedule))
        field = probability_flow_field(lambda x_t, t: noise, schedule)
        np.testing.assert_allclose(pairs.velocity, -field(jnp.asarray(t), pairs.x_t), rtol=1e-10)


@pytest.mark.usefixtures("x64")
def test_a_path_moves_at_its_velocity(key: jax.Array):
    x, noise = jax.random.normal(key, (2, 4, 2), jnp.float64)
    t, e = jnp.array([0.1, 0.4, 0.6, 0.9]), 1e-6
    for path in PATHS:
        later, earlier = (flow_matching.paired(x, noise, t + d, interpolant=path).x_t for d in (e, -e))
        at = flow_matching.paired(x, noise, t, interpolant=path)
        np.testing.assert_allclose(at.velocity, (later - earlier) / (2 * e), rtol=1e-6, atol=1e-7)
        ends = [flow_matching.paired(x, noise, jnp.full(4, end), interpolant=path).x_t for end in (0.0, 1.0)]
        np.testing.assert_allclose(ends[0], noise, atol=5e-4)
        np.testing.assert_allclose(ends[1], x, atol=5e-4)


def test_optimal_coupling_is_the_best_of_all_permutations(key: jax.Array):
    first, second = jax.random.split(key)
    noise, x = jax.random.normal(first, (5, 2)), jax.random.normal(second, (5, 2))
    cost = ((np.asarray(x)[:, None] - np.asarray(noise)[None]) ** 2).sum(-1)
    best = min(itertools.permutations(range(5)), key=lambda p: sum(cost[i, j] for i, j in enumerate(p)))
    assert jax.jit(flow_matching.optimal_coupling)(noise, x).tolist() == list(best)
    masked = flow_matching.optimal_coupling(noise, x, mask=jnp.array([True, False, True, True, True]))
    rest = [0, 2, 3, 4]
    best = min(itertools.permutations(rest), key=lambda p: sum(cost[i, j] for i, j in zip(rest, p, strict=True)))
    assert masked.tolist() == [best[0], 1, *best[1:]]


def test_optimal_coupling_lowers_the_loss(key: jax.Array):
    first, second = jax.random.split(key)
    x, noise = M + C * jax.random.normal(first, (64, 1)), jax.random.normal(second, (64, 1))

    def loss(coupling):
        return float(flow_matching.loss(lambda x_t, t: 0 * x_t + M, x, t=jnp.ones(64), noise=noise, coupling=coupling))

    # in one dimension the optimal velocity error of sorted pairs is that of moving z to M + C z: (1 - C)^2
    assert loss("optimal") < 0.6 * loss("independent")
    np.testing.assert_allclose(loss("optimal"), (1 - C) ** 2, atol=0.15)


def test_masks_weights_and_reductions():
    x = jnp.array([[1.0, 2.0], [jnp.nan, 0.0], [3.0, 1.0]])
    t, noise, mask = jnp.array([0.2, jnp.nan, 0.9]), jnp.ones((3, 2)), jnp.array([True, False, True])

    def loss(scale, **options):
        return flow_matching.loss(lambda x_t, t: jnp.tanh(scale * x_t), x, t=t, noise=noise, mask=mask, **options)

    value, slope = jax.value_and_grad(loss)(0.3)
    assert np.isfinite([value, slope]).all()
    each = loss(0.3, reduction="none")
    assert float(each[1]) == 0
    np.testing.assert_allclose(value, each.sum() / 2, rtol=1e-6)
    np.testing.assert_allclose(loss(0.3, reduction="sum", weights=jnp.array([2.0, 1.0, 0.0])), 2 * each[0], rtol=1e-6)
    doubled = loss(0.3, reduction="none", weighting=lambda t: 2 + 0 * t)
    np.testing.assert_allclose(doubled, 2 * each, rtol=1e-6)
    nothing = flow_matching.loss(lambda x_t, t: x_t, x, t=t, noise=noise, mask=jnp.zeros(3, bool))
    assert float(nothing) == 0


def test_times_are_of_low_discrepancy(key: jax.Array):
    seen = {}

    def velocity(x_t, t):
        seen["t"] = t
        return 0 * x_t

    flow_matching.loss(velocity, jnp.zeros((49, 1)), key=key)
    t = jnp.sort(seen["t"])
    assert bool(((t > 0) & (t <= 1)).all())
    np.testing.assert_allclose(jnp.diff(t), jnp.full(48, 1 / 49), atol=1e-6)


def test_errors():
    x = jnp.zeros((3, 2))
    with pytest.raises(ValueError, match="give a key"):
        flow_matching.loss(lambda x_t, t: x_t, x, t=jnp.zeros(3))
    with pytest.raises(ValueError, match="velocity gave the shape"):
        flow_matching.loss(lambda x_t, t: x_t[:, :1], x, key=jax.random.key(0))
    with pytest.raises(ValueError, match="noise has"):
        flow_matching.loss(lambda x_t, t: x_t, x, t=jnp.zeros(3), noise=jnp.zeros(3))
    with pytest.raises(ValueError, match="'independent' or 'optimal'"):
        flow_matching.loss(lambda x_t, t: x_t, x, key=jax.random.key(0), coupling="best")  # type: ignore[arg-type]


@pytest.mark.slow
def test_hutchinson_estimates_the_density(key: jax.Array):
    def velocity(x_t, t):
        return jnp.tanh(x_t @ jnp.array([[0.5, -0.3], [0.8, 0.2]])) * (1 + t[:, None])

    x = jnp.broadcast_to(jnp.array([[0.7, -0.2]]), (500, 2))
    exact = flow_matching.log_prob(velocity, x[:1])
    each = flow_matching.log_prob(velocity, x, probes=ode.probes(key, x.shape))
    assert abs(float(each.mean() - exact[0])) < 4 * float(each.std()) / 500**0.5
