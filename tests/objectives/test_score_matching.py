"""Score matching against quadrature: known numbers, the Fisher divergence, one optimum, a bound that is an entropy."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lik_jax.objectives import score_matching

pytestmark = pytest.mark.usefixtures("x64")


def gauss_hermite(dims: int, points: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes ``[n, dims]`` and weights ``[n]`` of a standard normal."""
    x, w = np.polynomial.hermite_e.hermegauss(points)
    nodes = np.array(list(itertools.product(x, repeat=dims)))
    return nodes, np.prod(np.array(list(itertools.product(w / w.sum(), repeat=dims))), 1)


@pytest.mark.parametrize(("a", "loss"), [(0.8, 1.6), (0.0, 2.0), (-0.8, 3.2)])
def test_denoising_known_numbers(a: float, loss: float):
    """Data N(0, 1), noise 0.5, score -a y: the best a is 1 / 1.25; the wrong sign costs double."""
    nodes, weights = gauss_hermite(2, 4)
    of_score = score_matching.denoising(lambda y: -a * y, nodes[:, :1], 0.5, noise=nodes[:, 1:], weights=weights)
    np.testing.assert_allclose(of_score, loss, rtol=1e-13)
    score = score_matching.of_energy(lambda y: 0.5 * a * (y**2).sum(-1))
    of_energy = score_matching.denoising(score, nodes[:, :1], 0.5, noise=nodes[:, 1:], weights=weights)
    np.testing.assert_allclose(of_energy, loss, rtol=1e-13)


def test_the_score_of_an_energy_points_uphill_in_density():
    y = jnp.array([[1.0, -2.0], [0.3, 0.1]])
    score = score_matching.of_energy(lambda y: (0.5 * y**2 / jnp.array([[4.0, 1.0]])).sum(-1))(y)
    np.testing.assert_allclose(score, -y / jnp.array([[4.0, 1.0]]), rtol=1e-14)


def net(w, y):
    """A score with a full Jacobian, not symmetric."""
    return jnp.tanh(y @ w[:2] + w[2][None]) @ w[3:5] + 0.3 * y


WEIGHTS = np.random.default_rng(3).normal(size=(5, 2))


def test_implicit_has_the_exact_trace():
    y, w = np.random.default_rng(4).normal(size=(6, 2)), jnp.asarray(WEIGHTS)
    each = score_matching.implicit(lambda y: net(w, y), y, reduction="none")
    for value, row in zip(each, y, strict=True):
        jacobian = jax.jacfwd(lambda x: net(w, x[None])[0])(jnp.asarray(row))
        square = float((net(w, jnp.asarray(row)[None]) ** 2).sum())
        np.testing.assert_allclose(value, jnp.trace(jacobian) + 0.5 * square, rtol=1e-13)


def test_implicit_is_the_fisher_divergence_up_to_a_constant():
    """Data N(0, diag(1, 4)): E|score - truth|^2 / 2 less the same for another score, value and gradient."""
    nodes, weights = gauss_hermite(2, 40)
    y = nodes * np.array([1.0, 2.0])
    truth = -y / np.array([1.0, 4.0])

    @jax.jit
    def fisher(w):
        return 0.5 * (weights * ((net(w, y) - truth) ** 2).sum(-1)).sum()

    @jax.jit
    def implicit(w):
        return score_matching.implicit(lambda y: net(w, y), y, weights=weights)

    one, other = jnp.asarray(WEIGHTS) * 0.3, jnp.asarray(WEIGHTS) * 0.1
    np.testing.assert_allclose(implicit(one) - implicit(other), fisher(one) - fisher(other), rtol=1e-6)
    np.testing.assert_allclose(jax.grad(implicit)(one), jax.grad(fisher)(one), rtol=1e-5, atol=1e-7)
    # the constant: minus half the mean square of the true score
    constant = 0.5 * (weights * (truth**2).sum(-1)).sum()
    np.testing.assert_allclose(implicit(one) + constant, fisher(one), rtol=1e-6)


@pytest.mark.parametrize("variance_reduced", [True, False])
def test_sliced_is_implicit_in_expectation(variance_reduced: bool):
    y, w = np.random.default_rng(4).normal(size=(6, 2)), jnp.asarray(WEIGHTS)
    # all sign vectors at once: their mean is the expectation
    signs = np.array(list(itertools.product([-1.0, 1.0], repeat=2)))
    probes = np.broadcast_to(signs[:, None], (4, 6, 2))
    got = score_matching.sliced(
        lambda y: net(w, y), y, probes=probes, variance_reduced=variance_reduced, reduction="none"
    )
    np.testing.assert_allclose(got, score_matching.implicit(lambda y: net(w, y), y, reduction="none"), rtol=1e-12)


@pytest.mark.slow
def test_sliced_draws_its_own_probes(key: jax.Array):
    y, w = jnp.zeros((20_000, 2)), jnp.asarray(WEIGHTS)
    each = score_matching.sliced(lambda y: net(w, y), y, key=key, num_probes=2, reduction="none")
    exact = score_matching.implicit(lambda y: net(w, y), y[:1])
    assert abs(each.mean() - exact) < 4 * each.std() / each.size**0.5


def test_denoising_has_the_gradient_of_explicit_score_matching():
    """Data at -1 and 1, so the noised density and its score are known everywhere."""
    sigma, (noise, weights) = 0.7, gauss_hermite(1, 60)
    y = np.repeat([[-1.0], [1.0]], len(noise), 0)
    noise, weights = np.tile(noise, (2, 1)), np.tile(weights, 2) / 2
    noised = y + sigma * noise
    truth = (np.tanh(noised / sigma**2) - noised) / sigma**2

    def score(w, y):
        return w[0] * jnp.sin(y) + w[1] * y

    @jax.jit
    def explicit(w):
        return 0.5 * (weights * ((score(w, noised) - truth) ** 2).sum(-1)).sum()

    @jax.jit
    def denoising(w):
        return score_matching.denoising(lambda y: score(w, y), y, sigma, noise=noise, weights=weights)

    for w in (jnp.array([0.5, -1.0]), jnp.array([-1.0, 0.3])):
        np.testing.assert_allclose(jax.grad(denoising)(w), jax.grad(explicit)(w), rtol=5e-6)


