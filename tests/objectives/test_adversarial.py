"""Adversarial games: known values at the best critic, by quadrature; who is moved by what; one norm an example."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats as st

import lik_jax as lj
from lik_jax import adversarial as adv
from lik_jax.distributions import bernoulli

pytestmark = pytest.mark.usefixtures("x64")

# data N(0, 1), samples N(1, 1); the densities cross at 0.5, in the middle of a cell
STEP = 1e-3
Y = 0.5 + STEP * (np.arange(-12500, 12500) + 0.5)
P, Q = st.norm.pdf(Y), st.norm.pdf(Y - 1)
LOG_RATIO = 0.5 - Y
JSD = 0.11142148


@functools.cache
def expected(game: adv.Game):
    """The critic's and the generator's expected losses by the critic's output at each ``Y``."""

    @jax.jit
    def losses(outputs):
        p, q = jnp.asarray(P * STEP), jnp.asarray(Q * STEP)
        critic = adv.discriminator_loss(outputs, outputs, game=game, weights=p, fake_weights=q)
        return critic, adv.generator_loss(outputs, game=game, weights=q)

    return losses


def at_best(game: adv.Game):
    assert game.best is not None
    return game.best(jnp.asarray(LOG_RATIO))


@pytest.mark.parametrize(
    ("game", "critic", "generator"),
    [
        (adv.non_saturating, 1.16345140, 1.08172570),
        (adv.minimax, 1.16345140, None),
        (adv.least_squares, None, None),
        (adv.hinge, 2 - 2 * 0.38292492, None),
    ],
    ids=lambda x: getattr(x, "name", ""),
)
def test_losses_at_the_best_critic(game: adv.Game, critic, generator):
    losses = expected(game)(at_best(game))
    if critic is not None:
        np.testing.assert_allclose(losses[0], critic, atol=2e-7)
    if generator is not None:
        np.testing.assert_allclose(losses[1], generator, atol=5e-9)


def test_the_best_classifier_measures_the_jensen_shannon_divergence():
    critic, _ = expected(adv.minimax)(at_best(adv.minimax))
    mixture = 0.5 * (P + Q)
    jsd = 0.5 * STEP * (P * np.log(P / mixture) + Q * np.log(Q / mixture)).sum()
    np.testing.assert_allclose(jsd, JSD, atol=5e-9)
    np.testing.assert_allclose(critic, 2 * np.log(2) - 2 * jsd, rtol=1e-10)


GAMES = [adv.minimax, adv.hinge, adv.least_squares, *(adv.f_gan(name) for name in adv.DIVERGENCES)]


@pytest.mark.parametrize("game", GAMES, ids=lambda game: game.name)
def test_the_best_critic_is_a_function_of_the_log_density_ratio(game: adv.Game):
    """The critic's loss is lowest there: where it is smooth, its slope is 0, and to either side it is higher."""
    best = at_best(game)
    losses = expected(game)
    lowest = losses(best)[0]
    for shift in (-0.3, -0.01, 0.01, 0.3):
        moved = jnp.where(jnp.isinf(best), jnp.sign(best) * 3, best) + shift * jnp.cos(jnp.asarray(Y))
        assert float(losses(moved)[0]) >= float(lowest) - 1e-12
    if game.name not in ("hinge", "f_gan(total_variation)"):
        slope = jax.grad(lambda outputs: losses(outputs)[0])(best)
        np.testing.assert_allclose(slope, 0, atol=1e-15)


