"""The CRPS of every distribution of numbers against its definition, its derivatives against finite differences."""

import functools
import inspect
import itertools
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats as st
from case import Case, expit, v
from cases import CASES
from integrals import continuous, discrete
from laws import cast, close, directional, location

import lik_jax as lj
from lik_jax import (
    asymmetric_laplace,
    beta,
    binomial,
    exponential,
    gamma,
    laplace,
    log_normal,
    logistic,
    negative_binomial,
    normal,
    poisson,
    scores,
    student_t,
    weibull,
)
from lik_jax import generalized_extreme_value as gev

inf = np.inf
ROWS = [
    c
    for c in CASES
    if c.distribution.event_ndim == 0 and hasattr(c.distribution, "log_cdf") and not isinstance(c.y, tuple)
]
# where a cdf has kinks or ends that its reference does not tell
BREAKS = {
    "laplace": lambda p: (-inf, p.loc, inf),
    "asymmetric_laplace": lambda p: (-inf, p.loc, inf),
    "mixture": lambda p: (-inf, inf),
    "truncated": lambda p: (-1.0, 2.0),
    "transformed": lambda p: (0.0, 1.0),
    "transformed_spline": lambda p: (-inf, -2.5, *knots(p.bijector.heights), 2.5, inf),
}


def knots(sizes: np.ndarray) -> list[np.ndarray]:
    """The inner knots of the spline of the row, of which no share is below 1e-3."""
    shares = 1e-3 + (1 - 3e-3) * sizes / sizes.sum(-1, keepdims=True)
    return [5 * shares[:, 0] - 2.5, 5 * shares[:, :2].sum(-1) - 2.5]


def rows(quick=None, heavy=True):
    """Every row, or those that are not heavy; what is heavy, or not ``quick`` if these are named, is slow work."""
    marked = [
        pytest.param(c, id=c.name, marks=[pytest.mark.slow] * (c.heavy or (quick is not None and c.name not in quick)))
        for c in ROWS
        if heavy or not c.heavy
    ]
    return pytest.mark.parametrize("case", marked)


def observations(case: Case) -> np.ndarray:
    """Those of the row, and others: between counts, far out and outside the support."""
    y = case.numbers()
    if case.discrete:
        return np.concatenate([y, y[:2] + 0.3, 0 * y[:1] - 1.5, y[-1:] + 300.25])
    middle, spread = location(case)
    return np.concatenate([y, [middle - 9 * spread, middle + 9 * spread, middle + 1e5 * spread]])


def truth(case: Case, y: np.ndarray, low: float = -inf, high: float = inf) -> np.ndarray:
    reference = case.frozen()
    if case.discrete:
        first = 1 if case.name == "truncated_counts" else 0
        last = case.total - 1 if case.total in (2, 256) else case.total
        if case.name == "binomial":
            each = [st.binom(n, p) for n, p in zip(*reference.args, strict=True)]
            return np.stack([discrete(r, y[:, i], 0, r.args[0], low, high) for i, r in enumerate(each)], -1)
        return discrete(reference, y, first, last, low, high)
    breaks = BREAKS[case.name](case.params) if case.name in BREAKS else (reference.ppf(0.0), reference.ppf(1.0))
    middle, spread = location(case)
    return continuous(reference, y, (breaks[0], middle, *breaks[1:]), spread, low, high)


@functools.cache
def compiled(distribution):
    return jax.jit(lambda params, y: scores.crps(distribution, params, y, reduction="none"))


@functools.cache
def score_and_slopes(distribution):
    """The scores of ``y`` ``[m, n]`` and their derivatives: one compiled function for all that is asked of it."""

    def total(params, y):
        score = jax.vmap(lambda y: scores.crps(distribution, params, y, reduction="none"))(y)
        return score.sum(), score

    return jax.jit(jax.grad(total, (0, 1), has_aux=True))


def score_of(distribution, params, y):
    return score_and_slopes(distribution)(params, y)[1]


