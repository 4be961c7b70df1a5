"""Every distribution against every law of the contract, one test a law (`cases.py` has the rows)."""

import inspect
import pkgutil
from functools import partial

import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
import pytest
from case import Case
from cases import CASES
from composed import COMPOSED
from laws import (
    cast,
    close,
    compiled,
    compiled_sample,
    compiled_slopes,
    directional,
    example,
    floats_of,
    is_float,
    location,
    quadrature,
)

import lik_jax as lj

BEFORE = ["event_ndim", "support", "Params", "param_supports", "log_prob", "expected_log_prob"]
TAILS = [
    "log_cdf",
    "log_sf",
    "cdf",
    "icdf",
    "sample",
    "mean",
    "variance",
    "covariance",
    "mode",
    "entropy",
    "kl_divergence",
]
ORDER = [*BEFORE, *TAILS, "constrain", "unconstrain", "raw_size", "init", "mle"]

pytestmark = pytest.mark.filterwarnings("error")


def having(*names: str, heavy: bool = False):
    """Run a law on the rows whose distribution has ``names``; a ``heavy`` law is slow work on a heavy row."""
    rows = [
        pytest.param(c, id=c.name, marks=[pytest.mark.slow] * (heavy and c.heavy))
        for c in CASES
        if all(hasattr(c.distribution, name) for name in names)
    ]
    return pytest.mark.parametrize("case", rows)


def referring(*names: str):
    """Run a law on the rows whose distribution and whose reference have the function."""
    ours, theirs = names[0], names[1:]
    rows = [
        c
        for c in CASES
        if hasattr(c.distribution, ours) and c.reference and any(hasattr(c.frozen(), t) for t in theirs)
    ]
    return pytest.mark.parametrize("case", rows, ids=lambda c: c.name)


def leaves(tree):
    return [(jax.tree_util.keystr(path), leaf) for path, leaf in jax.tree_util.tree_leaves_with_path(tree)]


# Values


@referring("log_prob", "logpdf", "logpmf")
def test_log_prob_is_the_reference(case: Case, x64):
    truth = case.frozen()
    y = case.observations()
    want = truth.logpmf(y) if hasattr(truth, "logpmf") and case.discrete else truth.logpdf(y)
    got = compiled(case.distribution, "log_prob")(cast(case.params, float), cast(y, float))
    assert got.shape == want.shape
    close(got, want, case.rtol, case.rtol)


@pytest.mark.parametrize("case", [c for c in CASES if c.total is not None], ids=lambda c: c.name)
def test_total_probability_is_one(case: Case, x64):
    if callable(case.total):
        close(case.total(case), 1.0, 1e-6)
        return
    y, log_weight = quadrature(case)
    log_prob = compiled(case.distribution, "log_prob")(cast(case.params, float), jnp.asarray(y))
    close(np.exp(np.asarray(log_prob) + log_weight).sum(0), 1.0, 1e-5)


@referring("mean", "mean")
def test_mean_is_the_reference(case: Case, x64):
    close(compiled(case.distribution, "mean")(cast(case.params, float)), case.frozen().mean(), case.rtol, case.rtol)


@referring("variance", "var")
def test_variance_is_the_reference(case: Case, x64):
    close(compiled(case.distribution, "variance")(cast(case.params, float)), case.frozen().var(), case.rtol, 1e-12)


@referring("entropy", "entropy")
def test_entropy_is_the_reference(case: Case, x64):
    close(compiled(case.distribution, "entropy")(cast(case.params, float)), case.frozen().entropy(), 1e-7, 1e-7)


@having("mean", "variance")
def test_moments_are_those_of_the_density(case: Case, x64):
    if not isinstance(case.total, int | str):
        pytest.skip("not a number, or not a density")
    y, log_weight = quadrature(case)
    params = cast(case.params, float)
    p = np.exp(np.asarray(compiled(case.distribution, "log_prob")(params, jnp.asarray(y))) + log_weight)
    mean = np.where(p > 0, p * y, 0).sum(0)
    variance = np.where(p > 0, p * (y - mean) ** 2, 0).sum(0)
    want = np.asarray(compiled(case.distribution, "variance")(params))
    finite = np.isfinite(want)
    close(mean, compiled(case.distribution, "mean")(params), 1e-5, 1e-7)
    close(variance[finite], want[finite], 1e-4, 1e-7)


