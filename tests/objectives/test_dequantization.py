"""Dequantisation: exact masses of bins, closed-form expectations, units, masks."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats as st

import lik_jax as lj
from lik_jax import bijectors, dequantization
from lik_jax.distributions import normal

pytestmark = pytest.mark.usefixtures("x64")

LOC, SCALE = np.array([1.3, 4.0]), np.array([0.8, 2.5])
Y = np.array([[0.0, 3.0], [2.0, 7.0], [1.0, 1.0]])
# two nodes of Gauss and Legendre on [0, 1]: the mean over them is exact for a quadratic, and a normal's log is one
GAUSS = np.broadcast_to(np.array([0.5 - math.sqrt(1 / 12), 0.5 + math.sqrt(1 / 12)])[:, None, None], (2, 3, 2))


def density(x):
    params = normal.Params(jnp.asarray(LOC)[None], jnp.asarray(SCALE)[None])
    return normal.log_prob(params, x).sum(-1)


def masses() -> np.ndarray:
    """``log P(y)`` of each row, from scipy."""
    law = st.norm(LOC, SCALE)
    return np.log(law.cdf(np.asarray(Y) + 1) - law.cdf(np.asarray(Y))).sum(-1)


def flat(low: float, high: float):
    """Log-density of the uniform on [low, high) in every coordinate."""

    def log_prob(x):
        inside = ((x >= low) & (x < high)).all(-1)
        return jnp.where(inside, -x.shape[-1] * math.log(high - low), -jnp.inf)

    return log_prob


@pytest.mark.parametrize(("low", "high"), [(0, 255), (0, 1), (-1, 1)])
def test_uniform_on_256_levels_is_8_bits_in_any_units(low, high, key):
    width = dequantization.bin_width(low, high, 256)
    y = low + width * jnp.array([[0.0, 128.0, 255.0]])
    parts = dequantization.bound(flat(low, high + width), y, key=key, bin_width=width, num_samples=3)
    bits = lj.bits_per_dim(-parts.bound, 3)
    np.testing.assert_allclose(bits, 8.0, rtol=1e-12)
    np.testing.assert_allclose(lj.bits_per_dim(-parts.importance_bound, 3), 8.0, rtol=1e-12)


def test_uniform_on_17_levels(key):
    parts = dequantization.bound(flat(0, 17), jnp.arange(17.0)[:, None], key=key)
    np.testing.assert_allclose(lj.bits_per_dim(-parts.bound, 1), 4.08746284, atol=5e-9)


@pytest.mark.parametrize(("low", "high"), [(0.0, 16.0), (0.0, 1.0), (-1.0, 1.0)])
def test_bits_do_not_depend_on_units(low: float, high: float):
    """One model in three units: its log-determinant and the bin's width cancel."""
    width = dequantization.bin_width(low, high, 17)
    model = lj.transformed(lj.independent(normal, 1), bijectors.scaling(width, low))
    params = model.Params(normal.Params(jnp.asarray(LOC), jnp.asarray(SCALE)), ())
    parts = dequantization.bound(lambda x: model.log_prob(params, x), low + width * Y, noise=GAUSS, bin_width=width)
    plain = dequantization.bound(density, Y, noise=GAUSS)
    np.testing.assert_allclose(parts.bound, plain.bound, rtol=1e-12)
    np.testing.assert_allclose(parts.importance_bound, plain.importance_bound, rtol=1e-12)


def test_logit_preprocessing_counts_its_volume():
    """Through the logit and back: the density of the levels is the same."""
    low = 0.05
    units = bijectors.chain([bijectors.scaling(1 / 17), bijectors.logit(low)])

    # the density of z = logit(low + (1 - 2 low) x / 17) where x is normal, by the change of variables typed out
    def of_z(z):
        p = 1 / (1 + jnp.exp(-z))
        x = 17 * (p - low) / (1 - 2 * low)
        return density(x) + jnp.log(17 * p * (1 - p) / (1 - 2 * low)).sum(-1)

    def log_prob(x):
        z, log_det = units.forward(((), ()), x)
        return of_z(z) + log_det.sum(-1)

    got = dequantization.bound(log_prob, Y, noise=GAUSS)
    np.testing.assert_allclose(got.bound, dequantization.bound(density, Y, noise=GAUSS).bound, rtol=1e-10)


def test_uniform_noise_in_closed_form():
    z = np.asarray(Y) - LOC
    # the mean over u in [0, 1] of (z + u)^2 is z^2 + z + 1 / 3
    want = (-0.5 * (z**2 + z + 1 / 3) / SCALE**2 - np.log(SCALE) - 0.5 * np.log(2 * np.pi)).sum(-1)
    parts = dequantization.bound(density, Y, noise=GAUSS)
    np.testing.assert_allclose(parts.bound, want, rtol=1e-12)
    assert (np.asarray(parts.bound) < masses()).all()
    np.testing.assert_array_equal(parts.log_noise, 0)


def test_many_importance_samples_reach_the_mass():
    centres = (jnp.arange(200.0) + 0.5) / 200
    grid = jnp.stack(jnp.meshgrid(centres, centres, indexing="ij"), -1).reshape(-1, 1, 2)
    parts = dequantization.bound(density, Y, noise=jnp.broadcast_to(grid, (40000, 3, 2)))
    np.testing.assert_allclose(parts.importance_bound, masses(), atol=1e-5)
    assert (parts.importance_bound > parts.bound).all()