def test_every_distribution_of_numbers_has_a_row_here():
    modules = [m for m in vars(lj.distributions).values() if inspect.ismodule(m) and hasattr(m, "log_cdf")]
    assert {m.__name__ for m in modules} <= {getattr(c.distribution, "__name__", "") for c in ROWS}
    combinators = {type(c.distribution).__name__ for c in ROWS if not inspect.ismodule(c.distribution)}
    assert combinators >= {"mixture", "truncated", "discretized", "zero_inflated", "transformed"}


def test_numbers_of_the_literature(x64):
    """By R's scoringRules where it has them."""
    two = lj.mixture(normal, 2)
    components = normal.Params(v(-1.0, 1.5), v(0.6, 1.1))
    for distribution, params, y, want in (
        (normal, normal.Params(0.2, 1.3), 0.7, 0.379591192230),
        (student_t, student_t.Params(5.0, 0.2, 1.3), 0.7, 0.406079260315),
        (gamma, gamma.Params(2.5, 1.2), 1.7, 0.290752304991),
        (beta, beta.Params(2.0, 3.5), 0.3, 0.051773752993),
        (poisson, poisson.from_rate(2.4), 3, 0.487506898296),
        (gev, gev.Params(0.3, 1.1, 0.2), 1.7, 0.580525287147),
        (two, two.Params(np.log(v(0.3, 0.7)), components), 0.7, 0.416204008992),
    ):
        close(compiled(distribution)(cast(params, float), y), want, 0, 1e-12)


@rows()
def test_crps_is_its_definition(case: Case, x64):
    y = observations(case)
    got = score_of(case.distribution, cast(case.params, float), jnp.asarray(y))
    # the knots of a spline are not known to the quadrature
    close(got, truth(case, y), 1e-7 if case.name == "transformed_spline" else 1e-9, 1e-14, case.name)


@rows(quick=("normal", "laplace", "bernoulli", "generalized_extreme_value", "poisson", "mixture", "discretized"))
def test_gradients_are_finite_differences(case: Case, x64):
    """Towards each parameter and towards ``y``; at an atom of a discrete distribution from both sides."""
    # the last is so far out that its rounding would hide a slope
    y = jnp.asarray(observations(case))
    args = (cast(case.params, float), y.at[-1].set(y[-2]))
    slopes, _ = score_and_slopes(case.distribution)(*args)
    floats, treedef = jax.tree.flatten(args)
    names = [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(args)]
    for i, (name, leaf, slope) in enumerate(zip(names, floats, jax.tree.leaves(slopes), strict=True)):
        if name.strip("[0].") in case.known:
            continue
        size = np.where(np.asarray(leaf) == 0, 1, np.abs(leaf))
        if name == "[1]" and not case.discrete:
            spread = location(case)[1]
            size = np.clip(np.abs(leaf), 1e-3 * spread, spread)
        # not the same in every direction: to scale all of some params, or shift them, changes nothing
        size = size * (1 + 0.5 * np.sin(np.arange(size.size))).reshape(size.shape)
        along = [jnp.asarray(size) if i == j else jnp.zeros_like(x) for j, x in enumerate(floats)]
        want = directional(lambda x: score_of(case.distribution, *treedef.unflatten(x)), (floats,), (along,), 3e-5)
        # the panels of the quadrature move along in the difference: where they miss a spline's knots it tells
        knotted = case.name == "transformed_spline"
        if name == "[1]":
            close(np.asarray(slope), want / size, 1e-4 if knotted else 1e-6, 1e-5 if knotted else 1e-8, name)
        else:
            total = (np.asarray(slope) * size).sum()
            close(total, want.sum(), 1e-4 if knotted else 1e-7, 1e-5 if knotted else 1e-9, name)