@having("entropy")
def test_entropy_is_the_mean_of_minus_log_prob(case: Case, x64):
    if not isinstance(case.total, int | str):
        pytest.skip("not a number, or not a density")
    y, log_weight = quadrature(case)
    params = cast(case.params, float)
    log_prob = np.asarray(compiled(case.distribution, "log_prob")(params, jnp.asarray(y)))
    terms = np.where(
        np.isfinite(log_prob), np.exp(log_prob + log_weight) * -np.where(np.isfinite(log_prob), log_prob, 0), 0
    )
    close(compiled(case.distribution, "entropy")(params), terms.sum(0), 1e-5, 1e-6)


@having("mode")
def test_mode_is_where_log_prob_is_highest(case: Case, x64):
    params = cast(case.params, float)
    mode = compiled(case.distribution, "mode")(params)
    log_prob = compiled(case.distribution, "log_prob")
    top = np.asarray(log_prob(params, mode))
    assert not np.isnan(top).any()
    if isinstance(case.observations(), tuple):
        return
    others = np.asarray(log_prob(params, cast(case.observations(), float)))
    assert (top >= others - 1e-9).all()
    if case.distribution.event_ndim == 0:
        width = 1.0 if case.discrete else 1e-3 * location(case)[1]
        for near in (mode - width, mode + width):
            assert (top >= np.asarray(log_prob(params, near)) - 1e-9).all()


@having("kl_divergence")
def test_kl_divergence(case: Case, x64):
    p = cast(case.params, float)
    q = jax.tree_util.tree_map_with_path(
        lambda path, x: x if jax.tree_util.keystr(path).strip(".") in case.known else jnp.roll(x, 1, 0), p
    )
    kl = compiled(case.distribution, "kl_divergence")
    close(kl(p, p), 0.0, 0, 1e-9)
    got = np.asarray(kl(p, q))
    assert (got >= 0).all()
    if not isinstance(case.total, int | str):
        return
    y, log_weight = quadrature(case)
    log_prob = compiled(case.distribution, "log_prob")
    log_p, log_q = np.asarray(log_prob(p, jnp.asarray(y))), np.asarray(log_prob(q, jnp.asarray(y)))
    weight = np.exp(log_p + log_weight)
    keep = weight > 1e-300
    want = np.where(keep, weight * (np.where(keep, log_p, 0) - np.where(keep, log_q, 0)), 0).sum(0)
    close(got, want, 1e-5, 1e-7)


@having("expected_log_prob")
def test_expected_log_prob_of_certainty_is_log_prob(case: Case, x64):
    params = cast(case.params, float)
    y = case.observations()
    if case.distribution.support == lj.supports.boolean:
        soft = y
    else:
        k = np.shape(jax.tree.leaves(case.params)[0])[-1]
        soft = np.eye(k)[y.astype(int)]
    want = compiled(case.distribution, "log_prob")(params, jnp.asarray(y))
    close(compiled(case.distribution, "expected_log_prob")(params, jnp.asarray(soft)), want, 1e-12, 1e-12)


# Tails


@referring("log_cdf", "logcdf")
def test_tails_are_the_reference(case: Case, x64):
    params, y = cast(case.params, float), case.numbers()
    truth = case.frozen()
    close(compiled(case.distribution, "log_cdf")(params, jnp.asarray(y)), truth.logcdf(y), case.rtol, case.rtol)
    close(compiled(case.distribution, "log_sf")(params, jnp.asarray(y)), truth.logsf(y), case.rtol, case.rtol)


@having("log_cdf", "log_sf")
def test_cdf_and_sf_sum_to_one(case: Case, x64):
    params, y = cast(case.params, float), cast(case.numbers(), float)
    log_cdf = np.asarray(compiled(case.distribution, "log_cdf")(params, y))
    log_sf = np.asarray(compiled(case.distribution, "log_sf")(params, y))
    assert (log_cdf <= 0).all()
    assert (log_sf <= 0).all()
    close(np.exp(log_cdf) + np.exp(log_sf), 1.0, 1e-11)
    if hasattr(case.distribution, "cdf"):
        close(compiled(case.distribution, "cdf")(params, y), np.exp(log_cdf), 1e-12)


