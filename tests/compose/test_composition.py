"""What every combinator promises: static, equal, honest about what it offers."""

import jax
import jax.numpy as jnp
import pytest

from lik_jax import bernoulli, categorical, laplace, logistic, multivariate_normal, normal, weibull
from lik_jax.compose import censored, discretized, independent, mixture, truncated, zero_inflated
from lik_jax.distribution import name_of

MAKE = {
    "mixture(normal, 5)": lambda: mixture(normal, num_components=5),
    "independent(normal, 1)": lambda: independent(normal, 1),
    "censored(weibull)": lambda: censored(weibull),
    "truncated(normal, low=0.0, high=None)": lambda: truncated(normal, low=0.0, high=None),
    "discretized(logistic, low=0, high=255)": lambda: discretized(logistic, low=0, high=255),
    "zero_inflated(bernoulli)": lambda: zero_inflated(bernoulli),
    "mixture(discretized(logistic, low=0, high=255), 10)": lambda: mixture(discretized(logistic, 0, 255), 10),
    "censored(mixture(weibull, 2))": lambda: censored(mixture(weibull, 2)),
    "discretized(truncated(normal, low=0.0, high=10.0), low=0, high=10)": lambda: discretized(
        truncated(normal, 0.0, 10.0), 0, 10
    ),
}


@pytest.mark.parametrize("name", MAKE)
def test_equal_constructions_are_one_static_argument(name, compiles):
    first, second = MAKE[name](), MAKE[name]()
    assert first == second
    assert hash(first) == hash(second)
    assert repr(first) == name
    assert first.support == second.support
    assert hash(first.support) == hash(second.support)

    size = first.raw_size or 6
    fn = jax.jit(lambda d, raw: jax.tree.leaves(d.constrain(raw))[0].sum(), static_argnums=0)
    raw = jnp.zeros((3, size))
    fn(first, raw)
    with compiles() as names:
        fn(second, raw)
    assert not names


@pytest.mark.parametrize("name", MAKE)
def test_fills_are_legal(name):
    d = MAKE[name]()
    fill = jnp.full((1,) * d.support.event_ndim, d.support.fill)
    assert d.support.contains(fill).all()
    leaves = jax.tree.leaves(
        jax.tree.map(lambda s: s.contains(jnp.full((1,) * s.event_ndim, s.fill)).all(), d.param_supports)
    )
    assert all(leaves)


def test_what_a_base_lacks_its_composition_lacks():
    m = mixture(multivariate_normal, 2)
    for name in ("log_cdf", "log_sf", "cdf", "icdf", "log_interval"):
        assert not hasattr(m, name)
    with pytest.raises(
        AttributeError, match=r"mixture\(multivariate_normal, 2\) has no log_cdf: multivariate_normal has no"
    ):
        m.log_cdf  # noqa: B018
    assert hasattr(mixture(normal, 2), "log_cdf")
    assert not hasattr(mixture(categorical, 2), "mean")
    assert not hasattr(discretized(laplace), "mean")
    assert "Variance" in (mixture.variance.__doc__ or "")


@pytest.mark.parametrize("make", [censored, truncated, discretized])
@pytest.mark.parametrize("base", [multivariate_normal, independent(normal, 1)], ids=name_of)
def test_tails_are_asked_for_at_construction(make, base):
    with pytest.raises(TypeError, match="has no log_cdf, log_sf"):
        make(base)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: mixture(normal, 0), ValueError, "num_components"),
        (lambda: truncated(normal, 1.0, 1.0), ValueError, "below"),
        (lambda: truncated(normal, jnp.nan), ValueError, "NaN"),
        (lambda: truncated(normal, jnp.zeros(2)), TypeError, "known before tracing"),
        (lambda: jax.jit(lambda low: truncated(normal, low).low)(0.0), TypeError, "known before tracing"),
        (lambda: discretized(normal, 0.5), ValueError, "whole number"),
        (lambda: discretized(bernoulli), TypeError, "discrete already"),
        (lambda: zero_inflated(normal), TypeError, "counts"),
    ],
)
def test_errors_name_what_is_wrong(make, error, words):
    with pytest.raises(error, match=words):
        make()
