"""Evidence bounds: a linear-Gaussian model whose likelihood is known, quadrature over noise, estimators."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lik_jax as lj
from lik_jax.distributions import bernoulli, multivariate_normal, normal

pytestmark = pytest.mark.usefixtures("x64")

W = np.array([[1, 0.9], [0.5, 0.6], [0.2, 0.8]])
MU, S, X = np.array([0.1, -0.2, 0.3]), 0.5, np.array([0.7, -0.4, 1.1])
LOG_EVIDENCE = -3.18773488


def exact_posterior() -> tuple[jax.Array, jax.Array]:
    covariance = np.linalg.inv(np.eye(2) + W.T @ W / S**2)
    mean = covariance @ W.T @ (X - MU) / S**2
    np.testing.assert_allclose(mean, [-0.06198972, 0.55548836], atol=1e-8)
    np.testing.assert_allclose(covariance[0], [0.38932567, -0.25703054], atol=1e-8)
    return jnp.asarray(mean), jnp.asarray(np.linalg.cholesky(covariance))


def linear_gaussian(q, noise: jax.Array, **options) -> lj.Elbo:
    """Every row of ``noise`` is one sample for the same ``x``."""
    n = noise.shape[0]
    params = multivariate_normal.Params(jnp.broadcast_to(q[0], (n, 2)), jnp.broadcast_to(q[1], (n, 2, 2)))
    return lj.elbo(
        normal,
        lambda z: normal.Params(z @ jnp.asarray(W.T) + jnp.asarray(MU)[None], S),
        params,
        jnp.broadcast_to(jnp.asarray(X), (n, 3)),
        noise=noise,
        posterior=multivariate_normal,
        **options,
    )


def standard(n: int) -> multivariate_normal.Params:
    return multivariate_normal.Params(jnp.zeros((n, 2)), jnp.broadcast_to(jnp.eye(2), (n, 2, 2)))


def gauss_hermite(dims: int, points: int) -> tuple[jax.Array, jax.Array]:
    """Nodes ``[n, dims]`` and weights ``[n]`` of a standard normal."""
    x, w = np.polynomial.hermite_e.hermegauss(points)
    nodes = np.stack(np.meshgrid(*[x] * dims, indexing="ij"), -1).reshape(-1, dims)
    weights = np.prod(np.stack(np.meshgrid(*[w / w.sum()] * dims, indexing="ij"), -1).reshape(-1, dims), -1)
    return jnp.asarray(nodes), jnp.asarray(weights)


def test_every_sample_of_the_exact_posterior_gives_the_evidence(key: jax.Array):
    parts = linear_gaussian(exact_posterior(), jax.random.normal(key, (5, 2), jnp.float64), analytic_kl=False)
    np.testing.assert_allclose(parts.elbo, LOG_EVIDENCE, atol=5e-9)


def test_parts_of_the_bound_in_expectation():
    noise, weights = gauss_hermite(2, 5)
    n = noise.shape[0]
    parts = linear_gaussian(exact_posterior(), noise, prior=multivariate_normal, prior_params=standard(n))
    np.testing.assert_allclose((weights * parts.reconstruction).sum(), -2.16517267, atol=5e-9)
    np.testing.assert_allclose(parts.kl, 1.02256221, atol=5e-9)
    np.testing.assert_allclose((weights * parts.elbo).sum(), LOG_EVIDENCE, atol=5e-9)


def test_sticking_the_landing_has_no_variance_at_the_exact_posterior(key: jax.Array):
    noise = jax.random.normal(key, (4, 2), jnp.float64)

    def total(q, **options):
        return linear_gaussian(q, noise, **options).objective.sum()

    stl = jax.grad(lambda q: total(q, estimator="stl"))(exact_posterior())
    plain = jax.grad(lambda q: total(q, analytic_kl=False))(exact_posterior())
    np.testing.assert_allclose(stl[0], 0, atol=1e-12)
    np.testing.assert_allclose(jnp.tril(stl[1]), 0, atol=1e-12)
    assert float(jnp.abs(plain[0]).max()) > 0.1


@pytest.mark.parametrize("options", [{"analytic_kl": False}, {"estimator": "stl"}])
def test_estimators_agree_in_expectation(options: dict):
    noise, weights = gauss_hermite(1, 30)
    n = noise.shape[0]

    def bound(q, **options):
        params = normal.Params(jnp.full((n, 1), q[0]), jnp.full((n, 1), q[1]))

        def decode(z):
            return bernoulli.Params(1.5 * z + 0.2)

        return (weights * lj.elbo(bernoulli, decode, params, jnp.ones((n, 1)), noise=noise, **options).objective).sum()

    q = jnp.array([0.3, 0.7])
    np.testing.assert_allclose(bound(q, **options), bound(q), rtol=1e-9)
    np.testing.assert_allclose(jax.grad(bound)(q, **options), jax.grad(bound)(q), rtol=1e-8)


def test_kl_is_in_the_right_order():
    q = normal.Params(jnp.ones((1, 1)), jnp.full((1, 1), 2.0))
    parts = lj.elbo(normal, lambda z: normal.Params(z, 1.0), q, jnp.zeros((1, 1)), noise=jnp.zeros((1, 1)))
    np.testing.assert_allclose(parts.kl, [2 - np.log(2)], rtol=1e-14)
    np.testing.assert_allclose(
        normal.kl_divergence(normal.Params(0.0, 1.0), normal.Params(1.0, 2.0)), 0.44314718, atol=5e-9
    )


def importance(theta: float, loc: float, k: int, points: int, **options) -> jax.Array:
    """E[L_k] of x = 1, p(x | z) = N(theta z, 1), q = N(loc, 1) by quadrature over the injected noise."""
    noise, weights = gauss_hermite(k, points)
    n = noise.shape[0]
    params = normal.Params(jnp.full((n, 1), loc), jnp.ones((n, 1)))

    def decode(z):
        return normal.Params(theta * z, 1.0)

    return (
        weights * lj.iwae(normal, decode, params, jnp.ones((n, 1)), noise=noise.T[..., None], **options).bound
    ).sum()


@pytest.mark.parametrize(("k", "points", "bound"), [(1, 20, -1.91893853), (2, 80, -1.65347379), (3, 40, -1.59406662)])
def test_more_samples_tighten_the_bound(k: int, points: int, bound: float):
    np.testing.assert_allclose(importance(1.0, 0.0, k, points), bound, atol=2e-8 if k < 3 else 2e-6)


@pytest.mark.parametrize("estimator", ["reparametrised", "dreg"])
def test_importance_weighted_gradients(estimator: str):
    def fn(theta, loc):
        return importance(theta, loc, 2, 80, estimator=estimator)

    np.testing.assert_allclose(fn(0.8, 0.3), -1.50754675, atol=5e-9)
    theta, loc = jax.grad(fn, (0, 1))(jnp.float64(0.8), jnp.float64(0.3))
    np.testing.assert_allclose(theta, -0.31043860, atol=5e-8)
    np.testing.assert_allclose(loc, 0.10491009, atol=5e-8)


def test_doubly_reparametrised_gradient_has_no_variance_at_the_exact_posterior(key: jax.Array):
    noise = jax.random.normal(key, (6, 1, 1), jnp.float64)
    scale = jnp.sqrt(0.5) * jnp.ones((1, 1))

    def fn(loc, estimator):
        return lj.iwae(
            normal,
            lambda z: normal.Params(z, 1.0),
            normal.Params(loc, scale),
            jnp.ones((1, 1)),
            noise=noise,
            estimator=estimator,
        ).bound[0]

    loc = jnp.full((1, 1), 0.5)
    np.testing.assert_allclose(fn(loc, "dreg"), -1.51551212, atol=5e-9)
    np.testing.assert_allclose(jax.grad(fn)(loc, "dreg"), 0, atol=1e-14)


def test_beta_and_free_bits_change_the_objective_not_the_bound():
    q = normal.Params(jnp.array([[0.2, 1.2]]), jnp.ones((1, 2)))
    decode, y, noise = lambda z: normal.Params(z, 1.0), jnp.zeros((1, 2)), jnp.ones((1, 2))
    parts = lj.elbo(normal, decode, q, y, noise=noise, beta=2.0, free_bits=0.5)
    np.testing.assert_allclose(parts.kl, [0.02 + 0.72])
    np.testing.assert_allclose(parts.elbo, parts.reconstruction - 0.74)
    np.testing.assert_allclose(parts.objective, parts.reconstruction - 2 * (0.5 + 0.72))
    with pytest.raises(ValueError, match="closed form"):
        lj.elbo(normal, decode, q, y, noise=noise, free_bits=0.5, estimator="stl")


def test_diagnostics(key: jax.Array):
    np.testing.assert_allclose(lj.effective_sample_size(jnp.zeros((7, 2))), [7, 7])
    np.testing.assert_allclose(lj.effective_sample_size(jnp.array([0.0, -1e9])), 1)
    params = normal.Params(jnp.zeros((2000, 1)), jnp.ones((2000, 1)))
    decode, y = lambda z: normal.Params(z, 1.0), jnp.ones((2000, 1))
    result = lj.iwae(normal, decode, params, y, num_samples=400, key=key)
    np.testing.assert_allclose(result.standard_error.mean(), result.bound.std(), rtol=0.1)
    np.testing.assert_allclose(lj.standard_error(result.bound), result.bound.std() / 2000**0.5, rtol=1e-3)


def test_one_source_of_latents(key: jax.Array):
    q = normal.Params(jnp.zeros((1, 1)), jnp.ones((1, 1)))
    decode, y = lambda z: normal.Params(z, 1.0), jnp.zeros((1, 1))
    with pytest.raises(ValueError, match="exactly one"):
        lj.elbo(normal, decode, q, y, key=key, noise=jnp.zeros((1, 1)))
    with pytest.raises(ValueError, match="exactly one"):
        lj.elbo(normal, decode, q, y)
    with pytest.raises(ValueError, match="num_samples"):
        lj.iwae(normal, decode, q, y, key=key)


def test_a_decoder_of_the_wrong_shape_is_an_error():
    q = normal.Params(jnp.zeros((3, 1)), jnp.ones((3, 1)))
    with pytest.raises(ValueError, match="Drop the trailing axis"):
        lj.elbo(normal, lambda z: normal.Params(z, 1.0), q, jnp.zeros(3), noise=jnp.zeros((3, 1)))


def test_noise_of_another_shape_is_an_error():
    q = normal.Params(jnp.zeros((4, 2)), jnp.ones((4, 2)))
    with pytest.raises(ValueError, match=r"noise has shape \(4, 1\)"):
        lj.elbo(bernoulli, lambda z: bernoulli.Params(z), q, jnp.ones((4, 2)), noise=jnp.ones((4, 1)))


def test_sticking_the_landing_is_refused_for_more_than_one_sample():
    q = normal.Params(jnp.zeros((1, 1)), jnp.ones((1, 1)))
    with pytest.raises(ValueError, match=r"biased.*want estimator='dreg'"):
        lj.iwae(
            normal, lambda z: normal.Params(z, 1.0), q, jnp.zeros((1, 1)), noise=jnp.zeros((2, 1, 1)), estimator="stl"
        )


def test_a_scale_is_a_scale_and_a_batch_is_summed_over_what_is_not_its_axis():
    """Two latents and three pixels: each part is a sum over them, by hand."""
    loc, scale = np.array([[0.5, -1.0]]), np.array([[2.0, 0.3]])
    noise, y = np.array([[0.7, -0.2]]), np.array([[0.1, 1.0, -0.6]])
    w = np.array([[1.0, 0.5, -0.3], [0.2, -0.4, 0.8]])
    parts = lj.elbo(
        normal,
        lambda z: normal.Params(z @ jnp.asarray(w), 0.5),
        normal.Params(jnp.asarray(loc), jnp.asarray(scale)),
        jnp.asarray(y),
        noise=jnp.asarray(noise),
    )
    error = y - (loc + scale * noise) @ w
    np.testing.assert_allclose(
        parts.reconstruction, -(error**2).sum() / (2 * 0.25) - 3 * np.log(0.5) - 1.5 * np.log(2 * np.pi), rtol=1e-13
    )
    np.testing.assert_allclose(parts.kl, (0.5 * (scale**2 + loc**2 - 1) - np.log(scale)).sum(), rtol=1e-13)


@pytest.mark.parametrize("name", ["elbo", "iwae", "dreg", "reinforce", "vimco"])
def test_grey_pixels_are_impossible_under_a_bernoulli(name: str):
    """They make the bound -inf, so the loss +inf, and no gradient NaN: they can't pass for a good score."""
    y = jnp.array([[1.0, 0.3], [1.0, 0.0]])
    noise = jnp.array([[0.2, -0.4], [0.5, 0.1]])

    def bound(loc):
        q = normal.Params(loc, jnp.ones((2, 2)))
        two = jnp.stack([noise, -noise])
        estimators = {
            "elbo": lambda: lj.elbo(bernoulli, bernoulli.Params, q, y, noise=noise).elbo,
            "iwae": lambda: lj.iwae(bernoulli, bernoulli.Params, q, y, noise=two).bound,
            "dreg": lambda: lj.iwae(bernoulli, bernoulli.Params, q, y, noise=two, estimator="dreg").bound,
            "reinforce": lambda: lj.reinforce(bernoulli, bernoulli.Params, q, y, z=two).elbo,
            "vimco": lambda: lj.vimco(bernoulli, bernoulli.Params, q, y, z=two).bound,
        }
        return estimators[name]()

    loc = jnp.zeros((2, 2))
    value = bound(loc)
    assert float(value[0]) == -jnp.inf
    assert bool(jnp.isfinite(value[1]))
    assert bool(jnp.isfinite(jax.grad(lambda loc: bound(loc).sum())(loc)).all())