@having("log_cdf", "log_sf", heavy=True)
def test_far_tails_are_finite_and_steep(case: Case):
    """40 spreads out, in single precision: a tail with mass there has a finite logarithm and a gradient."""
    if case.distribution.event_ndim or isinstance(case.total, int) or case.total == "unit" or callable(case.total):
        pytest.skip("bounded, or not a number")
    middle, spread = location(case)
    params = cast(case.params, jnp.float32)
    both = [("log_sf", middle + 40 * spread)] + [("log_cdf", middle - 40 * spread)] * (case.total == "real")
    for name, y in both:
        fn = getattr(case.distribution, name)
        value, slope = jax.jit(jax.vmap(jax.value_and_grad(lambda y, p, fn=fn: fn(p, y))))(cast(y, jnp.float32), params)
        assert np.isfinite(value).all(), (name, value)
        assert (np.abs(np.asarray(slope)) > 0).all(), (name, slope)
        assert np.isfinite(slope).all(), (name, slope)


@having("cdf")
def test_cdf_adds_up_log_prob(case: Case, x64):
    if isinstance(case.observations(), tuple):
        pytest.skip("not a number")
    params, y = cast(case.params, float), case.numbers()
    log_prob = np.asarray(compiled(case.distribution, "log_prob")(params, jnp.asarray(y)))
    cdf = compiled(case.distribution, "cdf")
    if case.discrete:
        step = np.asarray(cdf(params, jnp.asarray(y))) - np.asarray(cdf(params, jnp.asarray(y - 1)))
        close(step, np.exp(log_prob), 1e-9, 1e-12)
    else:
        width = np.broadcast_to(location(case)[1], y.shape)
        width = {"positive": np.minimum(width, y), "unit": np.minimum(y, 1 - y)}.get(case.total, width)
        slope = directional(lambda y: cdf(params, jnp.asarray(y)), (y,), (width,), 1e-3) / width
        close(slope * width, np.exp(log_prob) * width, 1e-6, 1e-8)


@having("icdf", "cdf", heavy=True)
def test_icdf_inverts_cdf(case: Case, x64):
    params = cast(case.params, float)
    cdf, icdf = compiled(case.distribution, "cdf"), compiled(case.distribution, "icdf")
    p = jnp.asarray([1e-6, 0.01, 0.1, 0.3, 0.5, 0.8, 0.999, 1 - 1e-6])[:, None]
    y = icdf(params, p)
    if case.discrete:
        assert (np.asarray(cdf(params, y)) >= np.asarray(p) * (1 - 1e-12)).all()
        assert (np.asarray(cdf(params, y - 1)) < np.asarray(p)).all()
        close(np.asarray(y), np.floor(np.asarray(y)), 0)
    else:
        close(cdf(params, y), p, 1e-9)


@having("icdf", heavy=True)
def test_icdf_at_its_edges(case: Case, x64):
    params = cast(case.params, float)
    icdf = compiled(case.distribution, "icdf")
    ends = np.asarray(icdf(params, jnp.asarray([[0.0], [1.0]])))
    assert not np.isnan(ends).any(), ends
    inner = np.asarray(icdf(params, jnp.asarray([[1e-6], [1 - 1e-6]])))
    assert (ends[0] <= inner[0]).all()
    assert (inner[1] <= ends[1]).all()
    for p in (np.nan, -0.1, 1.1):
        assert np.isnan(np.asarray(icdf(params, jnp.asarray([p])))).all(), p
    if case.reference and hasattr(case.frozen(), "ppf") and not case.discrete:
        close(ends, case.frozen().ppf(np.array([[0.0], [1.0]])), 1e-12)


# Derivatives


@having("log_prob", heavy=True)
def test_gradients_are_finite_differences(case: Case, x64, key):
    """Forward mode, and reverse mode with it, towards each parameter and towards ``y``."""
    args = (cast(case.params, float), cast(case.observations(), float))
    rng = np.random.default_rng(int(jax.random.bits(key)))
    slopes, _ = compiled_slopes(case.distribution)(*args)
    floats, rebuild = floats_of(args)
    slopes = [s for s in jax.tree.leaves(slopes) if is_float(s)]
    names = [name for name, leaf in leaves(args) if is_float(leaf)]
    log_prob = jax.jit(lambda floats: case.distribution.log_prob(*rebuild(floats)))
    forward = jax.jit(lambda floats, along: jax.jvp(log_prob, (floats,), (along,))[1])
    for i, (name, leaf) in enumerate(zip(names, floats, strict=True)):
        if (name.startswith("[1]") and case.discrete) or name.strip("[0].") in case.known:
            continue
        v = np.asarray(rng.uniform(0.3, 1.0, leaf.shape) * np.where(np.asarray(leaf) == 0, 1, np.abs(leaf)))
        if "tril" in name:
            v = np.tril(v)
        along = [jnp.asarray(v) if i == j else jnp.zeros_like(x) for j, x in enumerate(floats)]
        want = directional(log_prob, (floats,), (along,))
        got = forward(floats, along)
        close(got, want, 1e-6, 1e-8, f"forward mode towards {name}")
        close((np.asarray(slopes[i]) * v).sum(), np.asarray(got).sum(), 1e-9, 1e-9, f"reverse mode towards {name}")


