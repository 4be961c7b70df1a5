"""Energies over small spaces: log Z by adding up, likelihoods and pseudo-likelihoods, and what does not count."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lik_jax as lj
from lik_jax.objectives import boltzmann, contrastive_divergence, energy, noise_contrastive, score_matching

pytestmark = pytest.mark.usefixtures("x64")

RNG = np.random.default_rng(7)
TABLE = RNG.normal(size=(3, 3, 3))  # an energy for each state of three sites with three values


def table_energy(table):
    def of(y):
        i, j, k = jnp.moveaxis(y.astype(jnp.int32), -1, 0)
        return table[i, j, k]

    return of


def test_states_are_counted_up():
    expected = list(itertools.product([0.0, 1.0], repeat=3))
    np.testing.assert_array_equal(energy.states(3), expected)
    np.testing.assert_array_equal(energy.states(3, start=5, count=3), expected[5:])
    np.testing.assert_array_equal(energy.states(2, jnp.arange(3))[4], [1, 1])


@pytest.mark.parametrize("chunk_size", [1, 5, 27, 100])
def test_log_partition_adds_up_every_state_once(chunk_size: int):
    def log_z(table):
        return energy.log_partition(table_energy(table), 3, jnp.arange(3), chunk_size=chunk_size)

    value, slope = jax.value_and_grad(log_z)(jnp.asarray(TABLE))
    weights = np.exp(-TABLE)
    np.testing.assert_allclose(value, np.log(weights.sum()), rtol=1e-13)
    np.testing.assert_allclose(slope, -weights / weights.sum(), rtol=1e-12)


def test_log_partition_of_large_and_impossible_energies():
    def cliff(y):
        return jnp.where(y.sum(-1) == 2, -1000.0, jnp.inf)

    np.testing.assert_allclose(energy.log_partition(cliff, 5, chunk_size=4), 1000 + np.log(10), rtol=1e-14)

    def sloped(w):
        return energy.log_partition(lambda y: jnp.where(y[:, 0] == 1, w * y.sum(-1), jnp.inf), 4, chunk_size=4)

    value, slope = jax.value_and_grad(sloped)(jnp.float64(0.3))
    np.testing.assert_allclose(value, -0.3 + 3 * np.log1p(np.exp(-0.3)), rtol=1e-13)
    np.testing.assert_allclose(slope, -1 - 3 / (1 + np.exp(0.3)), rtol=1e-13)
    assert float(energy.log_partition(lambda y: jnp.full(len(y), jnp.inf), 3)) == -jnp.inf


def test_nan_is_kept():
    assert jnp.isnan(energy.log_partition(lambda y: jnp.where(y.sum(-1) == 2, jnp.nan, 0.0), 3, chunk_size=2))
    assert jnp.isnan(energy.nll(lambda y: y.sum(-1) * jnp.nan, jnp.ones((2, 2)), 0.0))
    assert jnp.isnan(energy.pseudo_nll(lambda y: jnp.where(y.sum(-1) == 0, jnp.nan, 0.0), jnp.eye(2)))


def test_too_many_states_say_so():
    with pytest.raises(ValueError, match="2\\^31 states are too many"):
        energy.log_partition(lambda y: y.sum(-1), 31)


def test_probabilities_sum_to_one_and_the_gradient_is_right():
    y = jnp.array([[0, 2, 1], [1, 1, 1]])

    def loss(table):
        of = table_energy(table)
        return energy.nll(of, y, energy.log_partition(of, 3, jnp.arange(3)))

    p = np.exp(-TABLE) / np.exp(-TABLE).sum()
    of = table_energy(jnp.asarray(TABLE))
    log_z = energy.log_partition(of, 3, jnp.arange(3))
    every = energy.states(3, jnp.arange(3))
    np.testing.assert_allclose(jnp.exp(energy.log_prob(of, every, log_z)), p.ravel(), rtol=1e-12)
    seen = np.zeros_like(p)
    seen[0, 2, 1] = seen[1, 1, 1] = 0.5
    np.testing.assert_allclose(jax.grad(loss)(jnp.asarray(TABLE)), seen - p, atol=1e-14)


def test_pseudo_likelihood_by_its_definition():
    p = np.exp(-TABLE)
    expected = 0.0
    for y in ([0, 2, 1], [1, 1, 1]):
        for site in range(3):
            others = tuple(slice(None) if i == site else y[i] for i in range(3))
            expected -= np.log(p[tuple(y)] / p[others].sum()) / 2
    y = jnp.array([[0, 2, 1], [1, 1, 1]])
    of = table_energy(jnp.asarray(TABLE))
    np.testing.assert_allclose(energy.pseudo_nll(of, y, jnp.arange(3)), expected, rtol=1e-13)
    assert energy.pseudo_nll(of, y.at[0, 0].set(7), jnp.arange(3), reduction="none")[0] == jnp.inf


def test_pseudo_likelihood_is_stationary_at_the_data_distribution():
    p = np.exp(-TABLE).ravel()
    every = energy.states(3, jnp.arange(3))

    @jax.jit
    def loss(table):
        return energy.pseudo_nll(table_energy(table), every, jnp.arange(3), weights=p / p.sum())

    np.testing.assert_allclose(jax.grad(loss)(jnp.asarray(TABLE)), 0, atol=1e-14)
    assert float(loss(jnp.asarray(TABLE))) < float(loss(jnp.asarray(TABLE + 0.1 * RNG.normal(size=TABLE.shape))))


MACHINE = boltzmann.Params(jnp.asarray(RNG.normal(size=(4, 4)), jnp.float32), jnp.asarray([0.1, -0.3, 0.2, 0.5]))


def machine() -> boltzmann.Params:
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), MACHINE)


def test_boltzmann_machine_by_adding_up():
    params = machine()
    j, b = (np.asarray(leaf) for leaf in params)
    every = np.array(list(itertools.product([0, 1], repeat=4)))
    energies = [
        -b @ v - sum(0.5 * (j[i, k] + j[k, i]) * v[i] * v[k] for i in range(4) for k in range(i)) for v in every
    ]
    np.testing.assert_allclose(boltzmann.energy(params, every), energies, rtol=1e-13)
    np.testing.assert_allclose(boltzmann.log_partition(params), np.log(np.exp(-np.array(energies)).sum()), rtol=1e-13)
    flipped = np.array([[energies[n ^ (8 >> i)] - energies[n] for i in range(4)] for n in range(16)])
    # log-odds of a 1: what flipping a 0 gains, what flipping a 1 loses
    np.testing.assert_allclose(boltzmann.logits(params, every), flipped * (2 * every - 1), atol=1e-13)
    generic = energy.pseudo_nll(lambda v: boltzmann.energy(params, v), every)
    np.testing.assert_allclose(boltzmann.pseudo_nll(params, every), generic, rtol=1e-13)


def test_boltzmann_diagonal_and_asymmetry_count_for_nothing():
    slope = jax.grad(lambda p: boltzmann.energy(p, jnp.array([1, 0, 1, 1])))(machine())
    np.testing.assert_allclose(jnp.diagonal(slope.couplings), 0)
    np.testing.assert_allclose(slope.couplings, slope.couplings.T)


@pytest.mark.slow
def test_boltzmann_gibbs_leaves_the_model_as_it_is(key: jax.Array):
    params, n = machine(), 100_000
    first, second = jax.random.split(key)
    every = energy.states(4)
    p = jnp.exp(-boltzmann.energy(params, every) - boltzmann.log_partition(params))
    start = every[jax.random.choice(first, 16, (n,), p=p)]
    end = np.asarray(jax.jit(boltzmann.gibbs(params))(second, start))
    share, p = np.bincount((end @ [8, 4, 2, 1]).astype(int), minlength=16) / n, np.asarray(p)
    assert (np.abs(share - p) / np.sqrt(p * (1 - p) / n)).max() < 4
    assert (end != np.asarray(start)).mean() > 0.2


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (lambda y: y, r"shape \(3, 2\).*Sum over the axes of an example"),
        (lambda y: y[:, :1], "Drop the trailing axis"),
        (lambda y: y.sum(), "without summing or averaging"),
        (lambda y: jnp.zeros(5), r"want \(3,\)"),
    ],
)
def test_an_energy_of_the_wrong_shape_says_so(output, message: str):
    y = jnp.ones((3, 2))
    with pytest.raises(ValueError, match=message):
        energy.nll(output, y, 0.0)
    with pytest.raises(ValueError, match="energy gave the shape"):
        score_matching.of_energy(output)(y)
    with pytest.raises(ValueError, match="energy gave the shape"):
        contrastive_divergence.surrogate(output, y, y)
    with pytest.raises(ValueError, match="energy gave the shape"):
        noise_contrastive.nce(output, lambda y: y.sum(-1), y, y[:, None])


def test_the_modules_are_public():
    assert lj.energy is energy
    assert lj.rbm.Params._fields == ("weights", "visible_bias", "hidden_bias")


def quadratic(w):
    return lambda y: w[0] * (y**2).sum(-1) + w[1] * y.sum(-1)


def linear(w):
    return lambda y: w[0] * y + w[1]


NOISE = RNG.normal(size=(4, 2))
LOSSES = {
    "nll": lambda w, y, rows, **rest: energy.nll(quadratic(w), y, w[0], **rest),
    "pseudo_nll": lambda w, y, rows, **rest: energy.pseudo_nll(quadratic(w), y, (0.0, 1.0), **rest),
    "boltzmann": lambda w, y, rows, **rest: boltzmann.pseudo_nll(
        boltzmann.Params(w[0] * jnp.eye(2)[::-1], w), y, **rest
    ),
    "surrogate": lambda w, y, rows, **rest: contrastive_divergence.surrogate(quadratic(w), y, NOISE, **rest),
    "cd": lambda w, y, rows, **rest: contrastive_divergence.cd(
        quadratic(w), lambda key, y: y + w[0], y, key=jax.random.key(0), **rest
    ),
    "nce": lambda w, y, rows, **rest: noise_contrastive.nce(quadratic(w), linear_noise, y, negatives(rows), **rest),
    "ranking": lambda w, y, rows, **rest: noise_contrastive.ranking(
        quadratic(w), linear_noise, y, negatives(rows), **rest
    ),
    "implicit": lambda w, y, rows, **rest: score_matching.implicit(linear(w), y, **rest),
    "sliced": lambda w, y, rows, **rest: score_matching.sliced(linear(w), y, probes=NOISE[rows][None], **rest),
    "denoising": lambda w, y, rows, **rest: score_matching.denoising(linear(w), y, 0.5, noise=NOISE[rows], **rest),
    "noise_conditional": lambda w, y, rows, **rest: score_matching.noise_conditional(
        lambda y, sigma: linear(w)(y), y, [1.0, 0.5], levels=np.array([0, 1, 1, 0])[rows], noise=NOISE[rows], **rest
    ),
    "joint_energy": lambda w, y, rows, **rest: lj.joint_energy.loss(
        linear(w), y, np.array([0, 1, 1, 0])[rows], NOISE, **rest
    ),
}


def linear_noise(y):
    return -(y**2).sum(-1)


def negatives(rows):
    return jnp.stack([NOISE[rows], NOISE[rows] + 1], 1)


@pytest.mark.parametrize("name", LOSSES)
def test_masked_junk_adds_exactly_nothing(name: str):
    """Against the losses of clean examples, one by one, weighted by hand."""
    clean = jnp.array([[0.0, 1.0], [1.0, 1.0], [1.0, 1.0], [1.0, 0.0]])
    junk = clean.at[2].set(jnp.array([jnp.nan, jnp.inf]))
    mask, weights = jnp.array([True, True, False, True]), jnp.array([1.0, 2.0, 0.5, 3.0])

    def loss(w, y, **rest):
        return LOSSES[name](w, y, slice(None), **rest)

    def by_hand(w):
        each = loss(w, clean, reduction="none")
        return (jnp.where(mask, weights, 0) * each).sum() / 6

    @jax.jit
    def everything(w):
        masked = jax.value_and_grad(lambda w: loss(w, junk, mask=mask, weights=weights))(w)
        none = jax.value_and_grad(lambda w: loss(w, junk, mask=jnp.zeros(4, bool)))(w)
        return masked, jax.value_and_grad(by_hand)(w), none, loss(w, junk, mask=mask, reduction="none")

    masked, expected, none, each = everything(jnp.array([0.7, -0.4]))
    np.testing.assert_allclose(masked[0], expected[0], rtol=1e-13)
    np.testing.assert_allclose(masked[1], expected[1], rtol=1e-12, atol=1e-14)
    assert float(none[0]) == 0
    np.testing.assert_array_equal(none[1], 0)
    assert each.shape == (4,)
    assert float(each[2]) == 0