@pytest.mark.parametrize(
    ("name", "divergence"),
    [
        ("kl", 0.5),
        ("reverse_kl", 0.5),
        ("pearson", np.e - 1),
        ("neyman", np.e - 1),
        ("squared_hellinger", 2 - 2 * np.exp(-1 / 8)),
        ("jensen_shannon", 2 * JSD),
        ("gan", -1.16345140),
        ("total_variation", 0.38292492),
    ],
)
def test_f_gan_bound_is_the_divergence_at_the_best_critic(name: str, divergence: float):
    """Closed forms for two normals of unit variance, one apart; between others the bound is below."""
    game = adv.f_gan(name, saturating=True)
    critic, generator = expected(game)(at_best(game))
    np.testing.assert_allclose(-critic, divergence, atol=2e-7)
    flat, _ = expected(game)(jnp.zeros(len(Y)))
    assert -float(flat) < divergence
    # the generator that minimises the bound loses all of it but what the data alone give
    real = (P * STEP * np.asarray(game.real(at_best(game)))).sum() / (P * STEP).sum()
    np.testing.assert_allclose(generator, real - float(critic), rtol=1e-9)


GENERATORS = {
    "kl": lambda u: u * np.log(u),
    "reverse_kl": lambda u: -np.log(u),
    "pearson": lambda u: (u - 1) ** 2,
    "neyman": lambda u: (1 - u) ** 2 / u,
    "squared_hellinger": lambda u: (np.sqrt(u) - 1) ** 2,
    "jensen_shannon": lambda u: u * np.log(u) - (u + 1) * np.log((u + 1) / 2),
    "gan": lambda u: u * np.log(u) - (u + 1) * np.log(u + 1),
    "total_variation": lambda u: 0.5 * np.abs(u - 1),
}


@pytest.mark.parametrize("name", adv.DIVERGENCES)
def test_conjugates_are_what_the_definition_says(name: str):
    """``f*(T) = max over u of u T - f(u)``, searched on a grid of ratios; the activation stays in its domain."""
    v = np.array([-1.5, -0.4, 0.0, 0.6, 1.2])
    t = np.asarray(adv.DIVERGENCES[name].activation(jnp.asarray(v)))
    u = np.exp(np.linspace(-12, 12, 400_001))
    want = (t[:, None] * u - GENERATORS[name](u)).max(1)
    np.testing.assert_allclose(adv.DIVERGENCES[name].conjugate(jnp.asarray(v)), want, atol=2e-5)
    assert (np.diff(t) > 0).all()


def test_f_gan_of_the_gan_divergence_is_minimax():
    v = jnp.linspace(-40.0, 40.0, 9)
    for player in ("real", "fake", "generator"):
        ours = getattr(adv.f_gan("gan", saturating=True), player)(v)
        np.testing.assert_allclose(ours, getattr(adv.minimax, player)(v), rtol=1e-14)
    np.testing.assert_allclose(adv.f_gan("gan").generator(v), adv.non_saturating.generator(v), rtol=1e-14)
    with pytest.raises(ValueError, match="or one of kl, "):
        adv.f_gan("nothing")


@pytest.mark.parametrize(
    ("game", "output", "critic", "generator"),
    [
        (adv.minimax, 0.0, 2 * np.log(2), -np.log(2)),
        (adv.non_saturating, 0.0, 2 * np.log(2), np.log(2)),
        (adv.least_squares, 0.5, 0.25, 0.125),
        (adv.hinge, 0.0, 2.0, 0.0),
        (adv.wasserstein, 3.0, 0.0, -3.0),
        (adv.f_gan("jensen_shannon"), 0.0, 0.0, 0.0),
    ],
    ids=lambda x: getattr(x, "name", ""),
)
def test_a_critic_that_cannot_tell(game: adv.Game, output: float, critic: float, generator: float):
    outputs = jnp.full(5, output)
    np.testing.assert_allclose(adv.discriminator_loss(outputs, outputs, game=game), critic, atol=1e-15)
    np.testing.assert_allclose(adv.generator_loss(outputs, game=game), generator, atol=1e-15)