@having("log_prob", heavy=True)
def test_hessian_is_symmetric_and_the_slope_of_the_gradient(case: Case, x64):
    distribution = case.distribution
    params, y = cast(case.params, float), cast(jax.tree.map(lambda x: x[1], case.observations()), float)
    _, unravel = jax.flatten_util.ravel_pytree(example(params, 0))
    flat = jax.vmap(lambda p: jax.flatten_util.ravel_pytree(p)[0])(params)

    def one(flat, y):
        return distribution.log_prob(unravel(flat), y)

    grad = jax.jit(jax.vmap(jax.grad(one)))
    hessian = np.asarray(jax.jit(jax.vmap(jax.hessian(one)))(flat, y))
    scale = 1 + np.abs(hessian).max((1, 2), keepdims=True)
    moved = [i for i in range(flat.shape[1]) if i >= len(case.known)]
    second = (hessian / scale)[:, moved][:, :, moved]
    close(second, np.swapaxes(second, 1, 2), 0, 1e-10, "symmetry")
    for i in moved:
        v = np.zeros(flat.shape)
        v[:, i] = np.where(np.asarray(flat[:, i]) == 0, 1, np.abs(flat[:, i]))
        want = directional(lambda x: grad(jnp.asarray(x), y), (np.asarray(flat),), (v,)) / v[:, i : i + 1]
        close((hessian[:, i] / scale[:, 0])[:, moved], (want / scale[:, 0])[:, moved], 1e-5, 1e-6, f"row {i}")


# JAX


@having("log_prob", heavy=True)
def test_jit_vmap_and_broadcasting_agree(case: Case):
    distribution = case.distribution
    params, y = cast(case.params, jnp.float32), cast(case.observations(), jnp.float32)
    log_prob = distribution.log_prob
    want = np.asarray(log_prob(params, y))

    def same(got):
        close(got, want, 2e-5, 2e-5)

    same(compiled(distribution, "log_prob")(params, y))
    same(jax.jit(jax.vmap(log_prob, (None, 0)))(params, y))
    same(jax.jit(jax.vmap(log_prob, (0, 1), 1))(params, y))
    same(jax.jit(jax.vmap(jax.vmap(log_prob), (None, 0)))(params, y))
    same(jax.jit(jax.vmap(jax.vmap(log_prob, (None, 0)), (0, 1), 1))(params, y))
    tall = jax.tree.map(lambda x: x[None], params)
    same(compiled(distribution, "log_prob")(tall, y))
    every = jax.tree.map(lambda x: jnp.broadcast_to(x, (len(want), *x.shape)), params)
    same(compiled(distribution, "log_prob")(every, y))
    # one leaf at a time under vmap, the others shared
    first = jax.tree.map(lambda x: x[0], params)
    for i, _ in enumerate(leaves(params)):
        flat, treedef = jax.tree.flatten(first)
        flat[i] = jax.tree.leaves(params)[i]
        axes = treedef.unflatten([0 if i == j else None for j in range(len(flat))])
        mixed = treedef.unflatten(flat)
        one_y = jax.tree.map(lambda x: x[0, 0], y)
        got = jax.jit(jax.vmap(log_prob, (axes, None)))(mixed, one_y)
        want_one = [
            compiled(distribution, "log_prob")(
                treedef.unflatten([x[n] if i == j else x for j, x in enumerate(flat)]), one_y
            )
            for n in range(want.shape[1])
        ]
        close(got, np.stack(want_one), 2e-5, 2e-5)