SIGMAS = np.array([3.0, 1.0, 0.3])


def best(y, sigma):
    """The score of N(0, 1) with noise."""
    return -y / (1 + sigma[:, None] ** 2)


@pytest.mark.parametrize(("weighting", "power"), [("variance", 0), ("none", -2), (lambda s: s**3, 1)])
def test_noise_conditional_by_level(weighting, power: int):
    """With the best score the error at a level is 1 / (2 (1 + sigma^2)) a dim, in units of the noise."""
    nodes, weights = gauss_hermite(2, 4)
    for level, sigma in enumerate(SIGMAS):
        loss = score_matching.noise_conditional(
            best,
            nodes[:, :1],
            SIGMAS,
            levels=np.full(len(nodes), level),
            noise=nodes[:, 1:],
            weighting=weighting,
            weights=weights,
        )
        np.testing.assert_allclose(loss, 0.5 / (1 + sigma**2) * sigma**power, rtol=1e-12)


@pytest.mark.slow
def test_noise_conditional_draws_every_level_alike(key: jax.Array):
    seen = []

    def score(y, sigma):
        seen.append(sigma)
        return best(y, sigma)

    score_matching.noise_conditional(score, jnp.zeros((301, 1)), SIGMAS, key=key)
    counts = [int((seen[0] == sigma).sum()) for sigma in SIGMAS]
    assert sum(counts) == 301
    assert min(counts) >= 100
    y = np.random.default_rng(1).normal(size=(60_000, 1))
    each = jax.jit(lambda key: score_matching.noise_conditional(best, y, SIGMAS, key=key, reduction="none"))(
        jax.random.key(2)
    )
    each = np.asarray(each)
    assert abs(each.mean() - (0.5 / (1 + SIGMAS**2)).mean()) < 4 * each.std() / each.size**0.5


def test_likelihood_bound_is_the_entropy_where_the_score_is_right():
    """N(0, .5^2): with its score and prior, the entropy of the data with the least noise; otherwise above it."""
    nodes, weights = gauss_hermite(2, 4)
    sigmas = np.geomspace(0.01, 8.0, 400)
    noise = np.broadcast_to(nodes[:, 1:], (400, len(nodes), 1))

    def bound(scale: float, variance: float) -> float:
        def prior(y):
            v = variance + 64
            return -0.5 * (y**2).sum(-1) / v - 0.5 * np.log(2 * np.pi * v)

        each = score_matching.likelihood_bound(
            lambda y, sigma: -scale * y / (0.25 + sigma[:, None] ** 2), 0.5 * nodes[:, :1], sigmas, prior, noise=noise
        )
        assert each.shape == (len(nodes),)
        return float((weights * each).sum())

    entropy = 0.5 * np.log(2 * np.pi * np.e * (0.25 + 1e-4))
    np.testing.assert_allclose(bound(1.0, 0.25), entropy, atol=1e-5)
    assert bound(0.9, 0.25) > entropy + 1e-3
    assert bound(1.0, 5.0) > entropy + 1e-4


def test_likelihood_bound_does_not_mind_the_order_of_the_levels():
    y, noise = jnp.array([[0.3], [1.0]]), np.random.default_rng(1).normal(size=(3, 2, 1))
    up = score_matching.likelihood_bound(best, y, SIGMAS, lambda y: y.sum(-1), noise=noise)
    down = score_matching.likelihood_bound(best, y, SIGMAS[::-1], lambda y: y.sum(-1), noise=noise[::-1])
    np.testing.assert_allclose(up, down, rtol=1e-13)


def test_nan_is_kept():
    y = jnp.array([[1.0], [jnp.nan]])
    assert jnp.isnan(score_matching.implicit(lambda y: -y, y))
    assert jnp.isnan(score_matching.denoising(lambda y: -y * jnp.nan, jnp.ones((2, 1)), 0.5, noise=jnp.ones((2, 1))))


def test_what_does_not_fit_says_so(key: jax.Array):
    y = jnp.ones((3, 2))
    with pytest.raises(ValueError, match=r"score gave the shape \(3,\) for a batch of shape \(3, 2\)"):
        score_matching.implicit(lambda y: y.sum(-1), y)
    with pytest.raises(ValueError, match="score gave the shape"):
        score_matching.denoising(lambda y: y[:1], y, 0.5, noise=y)
    with pytest.raises(ValueError, match="exactly one of key and noise"):
        score_matching.denoising(lambda y: y, y, 0.5)
    with pytest.raises(ValueError, match="exactly one of key and probes"):
        score_matching.sliced(lambda y: y, y)
    with pytest.raises(ValueError, match=r"\[num_probes, \*\(3, 2\)\]"):
        score_matching.sliced(lambda y: y, y, probes=y)
    with pytest.raises(ValueError, match="both levels and noise"):
        score_matching.noise_conditional(best, y, SIGMAS, noise=y)
    with pytest.raises(ValueError, match="weighting='edm'"):
        score_matching.noise_conditional(best, y, SIGMAS, key=key, weighting="edm")
    with pytest.raises(ValueError, match=r"noise has shape \(3, 1\)"):
        score_matching.denoising(lambda y: y, y, 0.5, noise=y[:, :1])