@rows(quick=("generalized_extreme_value", "poisson", "transformed"), heavy=False)
def test_single_precision_is_double_rounded(case: Case):
    y = observations(case)
    params = cast(case.params, jnp.float32)
    got = jax.vmap(lambda y: compiled(case.distribution)(params, y))(cast(y, jnp.float32))
    assert got.dtype == jnp.float32
    with jax.enable_x64(True):
        want = score_of(case.distribution, cast(case.params, float), jnp.asarray(y))
        assert want.dtype == jnp.float64
    # an observation is right to a rounding of itself, and so is the distance from it
    error = np.abs(np.asarray(got, float) - np.asarray(want)) / (np.abs(want) + np.abs(y) + location(case)[1])
    assert (error < 3e-6).all(), error


# Extreme parameters

FAR = [
    # distribution, params, scipy's, observations in quantiles, precision asked of single precision
    (normal, (1e3, 1e-3), lambda m, s: st.norm(m, s), 1e-1),
    (student_t, (1e8, 0.0, 1.0), lambda df, m, s: st.norm(m, s), 1e-5),
    (student_t, (inf, 0.0, 1.0), lambda df, m, s: st.norm(m, s), 1e-5),
    (student_t, (1.0, 0.0, 1.0), st.t, 1e-5),
    (student_t, (1.0001, 0.0, 2.0), st.t, 1e-5),
    (student_t, (0.75, 0.0, 1.0), st.t, 1e-5),
    (logistic, (0.0, 1e-6), st.logistic, 1e-5),
    (laplace, (0.0, 1e6), st.laplace, 1e-5),
    (exponential, (1e-6,), lambda r: st.expon(scale=1 / r), 1e-5),
    (gamma, (1e-2, 3.0), lambda a, r: st.gamma(a, scale=1 / r), 1e-5),
    (gamma, (1.0, 3.0), lambda a, r: st.gamma(a, scale=1 / r), 1e-5),
    (gamma, (1e6, 2.0), lambda a, r: st.gamma(a, scale=1 / r), 2e-3),
    (log_normal, (0.0, 1e-3), lambda m, s: st.lognorm(s, scale=np.exp(m)), 1e-3),
    (log_normal, (1.0, 3.0), lambda m, s: st.lognorm(s, scale=np.exp(m)), 1e-4),
    (weibull, (2.0, 0.25), lambda s, k: st.weibull_min(k, scale=s), 1e-4),
    (weibull, (2.0, 300.0), lambda s, k: st.weibull_min(k, scale=s), 1e-3),
    (beta, (0.02, 0.03), st.beta, 1e-4),
    (beta, (0.01, 40.0), st.beta, 1e-4),
    (beta, (50.0, 0.1), st.beta, 1e-4),
    (beta, (1e5, 3e5), st.beta, 5e-3),
    (gev, (0.0, 1.0, 1e-9), lambda m, s, c: st.gumbel_r(m, s), 1e-5),
    (gev, (0.0, 1.0, -1.5), lambda m, s, c: st.genextreme(-c, m, s), 1e-5),
    (gev, (0.0, 1.0, 0.9), lambda m, s, c: st.genextreme(-c, m, s), 1e-5),
    (gev, (0.0, 1.0, 1.0), lambda m, s, c: st.genextreme(-c, m, s), 1e-5),
    (gev, (0.0, 1.0, 1.2), lambda m, s, c: st.genextreme(-c, m, s), 1e-5),
    (asymmetric_laplace, (0.0, 1.0, 1e-3), None, 1e-5),
]


def asymmetric(q: float):
    return st.laplace_asymmetric(np.sqrt(q / (1 - q)), 0.0, 1 / np.sqrt(q * (1 - q)))


def families(table):
    """The rows of a table, distribution by distribution."""
    kinds = list(dict.fromkeys(row[0] for row in table))
    names = [k.__name__.rsplit(".", 1)[-1] for k in kinds]
    quick = ("generalized_extreme_value", "poisson")
    marked = [
        pytest.param(k, id=name, marks=[pytest.mark.slow] * (name not in quick))
        for k, name in zip(kinds, names, strict=True)
    ]
    return pytest.mark.parametrize("distribution", marked)