def test_the_exact_posterior_has_no_gap_and_no_variance():
    """Given ``y``, ``u`` is a normal cut to the bin: whatever it is, it gives the mass itself."""
    cut = lj.truncated(normal, low=0.0, high=1.0)
    params = normal.Params(jnp.asarray(LOC - Y), jnp.broadcast_to(jnp.asarray(SCALE), Y.shape))

    @jax.jit
    def each_way(params):
        each = dequantization.bound(density, Y, noise=GAUSS, posterior=cut, params=params)
        return each, dequantization.bound(density, Y, noise=GAUSS, posterior=lj.independent(cut, 1), params=params)

    for parts in each_way(params):
        np.testing.assert_allclose(parts.log_weights, np.broadcast_to(masses(), (2, 3)), rtol=1e-10)


@pytest.mark.slow
def test_drawn_noise_of_the_exact_posterior_has_no_variance(key):
    cut = lj.truncated(normal, low=0.0, high=1.0)
    params = normal.Params(jnp.asarray(LOC - Y), jnp.broadcast_to(jnp.asarray(SCALE), Y.shape))
    draw = jax.jit(
        lambda params, key: dequantization.bound(density, Y, key=key, num_samples=4, posterior=cut, params=params)
    )
    np.testing.assert_allclose(draw(params, key).log_weights, np.broadcast_to(masses(), (4, 3)), rtol=1e-10)


@pytest.mark.slow
def test_learnt_noise_tightens_the_bound(key):
    """A logit-normal on the unit cube, fitted by gradient: between the uniform bound and the mass."""
    cube = lj.transformed(lj.independent(normal, 1), bijectors.inverted(bijectors.logit()))

    def loss(raw, key):
        params = cube.Params(normal.constrain(raw), ())
        return dequantization.loss(density, Y, key=key, num_samples=64, posterior=cube, params=params)

    @jax.jit
    def fit(raw, key):
        def step(raw, key):
            return raw - 0.5 * jax.grad(loss)(raw, key), None

        first, last = jax.random.split(key)
        raw, _ = jax.lax.scan(step, raw, jax.random.split(first, 60))
        params = cube.Params(normal.constrain(raw), ())
        return dequantization.bound(density, Y, key=last, num_samples=20000, posterior=cube, params=params)

    parts = fit(jnp.zeros((3, 2, 2)), key)
    error = parts.log_weights.std(0) / math.sqrt(20000)
    uniform = dequantization.bound(density, Y, noise=GAUSS).bound
    assert (parts.bound < masses() + 4 * error).all()
    assert (parts.bound > uniform + 4 * error)[:2].all()
    np.testing.assert_allclose(parts.importance_bound, masses(), atol=5 * float(error.max()))


def test_masked_junk_adds_exactly_nothing(key):
    posterior = lj.truncated(normal, low=0.0, high=1.0)

    def step(y, loc, mask, weights):
        def loss(loc, theta, weights):
            return dequantization.loss(
                lambda x: theta * density(x),
                y,
                noise=GAUSS,
                mask=mask,
                weights=weights,
                posterior=posterior,
                params=normal.Params(loc, jnp.ones_like(loc)),
            )

        return jax.value_and_grad(loss, (0, 1, 2))(loc, 0.7, weights)

    run = jax.jit(step)
    mask = jnp.array([True, False, True])
    loc, weights = 0.3 * jnp.ones((3, 2)), jnp.array([1.0, 2.0, 3.0])
    want = run(Y, loc, mask, weights)
    for junk in (jnp.nan, jnp.inf, -3.5):
        got = run(jnp.asarray(Y).at[1].set(junk), loc.at[1].set(junk), mask, weights)
        for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
            np.testing.assert_array_equal(a, b)
    assert not np.asarray(want[1][0][1]).any()
    nothing = run(Y, loc, jnp.zeros(3, bool), weights)
    assert all(bool((leaf == 0).all()) for leaf in jax.tree.leaves(nothing))


def test_reductions_agree():
    mask, weights = jnp.array([True, True, False]), jnp.array([1.0, 3.0, 5.0])
    each = -dequantization.bound(density, Y, noise=GAUSS).bound
    got = {
        r: dequantization.loss(density, Y, noise=GAUSS, mask=mask, weights=weights, reduction=r)
        for r in ("mean", "sum", "none", "total")
    }
    total = each[0] + 3 * each[1]
    np.testing.assert_allclose(got["sum"], total)
    np.testing.assert_allclose(got["mean"], total / 4)
    np.testing.assert_allclose(got["none"], each * jnp.array([1.0, 3.0, 0.0]))
    np.testing.assert_allclose((got["total"].value, got["total"].weight), (total, 4))


def test_errors(key):
    with pytest.raises(ValueError, match="exactly one of key and noise"):
        dequantization.bound(density, Y)
    with pytest.raises(ValueError, match=r"noise has shape \(3, 2\)"):
        dequantization.bound(density, Y, noise=GAUSS[0])
    with pytest.raises(ValueError, match="one number an example"):
        dequantization.bound(lambda x: x, Y, key=key)
    with pytest.raises(ValueError, match="give posterior="):
        dequantization.bound(density, Y, key=key, params=normal.Params(0.0, 1.0))
    with pytest.raises(ValueError, match="bin_width is 0"):
        dequantization.bound(density, Y, key=key, bin_width=0.0)
    with pytest.raises(ValueError, match="2 or more"):
        dequantization.bin_width(0, 1, 1)
    cut = lj.truncated(normal, low=0.0, high=1.0)
    with pytest.raises(ValueError, match=r"params\.loc has shape \(3,\)"):
        dequantization.bound(density, Y, key=key, posterior=cut, params=normal.Params(jnp.zeros(3), 1.0))
