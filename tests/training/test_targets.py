"""The five runs at their defaults reach what they should. Minutes of work."""

import math

import pytest

from lik_jax.training import configs
from lik_jax.training.data import sine_floor
from lik_jax.training.run import train_run

pytestmark = pytest.mark.slow


def test_classifier(tmp_path):
    finished = train_run(configs.Classifier(), tmp_path / "run")
    assert finished.report.scores[0].nats <= 0.15
    assert float(dict(finished.report.facts)["accuracy"]) >= 0.96


def test_regressor(tmp_path):
    finished = train_run(configs.Regressor(), tmp_path / "run")
    model, _, _, truth, _ = finished.report.scores
    # against the truth on the same rows, chance cancels
    assert -0.005 <= model.nats - truth.nats <= 0.03
    assert model.nats <= sine_floor() + 0.03


def test_transformer(tmp_path):
    finished = train_run(configs.Transformer(), tmp_path / "run")
    model, baseline, _ = finished.report.scores
    assert model.nats <= 1.45
    assert model.nats < baseline.nats


def test_vae(tmp_path):
    finished = train_run(configs.Vae(), tmp_path / "run")
    bound, tighter, baseline = finished.report.scores
    assert tighter.nats < bound.nats <= 19.0
    assert abs(baseline.nats - 25.27) < 0.01


def test_diffusion(tmp_path):
    finished = train_run(configs.Diffusion(), tmp_path / "run")
    bound, steps, baseline, _ = finished.report.scores
    assert bound.nats / 64 / math.log(2) <= 2.0
    assert bound.nats < steps.nats < baseline.nats
