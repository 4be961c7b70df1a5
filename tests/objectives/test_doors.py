"""What a user is likely to get wrong at the door of a generative objective is an error that says so."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lik_jax as lj
from lik_jax import adversarial, ais, diffusion, energy, normal, preference, rbm, schedules

Q = normal.Params(jnp.zeros((4, 1)), jnp.ones((4, 1)))
Y = jnp.ones((4, 1))
X = jnp.ones((4, 2))
MACHINE = rbm.Params(jnp.ones((3, 2)), jnp.zeros(3), jnp.zeros(2))


def decode(z):
    return normal.Params(z, 1.0)


def nothing(x_t, t):
    return 0 * x_t


class Falling:
    def gamma(self, t):
        return 1 - jnp.asarray(t)


@pytest.mark.parametrize("z", [jnp.ones((4, 2)), jnp.ones(4), jnp.ones((1, 1))], ids=lambda z: str(z.shape))
@pytest.mark.parametrize("objective", [lj.elbo, lj.log_weight])
def test_latents_of_another_shape(objective, z):
    with pytest.raises(ValueError, match=r"one draw an example is \(4, 1\)"):
        objective(normal, decode, Q, Y, z=z)


@pytest.mark.parametrize("objective", [lj.iwae, lj.reinforce, lj.vimco])
def test_samples_without_an_axis_of_their_own(objective):
    """``[B, L]`` taken for ``[K, B, L]`` would share draws among examples."""
    with pytest.raises(ValueError, match=r"want \[K, \*\(4, 1\)\]"):
        objective(normal, decode, Q, Y, z=jnp.ones((4, 1)))
    with pytest.raises(ValueError, match=r"want \[K, \*\(4, 1\)\]"):
        objective(normal, decode, Q, Y, z=jnp.ones((3, 4, 2)))


def test_noise_of_many_samples_has_their_axis():
    with pytest.raises(ValueError, match=r"want \[K, \*\(4, 1\)\]"):
        lj.iwae(normal, decode, Q, Y, noise=jnp.ones((4, 1)))


def test_layers_of_latents_of_another_shape():
    with pytest.raises(ValueError, match=r"one draw an example is \(4, 1\)"):
        lj.hierarchical_elbo(
            normal, lambda z: decode(z[-1]), [lambda _: Q], [lambda _: normal.Params(0.0, 1.0)], Y, z=[jnp.ones((4, 2))]
        )


def test_coordinates_taken_into_the_event_keep_the_closed_form():
    q, z = normal.Params(jnp.full((4, 1), 0.5), jnp.full((4, 1), 0.7)), jnp.full((4, 1), 0.3)
    parts = [
        lj.elbo(normal, decode, q, Y, z=z),
        lj.elbo(normal, decode, q, Y, z=z, posterior=lj.independent(normal, 1)),
    ]
    np.testing.assert_array_equal(parts[0].kl, parts[1].kl)
    np.testing.assert_allclose(parts[0].elbo, parts[1].elbo, rtol=1e-6)


@pytest.mark.parametrize(
    "log_z",
    [jnp.ones(4), jnp.ones((4, 1)), ais.Estimate(*[jnp.ones(())] * 5)],
    ids=["one each", "a column", "an estimate"],
)
@pytest.mark.parametrize("objective", [energy.nll, energy.log_prob])
def test_log_z_is_one_number(objective, log_z):
    with pytest.raises(ValueError, match="want one number, of all states together"):
        objective(lambda y: y.sum(-1), X, log_z)


@pytest.mark.parametrize("betas", [np.linspace(1, 0, 5), np.linspace(0, 0.5, 5), np.array([0, 0.9, 0.5, 1]), 10.0, 0])
def test_betas_rise_from_0_to_1(betas, key):
    with pytest.raises(ValueError, match="betas"):
        ais.rbm_forward(rbm, MACHINE, key=key, num_chains=2, betas=betas)


def test_betas_are_looked_at_inside_jit(key):
    with pytest.raises(ValueError, match="must rise from 0 to 1"):
        jax.jit(lambda key: ais.rbm_forward(rbm, MACHINE, key=key, num_chains=2, betas=np.linspace(1, 0, 5)))(key)


def test_there_is_a_chain(key):
    with pytest.raises(ValueError, match="num_chains=0"):
        ais.rbm_forward(rbm, MACHINE, key=key, num_chains=0)


@pytest.mark.parametrize("schedule", [Falling(), lambda t: t], ids=["falls", "bare function"])
def test_a_schedule_of_ones_own_rises(schedule, key):
    kind, said = (ValueError, "must rise") if hasattr(schedule, "gamma") else (TypeError, r"Function\(f\) makes one")
    shape = (4, 2)
    for use in (
        lambda: diffusion.variational_bound(normal, diffusion.gaussian_decoder, nothing, schedule, X, key=key),
        lambda: diffusion.denoising_loss(nothing, schedule, X, key=key),
        lambda: diffusion.hybrid_loss(lambda x_t, t: (x_t, x_t), schedule, X, key=key, num_steps=4),
        lambda: diffusion.ddim(nothing, schedule, key, shape, 3),
        lambda: diffusion.heun(nothing, schedule, key, shape, 3),
    ):
        with pytest.raises(kind, match=said):
            use()


@pytest.mark.parametrize("sampler", [diffusion.sample, diffusion.ddim, diffusion.heun])
def test_samplers_go_from_noise_to_data(sampler, key):
    first, second, third = jax.random.split(key, 3)

    def draw(key, **options):
        return sampler(nothing, schedules.Linear(), key, (4, 2), 4, **options)

    with pytest.raises(ValueError, match="times must fall"):
        draw(first, times=np.linspace(0, 1, 5))
    with pytest.raises(ValueError, match="times must fall"):
        jax.jit(lambda key: draw(key, times=np.linspace(0, 1, 5)))(second)
    with pytest.raises(ValueError, match="num_steps=0"):
        sampler(nothing, schedules.Linear(), third, (4, 2), 0)


def test_times_are_not_numbers_of_steps():
    with pytest.raises(ValueError, match=r"A step i of T is the time i / T"):
        diffusion.denoising_loss(nothing, schedules.Linear(), X, t=jnp.array([1.0, 2, 5, 9]), noise=X)
    with pytest.raises(ValueError, match=r"A step i of T is the time i / T"):
        diffusion.variational_bound(
            normal, diffusion.gaussian_decoder, nothing, schedules.Linear(), X, t=jnp.arange(4.0), noise=X, num_steps=4
        )


@pytest.mark.parametrize("answers", [jnp.ones(2), jnp.ones(3)])
def test_preferences_come_in_pairs(answers):
    with pytest.raises(TypeError, match=r"want Pair\(chosen, rejected\)"):
        preference.dpo(answers, answers)


def test_a_game_is_no_name():
    two = jnp.ones(2)
    for use in (
        lambda: adversarial.discriminator_loss(two, two, game="hinge"),
        lambda: adversarial.generator_loss(two, game="hinge"),
        lambda: adversarial.paired_discriminator_loss(two, two, game="hinge"),
        lambda: adversarial.paired_generator_loss(two, two, game="hinge"),
        lambda: adversarial.average_discriminator_loss(two, two, game="hinge"),
        lambda: adversarial.average_generator_loss(two, two, game="hinge"),
    ):
        with pytest.raises(TypeError, match="want a Game"):
            use()


def test_heads_of_vectors_are_pointed_to_independent():
    with pytest.raises(ValueError, match=r"independent\(normal, 1\)\.constrain"):
        normal.constrain(jnp.zeros((4, 6)))
