"""`check` and `checked`: each rule is named, with its rows; legal input passes; the compiled loss carries nothing."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lik_jax as lj
from lik_jax import categorical, multivariate_normal, normal, weibull
from lik_jax.checks import check, checked

nan, inf = np.nan, np.inf
Y = jnp.array([0.3, -1.0, 2.0])

BROKEN = {
    "scale": (
        normal,
        normal.Params(0.0, jnp.array([1.0, 0.0, -1.0])),
        Y,
        "params.scale must be a positive finite number",
    ),
    "loc": (normal, normal.Params(jnp.array([0.0, inf, 0.0]), 1.0), Y, "params.loc must be a finite number"),
    "nan param": (normal, normal.Params(nan, 1.0), Y, "params.loc must be a finite number"),
    "nan y": (normal, normal.Params(0.0, 1.0), jnp.array([0.0, nan]), "y must be a finite number"),
    "negative time": (weibull, weibull.Params(1.0, 2.0), Y, "y must be a finite number not below 0"),
    "label": (categorical, categorical.Params(jnp.zeros((3, 4))), jnp.array([0, 4, 3]), "y[1] = 4"),
    "negative label": (categorical, categorical.Params(jnp.zeros(4)), jnp.array([0, -1, 3]), "y must be a class label"),
    "no class": (categorical, categorical.Params(jnp.full(2, -inf)), jnp.array([0, 1]), "log_prob must be a number"),
    "vector": (
        multivariate_normal,
        multivariate_normal.Params(jnp.zeros(2), jnp.eye(2)),
        jnp.array([[0.0, 1.0], [inf, 0.0]]),
        "y must be a vector of finite numbers",
    ),
    "cholesky": (
        multivariate_normal,
        multivariate_normal.Params(jnp.zeros(2), -jnp.eye(2)),
        jnp.zeros((3, 2)),
        "params.scale_tril must be a lower triangular matrix",
    ),
    "infinite density": (weibull, weibull.Params(1.0, 0.5), jnp.array([0.0, 1.0]), "log_prob must be below inf"),
    "time": (
        lj.censored(weibull),
        weibull.Params(1.0, 2.0),
        lj.Censored(jnp.array([1.0, nan]), jnp.array([True, False])),
        "y.time must be a finite number not below 0",
    ),
    "missing time by a code": (
        lj.censored(weibull),
        weibull.Params(1.0, 2.0),
        lj.Censored(jnp.array([1.0, -999.0]), jnp.array([True, False])),
        "y.time must be a finite number not below 0",
    ),
    "observed and time swapped": (
        lj.censored(weibull),
        weibull.Params(1.0, 2.0),
        lj.Censored(jnp.array([1.0, 0.0]), jnp.array([3.0, 5.0])),
        "y.observed must be 0 or 1",
    ),
    "covariance": (
        multivariate_normal,
        multivariate_normal.Params(jnp.zeros(2), jnp.array([[2.0, 0.9], [0.9, 1.0]])),
        jnp.zeros((3, 2)),
        "params.scale_tril must be a lower triangular matrix",
    ),
}
LEGAL = {
    "normal": (normal, normal.Params(0.0, 1.0), Y),
    "integers": (normal, normal.Params(jnp.zeros(3), jnp.ones(3)), jnp.array([1, 2, 3])),
    "impossible class": (categorical, categorical.Params(jnp.array([0.0, -inf])), jnp.array([0, 0])),
    "vector": (multivariate_normal, multivariate_normal.Params(jnp.zeros(2), jnp.eye(2)), jnp.zeros((3, 2))),
    "censored": (
        lj.censored(weibull),
        weibull.Params(1.0, 2.0),
        lj.Censored(jnp.array([1.0, 3.0]), jnp.array([True, False])),
    ),
}


@pytest.mark.parametrize("case", BROKEN.values(), ids=BROKEN)
def test_a_broken_rule_is_named(case):
    distribution, params, y, words = case
    with pytest.raises(ValueError, match=re.escape(words)):
        check(distribution, params, y)


@pytest.mark.parametrize("case", BROKEN.values(), ids=BROKEN)
def test_a_broken_rule_is_named_under_jit(case):
    distribution, params, y, words = case
    with pytest.raises(ValueError, match=re.escape(words)):
        checked(lambda params, y: lj.nll(distribution, params, y))(params, y)


@pytest.mark.parametrize("case", LEGAL.values(), ids=LEGAL)
def test_what_is_legal_passes(case):
    distribution, params, y = case
    assert check(distribution, params, y) is None
    got = checked(lambda params, y: lj.nll(distribution, params, y))(params, y)
    np.testing.assert_allclose(got, lj.nll(distribution, params, y), rtol=1e-6)


def test_the_rows_and_the_advice_are_given():
    with pytest.raises(ValueError) as error:
        check(normal, normal.Params(0.0, jnp.array([1.0, -2.0, 3.0, nan])), jnp.zeros(4))
    assert str(error.value) == (
        "normal: params.scale must be a positive finite number; in 2 of 4 rows it is not: params.scale[1] = -2, "
        "params.scale[3] = nan. normal.constrain(raw) maps every raw network output to legal params."
    )


def test_shapes_come_first():
    with pytest.raises(ValueError, match="Drop the trailing axis"):
        check(normal, normal.Params(jnp.zeros((3, 1)), -1.0), Y)


def test_check_under_jit_points_to_checked():
    with pytest.raises(TypeError, match="checked"):
        jax.jit(lambda y: check(normal, normal.Params(0.0, 1.0), y))(Y)


@pytest.mark.parametrize("transform", ["grad", "vmap", "scan", "jit", "remat"])
def test_checked_sees_through(transform):
    def loss(scale, y):
        return lj.nll(normal, normal.Params(0.0, scale), y)

    def in_scan(scale, y):
        return jax.lax.scan(lambda total, y: (total + loss(scale, y), None), jnp.zeros(()), jnp.stack([y, y]))[0]

    wrapped = {
        "grad": jax.grad(loss),
        "vmap": jax.vmap(loss, (None, 0)),
        "scan": in_scan,
        "jit": jax.jit(loss),
        "remat": jax.grad(jax.checkpoint(loss)),
    }[transform]
    jax.jit(wrapped)(jnp.float32(1.0), Y)
    checked(wrapped)(jnp.float32(1.0), Y)
    with pytest.raises(ValueError, match=r"params\.scale must be"):
        checked(wrapped)(jnp.float32(-1.0), Y)


def test_masked_rows_are_legal():
    loss = checked(lambda y, mask: lj.nll(normal, normal.Params(0.0, 1.0), y, mask=mask))
    y = jnp.array([0.0, nan])
    assert np.isfinite(loss(y, jnp.array([True, False])))
    with pytest.raises(ValueError, match=r"y\[1\] = nan"):
        loss(y, jnp.array([True, True]))


def test_the_compiled_loss_carries_no_check(monkeypatch):
    def program():
        fn = jax.jit(jax.value_and_grad(lambda p, y: lj.nll(normal, p, y)))
        text = fn.lower(normal.Params(jnp.zeros(3), jnp.ones(3)), Y).compile().as_text()
        return re.sub(r",? metadata=\{[^}]*\}", "", text).split("FileNames")[0]

    with_rules = program()
    monkeypatch.setattr("lik_jax.objectives.likelihood.debug_rules", lambda *_: None)
    assert len(with_rules.splitlines()) == len(program().splitlines())


def test_masked_rows_are_not_looked_at():
    y = jnp.array([0.0, nan])
    lj.check(normal, normal.Params(0.0, 1.0), y, mask=jnp.array([True, False]))
    with pytest.raises(ValueError, match="y must be a finite number"):
        lj.check(normal, normal.Params(0.0, 1.0), y, mask=jnp.array([False, True]))
