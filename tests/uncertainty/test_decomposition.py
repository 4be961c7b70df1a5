"""Aleatoric and epistemic parts add up to the whole, and are what they say."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lik_jax import bernoulli, categorical, independent, normal, plackett_luce, student_t
from lik_jax.uncertainty import entropies, predictive, variances

pytestmark = pytest.mark.usefixtures("x64")
RNG = np.random.default_rng(1)
WEIGHTS = np.array([1.0, 2.0, 5.0])
SHARES = WEIGHTS / WEIGHTS.sum()


def parts_of(distribution, members, weights=None):
    def compiled(members):
        return entropies(*predictive(distribution, members, weights))

    return jax.jit(compiled)(members)


def test_entropies_by_enumeration():
    stats = pytest.importorskip("scipy.stats")
    p = RNG.dirichlet(np.ones(4), (3, 6))
    parts = parts_of(categorical, categorical.from_probs(p), WEIGHTS)
    whole = np.einsum("k,kbc->bc", SHARES, p)
    np.testing.assert_allclose(parts.total, stats.entropy(whole, axis=-1), rtol=1e-12)
    np.testing.assert_allclose(parts.aleatoric, SHARES @ stats.entropy(p, axis=-1), rtol=1e-12)
    # mutual information from the joint table of member and class, its definition
    joint = SHARES[:, None, None] * p
    information = (joint * np.log(joint / (SHARES[:, None, None] * whole))).sum((0, 2))
    np.testing.assert_allclose(parts.epistemic, information, rtol=1e-12)
    np.testing.assert_allclose(parts.total, parts.aleatoric + parts.epistemic, rtol=1e-13)
    np.testing.assert_allclose(parts.in_bits().total, stats.entropy(whole, base=2, axis=-1), rtol=1e-12)


def test_a_yes_or_no_is_a_choice_of_two():
    logits = RNG.normal(size=(3, 5)) * 2
    yes_or_no = parts_of(bernoulli, bernoulli.Params(logits), WEIGHTS)
    two = np.stack([np.zeros_like(logits), logits], -1)
    classes = parts_of(categorical, categorical.Params(two), WEIGHTS)
    for a, b in zip(yes_or_no, classes, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_members_that_agree_leave_nothing_epistemic():
    logits = np.broadcast_to(RNG.normal(size=(1, 5, 4)), (7, 5, 4))
    near = logits + 1e-9 * RNG.normal(size=logits.shape)
    parts = parts_of(categorical, categorical.Params(near))
    # total minus aleatoric would be rounding alone, 1e-16: the truth is of the order of 1e-18
    assert bool((parts.epistemic > 0).all())
    assert bool((parts.epistemic < 1e-17).all())


def test_a_member_without_weight_says_nothing():
    p = np.array([[[0.5, 0.5]], [[1.0, 0.0]]])
    parts = parts_of(categorical, categorical.from_probs(p), np.array([1.0, 0.0]))
    np.testing.assert_allclose(parts.total, math.log(2), rtol=1e-12)
    np.testing.assert_allclose(parts.epistemic, 0, atol=1e-15)


def test_variances_by_quadrature():
    integrate = pytest.importorskip("scipy.integrate")
    loc, scale = RNG.normal(size=3) * 2, RNG.uniform(0.5, 2, 3)
    mixed, params = predictive(normal, normal.Params(loc[:, None], scale[:, None]), WEIGHTS)
    parts = jax.jit(lambda params: variances(mixed, params))(params)

    def density(y):
        return (SHARES * np.exp(-0.5 * ((y - loc) / scale) ** 2) / (scale * math.sqrt(2 * math.pi))).sum()

    first = integrate.quad(lambda y: y * density(y), -40, 40, limit=200)[0]
    second = integrate.quad(lambda y: y**2 * density(y), -40, 40, limit=200)[0]
    np.testing.assert_allclose(parts.total, second - first**2, rtol=1e-8)
    np.testing.assert_allclose(parts.aleatoric, SHARES @ scale**2, rtol=1e-12)
    np.testing.assert_allclose(parts.epistemic, SHARES @ (loc - SHARES @ loc) ** 2, rtol=1e-12)


def test_variances_of_vectors_and_of_far_means():
    loc, scale = 1e6 + RNG.normal(size=(3, 5, 2)), RNG.uniform(0.5, 2, (3, 5, 2))
    parts = variances(*predictive(independent(normal, 1), normal.Params(loc, scale)))
    assert parts.total.shape == (5, 2)
    np.testing.assert_allclose(parts.total, parts.aleatoric + parts.epistemic, rtol=1e-12)
    np.testing.assert_allclose(parts.epistemic, loc.var(0), rtol=1e-9)
    heavy = variances(
        *predictive(student_t, student_t.Params(df=np.full((3, 5), 1.5), loc=loc[..., 0], scale=scale[..., 0]))
    )
    assert bool(jnp.isposinf(heavy.aleatoric).all())


def test_what_has_no_such_parts_says_so():
    two = predictive(normal, normal.Params(np.zeros((2, 3)), 1.0))
    with pytest.raises(TypeError, match="want categorical or bernoulli"):
        entropies(*two)
    ranks = predictive(plackett_luce, plackett_luce.Params(np.zeros((2, 3, 4))))
    with pytest.raises(TypeError, match="variances needs mean, variance"):
        variances(*ranks)