@having("log_prob", heavy=True)
def test_second_call_compiles_nothing(case: Case, compiles):
    params, y = cast(case.params, jnp.float32), cast(case.observations(), jnp.float32)
    step = jax.jit(jax.value_and_grad(lambda p, y: case.distribution.log_prob(p, y).sum()))
    with compiles() as names:
        jax.block_until_ready(step(params, y))
    assert names, "the counter counts nothing"
    other = jax.block_until_ready(jax.tree.map(lambda x: jnp.array(x), params))
    with compiles() as names:
        jax.block_until_ready(step(other, y))
    assert names == []
    if case.distribution not in vars(lj.distributions).values():
        return
    for name in ("log_prob", "log_cdf", "log_sf", "icdf"):
        fn = getattr(case.distribution, name, None)
        at = jnp.full_like(y, 0.5) if name == "icdf" else y
        if fn is not None:
            jax.block_until_ready(fn(params, at))
            with compiles() as names:
                jax.block_until_ready(fn(other, at))
            assert names == [], f"{name} op by op"


@having("log_prob", heavy=True)
def test_dtypes(case: Case):
    distribution = case.distribution
    names = [n for n in ("log_prob", "log_cdf", "log_sf", "cdf") if hasattr(distribution, n)]
    moments = [n for n in ("mean", "variance", "covariance", "mode", "entropy") if hasattr(distribution, n)]
    for given, want in ((jnp.float32, jnp.float32), (jnp.bfloat16, jnp.float32), (jnp.float16, jnp.float32)):
        params = cast(case.params, given)
        for name in names:
            y = cast(case.observations() if name == "log_prob" else case.numbers(), given)
            assert jax.eval_shape(getattr(distribution, name), params, y).dtype == want, (name, given)
        for name in moments:
            got = jax.eval_shape(getattr(distribution, name), params).dtype
            assert got == want or (name == "mode" and case.discrete and jnp.issubdtype(got, jnp.integer)), (name, given)
    params = cast(case.params, jnp.float32)
    if case.discrete:
        for kind in (jnp.int32, jnp.int8, jnp.uint8, jnp.bfloat16):
            y = cast(case.observations(), kind)
            assert jax.eval_shape(distribution.log_prob, params, y).dtype == jnp.float32, kind
        close(
            distribution.log_prob(params, cast(case.observations(), jnp.int32)),
            distribution.log_prob(params, cast(case.observations(), jnp.float32)),
            1e-6,
        )
    with jax.enable_x64(True):
        doubles, y = cast(case.params, float), cast(case.observations(), float)
        for name in names:
            at = y if name == "log_prob" else jnp.asarray(case.numbers())
            assert jax.eval_shape(getattr(distribution, name), doubles, at).dtype == jnp.float64, name
        for name in moments:
            got = jax.eval_shape(getattr(distribution, name), doubles).dtype
            assert got == jnp.float64 or (name == "mode" and jnp.issubdtype(got, jnp.integer)), name
        assert jax.eval_shape(distribution.log_prob, doubles, cast(y, jnp.float32)).dtype == jnp.float64
        singles = cast(case.params, jnp.float32)
        assert jax.eval_shape(distribution.log_prob, singles, cast(y, jnp.float32)).dtype == jnp.float32


# Outside, invalid, edges


@pytest.mark.parametrize("case", [c for c in CASES if c.outside], ids=lambda c: c.name)
def test_outside_is_minus_infinity_with_zero_gradient(case: Case):
    params = cast(case.params, jnp.float32)
    for y in case.outside:
        y = cast(y, jnp.float32)
        slopes, value = compiled_slopes(case.distribution)(params, y)
        close(value, -np.inf, 0, about=f"y = {y}")
        for name, slope in leaves(slopes[0]):
            close(slope, 0.0, 0, about=f"y = {y}, towards {name}")
        for name, slope in leaves(slopes[1]):
            assert not is_float(slope) or not np.isnan(np.asarray(slope)).any(), (y, name)


@pytest.mark.parametrize("case", [c for c in CASES if c.invalid], ids=lambda c: c.name)
def test_invalid_params_are_nan(case: Case):
    y = cast(example_of(case.observations()), jnp.float32)
    for params in case.invalid:
        slopes, value = compiled_slopes(case.distribution)(cast(params, jnp.float32), y)
        assert np.isnan(value), params
        assert any(np.isnan(np.asarray(slope)).any() for slope in jax.tree.leaves(slopes[0])), (params, slopes)