def test_the_critic_is_a_binary_classifier(key: jax.Array):
    real, fake = 3 * jax.random.normal(key, (2, 6), jnp.float64)
    logits, labels = jnp.concatenate([real, fake]), jnp.repeat(jnp.array([1, 0]), 6)
    classifier = lj.nll(bernoulli, bernoulli.Params(logits), labels)
    np.testing.assert_allclose(adv.discriminator_loss(real, fake), 2 * classifier, rtol=1e-14)
    np.testing.assert_allclose(adv.discriminator_loss(real, fake, game=adv.minimax), 2 * classifier, rtol=1e-14)
    np.testing.assert_allclose(adv.discriminator_loss(real, fake, reduction="sum"), 12 * classifier, rtol=1e-14)


def test_a_sure_critic_stops_minimax_and_not_the_other():
    """At a logit of -40 a sample that is seen through has no slope under minimax, and all of it otherwise."""
    slope = jax.grad(lambda x: adv.generator_loss(x, game=adv.minimax))(-40.0)
    assert -1e-17 < slope < 0
    np.testing.assert_allclose(jax.grad(adv.generator_loss)(-40.0), -1.0)
    # nothing is clipped: the loss of a sure and wrong critic is its logit
    np.testing.assert_allclose(adv.generator_loss(-400.0), 400.0)
    np.testing.assert_allclose(adv.discriminator_loss(-800.0, 800.0), 1600.0)


@pytest.mark.parametrize("game", [adv.wasserstein, *GAMES], ids=lambda game: game.name)
def test_the_generator_wants_a_higher_output(game: adv.Game):
    """Every generator descends towards what the critic takes for data, and every critic towards telling."""
    outputs = jnp.array([-0.3, 0.0, 0.4])
    slopes = [jax.grad(lambda x, f=f: f(x).sum())(outputs) for f in (game.real, game.fake, game.generator)]
    if game is adv.least_squares:  # its optimum for data is 1, for samples 0
        outputs, slopes[1] = outputs + 0.5, jax.grad(lambda x: game.fake(x).sum())(outputs + 0.5)
    assert (slopes[0] < 0).all()
    assert (slopes[1] > 0).all()
    assert (slopes[2] < 0).all()


# Who is moved


def players(params, y, z):
    def critic(p):
        return lambda y: p["critic"]["slope"] * y + p["critic"]["bend"] * y**2

    def discriminator(p):
        fake = p["generator"] + z
        judge = critic(p)
        return adv.discriminator_loss(judge(y), judge(fake)) + adv.r2_penalty(judge, fake, coefficient=0.7)

    def generator(p):
        return adv.generator_loss(critic(p)(p["generator"] + z))

    return discriminator, generator, params


PARAMS = {"critic": {"slope": 0.3, "bend": -0.2}, "generator": 0.5}


def test_each_player_has_its_own_gradient_and_no_other(key: jax.Array):
    y, z = jax.random.normal(key, (2, 7))
    discriminator, generator, _ = players(PARAMS, y, z)
    together = jax.grad(lambda p: adv.simultaneous(discriminator, generator, p))(PARAMS)
    apart = {"critic": jax.grad(discriminator)(PARAMS)["critic"], "generator": jax.grad(generator)(PARAMS)["generator"]}
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), together, apart)
    # and the other's would not be nothing
    assert abs(float(jax.grad(discriminator)(PARAMS)["generator"])) > 0.01
    assert abs(float(jax.grad(generator)(PARAMS)["critic"]["slope"])) > 0.01
    np.testing.assert_allclose(
        adv.simultaneous(discriminator, generator, PARAMS), discriminator(PARAMS) + generator(PARAMS), rtol=1e-6
    )


def test_a_penalty_never_moves_the_generator(key: jax.Array):
    _, z = jax.random.normal(key, (2, 7))

    def penalties(loc):
        def critic(y):
            return y**2

        fake = loc + z
        return (
            adv.r1_penalty(critic, fake)
            + adv.r2_penalty(critic, fake)
            + adv.gradient_penalty(critic, z, fake, alpha=jnp.full(7, 0.5))
            + adv.dragan_penalty(critic, fake, noise=jnp.zeros(7))
        )

    assert float(jax.grad(penalties)(0.5)) == 0


