"""The ring: its density is one, and modes are counted as they should be."""

import jax.numpy as jnp
import numpy as np

from lik_jax.training import ring


def test_the_density_integrates_to_one_and_its_entropy_is_the_floor():
    grid = np.linspace(-3.5, 3.5, 701, dtype=np.float32)
    plane = np.stack(np.meshgrid(grid, grid), -1).reshape(-1, 2)
    log_p = np.asarray(ring.log_prob(jnp.asarray(plane)), np.float64)
    mass = np.exp(log_p) * 0.01**2
    np.testing.assert_allclose(mass.sum(), 1, atol=1e-5)
    np.testing.assert_allclose(-(mass * log_p).sum(), ring.floor(), atol=2e-3)


def test_noise_widens_the_density():
    grid = np.linspace(-5, 5, 401, dtype=np.float32)
    plane = np.stack(np.meshgrid(grid, grid), -1).reshape(-1, 2)
    density = np.exp(np.asarray(ring.log_prob(jnp.asarray(plane), 0.3), np.float64))
    np.testing.assert_allclose(density.sum() * 0.025**2, 1, rtol=1e-4)
    squares = ((density[:, None] * plane**2).sum(0) * 0.025**2).sum()
    np.testing.assert_allclose(squares, 4 + 2 * (0.2**2 + 0.3**2), rtol=1e-4)


def test_the_data_are_drawn_from_it():
    y = ring.draw(3, 20_000)
    nll = -np.asarray(ring.log_prob(jnp.asarray(y)))
    assert abs(nll.mean() - ring.floor()) < 4 * nll.std() / np.sqrt(len(y))
    share = 1 - np.exp(-4.5)
    assert abs(ring.share_near_a_mode(y) - share) < 4 * np.sqrt(share * (1 - share) / len(y))


def test_a_collapsed_sample_is_seen_through():
    y = ring.draw(0, 4000)
    assert ring.modes_found(y) == 8
    np.testing.assert_allclose(ring.share_of_each_mode(y), 1 / 8, atol=0.02)
    which = np.linalg.norm(y[:, None] - ring.CENTRES, axis=-1).argmin(1)
    assert ring.modes_found(y[which < 3]) == 3
    # a mode with a twentieth of its due is none
    rare = np.concatenate([y[which > 0], y[which == 0][:20]])
    assert ring.modes_found(rare) == 7
    between = np.zeros((100, 2))
    assert ring.modes_found(between) == 0
    assert ring.share_near_a_mode(between) == 0