def example_of(y):
    return jax.tree.map(lambda x: x[1, 0], y)


@having("log_prob")
def test_nan_in_nan_out(case: Case):
    params, y = cast(case.params, jnp.float32), cast(case.observations(), jnp.float32)
    log_prob = compiled(case.distribution, "log_prob")
    flat, treedef = jax.tree.flatten((params, y))
    for i, (name, leaf) in enumerate(leaves((params, y))):
        if leaf.dtype == bool:
            continue
        flat_nan = list(flat)
        flat_nan[i] = jnp.full_like(leaf, jnp.nan)
        got = np.asarray(log_prob(*treedef.unflatten(flat_nan)))
        assert np.isnan(got).all(), (name, got)


EDGES = [pytest.param(c, e, id=f"{c.name}-{i}") for c in CASES for i, e in enumerate(c.edges)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("case", "edge"), EDGES)
def test_edges_are_exact(case: Case, edge, dtype):
    with jax.enable_x64(dtype == "float64"):
        eps = float(jnp.finfo(dtype).eps)
        params, y = cast(edge.params, dtype), cast(edge.y, dtype)
        slopes, value = compiled_slopes(case.distribution)(params, y)
        close(value, edge.value, 8 * eps, 8 * eps)
        for (name, slope), want in zip(leaves(slopes[0]), edge.slopes or (), strict=bool(edge.slopes)):
            assert not np.isnan(np.asarray(slope)).any(), name
            if want is not None:
                close(slope, want, 32 * eps, 32 * eps, f"towards {name}")


# Samples


@having("sample", heavy=True)
def test_samples_have_the_shape_the_support_and_the_moments(case: Case, key):
    distribution, n = case.distribution, 4000
    params = cast(case.params, jnp.float32)
    many, single = jax.random.split(key)
    draws = compiled_sample(distribution, (n,))(params, many)
    batch = jax.tree.leaves(params)[0].shape[0]
    event = jax.tree.leaves(case.observations())[0].shape[2:]
    assert all(x.shape[2:] == event for x in jax.tree.leaves(draws))
    assert all(x.shape[:2] == (n, batch) for x in jax.tree.leaves(draws))
    assert (np.asarray(compiled(distribution, "log_prob")(params, draws)) > -np.inf).all()
    one = compiled_sample(distribution, ())(example(params, 0), single)
    assert all(x.shape == event for x in jax.tree.leaves(one))
    if len(jax.tree.leaves(draws)) != 1:
        return
    x = np.asarray(draws, np.float64)
    inside = np.asarray(distribution.support.contains(jnp.asarray(draws)))
    assert inside.all()
    if case.discrete:
        assert jnp.issubdtype(draws.dtype, jnp.integer)
    if hasattr(distribution, "variance"):
        variance = np.asarray(distribution.variance(params), float)
        mean = np.asarray(distribution.mean(params), float)
        if np.isfinite(variance).all():
            z = (x.mean(0) - mean) / np.sqrt(np.maximum(variance, 1e-12) / n)
            assert (np.abs(z) < 4.5).all(), z


@having("sample", "log_cdf", heavy=True)
def test_samples_follow_the_cdf(case: Case, key):
    """Kolmogorov and Smirnov's distance, which is conservative for counts; the bound is its 1e-5 point."""
    n = 4000
    params = cast(case.params, jnp.float32)
    draws = compiled_sample(case.distribution, (n,))(params, key)
    if len(jax.tree.leaves(draws)) != 1 or case.distribution.event_ndim:
        pytest.skip("not a number")
    x = jnp.sort(draws.astype(jnp.float32), 0)
    cdf = np.exp(np.asarray(compiled(case.distribution, "log_cdf")(params, x)))
    ranks = np.stack([np.searchsorted(c, c, side="right") for c in np.asarray(x).T], 1) / n
    below = np.stack([np.searchsorted(c, c, side="left") for c in np.asarray(x).T], 1) / n
    distance = np.abs(cdf - ranks).max(0)
    if not case.discrete:
        distance = np.maximum(distance, np.abs(cdf - below).max(0))
    assert (distance < 2.47 / np.sqrt(n)).all(), distance


# Raw