def test_params_must_name_both_players():
    with pytest.raises(ValueError, match=r"lacks \['critic'\]"):
        adv.simultaneous(lambda p: jnp.float32(0), lambda p: jnp.float32(0), {"generator": 1.0})


# Relativistic


def test_relativistic_losses_by_hand(key: jax.Array):
    real, fake = jax.random.normal(key, (2, 5), jnp.float64)
    r, f = np.asarray(real), np.asarray(fake)

    def softplus(x):
        return np.log1p(np.exp(x))

    np.testing.assert_allclose(adv.paired_discriminator_loss(real, fake), softplus(f - r).mean(), rtol=1e-13)
    np.testing.assert_allclose(adv.paired_generator_loss(real, fake), softplus(r - f).mean(), rtol=1e-13)
    above, below = r - f.mean(), f - r.mean()
    critic = softplus(-above).mean() + softplus(below).mean()
    generator = softplus(-below).mean() + softplus(above).mean()
    np.testing.assert_allclose(adv.average_discriminator_loss(real, fake), critic, rtol=1e-13)
    np.testing.assert_allclose(adv.average_generator_loss(real, fake), generator, rtol=1e-13)
    hinged = np.maximum(1 - above, 0).mean() + np.maximum(1 + below, 0).mean()
    np.testing.assert_allclose(adv.average_discriminator_loss(real, fake, game=adv.hinge), hinged, rtol=1e-13)


def test_paired_is_a_preference_for_the_data(key: jax.Array):
    real, fake = jax.random.normal(key, (2, 5), jnp.float64)
    preference = lj.preference.bradley_terry(lj.preference.Pair(real, fake))
    np.testing.assert_allclose(adv.paired_discriminator_loss(real, fake), preference.loss, rtol=1e-14)


def test_a_shift_of_the_critic_changes_no_relativistic_loss(key: jax.Array):
    real, fake = jax.random.normal(key, (2, 5), jnp.float64)
    for loss in (
        adv.paired_discriminator_loss,
        adv.paired_generator_loss,
        adv.average_discriminator_loss,
        adv.average_generator_loss,
    ):
        np.testing.assert_allclose(loss(real + 7, fake + 7), loss(real, fake), rtol=1e-12)


# Penalties


@pytest.mark.parametrize("batch", [1, 4, 64])
def test_the_penalty_of_a_linear_critic_is_the_same_for_any_batch(batch: int, key: jax.Array):
    first, second, third, fourth = jax.random.split(key, 4)
    real, fake = jax.random.normal(first, (batch, 3)), jax.random.normal(second, (batch, 3))

    def critic(y):
        return 2 * y[:, 0]

    np.testing.assert_allclose(adv.gradient_penalty(critic, real, fake, key=third), 10.0, rtol=1e-6)
    np.testing.assert_allclose(adv.dragan_penalty(critic, real, key=fourth), 10.0, rtol=1e-6)
    np.testing.assert_allclose(adv.r1_penalty(critic, real, coefficient=10.0), 20.0, rtol=1e-6)


def test_each_example_has_a_norm_and_an_alpha_of_its_own(key: jax.Array):
    """critic(y) = y_0^2 y_1 over pictures [B, 1, 2]: the slope differs by example and by where between the two."""
    first, second, third = jax.random.split(key, 3)
    real, fake = jax.random.normal(first, (6, 1, 2), jnp.float64), jax.random.normal(second, (6, 1, 2), jnp.float64)
    alpha = jax.random.uniform(third, (6,), jnp.float64)

    def critic(y):
        return (y[..., 0] ** 2 * y[..., 1])[:, 0]

    a = np.asarray(alpha)[:, None]
    x = a * np.asarray(real)[:, 0] + (1 - a) * np.asarray(fake)[:, 0]
    slopes = np.stack([2 * x[:, 0] * x[:, 1], x[:, 0] ** 2], -1)
    norms = np.sqrt((slopes**2).sum(-1))
    got = adv.gradient_penalty(critic, real, fake, alpha=alpha, reduction="none")
    np.testing.assert_allclose(got, 10 * (norms - 1) ** 2, rtol=1e-12)
    one_sided = adv.gradient_penalty(critic, real, fake, alpha=alpha, one_sided=True, reduction="none")
    np.testing.assert_allclose(one_sided, 10 * np.maximum(norms - 1, 0) ** 2, rtol=1e-12)
    at_real = np.asarray(real)[:, 0]
    square = 4 * at_real[:, 0] ** 2 * at_real[:, 1] ** 2 + at_real[:, 0] ** 4
    np.testing.assert_allclose(adv.r1_penalty(critic, real, coefficient=3.0), 1.5 * square.mean(), rtol=1e-12)