def check_both_precisions(distribution, params, y, want, rough):
    """Params ``[rows]``, ``y`` and the truth ``[m, rows]``, and the precision asked of single precision ``[rows]``."""
    for dtype in (np.float64, np.float32):
        with jax.enable_x64(dtype == np.float64):
            fields = distribution.Params(*(jnp.asarray(p, dtype) for p in np.transpose(params)))
            score = jax.jit(jax.vmap(lambda y, p=fields: scores.crps(distribution, p, y, reduction="none")))
            got = np.asarray(score(y.astype(dtype)), float)
        for i, row in enumerate(params):
            about = f"{row} in {np.dtype(dtype)} at {y[:, i]}"
            close(got[:, i], want[:, i], 1e-8 if dtype == np.float64 else rough[i], 0, about)


@families(FAR)
@pytest.mark.slow
def test_extreme_parameters(distribution):
    rows = [row[1:] for row in FAR if row[0] is distribution]
    ys, wants = [], []
    for params, make, _ in rows:
        reference = make(*params) if make else asymmetric(params[-1])
        y = np.array([*reference.ppf([0.01, 0.3, 0.5, 0.7, 0.99, 0.99999]), -1e-3])
        middle, unit = reference.ppf(0.5), reference.ppf(0.75) - reference.ppf(0.25)
        kink = [0.0] if distribution in (asymmetric_laplace, laplace) else []
        ys.append(y)
        wants.append(continuous(reference, y, (reference.ppf(0.0), *kink, middle, reference.ppf(1.0)), unit))
    check_both_precisions(distribution, [r[0] for r in rows], np.stack(ys, 1), np.stack(wants, 1), [r[2] for r in rows])


COUNTS = [
    (poisson, (np.log(1e-6),), lambda m: st.poisson(np.exp(m)), (0.0, 1.0, 0.5), 1e-5),
    (poisson, (np.log(3e5),), lambda m: st.poisson(np.exp(m)), (3e5, 3e5 + 700, 0.0), 2e-3),
    (negative_binomial, (np.log(0.03), 1e-3), None, (0.0, 1.0, 50.0), 1e-4),
    (negative_binomial, (np.log(40.0), 1e13), lambda m, c: st.poisson(np.exp(m)), (0.0, 40.0, 60.0), 1e-4),
    (negative_binomial, (np.log(40.0), inf), lambda m, c: st.poisson(np.exp(m)), (0.0, 40.0, 60.0), 1e-4),
    (negative_binomial, (np.log(1e3), 0.5), None, (0.0, 40.0, 3000.0), 1e-4),
    (binomial, (1e6, -14.0), lambda n, x: st.binom(int(n), expit(x)), (0.0, 1.0, 5.0), 1e-4),
    (binomial, (50.0, 9.0), lambda n, x: st.binom(int(n), expit(x)), (50.0, 49.0, 20.5), 1e-4),
    (binomial, (1.0, 0.0), lambda n, x: st.binom(int(n), expit(x)), (0.0, 0.5, 1.0), 1e-5),
    (binomial, (2e4, 0.0), lambda n, x: st.binom(int(n), expit(x)), (1e4, 9.8e3, 0.0), 1e-3),
]


@families(COUNTS)
@pytest.mark.slow
def test_extreme_counts(distribution):
    rows = [row[1:] for row in COUNTS if row[0] is distribution]
    wants = []
    for params, make, y, _ in rows:
        reference = make(*params) if make else st.nbinom(params[1], params[1] / (params[1] + np.exp(params[0])))
        last = next(k for k in 2.0 ** np.arange(4, 30) if reference.sf(k) < 1e-25)
        last = min(reference.support()[1], last)
        wants.append(discrete(reference, np.array(y), max(0.0, np.floor(reference.ppf(1e-25)) - 10), last))
    ys = np.stack([np.array(r[2]) for r in rows], 1)
    check_both_precisions(distribution, [r[0] for r in rows], ys, np.stack(wants, 1), [r[3] for r in rows])