@having("constrain", "unconstrain")
def test_unconstrain_inverts_constrain(case: Case, x64):
    distribution = case.distribution
    params = cast(case.params, float)
    raw = distribution.unconstrain(params)
    if distribution.raw_size is not None:
        assert raw.shape[-1] == distribution.raw_size
    assert raw.shape[:-1] == (jax.tree.leaves(params)[0].shape[0],)
    back = distribution.constrain(raw, **case.known)
    assert jax.tree.structure(back) == jax.tree.structure(params)
    y = cast(case.observations(), float)
    log_prob = compiled(distribution, "log_prob")
    close(log_prob(back, y), log_prob(params, y), 1e-10, 1e-10)
    if not case.overparametrised:
        for (name, got), (_, want) in zip(leaves(back), leaves(params), strict=True):
            close(got, want, 1e-12, 1e-12, name)
    close(distribution.unconstrain(back), raw, 1e-10, 1e-10)


@having("constrain", "unconstrain")
@pytest.mark.parametrize("reach", [1.0, 20.0, 200.0, 1e4])
def test_constrain_is_always_legal(case: Case, reach, key):
    distribution = case.distribution
    size = distribution.unconstrain(cast(case.params, jnp.float32)).shape[-1]
    corner, inner = jax.random.split(key)
    raw = jnp.concatenate(
        [
            reach * jax.random.uniform(inner, (40, size), minval=-1.0),
            reach * jnp.where(jax.random.bernoulli(corner, 0.5, (40, size)), 1.0, -1.0),
            jnp.zeros((1, size)),
        ]
    )
    params = jax.jit(lambda r: distribution.constrain(r, **case.known_first))(raw)
    for (name, leaf), support in zip(leaves(params), jax.tree.leaves(distribution.param_supports), strict=True):
        assert leaf.dtype == jnp.float32 or name in case.known
        assert np.asarray(support.contains(jnp.asarray(leaf))).all(), name
    y = cast(example_of(case.observations()), jnp.float32)
    slopes, value = compiled_slopes(distribution)(params, y)
    assert not np.isnan(value).any(), raw[np.isnan(value)]
    if reach <= 20 and not case.moving:  # beyond, the truth itself may be too large for single precision
        assert (np.asarray(value) > -np.inf).all(), raw[np.asarray(value) == -np.inf]
        for name, slope in leaves(slopes[0]):
            assert np.isfinite(np.asarray(slope)).all(), name


@having("constrain")
def test_constrain_names_the_length_it_wants(case: Case):
    if case.distribution.raw_size is None:
        pytest.skip("any length goes")
    with pytest.raises(ValueError, match=str(case.distribution.raw_size)):
        case.distribution.constrain(jnp.zeros((3, case.distribution.raw_size + 1)), **case.known_first)


# Data


@having("init", heavy=True)
def test_init_gives_a_finite_likelihood(case: Case, key):
    distribution = case.distribution
    first = jax.tree.map(lambda x: x[0], cast(case.params, jnp.float32))
    y = compiled_sample(distribution, (200,))(first, key)
    params = jax.jit(partial(distribution.init, **case.for_data))(y)
    assert jax.tree.structure(params) == jax.tree.structure(case.distribution.param_supports)
    nll = jax.jit(partial(lj.nll, distribution))
    at_init = float(nll(params, y))
    assert np.isfinite(at_init)
    assert at_init < float(nll(first, y)) + 2.0
    weights = jnp.where(jnp.arange(200) < 120, 1.0, 0.0)
    weighted = jax.jit(partial(distribution.init, **case.for_data))(y, weights)
    assert np.isfinite(float(nll(weighted, y)))


@having("mle", heavy=True)
def test_mle_is_a_stationary_point(case: Case, x64, key):
    distribution = case.distribution
    first = jax.tree.map(lambda x: x[0], cast(case.params, float))
    y = compiled_sample(distribution, (400,))(first, key)
    weights = jnp.where(jnp.arange(400) % 3 == 0, 2.0, 1.0)
    mle = jax.jit(partial(distribution.mle, **case.for_data))

    @jax.jit
    def slope(fit, y, w):
        def loss(raw):
            return lj.nll(distribution, distribution.constrain(raw, **case.known_first), y, weights=w)

        return jax.grad(loss)(distribution.unconstrain(fit))

    for w in (None, weights):
        close(slope(mle(y, w), y, w), 0.0, 0, 1e-8)
    twice = mle(jnp.repeat(y, weights.astype(int), axis=0))
    close(distribution.unconstrain(mle(y, weights)), distribution.unconstrain(twice), 1e-8, 1e-8)


