"""The negative log-likelihood: shapes, masks, weights, reductions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lik_jax as lj
from lik_jax import bernoulli, normal


def batch(n: int = 4) -> tuple[normal.Params, jax.Array]:
    return normal.Params(jnp.linspace(-1.0, 1.0, n), jnp.linspace(0.5, 2.0, n)), jnp.linspace(0.0, 3.0, n)


# Shapes


@pytest.mark.parametrize(
    ("param", "y"),
    [((4, 1), (4,)), ((4,), (4, 1)), ((3,), (4,)), ((4,), (5, 4)), ((1,), (4,)), ((4, 5), (4,)), ((1, 4), (4,))],
)
def test_shapes_that_do_not_fit_are_an_error_that_names_both(param, y):
    params = normal.Params(jnp.zeros(param), jnp.ones(()))
    with pytest.raises(ValueError) as error:
        lj.nll(normal, params, jnp.zeros(y))
    message = str(error.value)
    assert str(param) in message
    assert str(y) in message
    assert ".loc" in message


def test_each_parameter_is_checked():
    with pytest.raises(ValueError, match=r"\.scale"):
        lj.nll(normal, normal.Params(jnp.zeros(4), jnp.ones((4, 1))), jnp.zeros(4))


def test_the_column_against_the_row_says_which_axis_to_drop():
    with pytest.raises(ValueError, match=r"x\[\.\.\., 0\]"):
        lj.nll(normal, normal.Params(jnp.zeros((4, 1)), 1.0), jnp.zeros(4))
    with pytest.raises(ValueError, match=r"y\[\.\.\., 0\]"):
        lj.nll(normal, normal.Params(jnp.zeros(4), 1.0), jnp.zeros((4, 1)))


def test_a_row_that_is_one_observation_is_pointed_to_independent():
    with pytest.raises(ValueError, match="independent"):
        lj.nll(normal, normal.Params(jnp.zeros(4), 1.0), jnp.zeros((4, 3)))


def test_one_shared_value_is_fine():
    params, y = batch()
    shared = normal.Params(0.5, 2.0)
    want = -normal.log_prob(normal.Params(jnp.full(4, 0.5), jnp.full(4, 2.0)), y).mean()
    np.testing.assert_allclose(lj.nll(normal, shared, y), want, rtol=1e-6)
    np.testing.assert_allclose(lj.nll(normal, params._replace(scale=jnp.asarray(2.0)), y).shape, ())


def test_raw_in_place_of_params_is_an_error_that_names_constrain():
    with pytest.raises(ValueError, match="constrain"):
        lj.nll(normal, jnp.zeros((4, 2)), jnp.zeros(4))


@pytest.mark.parametrize("word", ["mask", "weights"])
@pytest.mark.parametrize("shape", [(4, 1), (3,), (1,), (2, 4)])
def test_mask_and_weights_have_one_number_an_example(word, shape):
    params, y = batch()
    with pytest.raises(ValueError, match=word):
        lj.nll(normal, params, y, **{word: jnp.ones(shape)})


def test_the_guard_speaks_under_jit_and_vmap():
    params = normal.Params(jnp.zeros((4, 1)), 1.0)
    with pytest.raises(ValueError, match="trailing axis"):
        jax.jit(lambda p, y: lj.nll(normal, p, y))(params, jnp.zeros(4))
    many = jax.vmap(lambda loc, y: lj.nll(normal, normal.Params(loc, 1.0), y))(jnp.zeros((3, 4)), jnp.ones((3, 4)))
    assert many.shape == (3,)


# Reductions


def test_reductions_agree():
    params, y = batch()
    each = np.asarray(-normal.log_prob(params, y))
    w = np.array([1.0, 0.0, 2.0, 0.5], np.float32)
    nll = lambda **options: lj.nll(normal, params, y, **options)  # noqa: E731
    np.testing.assert_allclose(nll(reduction="none"), each, rtol=1e-6)
    np.testing.assert_allclose(nll(reduction="sum"), each.sum(), rtol=1e-6)
    np.testing.assert_allclose(nll(), each.mean(), rtol=1e-6)
    np.testing.assert_allclose(nll(weights=jnp.asarray(w)), (w * each).sum() / w.sum(), rtol=1e-6)
    np.testing.assert_allclose(nll(weights=jnp.asarray(w), reduction="none"), w * each, rtol=1e-6)
    total = nll(weights=jnp.asarray(w), reduction="total")
    np.testing.assert_allclose((total.value, total.weight), ((w * each).sum(), w.sum()), rtol=1e-6)


def test_a_mean_is_over_examples_and_not_over_what_broadcasts():
    y = jnp.arange(6.0).reshape(2, 3)
    np.testing.assert_allclose(
        lj.nll(normal, normal.Params(0.0, 1.0), y), -normal.log_prob(normal.Params(0.0, 1.0), y).mean(), rtol=1e-6
    )


def test_totals_add_over_batches():
    params, y = batch(6)
    w = jnp.array([1.0, 0.0, 2.0, 0.5, 1.0, 1.0])
    parts = [
        lj.nll(normal, normal.Params(*(p[s] for p in params)), y[s], weights=w[s], reduction="total")
        for s in (slice(0, 1), slice(1, 2), slice(2, 6))
    ]
    whole = parts[0] + parts[1] + parts[2]
    np.testing.assert_allclose(whole.mean(), lj.nll(normal, params, y, weights=w), rtol=1e-6)


def test_an_unknown_reduction_is_an_error_that_lists_them():
    with pytest.raises(ValueError, match="'total'"):
        lj.nll(normal, *batch(), reduction="average")  # type: ignore[arg-type]


def test_no_weight_at_all_gives_zero_with_zero_gradient():
    params, y = batch()
    for options in ({"mask": jnp.zeros(4, bool)}, {"weights": jnp.zeros(4)}):
        value, slopes = jax.value_and_grad(lambda p, o=options: lj.nll(normal, p, y, **o))(params)
        assert value == 0
        assert not any(np.asarray(s).any() for s in slopes)


def test_no_examples_at_all_give_zero():
    assert lj.nll(normal, normal.Params(0.0, 1.0), jnp.zeros(0)) == 0


# Masks


@pytest.mark.parametrize("junk", [np.nan, np.inf, -np.inf])
def test_masked_junk_adds_exactly_nothing(junk):
    params, y = batch()
    mask = jnp.array([True, False, True, True])
    step = jax.jit(jax.value_and_grad(lambda p, y, m: lj.nll(normal, p, y, mask=m), (0, 1)))
    want = step(params, y, mask)
    spoiled = jax.tree.map(lambda x: x.at[1].set(junk), (params, y))
    got = step(*spoiled, mask)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        np.testing.assert_array_equal(a, b)
    kept = lj.nll(normal, jax.tree.map(lambda x: x[mask], params), y[mask])
    np.testing.assert_allclose(want[0], kept, rtol=1e-6)


def test_a_weight_of_zero_masks():
    params, y = batch()
    y = y.at[2].set(jnp.nan)
    w = jnp.array([1.0, 1.0, 0.0, 3.0])
    value, slopes = jax.value_and_grad(lambda w: lj.nll(normal, params, y, weights=w))(w)
    assert np.isfinite(value)
    assert np.isfinite(slopes).all()


def test_nan_that_counts_is_seen():
    params, y = batch()
    assert np.isnan(lj.nll(normal, params, y.at[2].set(jnp.nan)))
    assert np.isnan(lj.nll(normal, params, y.at[2].set(jnp.nan), mask=jnp.ones(4, bool)))


def test_a_label_out_of_range_is_an_infinite_loss():
    assert lj.nll(bernoulli, bernoulli.Params(jnp.zeros(3)), jnp.array([0, 1, 2])) == np.inf


def test_one_compile_serves_every_mask(compiles):
    params, y = batch()
    step = jax.jit(jax.grad(lambda p, m: lj.nll(normal, p, y, mask=m)))
    masks = [jnp.array([True, False, True, True]), jnp.zeros(4, bool)]
    jax.block_until_ready(step(params, masks[0]))
    with compiles() as names:
        jax.block_until_ready(step(params, masks[1]))
    assert names == []


def test_half_precision_is_computed_in_single():
    params, y = jax.tree.map(lambda x: x.astype(jnp.bfloat16), batch())
    loss, slopes = jax.value_and_grad(lambda p: lj.nll(normal, p, y))(params)
    assert loss.dtype == jnp.float32
    assert all(s.dtype == jnp.bfloat16 for s in slopes)


@pytest.mark.parametrize("y", [[1.0, 2.0], None], ids=["list", "none"])
def test_a_y_that_is_no_array_is_named(y):
    with pytest.raises(ValueError, match="make it an array"):
        lj.nll(normal, normal.Params(0.0, 1.0), y)


def test_a_mask_of_floats_is_an_error():
    with pytest.raises(ValueError, match="want bool"):
        lj.nll(normal, normal.Params(0.0, 1.0), jnp.zeros(2), mask=jnp.array([0.5, 1.0]))


def test_totals_add_by_sum():
    parts = [lj.nll(normal, normal.Params(0.0, 1.0), jnp.ones(n), reduction="total") for n in (2, 3)]
    np.testing.assert_allclose(sum(parts).weight, 5.0)