def test_mixtures_of_laplaces_with_scales_alike_and_apart(x64):
    """The closed form against the quadrature, across the ratio of scales where its two ways meet."""
    pair = lj.mixture(laplace, 3)
    scale = v([1.0, 1.0, 1.0], [1.0, 1.9, 2.1], [1e-3, 1.0, 50.0], [1.0, 1 + 1e-9, 0.6])
    params = pair.Params(v([0.0, 1.0, -1.0]) * np.ones((4, 1)), laplace.Params(v([0.0, 0.3, -2.0]) * scale, scale))

    def both(fn):
        def score(params, y):
            value = fn(pair, params, y, reduction="none")
            return value.sum(), value

        return jax.jit(jax.grad(score, has_aux=True))(params, v(0.1, 3.0, -40.0, 0.0))

    (slopes, value), (others, want) = both(scores.crps), both(scores.threshold_weighted_crps)
    close(value, want, 1e-10)
    for got, slope in zip(jax.tree.leaves(slopes), jax.tree.leaves(others), strict=True):
        close(got, slope, 1e-8, 1e-10)


@pytest.mark.parametrize(
    "base",
    [logistic, pytest.param(poisson, marks=pytest.mark.slow), normal],
    ids=lambda d: d.__name__.rsplit(".", 1)[-1],
)
def test_params_that_components_or_examples_share(base, x64):
    pair, y = lj.mixture(base, 2), v(0.3, 2.0, 3.0)
    first = v(0.5, 1.5)
    rest = () if base is poisson else (0.7,)
    shared = [(v(0.0, 1.0), (first, *rest)), (v([0.0, 1.0]) * np.ones((3, 1)), (1.0, *rest))]
    for logits, columns in shared[: 1 if base is poisson else 2]:
        full = [np.broadcast_to(x, (3, 2)) for x in columns]
        got = compiled(pair)(pair.Params(logits, base.Params(*columns)), y)
        close(got, compiled(pair)(pair.Params(np.broadcast_to(logits, (3, 2)), base.Params(*full)), y), 1e-12)


LOGISTICS, RATING = lj.mixture(logistic, 2), lj.discretized(logistic, low=0, high=9)
NO_NUMBER = [
    (normal, normal.Params(v(0.0), v(1.0)), normal.Params(v(0.0), v(-1.0))),
    (log_normal, log_normal.Params(v(0.0), v(1.0)), log_normal.Params(v(inf), v(1.0))),
    (gev, gev.Params(v(0.0), v(1.0), v(0.0)), gev.Params(v(0.0), v(1.0), v(inf))),
    (poisson, poisson.Params(v(0.0)), poisson.Params(v(inf))),
    (
        LOGISTICS,
        LOGISTICS.Params(v([0.0, 1.0]), logistic.Params(v([0.0, 1.0]), v([1.0, 1.0]))),
        LOGISTICS.Params(v([0.0, 1.0]), logistic.Params(v([0.0, 1.0]), v([1.0, -1.0]))),
    ),
    (gamma, gamma.Params(v(2.0), v(1.0)), gamma.Params(v(2.0), v(-1.0))),
    (beta, beta.Params(v(2.0), v(1.0)), beta.Params(v(0.0), v(1.0))),
    (student_t, student_t.Params(v(2.0), v(0.0), v(1.0)), student_t.Params(v(-2.0), v(0.0), v(1.0))),
    (RATING, logistic.Params(v(0.0), v(1.0)), logistic.Params(v(0.0), v(-1.0))),
]


@pytest.mark.parametrize("i", [pytest.param(i, marks=[pytest.mark.slow] * (i > 4)) for i in range(len(NO_NUMBER))])
def test_what_is_infinite_or_no_number(i):
    """An infinite y costs inf; NaN in, NaN out; illegal params give NaN, to the slopes as well."""
    distribution, good, bad = NO_NUMBER[i]
    params = jax.tree.map(lambda a, b: jnp.asarray(np.concatenate([a, a, a, b]), jnp.float32), good, bad)

    def score(params, y):
        value = scores.crps(distribution, params, y, reduction="none")
        return value.sum(), value

    y = jnp.array([inf, -inf, jnp.nan, 1.0])
    np.testing.assert_array_equal(compiled(distribution)(params, y), [inf, inf, np.nan, np.nan])
    if i > 4:  # their slopes end in the same function
        return
    slopes, _ = jax.jit(jax.grad(score, has_aux=True))(params, y)
    assert any(np.isnan(np.asarray(s)[3]).any() for s in jax.tree.leaves(slopes))


