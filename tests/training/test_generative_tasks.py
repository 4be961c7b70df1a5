"""What a task validates by and reports: likelihoods, against numbers known otherwise."""

import jax
import numpy as np
import pytest

pytest.importorskip("sklearn")

from lik_jax.objectives import energy, rbm
from lik_jax.training import configs
from lik_jax.training.data import by_row, digits
from lik_jax.training.settings import Settings
from lik_jax.training.tasks import build

CONFIG = configs.Rbm(hidden=3, chains=5, ais_steps=200, ais_chains=100, fit=Settings(seed=4))


def test_an_rbm_is_chosen_by_its_likelihood():
    task = build(CONFIG)
    params = task.params._replace(weights=20 * task.params.weights)
    validation = by_row((digits()["x"] >= 8).reshape(-1, 64)).validation
    exact = energy.nll(lambda v: rbm.free_energy(params, v), validation, rbm.log_partition(params))
    np.testing.assert_allclose(task.validate(params), exact, rtol=1e-5)


@pytest.mark.slow
def test_a_large_rbm_is_chosen_by_ais():
    task = build(configs.Rbm(hidden=17, ais_steps=100))
    exact = energy.nll(
        lambda v: rbm.free_energy(task.params, v),
        by_row((digits()["x"] >= 8).reshape(-1, 64)).validation,
        rbm.log_partition(task.params),
    )
    # the same chains every time
    assert task.validate(task.params) == task.validate(task.params)
    assert abs(task.validate(task.params) - exact) < 0.02


@pytest.mark.slow
def test_what_an_rbm_reports():
    task = build(CONFIG)
    params = task.params._replace(weights=20 * task.params.weights)
    known, forward, reverse, _ = task.evaluate(params, jax.random.key(0)).scores
    assert abs(forward.nats - known.nats) < 0.05
    assert abs(reverse.nats - known.nats) < 0.05


def test_the_chains_of_an_rbm_are_handed_on():
    task = build(CONFIG)
    step = jax.jit(jax.value_and_grad(task.loss, has_aux=True))
    (_, chains), slope = step(task.params, task.batches(0), jax.random.key(0), task.carry)
    assert chains.shape == task.carry.shape == (5, 64)
    assert bool((chains != task.carry).any())
    assert slope.weights.shape == (64, 3)
