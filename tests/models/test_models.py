"""Models: causal where they say so, one compile, plain params."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lik_jax import diffusion
from lik_jax.models import classifier, denoiser, gan, masked_denoiser, regressor, transformer
from lik_jax.training.errors import DataError
from lik_jax.training.tasks.regressor import find

TINY = transformer.Config(vocab_size=7, block_size=6, num_layers=2, num_heads=2, width=8)


def test_a_later_character_never_reaches_an_earlier_prediction():
    model = transformer.create(TINY, jax.random.key(0))
    embedding = model.params["tokens"]["embedding"]
    tokens = jnp.array([[1, 5, 0, 3, 2, 6]])

    def logits_of(inputs):
        # one embedding row a position, so that the gradient is by position
        params = {**model.params, "tokens": {"embedding": inputs}}
        return model.apply(params, jnp.arange(6)[None])[0]

    slopes = jax.jit(jax.jacrev(logits_of))(embedding[tokens[0]])  # (t, vocab, s, width)
    for t in range(6):
        assert bool((slopes[t, :, t + 1 :] == 0).all())
        assert bool((slopes[t, :, : t + 1] != 0).any((0, 2)).all())


def test_a_shorter_context_gives_the_same_logits():
    model = transformer.create(TINY, jax.random.key(1))
    tokens = jnp.array([[1, 5, 0, 3, 2, 6]])
    apply = jax.jit(model.apply)
    short, long = apply(model.params, tokens[:, :4]), apply(model.params, tokens)
    np.testing.assert_allclose(short, long[:, :4], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["normal", "laplace", "logistic", "bernoulli"])
def test_a_regressor_heads_any_distribution(name):
    distribution = find(name)
    model = regressor.create(regressor.Config(3, distribution.raw_size, (8,)), jax.random.key(2))
    params = distribution.constrain(model.apply(model.params, jnp.ones((5, 3))))
    assert distribution.log_prob(params, jnp.ones(5)).shape == (5,)


def test_a_distribution_that_needs_more_than_raw_numbers_is_not_offered():
    with pytest.raises(DataError, match=r"choose one of .*normal"):
        find("binomial")
    with pytest.raises(DataError, match="no regression with distribution 'categorical'"):
        find("categorical")


def test_params_are_plain_and_apply_is_pure(compiles):
    model = classifier.create(classifier.Config(channels=2, width=4), jax.random.key(3))
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(model.params))
    assert type(model.params) is dict
    apply = jax.jit(model.apply)
    x = jnp.ones((2, 8, 8))
    first = apply(model.params, x)
    doubled = jax.tree.map(lambda leaf: leaf + 1, model.params)
    with compiles() as names:
        apply(doubled, x).block_until_ready()
    assert not names
    np.testing.assert_array_equal(apply(model.params, x), first)


def test_a_shift_moves_by_one_pixel_at_most():
    image = jnp.zeros((200, 8, 8)).at[:, 3, 4].set(1.0)
    shifted = classifier.random_shift(image, jax.random.key(4))
    where = np.argwhere(np.asarray(shifted) == 1)
    assert len(where) == 200
    assert {(int(i), int(j)) for _, i, j in where} == {(i, j) for i in (2, 3, 4) for j in (3, 4, 5)}


def test_a_critic_judges_each_example_by_itself():
    """No normalisation over the batch: the gradient of one output is 0 towards every other example."""
    model = gan.create(gan.Config(width=8), jax.random.key(5))
    y = jax.random.normal(jax.random.key(6), (3, 2))
    slopes = jax.jacrev(lambda y: model.apply(model.params, y, method="judge"))(y)  # (i, j, dims)
    for i in range(3):
        assert slopes[i, i].any()
        assert not jnp.delete(slopes[i], i, 0, assume_unique_indices=True).any()


def test_a_masked_denoiser_sees_what_is_shown_and_nothing_else():
    config = masked_denoiser.Config(num_tokens=5, num_levels=3, width=8, num_blocks=1)
    model = masked_denoiser.create(config, jax.random.key(5))
    # a head that is not 0
    params = jax.tree.map(lambda w: w + 0.1 * jnp.sin(jnp.arange(w.size, dtype=w.dtype)).reshape(w.shape), model.params)
    y, hidden = jnp.array([[0, 2, 1, 1, 0]]), jnp.array([[True, False, True, False, False]])
    shown = jnp.where(hidden, 3, y)
    other = jnp.where(hidden, 3, (y + hidden.astype(int)) % 3)
    first, second = model.apply(params, shown), model.apply(params, other)
    assert first.shape == (1, 5, 3)
    np.testing.assert_array_equal(first, second)
    assert bool((model.apply(params, shown.at[0, 1].set(0)) != first).any())


@pytest.mark.slow
def test_a_denoiser_that_has_learned_nothing_goes_by_the_noise_alone():
    model = denoiser.create(denoiser.Config(16, num_levels=5, width=8, num_blocks=1), jax.random.key(5))
    x_t = jax.random.normal(jax.random.key(6), (3, 16))
    gamma = jnp.array([-4.0, 0.0, 3.0])
    said = jax.nn.softmax(model.apply(model.params, x_t, gamma))
    for i in range(3):
        noise_alone = diffusion.level_decoder(denoiser.levels(5))(x_t[i], gamma[i])
        np.testing.assert_allclose(said[i], jax.nn.softmax(noise_alone.logits), rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_a_denoiser_sees_every_pixel_in_its_place():
    """A patch is cut out and put back at one place."""
    config = denoiser.Config(16, num_levels=2, width=4, num_blocks=1, num_heads=1)
    model = denoiser.create(config, jax.random.key(7))
    head = jax.random.normal(jax.random.key(8), model.params["head"]["kernel"].shape)
    params = {**model.params, "head": {**model.params["head"], "kernel": head}}

    def prior(x_t):
        """Logits less what the noise says, so that only the network is left."""
        logits = model.apply(params, x_t[None], jnp.zeros(1))[0]
        return logits + 0.5 * (x_t[:, None] - 0.5**0.5 * denoiser.levels(2)[None]) ** 2 / 0.5

    slopes = jax.jacrev(prior)(jnp.linspace(-1, 1, 16))  # (pixel, level, pixel)
    own = jnp.abs(slopes).sum(1)
    patch = [(i // 4 // 2, i % 4 // 2) for i in range(16)]
    same = np.array([[a == b for a in patch] for b in patch])
    # a patch sees itself by the residual stream, and others by attention: less at the start
    assert float(own[same].mean()) > 3 * float(own[~same].mean())


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (denoiser.Config(num_pixels=15), "no square picture"),
        (denoiser.Config(num_pixels=9), "2 x 2"),
        (denoiser.Config(width=6), "multiple of the 4 heads"),
    ],
)
def test_a_denoiser_of_the_wrong_shape(config, message):
    with pytest.raises(ValueError, match=message):
        denoiser.create(config, jax.random.key(9))