def test_tails_so_heavy_that_the_score_is_infinite():
    assert float(compiled(gev)(gev.Params(0.0, 1.0, 2.0), 0.3)) == inf


def test_an_observation_that_is_no_number_is_an_error_that_says_what_to_do():
    vector = lj.independent(normal, 1)
    with pytest.raises(TypeError, match=r"independent\(normal, 1\).*no log_cdf.*crps_from_samples"):
        scores.crps(vector, normal.Params(jnp.zeros(3), jnp.ones(3)), jnp.zeros(3))
    with pytest.raises(TypeError, match="not one number"):
        scores.crps(lj.censored(weibull), weibull.Params(1.0, 1.0), lj.Censored(1.0, True))
    with pytest.raises(ValueError, match="example axes"):
        scores.crps(normal, normal.Params(jnp.zeros((3, 1)), 1.0), jnp.zeros(3))


# One signature with nll


@pytest.mark.parametrize("distribution", [log_normal, lj.mixture(logistic, 2)], ids=["closed", "quadrature"])
def test_masked_junk_adds_exactly_nothing(distribution):
    loc, scale = jnp.array([1.0, 2.0, 3.0]), jnp.array([1.5, 0.7, 2.0])
    params = log_normal.Params(loc, scale)
    if distribution is not log_normal:
        pairs = logistic.Params(jnp.stack([loc, -loc], -1), jnp.stack([scale, scale], -1))
        params = distribution.Params(jnp.zeros((3, 2)), pairs)
    y, weights, mask = jnp.array([0.3, 1.0, 4.0]), jnp.array([1.0, 2.0, 3.0]), jnp.array([True, False, True])

    def loss(params, y):
        return scores.crps(distribution, params, y, mask=mask, weights=weights)

    step = jax.jit(jax.value_and_grad(loss, (0, 1)))
    want = step(params, y)
    for junk in (jnp.nan, -inf):
        got = step(jax.tree.map(lambda x, junk=junk: x.at[1].set(junk), params), y.at[1].set(junk))
        assert all(np.array_equal(a, b) for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True))
    each_one = compiled(distribution)(params, y)
    close(want[0], (each_one[0] + 3 * each_one[2]) / 4, 1e-6)
    total = scores.crps(distribution, params, y, mask=mask, weights=weights, reduction="total")
    close(total.mean(), want[0], 1e-6)


def test_equal_constructions_compile_once(compiles):
    step = jax.jit(lambda d, p, y: scores.crps(d, p, y), static_argnums=0)
    params = lj.mixture(normal, 2).Params(jnp.zeros((3, 2)), normal.Params(jnp.zeros((3, 2)), jnp.ones((3, 2))))
    y = jnp.arange(3.0)
    want = jax.block_until_ready(step(lj.mixture(normal, 2), params, y))
    with compiles() as names:
        got = jax.block_until_ready(step(lj.mixture(normal, 2), params, y))
    assert names == []
    close(got, want, 0)


# Parts of the line


def by_name(name: str) -> Case:
    return next(c for c in ROWS if c.name == name)


