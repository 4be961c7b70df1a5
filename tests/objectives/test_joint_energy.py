"""A classifier as an energy: over a small space of inputs, the gradient of log p(x, y) exactly."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lik_jax.objectives import energy, joint_energy

pytestmark = pytest.mark.usefixtures("x64")

LOGITS = np.random.default_rng(2).normal(size=(8, 3))  # eight inputs of three bits, three classes
X, LABELS = np.array([[0.0, 1, 1], [1, 0, 1]]), np.array([2, 0])


def classifier(table):
    return lambda x: jnp.asarray(table)[(x @ jnp.array([4.0, 2, 1])).astype(jnp.int32)]


def test_the_energies_are_one_model():
    x = energy.states(3)
    joint = jnp.stack([joint_energy.joint_energy(classifier(LOGITS), jnp.full(8, k))(x) for k in range(3)], -1)
    np.testing.assert_allclose(-joint, LOGITS, rtol=1e-14)
    np.testing.assert_allclose(-jax.nn.logsumexp(-joint, -1), joint_energy.energy(classifier(LOGITS))(x), rtol=1e-14)


def test_exact_draws_give_the_gradient_of_the_joint_likelihood():
    p = np.exp(LOGITS).sum(1) / np.exp(LOGITS).sum()

    def exact(table):
        return -jnp.mean(table[jnp.array([3, 5]), LABELS]) + jax.nn.logsumexp(table)

    def slope(negative):
        return jax.grad(lambda table: joint_energy.loss(classifier(table), X, LABELS, negative[None]))(
            jnp.asarray(LOGITS)
        )

    mean = jnp.einsum("n,nij->ij", p, jax.jit(jax.vmap(slope))(energy.states(3)))
    np.testing.assert_allclose(mean, jax.grad(exact)(jnp.asarray(LOGITS)), atol=1e-14)


def test_parts():
    negatives = energy.states(3)[:2]
    parts = joint_energy.decompose(classifier(LOGITS), X, LABELS, negatives, weight=0.5)
    p = np.exp(LOGITS) / np.exp(LOGITS).sum(1, keepdims=True)
    np.testing.assert_allclose(parts.classification, -np.log([p[3, 2], p[5, 0]]), rtol=1e-13)
    marginal = -np.log(np.exp(LOGITS).sum(1))
    np.testing.assert_allclose(parts.contrast, marginal[[3, 5]] - marginal[:2].mean(), rtol=1e-13)
    np.testing.assert_allclose(parts.objective, parts.classification + 0.5 * parts.contrast, rtol=1e-14)
    alone = joint_energy.loss(classifier(LOGITS), X, LABELS, negatives, weight=0.0)
    np.testing.assert_allclose(alone, parts.classification.mean(), rtol=1e-14)


def test_logits_of_the_wrong_shape_say_so():
    with pytest.raises(ValueError, match="one row of logits an input"):
        joint_energy.loss(lambda x: x.sum(-1), X, LABELS, X)
