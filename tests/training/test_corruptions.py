"""Corrupted pictures: severity 0 changes nothing, values stay in [0, 1], and each does what it says."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage

from lik_jax.training.corruptions import CORRUPTIONS

NAMES = sorted(CORRUPTIONS)
COMPILED = {name: jax.jit(corrupt) for name, corrupt in CORRUPTIONS.items()}

# values strictly between 0 and 1, so that whatever becomes 0 or 1 is seen
PICTURES = np.random.default_rng(0).uniform(0.1, 0.9, (60, 8, 6)).astype(np.float32)


@pytest.mark.parametrize("name", NAMES)
def test_pictures_stay_pictures_and_severity_0_changes_nothing(name, key):
    severities = jnp.linspace(0.0, 1.0, 7)
    corrupted = jax.jit(jax.vmap(lambda s: CORRUPTIONS[name](PICTURES, key, s)))(severities)
    assert corrupted.shape == (7, *PICTURES.shape)
    assert corrupted.dtype == PICTURES.dtype
    corrupted = np.asarray(corrupted)
    assert ((corrupted >= 0) & (corrupted <= 1 + 1e-6)).all()
    np.testing.assert_array_equal(corrupted[0], PICTURES)
    change = np.abs(corrupted - PICTURES).mean((1, 2, 3))
    assert change[3] > 0.01
    assert change[6] > change[1]


@pytest.mark.parametrize("name", NAMES)
def test_double_precision_and_whole_numbers(name, x64, key):
    def dtype(pictures, severity):
        return jax.eval_shape(CORRUPTIONS[name], pictures, key, severity).dtype

    assert dtype(np.ones((2, 8, 8)), 0.5) == jnp.float64
    assert dtype(np.ones((2, 8, 8), int), np.float32(0.5)) == jnp.float32


@pytest.mark.parametrize("name", NAMES)
def test_what_is_no_batch_of_pictures(name, key):
    with pytest.raises(ValueError, match=rf"{name}: .*want \[B, H, W\]"):
        CORRUPTIONS[name](jnp.zeros((8, 8)), key, 0.5)
    with pytest.raises(ValueError, match="vmap"):
        CORRUPTIONS[name](jnp.zeros((2, 8, 8)), key, jnp.array([0.5, 0.1]))


@pytest.mark.parametrize("name", ["gaussian_noise", "impulse_noise", "occlusion", "shift"])
def test_every_picture_has_its_own_random_numbers(name, key):
    same = np.broadcast_to(PICTURES[:1], (60, 8, 6))
    corrupted = np.asarray(COMPILED[name](same, key, 0.4))
    assert len(np.unique(corrupted.reshape(60, -1), axis=0)) > 4
    np.testing.assert_array_equal(COMPILED[name](same, jax.random.clone(key), 0.4), corrupted)
    assert (np.asarray(COMPILED[name](same, jax.random.fold_in(key, 1), 0.4)) != corrupted).any()


GREY = np.full((60, 8, 6), 0.5, np.float32)


def test_gaussian_noise_has_its_size(key):
    noise = np.asarray(COMPILED["gaussian_noise"](GREY, key, 0.1)) - 0.5
    assert abs(noise.mean()) < 4 * 0.1 / GREY.size**0.5
    np.testing.assert_allclose(noise.std(), 0.1, rtol=0.05)


def test_impulses_are_as_many_as_said_and_half_of_them_bright(key):
    x = np.asarray(COMPILED["impulse_noise"](GREY, key, 0.3))
    for value, share in ((0.0, 0.15), (1.0, 0.15), (0.5, 0.7)):
        assert abs((x == value).mean() - share) < 4 * (share * (1 - share) / GREY.size) ** 0.5
    assert (np.asarray(COMPILED["impulse_noise"](GREY, jax.random.clone(key), 1.0)) != 0.5).all()


@pytest.mark.parametrize("severity", [0.1, 0.5, 1.0])
def test_blur_is_scipys_filter(severity, x64, key):
    """With weights that add up to 1 at the border."""
    pictures, width = PICTURES.astype(float), severity * 6 / 4
    options = {"mode": "constant", "truncate": 60.0, "axes": (1, 2)}
    weights = scipy.ndimage.gaussian_filter(np.ones(pictures.shape), width, **options)
    expected = scipy.ndimage.gaussian_filter(pictures, width, **options) / weights
    np.testing.assert_allclose(COMPILED["blur"](pictures, key, severity), expected, rtol=1e-12)


def test_blur_that_is_next_to_none(key):
    np.testing.assert_allclose(COMPILED["blur"](PICTURES, key, 1e-30), PICTURES, rtol=1e-6)


@pytest.mark.parametrize("severity", [0.25, 0.5, 1.0])
def test_a_block_is_hidden(severity, key):
    hidden = np.asarray(COMPILED["occlusion"](GREY, key, severity)) == 0
    height, width = round(severity * 8), round(severity * 6)
    corners = set()
    for picture in hidden:
        rows, columns = np.flatnonzero(picture.any(1)), np.flatnonzero(picture.any(0))
        assert (len(rows), len(columns), picture.sum()) == (height, width, height * width)
        assert rows[-1] - rows[0] == height - 1
        assert columns[-1] - columns[0] == width - 1
        corners.add((rows[0], columns[0]))
    # anywhere inside, both borders included
    assert {r for r, _ in corners} == set(range(8 - height + 1))
    assert {c for _, c in corners} == set(range(6 - width + 1))


def test_contrast_is_taken_from_each_picture(key):
    half = np.asarray(COMPILED["contrast"](PICTURES, key, 0.5))
    means = PICTURES.mean((1, 2))
    np.testing.assert_allclose(half.mean((1, 2)), means, rtol=1e-5)
    np.testing.assert_allclose(half.std((1, 2)), PICTURES.std((1, 2)) / 2, rtol=1e-5)
    flat = COMPILED["contrast"](PICTURES, jax.random.clone(key), 1.0)
    np.testing.assert_allclose(flat, np.broadcast_to(means[:, None, None], flat.shape), rtol=1e-5)


def test_shifts_go_eight_ways(key):
    """Against scipy's shift by whole pixels; half the side times the severity."""
    one = PICTURES[0]
    moved = np.asarray(COMPILED["shift"](np.broadcast_to(one, (60, 8, 6)), key, 0.5))
    ways = [(i * 2, j * 2) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j]
    expected = np.stack([scipy.ndimage.shift(one, way, order=0) for way in ways])
    match = (moved[:, None] == expected[None]).all((2, 3))
    assert (match.sum(1) == 1).all()
    assert (match.sum(0) > 1).all()