WEIGHTED = ("normal", "weibull", "mixture", "poisson", "discretized")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name == "poisson")) for name in WEIGHTED]
)
def test_threshold_weighted_crps_is_its_definition(name: str, x64):
    case = by_name(name)
    y = observations(case)
    low, high = (2.5, 130.0) if case.discrete else (0.4, 3.0)
    params = cast(case.params, float)

    def part(low, high):
        def one(params, y):
            return scores.threshold_weighted_crps(case.distribution, params, y, low=low, high=high, reduction="none")

        return jax.vmap(one, (None, 0))(params, jnp.asarray(y))

    below, inside, above = jax.jit(lambda: (part(-inf, low), part(low, high), part(high, inf)))()
    close(inside, truth(case, y, low, high), 1e-9, 1e-13, "inside")
    close(above, truth(case, y, high, inf), 1e-9, 1e-13, "above")
    close(below + inside + above, score_of(case.distribution, params, jnp.asarray(y)), 1e-9, 1e-13, "the parts add up")


@pytest.mark.slow
def test_slopes_of_the_weighted_score_stop_at_the_threshold(x64):
    def score(y):
        return scores.threshold_weighted_crps(normal, normal.Params(0.0, 1.0), y, low=0.5, high=2.0)

    first, second = jax.grad(score), jax.grad(jax.grad(score))
    close(first(1.0), 2 * st.norm.cdf(1.0) - 1, 1e-12)
    close(second(1.0), 2 * st.norm.pdf(1.0), 1e-12)
    close([first(0.2), first(3.0)], 0.0, 0)


def test_thresholds_have_the_shape_of_y():
    with pytest.raises(ValueError, match=r"low has shape \(2,\), but y has \(3,\)"):
        scores.threshold_weighted_crps(normal, normal.Params(0.0, 1.0), jnp.zeros(3), low=jnp.zeros(2))
    backwards = scores.threshold_weighted_crps(normal, normal.Params(0.0, 1.0), 0.0, low=1.0, high=-1.0)
    assert np.isnan(float(backwards))


def test_second_derivatives_of_the_closed_form_are_those_of_the_quadrature(x64):
    """Both know that the second derivative towards ``y`` is twice the density."""

    def hessian(fn):
        def score(x):
            return fn(logistic, logistic.Params(x[0], x[1]), x[2])

        return jax.jit(jax.hessian(score))(v(0.5, 1.2, 1.7))

    closed = hessian(scores.crps)
    close(closed, hessian(scores.threshold_weighted_crps), 1e-8, 1e-10)
    close(closed[2, 2], 2 * st.logistic(0.5, 1.2).pdf(1.7), 1e-10)


# Samples


def test_the_fair_score_is_unbiased_by_enumeration(x64):
    """Over all samples of a small distribution the fair score averages to its CRPS, the plain one lies above."""
    values, p, y, n = v(-1.0, 0.5, 2.0), v(0.2, 0.5, 0.3), 0.8, 4
    index = np.array(list(itertools.product(range(3), repeat=n)))
    chance = p[index].prod(-1)
    distances = np.abs(values[:, None] - values)
    spread = p @ distances @ p
    want = p @ np.abs(values - y) - 0.5 * spread
    fair, plain = (
        scores.crps_from_samples(values[index], np.full(len(index), y), axis=1, fair=fair, reduction="none")
        for fair in (True, False)
    )
    close(chance @ np.asarray(fair), want, 1e-13)
    close(chance @ np.asarray(plain), want + spread / (2 * n), 1e-13)


def test_the_plain_score_is_the_crps_of_the_steps(x64, key):
    samples = np.asarray(jax.random.normal(key, (7, 5)))
    y = np.linspace(-2.0, 2.0, 5)
    got = scores.crps_from_samples(samples, y, fair=False, reduction="none")
    edges = np.sort(np.concatenate([samples, y[None]]), 0)
    cdf = (samples[:, None] <= edges[:-1]).mean(0)
    want = ((cdf - (y <= edges[:-1])) ** 2 * np.diff(edges, axis=0)).sum(0)
    close(got, want, 1e-13)


def test_samples_far_from_0_keep_their_digits():
    x = 1e6 + np.array([0.0, 0.25, 0.5, 1.0], np.float32)
    close(scores.crps_from_samples(x, 1e6 + 0.5), scores.crps_from_samples(x - np.float32(1e6), 0.5), 0)


