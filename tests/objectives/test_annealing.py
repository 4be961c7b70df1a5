"""The weight of the KL by step, and the nats that are free."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lik_jax as lj

pytestmark = pytest.mark.usefixtures("x64")


def test_a_weight_that_rises_and_stays():
    steps = jnp.array([0, 25, 50, 100, 1000])
    np.testing.assert_allclose(lj.annealing.linear(steps, 100), [0, 0.25, 0.5, 1, 1], rtol=1e-15)
    np.testing.assert_allclose(
        lj.annealing.linear(steps, 100, start=0.2, end=0.6), [0.2, 0.3, 0.4, 0.6, 0.6], rtol=1e-15
    )


def test_a_weight_that_starts_anew():
    steps = jnp.array([0, 10, 25, 50, 99, 100, 110, 250])
    np.testing.assert_allclose(lj.annealing.cyclical(steps, 100, rise=0.25), [0, 0.4, 1, 1, 1, 0, 0.4, 1], rtol=1e-15)
    np.testing.assert_allclose(lj.annealing.cyclical(steps, 100, rise=1.0)[:5], [0, 0.1, 0.25, 0.5, 0.99], rtol=1e-15)


def test_under_jit_the_step_is_an_argument(compiles):
    weight = jax.jit(lambda step: lj.annealing.cyclical(step, 10))
    weight(jnp.int32(0))
    three = jnp.int32(3)
    with compiles() as names:
        value = weight(three)
    assert not names
    assert abs(float(value) - 0.6) < 1e-12


def test_what_makes_no_schedule():
    with pytest.raises(ValueError, match="num_steps=0"):
        lj.annealing.linear(3, 0)
    with pytest.raises(ValueError, match=r"rise in \(0, 1\]"):
        lj.annealing.cyclical(3, 10, rise=0.0)


def test_free_bits():
    kl = jnp.array([0.02, 0.7, 1.3])
    np.testing.assert_allclose(lj.free_bits(kl, 0.5), 2.5)
    assert jax.grad(lambda kl: lj.free_bits(kl, 0.5))(kl).tolist() == [0, 1, 1]


def test_free_bits_of_a_group():
    kl = jnp.array([0.25, 0.5, 0.1, 2.0])
    np.testing.assert_allclose(lj.free_bits(kl, 1.0, num_groups=2), 1 + 2.1)
    assert jax.grad(lambda kl: lj.free_bits(kl, 1.0, num_groups=2))(kl).tolist() == [0, 0, 1, 1]
    np.testing.assert_allclose(lj.free_bits(kl, 5.0, num_groups=1), 5.0)
    with pytest.raises(ValueError, match="num_groups=3 does not divide the 4 dimensions"):
        lj.free_bits(kl, 1.0, num_groups=3)


def test_free_bits_of_a_batch():
    """Averaged over the batch first, one example may have less if another has more."""
    kl = jnp.array([[0.0, 0.2], [1.4, 0.2]])
    np.testing.assert_allclose(lj.free_bits(kl, 0.5).mean(), ((0.5 + 0.5) + (1.4 + 0.5)) / 2)
    np.testing.assert_allclose(lj.free_bits(kl.mean(0), 0.5), 0.7 + 0.5)
    slopes = jax.grad(lambda kl: lj.free_bits(kl.mean(0), 0.5))(kl)
    assert slopes.tolist() == [[0.5, 0], [0.5, 0]]
