"""The runs at their defaults reach what they should. Minutes of work."""

import math
from dataclasses import replace

import pytest

from lik_jax.training import configs
from lik_jax.training.data import sine_floor
from lik_jax.training.run import train_run

pytestmark = pytest.mark.slow


def test_classifier(tmp_path):
    finished = train_run(configs.Classifier(), tmp_path / "run")
    assert finished.report.scores[0].nats <= 0.15
    assert float(dict(finished.report.facts)["accuracy"].split()[0]) >= 0.96


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
    assert tighter.nats <= 17.1
    assert abs(baseline.nats - 25.27) < 0.01


def test_diffusion(tmp_path):
    finished = train_run(configs.Diffusion(), tmp_path / "run")
    bound, steps, baseline, _ = finished.report.scores
    assert bound.nats / 64 / math.log(2) <= 2.0
    assert bound.nats < steps.nats < baseline.nats


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_gan_finds_every_mode_of_the_ring(tmp_path, seed):
    config = configs.Gan()
    finished = train_run(replace(config, fit=replace(config.fit, seed=seed)), tmp_path / "run")
    facts = dict(finished.report.facts)
    assert facts["modes found"] == "8 of 8"
    assert float(facts["within 3 scales of a mode"]) >= 0.93
    distance = float(facts["energy distance"])
    assert distance <= float(facts["energy distance, one normal"]) / 8
    samples, data, normal, truth = finished.report.scores
    assert truth.nats < samples.nats < normal.nats - 1.5
    # nine tenths of the way from one normal to the data themselves, and chance
    assert samples.nats <= data.nats + 0.15 * (normal.nats - data.nats)


@pytest.mark.parametrize(
    ("config", "target"), [(configs.Flow(), 2.00), (configs.Flow(kind="affine"), 2.12)], ids=["spline", "affine"]
)
def test_flow(tmp_path, config, target):
    finished = train_run(config, tmp_path / "run")
    bound, tighter, baseline, uniform = (s.nats / 64 / math.log(2) for s in finished.report.scores)
    assert tighter < bound <= target
    assert abs(baseline - 2.435) < 0.001
    assert abs(uniform - 4.087) < 0.001


def test_rbm(tmp_path):
    finished = train_run(configs.Rbm(), tmp_path / "run")
    forward, reverse, baseline = finished.report.scores
    assert forward.nats <= 18.0
    assert abs(reverse.nats - forward.nats) <= 0.1
    assert abs(baseline.nats - 25.27) < 0.01


def test_score(tmp_path):
    finished = train_run(configs.ScoreNetwork(), tmp_path / "run")
    bound, ideal, floor, baseline = finished.report.scores
    # against the true score under the same noise, chance cancels
    assert 0 <= bound.nats - ideal.nats <= 0.05
    assert abs(ideal.nats - floor.nats) <= 0.05
    assert bound.nats < baseline.nats - 1


def test_flow_matching(tmp_path):
    finished = train_run(configs.FlowMatching(), tmp_path / "run")
    model, truth, baseline = finished.report.scores
    # against the truth on the same points, chance cancels: what is left is the divergence of the model from the truth
    assert -0.002 <= model.nats - truth.nats <= 0.05
    assert baseline.nats > truth.nats + 1


def test_masked_diffusion(tmp_path):
    finished = train_run(configs.MaskedDiffusion(), tmp_path / "run")
    per_dim = finished.report.scores[0].nats / 64 / math.log(2)
    assert per_dim <= 2.15