def test_samples_slopes_masks_and_errors(x64, key):
    x, y = jax.random.normal(key, (3, 6)), jnp.array([0.1, -0.2, 5.0])

    def score(x, y):
        return scores.crps_from_samples(x, y, axis=-1, mask=jnp.array([True, False, True]), weights=v(1.0, 1.0, 2.0))

    want = score(x, y)
    close(score(x.at[1].set(jnp.nan), y.at[1].set(jnp.nan)), want, 0)
    slopes = jax.grad(score, (0, 1))(x.at[1].set(jnp.nan), y)
    assert not np.asarray(slopes[0][1]).any()
    along = (jnp.outer(jnp.array([1.0, 0.0, 2.0]), jnp.arange(6.0)), jnp.array([1.0, 0.0, -0.5]))
    got = sum((s * a).sum() for s, a in zip(slopes, along, strict=True))
    close(got, directional(lambda *args: score(*args), (x.at[1].set(0.0), y), along, 1e-5), 1e-8)
    with pytest.raises(ValueError, match="1 sample; fair=True compares pairs"):
        scores.crps_from_samples(x[:, :1], y, axis=1)
    close(scores.crps_from_samples(x[:, :1], y, axis=1, fair=False, reduction="none"), np.abs(x[:, 0] - y), 1e-14)
    with pytest.raises(ValueError, match=r"example axes \(6,\), but y"):
        scores.crps_from_samples(x, y)
    with pytest.raises(ValueError, match="no axis 2"):
        scores.crps_from_samples(x, y, axis=2)


# Propriety


PROPER = [
    (normal, v(0.3, 1.2), st.norm(0.3, 1.2)),
    (gev, v(0.3, 1.2, 0.2), st.genextreme(-0.2, 0.3, 1.2)),
    (laplace, v(0.3, 1.2), st.laplace(0.3, 1.2)),
]


@pytest.mark.parametrize("row", PROPER, ids=lambda row: row[0].__name__.rsplit(".", 1)[-1])
def test_the_expected_score_is_least_at_the_truth(row, x64):
    """By quadrature over the quantiles of the truth: a little off in any direction costs more, to second order."""
    distribution, x, reference = row
    t = np.linspace(-3.4, 3.4, 401)
    a = np.pi / 2 * np.sinh(t)
    p, weight = 1 / (1 + np.exp(-2 * a)), np.pi / 4 * np.cosh(t) / np.cosh(a) ** 2 * (t[1] - t[0])
    y = np.where(p < 0.5, reference.ppf(p), reference.isf(1 / (1 + np.exp(2 * a))))
    step = 0.02 * np.concatenate([np.eye(len(x)), -np.eye(len(x)), [np.ones(len(x))]])

    def expected(x):
        return (weight * scores.crps(distribution, distribution.Params(*x), y, reduction="none")).sum()

    off = np.asarray(jax.jit(jax.vmap(expected))(jnp.asarray(np.concatenate([[x], x + step, x + 2 * step]))))
    once, twice = (off[1:] - off[0]).reshape(2, -1)
    assert (once > 0).all()
    assert (np.abs(twice / once - 4) < 0.3).all()


def test_zero_inflation_of_a_base_without_a_closed_form_is_a_sum(x64):
    some = lj.zero_inflated(lj.discretized(logistic, low=0, high=60))
    assert scores.closed_forms.find(some) is None
    assert scores.closed_forms.find(lj.zero_inflated(poisson)) is not None
    y = v(0.0, 2.0, 7.5)
    params = some.Params(v(0.0, -1.0, 2.0), logistic.Params(v(3.0, 5.0, 2.0), v(1.0, 2.0, 0.5)))
    extra, base = expit(params.logits), st.logistic(params.base.loc, params.base.scale)
    reference = SimpleNamespace(
        logcdf=lambda k: np.log(extra + (1 - extra) * base.cdf(k + 0.5)),
        logsf=lambda k: np.log1p(-extra) + base.logsf(k + 0.5),
    )
    close(compiled(some)(params, y), discrete(reference, y[None], 0, 60)[0], 1e-12)
