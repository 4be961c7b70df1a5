"""Censoring from the right, from the left and to an interval, and the probability of intervals itself."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from mpmath import mp
from special.accuracy import worst

import lik_jax as lj
from lik_jax import bernoulli, exponential, laplace, logistic, normal, weibull
from lik_jax.compose import Censored, Interval, LeftCensored, censored, mixture
from lik_jax.compose._interval import log_interval_prob

tobit, survival = censored(normal), censored(weibull)
STANDARD = normal.Params(0.0, 1.0)


def test_far_tails():
    y = Censored(jnp.array([12.0, 12.0]), jnp.array([False, True]))
    np.testing.assert_allclose(tobit.log_prob(STANDARD, y), [-75.41067300156879, -72.91893853320467], rtol=1e-6)
    np.testing.assert_allclose(tobit.log_prob(STANDARD, LeftCensored(-12.0, False)), -75.41067300156879, rtol=1e-6)
    late = survival.log_prob(weibull.Params(1.0, 2.0), Censored(50.0, False))
    np.testing.assert_allclose(late, -2500.0, rtol=1e-5)
    slope = jax.grad(lambda p: survival.log_prob(p, Censored(50.0, False)))(weibull.Params(1.0, 2.0))
    np.testing.assert_allclose(slope.scale, 5000.0, rtol=1e-5)


@pytest.mark.parametrize(
    ("interval", "want"),
    [
        ((10.0, 11.0), -53.23131),
        ((-11.0, -10.0), -53.23131),
        ((1.0, 1.0), -1.4189385),
        ((-np.inf, 1.0), -0.17275379),
        ((1.0, np.inf), -1.8410217),
        ((-np.inf, np.inf), 0.0),
        ((2.0, 1.0), -np.inf),
    ],
)
def test_intervals(interval, want):
    y = Interval(*map(jnp.float32, interval))
    np.testing.assert_allclose(tobit.log_prob(STANDARD, y), want, rtol=1e-6)
    slopes = jax.grad(tobit.log_prob)(normal.Params(jnp.float32(0.0), jnp.float32(1.0)), y)
    assert all(np.isfinite(slope) for slope in slopes)
    bend = jax.hessian(tobit.log_prob)(normal.Params(jnp.float32(0.0), jnp.float32(1.0)), y)
    assert all(np.isfinite(leaf) for leaf in jax.tree.leaves(bend))


def true_normal(low, high, loc, scale):
    a, b = (low - loc) / scale, (high - loc) / scale
    a, b = (-b, -a) if a + b > 0 else (a, b)
    return mp.log((mp.erfc(-b / mp.sqrt(2)) - mp.erfc(-a / mp.sqrt(2))) / 2)


def true_logistic(low, high, loc, scale):
    a, b = (low - loc) / scale, (high - loc) / scale
    a, b = (-b, -a) if a + b > 0 else (a, b)
    return mp.log(mp.exp(b) / (1 + mp.exp(b)) - mp.exp(a) / (1 + mp.exp(a)))


def true_laplace(low, high, loc, scale):
    a, b = (low - loc) / scale, (high - loc) / scale
    a, b = (-b, -a) if a + b > 0 else (a, b)
    return b - mp.log(2) + mp.log(-mp.expm1(a - b)) if b <= 0 else mp.log(1 - mp.exp(a) / 2 - mp.exp(-b) / 2)


def true_weibull(low, high, scale, concentration):
    start, end = (((y / scale) ** concentration if y > 0 else mp.mpf(0)) for y in (low, high))
    return -start + mp.log(-mp.expm1(start - end))


BINS = [
    (y - 0.5, y + 0.5, loc, scale)
    for y in (0.0, 1.0, 255.0)
    for loc in (0.0, 127.3, -300.0)
    for scale in (0.05, 1.0, 30.0, 1e3)
    if abs(y - loc) / scale < 400
]
BINS += [(8.0, 9.0, 0.0, 1.0), (0.1, 0.9, 0.0, 1.0), (-30.0, 80.0, 1.0, 1.0), (20.0, 20.01, 0.0, 1.0)]
TIMES = [
    (low, low + w, s, c) for low in (0.0, 0.5, 3.0) for w in (1.0, 1e-4) for s in (0.1, 1e3) for c in (0.3, 1.0, 2.0)
]


class Plain:
    """A normal distribution without a formula for intervals."""

    support, param_supports = normal.support, normal.param_supports
    log_prob, log_cdf, log_sf = map(staticmethod, (normal.log_prob, normal.log_cdf, normal.log_sf))


@pytest.mark.parametrize(
    ("base", "params", "truth", "points"),
    [
        (normal, normal.Params, true_normal, BINS),
        (logistic, logistic.Params, true_logistic, BINS),
        (laplace, laplace.Params, true_laplace, BINS),
        (weibull, weibull.Params, true_weibull, TIMES),
        (Plain, normal.Params, true_normal, BINS),
    ],
    ids=["normal", "logistic", "laplace", "weibull", "by tails and quadrature"],
)
@pytest.mark.parametrize("argument", [None, 2, 3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_log_interval_prob(base, params, truth, points, argument, dtype):
    # the width is exact, so neither end counts as conditioning: params alone are inputs
    orders = tuple(int(i == argument) for i in range(4))
    mp.dps = 60

    def fn(low, high, *p):
        return log_interval_prob(base, params(*p), low, high)

    error, point = worst(fn, truth, points, dtype, orders)
    assert error < 100, point


def test_exponential_intervals_are_weibull_ones():
    low, high = jnp.array([0.0, -1.0, 3.0, 100.0]), jnp.array([1e-6, 2.0, jnp.inf, 100.5])
    got = exponential.log_interval(exponential.Params(0.7), low, high)
    np.testing.assert_allclose(got, weibull.log_interval(weibull.Params(1 / 0.7, 1.0), low, high), rtol=1e-5)


def test_the_branch_not_taken_leaks_nothing():
    y = Censored(jnp.array([0.0, 1e30, 2.0]), jnp.array([False, False, True]))
    params = weibull.Params(jnp.array([1e-9, 1e20, 1.0]), jnp.array([0.5, 0.5, 3.0]))
    value, slopes = jax.value_and_grad(lambda p: survival.log_prob(p, y).sum())(params)
    assert np.isfinite(value)
    assert all(np.isfinite(leaf).all() for leaf in slopes)


def test_masked_examples_may_hold_anything():
    params = weibull.Params(jnp.array([1.0, jnp.nan]), jnp.array([2.0, -1.0]))
    y = Interval(jnp.array([1.0, jnp.nan]), jnp.array([2.0, -jnp.inf]))
    loss, slopes = jax.value_and_grad(lambda p: lj.nll(survival, p, y, mask=jnp.array([True, False])))(params)
    assert np.isfinite(loss)
    assert all(np.isfinite(leaf).all() for leaf in slopes)


@pytest.mark.slow
def test_of_a_mixture_and_in_a_mixture(key):
    y = Censored(jnp.array([0.5, 3.0, 20.0]), jnp.array([True, False, False]))
    outer, inner = censored(mixture(weibull, 2)), mixture(censored(weibull), 2)
    params = outer.constrain(jax.random.normal(key, (3, 6)))
    np.testing.assert_allclose(outer.log_prob(params, y), inner.log_prob(inner.Params(*params), y), rtol=1e-6)
    between = Interval(jnp.array([0.5, 1.0, 2.0]), jnp.array([0.6, 1.0, 30.0]))
    np.testing.assert_allclose(
        outer.log_prob(params, between), inner.log_prob(inner.Params(*params), between), rtol=1e-6
    )
    assert inner.init(y).components.scale.shape == (2,)


def test_discrete_bases_count_the_integers_inside():

    c = censored(bernoulli)
    params = bernoulli.from_probs(0.25)
    y = Interval(jnp.array([-1.0, 0.0, 0.2, 0.5]), jnp.array([0.5, 1.0, 0.8, jnp.inf]))
    np.testing.assert_allclose(jnp.exp(c.log_prob(params, y)), [0.75, 0.25, 0.0, 0.25], rtol=1e-6)
    slopes = jax.vmap(jax.grad(c.log_prob), (None, 0))(params, y)
    assert np.isfinite(slopes.logits).all()


def test_another_kind_of_y_is_an_error():
    with pytest.raises(TypeError, match="want Censored"):
        tobit.log_prob(STANDARD, 1.0)


def test_samples_and_start_values(key):
    draws = survival.sample(weibull.Params(jnp.ones(2), 2.0), key, (3,))
    assert draws.time.shape == draws.observed.shape == (3, 2)
    assert draws.observed.all()
    for y in (draws, Interval(draws.time, draws.time * 2), Interval(draws.time, jnp.full((3, 2), jnp.inf))):
        start = survival.init(y)
        assert start.scale > 0
        assert start.concentration > 0
