"""Distributions carried through bijectors: known answers, flows of networks, gradients, errors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lik_jax as lj
from lik_jax import bijectors
from lik_jax.distributions import exponential, multivariate_normal, normal, poisson

RNG = np.random.default_rng(11)


def perceptron(params, kept):
    return jnp.tanh(kept @ params["in"] + params["bias"].reshape((1,) * (kept.ndim - 1) + (-1,))) @ params["out"]


def weights(outputs: int) -> dict:
    return {"in": RNG.normal(size=(1, 8)), "bias": RNG.normal(size=8), "out": 0.7 * RNG.normal(size=(8, outputs))}


SPLINE = bijectors.rational_quadratic_spline(num_bins=4, bound=3.0)
PLANE = bijectors.chain(
    [
        bijectors.coupling(perceptron, SPLINE),
        bijectors.lu_linear(2),
        bijectors.coupling(perceptron, flip=True),
        bijectors.actnorm(2),
    ]
)
FLOW = lj.transformed(lj.independent(normal, 1), PLANE)


def flow_params(dtype=jnp.float64):
    params = FLOW.Params(
        normal.Params(np.zeros(2), np.ones(2)),
        (
            weights(11),
            bijectors.lu_linear(2).constrain(jnp.array([0.3, -0.5, 0.4, 0.1])),
            weights(2),
            bijectors.affine.Params(np.array([0.5, -1.0]), np.array([0.8, 1.2])),
        ),
    )
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), params)


@pytest.fixture(scope="module")
def params32():
    return flow_params(jnp.float32)


@pytest.mark.usefixtures("x64")
def test_affine_known_answer():
    moved = lj.transformed(normal, bijectors.affine())
    params = moved.Params(normal.Params(0.0, 1.0), bijectors.affine.Params(0.3, np.exp(-0.7)))
    np.testing.assert_allclose(moved.log_prob(params, 1.1), -1.51660252, atol=5e-9)


@pytest.mark.usefixtures("x64")
def test_a_flow_of_the_plane_integrates_to_one():
    params = flow_params()
    at = jnp.linspace(-15.0, 15.0, 601)
    grid = jnp.stack(jnp.meshgrid(at, at, indexing="ij"), -1).reshape(-1, 2)
    density = jnp.exp(jax.jit(FLOW.log_prob)(params, grid))
    np.testing.assert_allclose(density.sum() * 0.05**2, 1.0, rtol=1e-3)
    assert float(density.max()) > 0.05


@pytest.mark.usefixtures("x64")
def test_draws_are_scored_as_they_were_drawn(key):
    params = flow_params()

    @jax.jit
    def draw(params, key):
        y, log_prob = FLOW.sample_and_log_prob(params, key, (500,))
        return y, FLOW.sample(params, jax.random.clone(key), (500,)), log_prob, FLOW.log_prob(params, y)

    y, again, log_prob, scored = draw(params, key)
    np.testing.assert_allclose(log_prob, scored, rtol=1e-8)
    np.testing.assert_array_equal(y, again)


@pytest.mark.slow
@pytest.mark.usefixtures("x64")
def test_draws_follow_the_density(key):
    """The share of draws in a box is the integral of the density over it."""
    params = flow_params()
    y = np.asarray(jax.jit(lambda params, key: FLOW.sample(params, key, (20000,)))(params, key))
    low, high = np.quantile(y, [0.2, 0.7], axis=0)
    node, weight = np.polynomial.legendre.leggauss(80)
    grid = np.stack(np.meshgrid(*(low + (high - low) * (node[:, None] + 1) / 2).T, indexing="ij"), -1)
    density = np.exp(jax.jit(FLOW.log_prob)(params, jnp.asarray(grid)))
    want = float((density * np.outer(weight, weight)).sum() * np.prod(high - low) / 4)
    share = float(((y > low) & (y < high)).all(-1).mean())
    assert abs(share - want) < 4 * np.sqrt(want * (1 - want) / 20000) + 1e-3


def test_nll_of_a_flow_with_masks(params32):
    """Weights are shared by all examples: the guard lets them pass, and masked junk changes nothing."""
    y = jnp.asarray(RNG.normal(size=(4, 2)), jnp.float32)
    mask = jnp.array([True, True, False, True])
    step = jax.jit(jax.value_and_grad(lambda params, y: lj.nll(FLOW, params, y, mask=mask)))
    want = step(params32, y)
    for junk in (jnp.nan, jnp.inf):
        got = step(params32, y.at[2].set(junk))
        for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
            np.testing.assert_array_equal(a, b)
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(want))
    with pytest.raises(ValueError, match=r"y must be .*; in 1 of 4 rows it is not"):
        lj.check(FLOW, params32, y.at[2, 0].set(jnp.nan))
    broken = params32._replace(
        bijector=(jax.tree.map(lambda x: x * jnp.nan, params32.bijector[0]), *params32.bijector[1:])
    )
    with pytest.raises(ValueError, match=r"params.bijector\[0\]\['bias'\]"):
        lj.check(FLOW, broken, y)


def test_outside_has_no_density_and_no_slope(params32):
    value, slopes = jax.jit(jax.value_and_grad(FLOW.log_prob, (0, 1)))(params32, jnp.array([0.3, jnp.inf]))
    assert float(value) == -np.inf
    assert all(bool((leaf == 0).all()) for leaf in jax.tree.leaves(slopes))
    # a base that does not fill the domain: below the shift there is nothing, and nothing to learn
    waiting = lj.transformed(exponential, bijectors.affine())
    params = waiting.Params(exponential.Params(1.0), bijectors.affine.Params(2.0, 3.0))
    step = jax.jit(jax.value_and_grad(waiting.log_prob, (0, 1)))
    value, slopes = step(params, 1.0)
    assert float(value) == -np.inf
    assert all(float(leaf) == 0 for leaf in jax.tree.leaves(slopes))
    np.testing.assert_allclose(step(params, 5.0)[0], -1 - np.log(3), rtol=1e-6)


@pytest.mark.slow
@pytest.mark.usefixtures("x64")
def test_bases_of_every_kind(key):
    mixture = lj.mixture(normal, 2)
    base = mixture.Params(jnp.array([0.3, -0.3]), normal.Params(jnp.array([-1.0, 2.0]), jnp.array([0.5, 1.5])))
    bent = lj.transformed(mixture, SPLINE)
    params = bent.Params(base, SPLINE.constrain(jnp.asarray(RNG.normal(size=11))))
    at = np.linspace(-20.0, 20.0, 20001)
    density, cdf = jax.jit(lambda params, y: (jnp.exp(bent.log_prob(params, y)), bent.cdf(params, y)))(params, at)
    np.testing.assert_allclose(density.sum() * 0.002, 1.0, rtol=1e-5)
    np.testing.assert_allclose(np.cumsum(density)[::1000] * 0.002, cdf[::1000], atol=1e-3)
    full = lj.transformed(multivariate_normal, PLANE)
    whole = full.Params(multivariate_normal.Params(jnp.ones(2), jnp.eye(2)), flow_params().bijector)

    @jax.jit
    def draw(params, key):
        y, log_prob = full.sample_and_log_prob(params, key, (3,))
        return log_prob, full.log_prob(params, y)

    np.testing.assert_allclose(*draw(whole, key), rtol=1e-9)
    again = lj.transformed(bent, bijectors.affine())
    twice = again.Params(params, bijectors.affine.Params(0.0, 2.0))
    got = jax.jit(lambda: (again.log_prob(twice, 2.0), bent.log_prob(params, 1.0) - np.log(2)))()
    np.testing.assert_allclose(*got, rtol=1e-12)


def test_one_draw_for_each_set_of_params(key):
    """Params of the bijector alone may count examples."""
    moved = lj.transformed(normal, bijectors.affine())
    params = moved.Params(normal.Params(0.0, 1.0), bijectors.affine.Params(jnp.zeros(3), 1.0))
    draws = moved.sample(params, key, (2,))
    assert draws.shape == (2, 3)
    assert len(np.unique(np.asarray(draws))) == 6


def test_errors():
    with pytest.raises(TypeError, match=r"independent\(normal, 1\)"):
        lj.transformed(normal, PLANE)
    with pytest.raises(TypeError, match="poisson is discrete"):
        lj.transformed(poisson, bijectors.affine())
    with pytest.raises(TypeError, match="is no bijector"):
        lj.transformed(normal, bijectors.affine)
    with pytest.raises(TypeError, match="transformed needs log_prob"):
        lj.transformed(3.0, bijectors.affine())
    with pytest.raises(ValueError, match="no fixed count"):
        FLOW.constrain(jnp.zeros(3))
    with pytest.raises(AttributeError, match="no increasing map"):
        _ = FLOW.log_cdf
    with pytest.raises(ValueError, match="params is"):
        lj.nll(FLOW, normal.Params(0.0, 1.0), jnp.zeros((3, 2)))
