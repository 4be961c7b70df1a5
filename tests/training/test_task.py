"""Held-out scores and their standard errors."""

import jax
import numpy as np

from lik_jax.training.task import Report, Score, held_out


def test_the_error_of_a_mean():
    losses = np.random.default_rng(0).normal(2.0, 3.0, 400)
    score = Score.of("model", losses)
    np.testing.assert_allclose((score.nats, score.error), (losses.mean(), losses.std(ddof=1) / 20), rtol=1e-12)
    assert Score.of("one", losses[:1]).error is None


def test_neighbours_that_move_together_count_as_one():
    rng = np.random.default_rng(0)
    losses = np.repeat(rng.normal(size=500), 10)
    alone, together = Score.of("", losses), Score.of("", losses, block=10)
    np.testing.assert_allclose(together.error, losses[::10].std(ddof=1) / 500**0.5, rtol=1e-12)
    assert 3 < together.error / alone.error < 3.3


def test_held_out_losses_come_in_order_each_once():
    data = np.arange(10.0, dtype=np.float32)
    losses = held_out(lambda params, y, key: params * y, data, batch_size=4)(2.0, jax.random.key(0))
    np.testing.assert_array_equal(losses, 2 * data)
    assert losses.dtype == np.float64


def test_the_table_shows_margins():
    report = Report("4 rows", "row", (Score("model", 1.0, 0.1), Score("floor", 0.5)))
    assert [row[2] for row in report.rows()] == ["0.1960", ""]