def test_alphas_that_are_drawn_differ_by_example(key: jax.Array):
    real, fake = jnp.ones((200, 1)), jnp.zeros((200, 1))
    options = {"target": 0.0, "coefficient": 1.0, "reduction": "none"}
    slopes = adv.gradient_penalty(lambda y: y[:, 0] ** 2 / 2, real, fake, key=key, **options)
    points = np.sqrt(np.asarray(slopes))
    assert len(np.unique(points)) > 190
    assert abs(points.mean() - 0.5) < 4 * np.sqrt(1 / 12 / 200)


def test_the_penalty_moves_the_critic(key: jax.Array):
    """Towards the slope w of a linear critic: ``d / dw of c (|w| - 1)^2 = 2 c (|w| - 1) w / |w|``, and 0 at w = 0."""
    y = jax.random.normal(key, (5, 2), jnp.float64)

    def penalty(w):
        return adv.gradient_penalty(lambda y: y @ w, y, y, alpha=jnp.zeros(5))

    w = jnp.array([0.9, -1.2])
    np.testing.assert_allclose(jax.grad(penalty)(w), 20 * (1.5 - 1) * np.asarray(w) / 1.5, rtol=1e-12)
    assert jax.grad(penalty)(jnp.zeros(2)).tolist() == [0, 0]


@pytest.mark.parametrize("kind", ["column", "scalar", "batch"])
def test_a_critic_of_the_wrong_shape_is_an_error_that_names_both(kind: str):
    y, tied = jnp.ones((4, 3)), jnp.arange(4.0)
    critics = {
        "column": (lambda y: y[:, :1], r"gives shape \(4, 1\).*want.*\(4,\).*Drop its trailing axis"),
        "scalar": (lambda y: y.sum(), r"gives shape \(\).*\(4,\)"),
        "batch": (lambda y: y[:, 0] * tied, r"gives shape \(4,\).*want.*\(1,\).*belongs into y"),
    }
    critic, message = critics[kind]
    for penalty in (adv.r1_penalty, adv.r2_penalty, lambda c, y: adv.gradient_penalty(c, y, y, alpha=tied)):
        with pytest.raises(ValueError, match=message):
            penalty(critic, y)


# Shapes, masks


def test_shapes_that_do_not_fit_name_both():
    column, row = jnp.zeros((4, 1)), jnp.zeros(4)
    with pytest.raises(ValueError, match=r"\(4,\) and fake \(4, 1\)"):
        adv.discriminator_loss(row, column)
    for loss in (adv.paired_discriminator_loss, adv.paired_generator_loss, adv.average_generator_loss):
        with pytest.raises(ValueError, match=r"\(4, 1\) and fake \(4,\)"):
            loss(column, row)
    with pytest.raises(ValueError, match=r"\(4, 3\) and fake \(4, 2\)"):
        adv.gradient_penalty(lambda y: y[:, 0], jnp.ones((4, 3)), jnp.ones((4, 2)), alpha=row)
    with pytest.raises(ValueError, match="exactly one of key and alpha"):
        adv.gradient_penalty(lambda y: y[:, 0], jnp.ones((4, 3)), jnp.ones((4, 3)))
    with pytest.raises(ValueError, match=r"alpha has shape \(\)"):
        adv.gradient_penalty(lambda y: y[:, 0], jnp.ones((4, 3)), jnp.ones((4, 3)), alpha=0.5)
    with pytest.raises(ValueError, match=r"mask has shape \(3,\)"):
        adv.generator_loss(row, mask=jnp.ones(3, bool))


