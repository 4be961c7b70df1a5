"""Mixtures: values and gradients where components die, overflow or have all the weight."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from mpmath import mp
from special.accuracy import worst

import lik_jax as lj
from lik_jax import bernoulli, categorical, laplace, multivariate_normal, normal, weibull
from lik_jax.compose import censored, independent, mixture
from lik_jax.distribution import name_of

two = mixture(normal, 2)


def pack(l0, l1, m0, m1, s0, s1):
    return two.Params(jnp.stack([l0, l1]), normal.Params(jnp.stack([m0, m1]), jnp.stack([s0, s1])))


def true_log_prob(y, l0, l1, m0, m1, s0, s1):
    top = mp.log(mp.exp(l0) + mp.exp(l1))
    parts = [
        mp.exp(w - top - ((y - m) / s) ** 2 / 2) / (s * mp.sqrt(2 * mp.pi)) for w, m, s in ((l0, m0, s0), (l1, m1, s1))
    ]
    return mp.log(sum(parts))


POINTS = [
    (0.3, 0.0, 1.0, -1.0, 1.0, 1.0, 0.5),
    (1e3, 0.0, 1.0, -1.0, 1.0, 1.0, 0.5),
    (-50.0, 3.0, -2.0, -1.0, 1.0, 1.0, 20.0),
    (2.0, -40.0, 40.0, 2.0, 3.0, 0.1, 4.0),
    (7.0, 0.0, -90.0, 0.0, 7.0, 1e-3, 2.0),
    (1e10, 0.5, 0.25, 0.0, 1e10, 1.0, 1e9),
    (3.0, 1.0, 1.0, 2.9999, 3.0001, 1e-3, 1e-3),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("argument", [None, 0, 1, 2, 3, 5])
def test_accuracy(dtype, argument):
    orders = tuple(int(i == argument) for i in range(7))
    error, point = worst(lambda y, *p: two.log_prob(pack(*p), y), true_log_prob, POINTS, dtype, orders)
    assert error < 100, point


def test_weight_zero_has_no_part():
    logits = jnp.array([0.0, -jnp.inf])

    def one(loc, scale):
        return two.log_prob(two.Params(logits, normal.Params(jnp.stack([jnp.float32(0.5), loc]), scale)), 1.0)

    scale = jnp.array([2.0, 1e-30])
    value, (d_loc, d_scale) = jax.value_and_grad(one, (0, 1))(jnp.float32(1e10), scale)
    np.testing.assert_allclose(value, normal.log_prob(normal.Params(0.5, 2.0), 1.0), rtol=1e-6)
    assert d_loc == 0
    assert d_scale[1] == 0
    assert np.isfinite(d_scale[0])


def test_logits_at_the_infinities_pick_one():
    params = two.Params(jnp.array([3.0, jnp.inf]), normal.Params(jnp.array([0.0, 1.0]), 1.0))
    np.testing.assert_allclose(two.log_prob(params, 0.0), normal.log_prob(normal.Params(1.0, 1.0), 0.0), rtol=1e-6)
    nothing = two.Params(jnp.array([-jnp.inf, -jnp.inf]), normal.Params(jnp.zeros(2), 1.0))
    assert np.isnan(two.log_prob(nothing, 0.0))


@pytest.mark.parametrize("y", [-1.0, np.inf])
def test_outside_every_component(y):
    survival = mixture(weibull, 2)
    params = survival.constrain(jnp.arange(6.0))
    value, slopes = jax.value_and_grad(survival.log_prob)(params, y)
    assert value == -np.inf
    assert all((leaf == 0).all() for leaf in jax.tree.leaves(slopes))
    assert (survival.responsibilities(params, y) == 0).all()


def test_a_component_that_overflows_leaks_no_nan():
    params = pack(*map(jnp.float32, (0.0, 0.0, 0.0, 1e19, 1e-10, 1.0)))
    slopes = jax.grad(lambda p: two.log_prob(p, 1e19))(params)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(slopes))
    assert slopes.components.scale[0] == 0
    np.testing.assert_allclose(slopes.components.scale[1], -1.0)


def test_nan_goes_through():
    params = pack(*map(jnp.float32, (0.0, 0.0, 0.0, 1.0, 1.0, 1.0)))
    value, slopes = jax.value_and_grad(two.log_prob)(params, jnp.nan)
    assert np.isnan(value)
    assert np.isnan(slopes.components.loc).all()
    assert np.isnan(two.log_prob(params._replace(components=normal.Params(0.0, -1.0)), 0.0))


@pytest.mark.parametrize(
    "base",
    [normal, bernoulli, weibull, mixture(normal, 2), censored(weibull), mixture(mixture(laplace, 2), 2)],
    ids=name_of,
)
def test_raw_there_and_back(base, key):
    m = mixture(base, 3)
    raw = jax.random.normal(key, (5, m.raw_size))
    np.testing.assert_allclose(m.unconstrain(m.constrain(raw)), raw, atol=2e-6)
    with pytest.raises(ValueError, match="last axis"):
        m.constrain(raw[:, 1:])


def test_raw_of_a_base_without_fixed_size(key):
    m = mixture(categorical, 2)
    assert m.raw_size is None
    params = m.constrain(jax.random.normal(key, (4, 2 + 2 * 5)))
    assert params.components.logits.shape == (4, 2, 5)
    assert m.log_prob(params, jnp.array([0, 1, 2, 4])).shape == (4,)
    np.testing.assert_allclose(sum(jnp.exp(m.log_prob(params, jnp.full(4, y))) for y in range(5)), 1.0, rtol=1e-5)


@pytest.mark.parametrize("shape", [(), (3,)])
def test_samples_have_mean_and_variance(shape, key):
    params = mixture(independent(normal, 1), 3).Params(
        jnp.array([0.0, 1.0, -1.0]), normal.Params(jnp.arange(6.0).reshape(3, 2), jnp.ones((3, 1)))
    )
    m = mixture(independent(normal, 1), 3)
    draws = m.sample(params, key, (*shape, 20_000))
    assert draws.shape == (*shape, 20_000, 2)
    np.testing.assert_allclose(draws.mean(-2), jnp.broadcast_to(m.mean(params), (*shape, 2)), atol=0.06)
    np.testing.assert_allclose(draws.var(-2), jnp.broadcast_to(m.variance(params), (*shape, 2)), rtol=0.06)


def test_tails_add_to_one_and_reach_far():
    params = pack(*map(jnp.float32, (0.0, 1.0, -1.0, 1.0, 1.0, 0.5)))
    y = jnp.array([-60.0, -1.0, 0.0, 1.0, 60.0])
    total = jnp.logaddexp(two.log_cdf(params, y), two.log_sf(params, y))
    np.testing.assert_allclose(total, 0.0, atol=1e-6)
    # the far upper tail is that of the wide component: weight 1 / (1 + e), 61 standard deviations out
    want = mp.log(mp.erfc(mp.mpf(61) / mp.sqrt(2)) / 2) - mp.log(1 + mp.e)
    np.testing.assert_allclose(two.log_sf(params, 60.0), float(want), rtol=1e-6)
    assert (two.log_cdf(params, jnp.array([60.0, 100.0])) <= 0).all()


@pytest.mark.parametrize("p", [1e-30, 1e-3, 0.3, 0.5, 0.9, 0.9999])
def test_icdf_inverts_cdf(p):
    params = pack(*map(jnp.float32, (0.0, 1.0, -10.0, 10.0, 1.0, 0.5)))
    np.testing.assert_allclose(two.log_cdf(params, two.icdf(params, p)), np.log(p), rtol=1e-5, atol=1e-6)


def test_icdf_at_the_ends_and_of_counts():
    params = pack(*map(jnp.float32, (0.0, 1.0, -10.0, 10.0, 1.0, 0.5)))
    assert two.icdf(params, 0.0) == -np.inf
    assert two.icdf(params, 1.0) == np.inf
    coins = mixture(bernoulli, 2)
    np.testing.assert_array_equal(coins.icdf(coins.constrain(jnp.zeros(4)), jnp.array([0.2, 0.5, 0.6])), [0, 0, 1])


def test_init_spreads_the_components(key):
    noise = jax.random.normal(key, (2, 500))
    y = jnp.concatenate([noise[0] - 10, noise[1] + 10])
    start = two.init(y)
    assert start.components.loc[0] < -8
    assert start.components.loc[1] > 8
    assert (start.components.scale > 0).all()
    rows = mixture(independent(normal, 1), 2)
    start = rows.init(jnp.stack([y, -y], -1), jnp.ones(1000))
    assert start.components.loc.shape == (2, 2)
    assert np.abs(start.components.loc).min() > 8


def test_masked_examples_add_nothing():
    params = two.constrain(jnp.array([[0.1] * 6, [jnp.nan] * 6]))
    loss, slopes = jax.value_and_grad(
        lambda p: lj.nll(two, p, jnp.array([0.5, jnp.nan]), mask=jnp.array([True, False]))
    )(params)
    assert np.isfinite(loss)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(slopes))


@pytest.mark.slow
def test_second_derivatives_are_finite(key):
    raw = jax.random.normal(key, (6,))
    hessian = jax.hessian(lambda r: two.log_prob(two.constrain(r), 30.0))(raw)
    assert np.isfinite(hessian).all()
    np.testing.assert_allclose(hessian, hessian.T, rtol=1e-3, atol=1e-3)


@pytest.mark.slow
def test_vmap_jit_and_plain_agree(key):
    raw = jax.random.normal(key, (7, 6))
    y = jnp.linspace(-2, 2, 7)
    plain = two.log_prob(two.constrain(raw), y)
    np.testing.assert_allclose(jax.vmap(lambda r, y: two.log_prob(two.constrain(r), y))(raw, y), plain, rtol=1e-6)
    np.testing.assert_allclose(jax.jit(two.log_prob)(two.constrain(raw), y), plain, rtol=1e-6)


@pytest.mark.slow
def test_shared_and_vector_components(key):
    m = mixture(multivariate_normal, 3)
    loc = jax.random.normal(key, (3, 2))
    params = m.Params(jnp.zeros(3), multivariate_normal.Params(loc, jnp.eye(2)))
    y = jnp.ones((5, 2))
    want = jax.nn.logsumexp(
        jnp.stack([multivariate_normal.log_prob(multivariate_normal.Params(x, jnp.eye(2)), y) for x in loc]), 0
    ) - np.log(3)
    np.testing.assert_allclose(lj.nll(m, params, y, reduction="none"), -want, rtol=1e-6)
    assert m.sample(params, jax.random.fold_in(key, 1), (4,)).shape == (4, 2)


def test_float64_stays(x64):
    params = two.Params(jnp.zeros(2), normal.Params(jnp.array([0.0, 1.0], jnp.float32), 1.0))
    assert two.log_prob(params, jnp.float32(0.0)).dtype == jnp.float64