@having("log_prob", heavy=True)
def test_masked_junk_changes_nothing(case: Case):
    """NaN or outside in ``y`` and in every parameter of a masked example: value and gradients to the last bit."""
    distribution = case.distribution
    params, y = cast(case.params, jnp.float32), cast(jax.tree.map(lambda x: x[1], case.observations()), jnp.float32)
    n = jax.tree.leaves(params)[0].shape[0]
    mask = jnp.arange(n) != 1

    def loss(params, y, weights):
        return lj.nll(distribution, params, y, mask=mask, weights=weights)

    step = jax.jit(jax.value_and_grad(loss, (0, 2)))
    weights = jnp.arange(1.0, n + 1)
    want = step(params, y, weights)
    for junk in (jnp.nan, jnp.inf, -3.5):

        def spoil(x, junk=junk):
            return x.at[1].set(junk) if is_float(x) else x

        got = step(jax.tree.map(spoil, params), jax.tree.map(spoil, y), weights)
        for (name, a), b in zip(leaves(got), jax.tree.leaves(want), strict=True):
            assert np.array_equal(a, b), (junk, name, a, b)
    assert np.isfinite(want[0])
    for name, slope in leaves(want[1][0]):
        assert not np.asarray(slope[1]).any(), name


# Form


@having("log_prob")
def test_params_are_a_pytree_that_keeps_its_shape(case: Case):
    params = cast(case.params, jnp.float32)
    again = jax.tree.map(lambda x: x + 0, params)
    assert type(again) is type(params)
    assert jax.tree.structure(again) == jax.tree.structure(params)
    assert jax.tree.structure(case.distribution.param_supports) == jax.tree.structure(params)
    assert isinstance(case.distribution, lj.Distribution)
    if all(hasattr(case.distribution, n) for n in ("log_cdf", "log_sf", "icdf")):
        assert isinstance(case.distribution, lj.Univariate)


@having("log_prob")
def test_names_are_those_of_the_contract_in_its_order(case: Case):
    if not inspect.ismodule(case.distribution):
        again = eval(repr(case.distribution), vars(lj) | vars(lj.distributions))
        assert again == case.distribution
        assert hash(again) == hash(case.distribution)
        assert again is not case.distribution
        return
    source = inspect.getsource(case.distribution)
    tops = [
        line.split("(")[0].split()[-1] if line.startswith(("def ", "class ")) else line.split(" =")[0].split(":")[0]
        for line in source.splitlines()
        if line[:1].isalpha() or line[:1] == "_"
    ]
    names = [name for name in tops if name in ORDER]
    assert names == [name for name in ORDER if name in names]


@having("log_prob")
def test_everything_public_has_a_docstring(case: Case):
    thing = case.distribution
    assert inspect.getdoc(thing)
    if inspect.ismodule(thing):
        assert ">>>" in thing.__doc__
        assert "Source:" in thing.__doc__
    for name in dir(thing):
        value = getattr(thing, name, None)
        if not name.startswith("_") and callable(value) and getattr(value, "__module__", "").startswith("lik_jax"):
            assert value.__doc__, name


def test_every_distribution_has_a_row():
    rows = {c.distribution.__name__.rsplit(".", 1)[-1] for c in CASES if inspect.ismodule(c.distribution)}
    modules = {m.name for m in pkgutil.iter_modules(lj.distributions.__path__) if not m.name.startswith("_")}
    assert modules - rows == set()
    combinators = {n for n, c in vars(lj.compose).items() if inspect.isclass(c) and hasattr(c, "log_prob")}
    assert combinators - {type(c.distribution).__name__ for c in CASES} == set()


@pytest.mark.parametrize("case", COMPOSED, ids=lambda c: c.name)
def test_equal_constructions_are_one_static_argument(case: Case, compiles):
    again = eval(repr(case.distribution), vars(lj) | vars(lj.distributions))
    step = jax.jit(lambda distribution, params, y: distribution.log_prob(params, y), static_argnums=0)
    args = (cast(case.params, jnp.float32), cast(case.observations(), jnp.float32))
    want = jax.block_until_ready(step(case.distribution, *args))
    with compiles() as names:
        got = jax.block_until_ready(step(again, *args))
    assert names == []
    close(got, want, 0)


def test_names_of_rows_differ():
    assert len({c.name for c in CASES}) == len(CASES)