LOSSES = {
    "discriminator": lambda r, f, m: adv.discriminator_loss(r, f, mask=m, fake_mask=m),
    "f_gan": lambda r, f, m: adv.discriminator_loss(r, f, game=adv.f_gan("kl"), mask=m, fake_mask=m),
    "paired": lambda r, f, m: adv.paired_discriminator_loss(r, f, mask=m),
    "paired generator": lambda r, f, m: adv.paired_generator_loss(r, f, mask=m),
    "average": lambda r, f, m: adv.average_discriminator_loss(r, f, mask=m, fake_mask=m),
    "average generator": lambda r, f, m: adv.average_generator_loss(r, f, mask=m, fake_mask=m),
    "penalty": lambda r, f, m: adv.gradient_penalty(jnp.exp, r, f, alpha=jnp.full(r.shape, 0.3), mask=m),
}


@pytest.mark.parametrize("name", LOSSES)
def test_masked_junk_adds_exactly_nothing(name: str, key: jax.Array):
    real, fake = jax.random.normal(key, (2, 4), jnp.float64)
    mask = jnp.array([True, False, True, True])
    step = jax.jit(jax.value_and_grad(lambda r, f: LOSSES[name](r, f, mask), (0, 1)))
    value, slopes = step(real, fake)
    kept, _ = jax.value_and_grad(lambda r, f: LOSSES[name](r, f, jnp.ones(3, bool)), (0, 1))(real[mask], fake[mask])
    np.testing.assert_allclose(value, kept, rtol=1e-12)
    for junk in (jnp.nan, jnp.inf, -jnp.inf, 1e300):
        again = step(real.at[1].set(junk), fake.at[1].set(-junk))
        np.testing.assert_array_equal(again[0], value)
        for a, b in zip(again[1], slopes, strict=True):
            np.testing.assert_array_equal(a, b)
            assert a[1] == 0
    nothing = LOSSES[name](real, fake, jnp.zeros(4, bool))
    assert float(nothing) == 0


def test_a_masked_example_never_reaches_the_critics_params():
    y = jnp.array([[1.0, 2.0], [jnp.nan, jnp.inf]])

    def penalty(w):
        return adv.r1_penalty(lambda y: jnp.tanh(y @ w), y, mask=jnp.array([True, False]))

    w = jnp.array([0.1, -0.4])
    alone = jax.grad(lambda w: adv.r1_penalty(lambda y: jnp.tanh(y @ w), y[:1]))(w)
    np.testing.assert_allclose(jax.grad(penalty)(w), alone, rtol=1e-12)


def test_reductions_agree(key: jax.Array):
    real, fake = jax.random.normal(key, (2, 6), jnp.float64)
    w, v = jnp.arange(6.0), jnp.arange(6.0)[::-1]
    options = {"weights": w, "fake_weights": v}
    each = adv.discriminator_loss(real, fake, **options, reduction="none")
    total = adv.discriminator_loss(real, fake, **options, reduction="total")
    mean = adv.discriminator_loss(real, fake, **options)
    assert isinstance(each, adv.Sides)
    np.testing.assert_allclose(each.real.sum() / 15 + each.fake.sum() / 15, mean, rtol=1e-13)
    np.testing.assert_allclose(total.real.mean() + total.fake.mean(), mean, rtol=1e-13)
    np.testing.assert_allclose(adv.discriminator_loss(real, fake, **options, reduction="sum"), 15 * mean, rtol=1e-13)
    maps = adv.discriminator_loss(real.reshape(2, 3), fake.reshape(2, 3))
    np.testing.assert_allclose(maps, adv.discriminator_loss(real, fake), rtol=1e-13)
