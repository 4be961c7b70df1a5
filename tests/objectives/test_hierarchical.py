"""Two layers of latents: a linear-Gaussian chain whose posterior and likelihood are known, and quadrature."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lik_jax as lj
from lik_jax.distributions import bernoulli, normal

pytestmark = pytest.mark.usefixtures("x64")

# top ~ N(0, 1), z | top ~ N(A top, S), y | z ~ N(B z, R)
A, S, B, R, Y = 0.8, 0.6, 1.3, 0.5, 1.7
COVARIANCE = np.array(
    [
        [1, A, A * B],
        [A, A**2 + S**2, B * (A**2 + S**2)],
        [A * B, B * (A**2 + S**2), B**2 * (A**2 + S**2) + R**2],
    ]
)
EVIDENCE = -0.5 * (np.log(2 * np.pi * COVARIANCE[2, 2]) + Y**2 / COVARIANCE[2, 2])


def conditional(of: int, on: list[int]) -> tuple[np.ndarray, float]:
    """Slopes and standard deviation of one variable given others of the joint normal."""
    slopes = np.linalg.solve(COVARIANCE[np.ix_(on, on)], COVARIANCE[on, of])
    return slopes, float(np.sqrt(COVARIANCE[of, of] - COVARIANCE[of, on] @ slopes))


def exact_posterior() -> dict[str, jax.Array]:
    (top,), top_scale = conditional(0, [2])
    (by_top, by_y), scale = conditional(1, [0, 2])
    return {"top": jnp.array([top * Y, top_scale]), "bottom": jnp.array([by_top, by_y * Y, scale])}


def chain(q, noise, model=(A, S, B), **options):
    """Every row of ``noise`` ``[n, 2]`` is one sample for the same ``y``."""
    n = noise.shape[0]
    a, s, b = model

    def column(x):
        return jnp.full((n, 1), x)

    return lj.hierarchical_elbo(
        normal,
        lambda latents: normal.Params(b * latents[-1], R),
        [
            lambda above: normal.Params(column(q["top"][0]), column(q["top"][1])),
            lambda above: normal.Params(q["bottom"][0] * above[0] + q["bottom"][1], column(q["bottom"][2])),
        ],
        [lambda above: normal.Params(0.0, 1.0), lambda above: normal.Params(a * above[0], s)],
        column(Y),
        noise=[noise[:, :1], noise[:, 1:]],
        **options,
    )


def gauss_hermite(points: int) -> tuple[jax.Array, jax.Array]:
    x, w = np.polynomial.hermite_e.hermegauss(points)
    nodes = np.stack(np.meshgrid(x, x, indexing="ij"), -1).reshape(-1, 2)
    return jnp.asarray(nodes), jnp.asarray(np.outer(w, w).ravel() / w.sum() ** 2)


def test_every_sample_of_the_exact_posterior_gives_the_evidence(key: jax.Array):
    noise = jax.random.normal(key, (5, 2), jnp.float64)
    parts = chain(exact_posterior(), noise, analytic_kl=False)
    np.testing.assert_allclose(parts.elbo, EVIDENCE, rtol=1e-13)
    np.testing.assert_allclose(parts.elbo, parts.reconstruction - parts.kl[0] - parts.kl[1], rtol=1e-14)


def test_kl_of_each_layer():
    noise, weights = gauss_hermite(5)
    q = exact_posterior()
    parts = chain(q, noise)
    np.testing.assert_allclose(weights @ parts.elbo, EVIDENCE, rtol=1e-12)
    mean, scale = q["top"]
    np.testing.assert_allclose(parts.kl[0], 0.5 * (mean**2 + scale**2 - 1) - jnp.log(scale), rtol=1e-12)
    # E over q(top) of KL(N(m(top), c) || N(A top, S))
    slope, offset, c = q["bottom"]
    miss = (slope - A) ** 2 * (mean**2 + scale**2) + 2 * (slope - A) * offset * mean + offset**2
    np.testing.assert_allclose(weights @ parts.kl[1], jnp.log(S / c) + (c**2 + miss) / (2 * S**2) - 0.5, rtol=1e-12)


def test_sticking_the_landing_has_no_variance_at_the_exact_posterior(key: jax.Array):
    noise = jax.random.normal(key, (4, 2), jnp.float64)

    def total(q, **options):
        return chain(q, noise, **options).objective.sum()

    stl = jax.grad(lambda q: total(q, estimator="stl"))(exact_posterior())
    plain = jax.grad(lambda q: total(q, analytic_kl=False))(exact_posterior())
    for name in stl:
        np.testing.assert_allclose(stl[name], 0, atol=1e-12)
    assert float(jnp.abs(plain["bottom"]).max()) > 0.1


@pytest.mark.parametrize("options", [{"analytic_kl": False}, {"estimator": "stl"}, {}])
def test_gradients_are_those_of_the_exact_bound(options: dict):
    """Away from the exact posterior the bound is ``log p(y) - KL``, a KL of two normals of two dimensions."""
    noise, weights = gauss_hermite(5)
    q = {"top": jnp.array([0.3, 0.9]), "bottom": jnp.array([0.5, 0.4, 0.7])}
    model = jnp.array([A, S, B])

    def bound(q, model):
        return weights @ chain(q, noise, model, **options).objective

    def exact(q, model):
        a, s, b = model
        (m, t), (slope, offset, c) = q["top"], q["bottom"]
        mean_z, var_z = slope * m + offset, slope**2 * t**2 + c**2
        miss = (offset + (slope - a) * m) ** 2 + (slope - a) ** 2 * t**2
        log_likelihood = -0.5 * (jnp.log(2 * np.pi * R**2) + ((Y - b * mean_z) ** 2 + b**2 * var_z) / R**2)
        kl_top = 0.5 * (m**2 + t**2 - 1) - jnp.log(t)
        return log_likelihood - kl_top - (jnp.log(s / c) + (c**2 + miss) / (2 * s**2) - 0.5)

    value, slopes = jax.jit(jax.value_and_grad(bound, (0, 1)))(q, model)
    truth, truth_slopes = jax.jit(jax.value_and_grad(exact, (0, 1)))(q, model)
    np.testing.assert_allclose(value, truth, rtol=1e-12)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11), slopes, truth_slopes)


def test_one_layer_is_the_elbo(key: jax.Array):
    noise = jax.random.normal(key, (3, 2), jnp.float64)
    q = normal.Params(jnp.array([[0.2, 1.2]] * 3), jnp.full((3, 2), 0.8))
    y = jnp.array([[1.0, 0.0]] * 3)
    options = {"beta": 0.5, "free_bits": 0.3}
    one = lj.elbo(bernoulli, lambda z: bernoulli.Params(z), q, y, noise=noise, **options)
    same = lj.hierarchical_elbo(
        bernoulli,
        lambda latents: bernoulli.Params(latents[0]),
        [lambda above: q],
        [lambda above: normal.Params(0.0, 1.0)],
        y,
        noise=[noise],
        **options,
    )
    for a, b in zip(one, same._replace(kl=same.kl[0]), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14)


def test_a_weight_for_each_layer():
    noise = jnp.zeros((1, 2))
    parts = chain(exact_posterior(), noise, beta=jnp.array([0.5, 2.0]))
    np.testing.assert_allclose(parts.objective, parts.reconstruction - 0.5 * parts.kl[0] - 2 * parts.kl[1], rtol=1e-14)
    np.testing.assert_allclose(parts.elbo, parts.reconstruction - parts.kl.sum(0), rtol=1e-14)


def test_importance_weights_of_two_layers(key: jax.Array):
    q = {"top": jnp.array([0.9, 0.9]), "bottom": jnp.array([0.5, 0.7, 0.7])}

    def log_weight(key):
        return chain(q, jax.random.normal(key, (1, 2), jnp.float64), analytic_kl=False).elbo

    found = jax.jit(lambda key: lj.marginal_log_likelihood(log_weight, key, 20_000, chunk_size=1000))(key)
    assert abs(float(found.log_likelihood[0]) - EVIDENCE) < 4 * float(found.standard_error[0]) < 0.1


def test_masked_examples_add_exactly_nothing():
    mask = jnp.array([True, False])

    def parts(loc, mask):
        n = loc.shape[0]
        y = jnp.array([[1.0], [jnp.nan]])[:n]
        return lj.hierarchical_elbo(
            bernoulli,
            lambda latents: bernoulli.Params(latents[-1] * loc),
            [lambda above: normal.Params(loc, 1.0), lambda above: normal.Params(above[0] + loc, 0.5)],
            [lambda above: normal.Params(0.0, 1.0), lambda above: normal.Params(above[0], 1.0)],
            y,
            z=[jnp.full((n, 1), 0.3), jnp.full((n, 1), -0.4)],
            analytic_kl=False,
            mask=mask,
        )

    loc = jnp.array([[0.2], [jnp.nan]])
    both, alone = parts(loc, mask), parts(loc[:1], None)
    for a, b in zip(both, alone, strict=True):
        np.testing.assert_allclose(a[..., :1], b, rtol=1e-14)
        assert not a[..., 1].any()
    slope = jax.grad(lambda loc: parts(loc, mask).objective.sum())(loc)
    assert float(slope[1, 0]) == 0
    assert float(slope[0, 0]) != 0


def test_layers_that_do_not_fit(key: jax.Array):
    y = jnp.ones((1, 1))

    def layer(above):
        return normal.Params(jnp.zeros((1, 1)), 1.0)

    def decode(latents):
        return normal.Params(latents[-1], 1.0)

    with pytest.raises(ValueError, match=r"2 posteriors, but \{'priors': 1\}"):
        lj.hierarchical_elbo(normal, decode, [layer] * 2, [layer], y, key=key)
    with pytest.raises(ValueError, match="0 posteriors"):
        lj.hierarchical_elbo(normal, decode, [], [], y, key=key)
    with pytest.raises(ValueError, match="exactly one"):
        lj.hierarchical_elbo(normal, decode, [layer], [layer], y)
    with pytest.raises(ValueError, match="free_bits needs"):
        lj.hierarchical_elbo(normal, decode, [layer], [layer], y, key=key, estimator="stl", free_bits=0.1)
    with pytest.raises(ValueError, match="estimator='dreg'"):
        lj.hierarchical_elbo(normal, decode, [layer], [layer], y, key=key, estimator="dreg")