@pytest.mark.parametrize("name", ["elbo", "sampled", "stl", "iwae", "dreg"])
def test_masked_examples_add_exactly_nothing(name: str):
    mask = jnp.array([True, False])
    noise = jnp.array([[0.2, 0.4], [jnp.nan, jnp.inf]])

    def bound(loc, slope, n):
        def decode(z):
            return bernoulli.Params(slope * z)

        q = normal.Params(loc, jnp.array([[0.8, 0.5], [-1.0, jnp.nan]])[:n])
        y = jnp.array([[1.0, 0.0], [7.0, jnp.nan]])[:n]
        prior = normal.Params(jnp.array([0.1, -0.2])[None], 1.5)
        options = {"mask": mask if n == 2 else None, "prior_params": prior}
        if name in ("iwae", "dreg"):
            options["estimator"] = "reparametrised" if name == "iwae" else "dreg"
            return lj.iwae(bernoulli, decode, q, y, noise=jnp.stack([noise, -noise])[:, :n], **options).bound
        options |= {"elbo": {}, "sampled": {"analytic_kl": False}, "stl": {"estimator": "stl"}}[name]
        return lj.elbo(bernoulli, decode, q, y, noise=noise[:n], **options).objective

    loc = jnp.array([[0.3, -0.6], [jnp.nan, 2.0]])
    value, slopes = jax.value_and_grad(lambda *at: bound(*at, 2).sum(), (0, 1))(loc, jnp.float64(0.7))
    alone, alone_slopes = jax.value_and_grad(lambda *at: bound(*at, 1).sum(), (0, 1))(loc[:1], jnp.float64(0.7))
    np.testing.assert_allclose(value, alone, rtol=1e-14)
    np.testing.assert_allclose(slopes[0][0], alone_slopes[0][0], rtol=1e-14)
    np.testing.assert_allclose(slopes[1], alone_slopes[1], rtol=1e-14)
    assert float(bound(loc, 0.7, 2)[1]) == 0
    assert not slopes[0][1].any()


def test_examples_have_an_axis():
    q = normal.Params(jnp.zeros(()), jnp.ones(()))
    with pytest.raises(ValueError, match="no axis of examples"):
        lj.elbo(normal, lambda z: normal.Params(z, 1.0), q, 0.0, noise=0.0)
