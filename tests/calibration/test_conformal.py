"""Conformal sets hold the truth as often as they say, for any model; too few data give the whole set."""

import math
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

import lik_jax as lj
from lik_jax.calibration import conformal
from lik_jax.calibration.conformal import absolute_residual as absolute
from lik_jax.calibration.conformal import aps, cqr, distributional, quantile, rank, raps, threshold, weighted_quantile
from lik_jax.calibration.conformal import normalised_residual as normalised

LEVELS = {
    "1/10": 0.1,
    "3/10": 0.3,
    "1/2": 0.5,
    "55/100": 0.55,
    "2/3": Fraction(2, 3),
    "7/10": 0.7,
    "9/10": 0.9,
    "90/100": np.float32(0.9),
    "19/20": 1 - 0.05,
    "99/100": np.float64(0.99),
    "999/1000": 0.999,
    "1/100000": 1e-5,
}


@pytest.mark.parametrize(("exact", "level"), LEVELS.items())
def test_the_rank_is_exact(exact, level):
    share = Fraction(exact)
    for n in range(2000):
        r = rank(n, level)
        assert Fraction(r - 1, n + 1) < share <= Fraction(r, n + 1), (n, r)


def test_ranks_that_floats_get_wrong():
    assert math.ceil(100 * 0.55) == 56
    assert rank(99, 0.55) == 55
    assert (rank(9, 0.9), rank(99, 0.9), rank(19, 0.95), rank(8, 0.9), rank(0, 0.5)) == (9, 90, 19, 9, 1)


def test_a_level_that_is_none():
    for level in (0, 1, 1.0, -0.1, 90):
        with pytest.raises(ValueError, match="strictly between 0 and 1"):
            rank(10, level)
    with pytest.raises(TypeError, match="known before tracing"):
        jax.jit(lambda level: rank(10, level))(0.9)
    with pytest.raises(ValueError, match=r"want \[n\]"):
        quantile(jnp.zeros((3, 2)), level=0.9)


@pytest.mark.parametrize("level", [0.55, 0.9, Fraction(2, 3)])
def test_the_quantile_for_every_count(level, key):
    """A mask leaves a count that is not known when the function is compiled."""
    n = 100
    scores = jax.random.permutation(key, jnp.arange(1.0, n + 1))
    # the c smallest scores count: the answer is the rank itself, or infinity
    masks = scores[None, :] <= jnp.arange(n + 1.0)[:, None]
    found = jax.vmap(lambda mask: quantile(jnp.where(mask, scores, jnp.nan), level=level, mask=mask))(masks)
    ranks = np.array([rank(c, level) for c in range(n + 1)])
    np.testing.assert_array_equal(found, np.where(ranks > np.arange(n + 1), np.inf, ranks))
    assert float(quantile(scores, level=level)) == ranks[-1]


SPLITS, N, M, CLASSES, LEVEL = 1000, 59, 40, 5, 0.9


def one_split(key):
    """How many of ``M`` new examples each method covers, after ``N`` held-out ones; the models are wrong in any way."""
    keys = list(jax.random.split(key, 12))
    truth = 1.5 * jax.random.normal(keys[0], (N + M, CLASSES)) - jnp.linspace(0.0, 2.0, CLASSES)[None]
    labels = jax.random.categorical(keys[1], truth)
    logits = 3 * truth + jax.random.normal(keys[2], truth.shape)
    (z, new_z), (label, new_label) = ((a[:N], a[N:]) for a in (logits, labels))
    hits = {}

    def classes(name, fitted, **options):
        sets = (raps if name.startswith("raps") else aps if name.startswith("aps") else threshold).apply(
            fitted, new_z, **options
        )
        hits[name] = conformal.set_coverage(sets, new_label, reduction="none")

    classes("threshold", threshold.fit(z, label, level=LEVEL))
    classes("threshold, by class", threshold.fit(z, label, level=LEVEL, by_class=True))
    classes("aps", aps.fit(z, label, level=LEVEL))
    classes("aps, random", aps.fit(z, label, level=LEVEL, key=keys[3]), key=keys[4])
    drawn = raps.fit(z, label, level=LEVEL, penalty=0.1, k_reg=2, key=keys[5])
    classes("raps, random", drawn, key=keys[6])

    x = jax.random.uniform(keys[7], (N + M,))
    y = x + (0.1 + x) * jax.random.t(keys[8], 3.0, (N + M,))
    loc, scale = 0.5 * x**2, 0.3 + 0.2 * x

    def numbers(name, interval):
        hits[name] = conformal.interval_coverage(*interval, y[N:], reduction="none")

    numbers("absolute", absolute.apply(absolute.fit(loc[:N], y[:N], level=LEVEL), loc[N:]))
    fitted = normalised.fit(loc[:N], scale[:N], y[:N], level=LEVEL)
    numbers("normalised", normalised.apply(fitted, loc[N:], scale[N:]))
    low, high = loc - 2 * scale, loc + 3 * scale
    numbers("cqr", cqr.apply(cqr.fit(low[:N], high[:N], y[:N], level=LEVEL), low[N:], high[N:]))
    predicted = [lj.normal.Params(loc[rows], scale[rows]) for rows in (slice(N), slice(N, None))]
    bound = distributional.fit(lj.normal, predicted[0], y[:N], level=LEVEL)
    numbers("distributional", distributional.apply(bound, lj.normal, predicted[1]))
    exact = absolute.fit(jnp.zeros(N), jax.random.normal(keys[9], (N,)), level=LEVEL).bound
    return hits, (label, new_label), exact


@pytest.fixture(scope="module")
def splits():
    hits, labels, bound = jax.jit(jax.vmap(one_split))(jax.random.split(jax.random.key(2), SPLITS))
    return {name: np.asarray(h) for name, h in hits.items()}, [np.asarray(a) for a in labels], np.asarray(bound)


@pytest.mark.parametrize(
    "name", ["threshold", "aps, random", "raps, random", "absolute", "normalised", "cqr", "distributional"]
)
def test_coverage_of_1000_splits_has_its_exact_law(name, splits):
    """Without ties the coverage of a split is Beta(rank, n + 1 - rank); what it covers of ``M`` is beta-binomial."""
    covered = splits[0][name].sum(1)
    r = rank(N, LEVEL)
    law = scipy.stats.betabinom(M, r, N + 1 - r)
    assert abs(covered.mean() - law.mean()) < 4 * law.std() / SPLITS**0.5
    # a uniform number if the law is right
    u = law.cdf(covered - 1) + np.random.default_rng(0).uniform(size=SPLITS) * law.pmf(covered)
    assert scipy.stats.kstest(u, "uniform").pvalue > 1e-4


def test_the_coverage_itself_is_beta(splits):
    r = rank(N, LEVEL)
    coverage = 1 - 2 * scipy.stats.norm.sf(splits[2])
    assert scipy.stats.kstest(coverage, scipy.stats.beta(r, N + 1 - r).cdf).pvalue > 1e-4


def test_without_drawing_coverage_is_no_less(splits):
    covered = splits[0]["aps"].mean(1)
    error = covered.std() / SPLITS**0.5
    assert LEVEL - 3 * error < covered.mean() < LEVEL + 0.03


def test_coverage_by_class(splits):
    hits, (labels, new_labels), _ = splits
    for c in range(CLASSES):
        counts = (labels == c).sum(1)
        expected = np.array([min(rank(n, LEVEL) / (n + 1), 1) for n in counts])
        mine = new_labels == c
        gaps = np.where(mine, hits["threshold, by class"] - expected[:, None], 0)
        assert abs(gaps.sum()) < 4 * np.sqrt((gaps.sum(1) ** 2).sum())
    # on average over classes the level holds without it, but not for the rarest
    rare = new_labels == CLASSES - 1
    assert hits["threshold"][rare].mean() < 0.85 < 0.9 < hits["threshold, by class"][rare].mean()


def test_too_few_examples_give_the_whole_set(key):
    @jax.jit
    def whole(z, y, keys):
        loc, scale = z[:, 0], jnp.exp(z[:, 1])
        params = lj.normal.Params(loc, scale)
        sets = [
            threshold.apply(threshold.fit(z, y), z),
            threshold.apply(threshold.fit(z, y, level=0.7, by_class=True), z),
            aps.apply(aps.fit(z, y), z),
            raps.apply(raps.fit(z, y, penalty=2.0, k_reg=0), z),
            aps.apply(aps.fit(z, y, key=keys[0]), z, key=keys[1]),
        ]
        intervals = [
            absolute.apply(absolute.fit(loc, z[:, 2]), loc),
            normalised.apply(normalised.fit(loc, scale, z[:, 2]), loc, scale),
            cqr.apply(cqr.fit(loc - 1, loc + 1, z[:, 2]), loc - 1, loc + 1),
            distributional.apply(distributional.fit(lj.normal, params, z[:, 2]), lj.normal, params),
        ]
        return [s.all() for s in sets], [(low == -jnp.inf) & (high == jnp.inf) for low, high in intervals]

    z, y = jax.random.normal(key, (8, 4)), jnp.arange(8) % 4
    for answer in jax.tree.leaves(whole(z, y, jax.random.split(jax.random.fold_in(key, 1)))):
        assert bool(answer.all())
    # no examples at all
    assert bool(threshold.apply(threshold.fit(jnp.zeros((0, 4)), jnp.zeros(0, int)), z).all())
    # one more is enough
    assert np.isfinite(threshold.fit(jnp.concatenate([z, z[:1]]), jnp.append(y, 0)).bound)


def test_a_class_without_examples_is_in_every_set():
    z = jnp.tile(jnp.array([5.0, 0.0, -90.0]), (20, 1))
    labels = jnp.arange(20) % 2
    sets = threshold.apply(threshold.fit(z, labels, level=0.8, by_class=True), z[:1])
    assert sets.tolist() == [[True, True, True]]


def naive_scores(logits, u, penalty, k_reg):
    """The score as the papers define it, one class at a time."""
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    out = np.zeros_like(p)
    for i, row in enumerate(p):
        for c in range(len(row)):
            ahead = [j for j in range(len(row)) if row[j] > row[c] or (row[j] == row[c] and j < c)]
            out[i, c] = row[ahead].sum() + u[i] * row[c] + penalty * max(len(ahead) + 1 - k_reg, 0)
    return out


def test_scores_of_adaptive_sets(x64, key):
    logits = np.array(jax.random.normal(key, (12, 6)))
    logits[0] = logits[1, 2:4] = 0.25
    own = jax.random.fold_in(key, 1)
    u = np.asarray(jax.random.uniform(own, (12, 1)))[:, 0]
    for penalty, k_reg in ((0.0, 0), (0.07, 2)):
        found = raps.scores(logits, penalty=penalty, k_reg=k_reg)
        np.testing.assert_allclose(found + 1, naive_scores(logits, np.ones(12), penalty, k_reg), rtol=1e-13)
        found = raps.scores(logits, penalty=penalty, k_reg=k_reg, key=jax.random.clone(own))
        np.testing.assert_allclose(found + 1, naive_scores(logits, u, penalty, k_reg), rtol=1e-13)
    np.testing.assert_array_equal(aps.scores(logits), raps.scores(logits, penalty=0.0, k_reg=0))
    np.testing.assert_allclose(threshold.scores(logits), -scipy.special.log_softmax(logits, axis=1), rtol=1e-13)


def test_a_sure_classifier_has_the_sets_of_double_precision(x64, key):
    """Nearly all probability is gathered by the first class; which labels come soon after still shows."""
    truth = jax.random.normal(key, (600, 8), jnp.float32)
    labels = jax.random.categorical(jax.random.fold_in(key, 1), 2 * truth)
    logits = 30 * truth
    assert float((jax.nn.softmax(logits).max(1) == 1).mean()) > 0.2

    @jax.jit
    def sets(logits):
        by_aps = aps.apply(aps.fit(logits[:400], labels[:400]), logits[400:])
        return by_aps, raps.apply(raps.fit(logits[:400], labels[:400], penalty=0.01), logits[400:])

    for single, double in zip(sets(logits), sets(logits.astype(jnp.float64)), strict=True):
        assert float((single != double).mean()) < 0.005
        assert 0.83 < float(conformal.set_coverage(double, labels[400:])) < 0.99
        assert float(conformal.set_size(double)) < 6


def test_a_bound_that_was_drawn_is_applied_with_a_key(key):
    z, y = jnp.ones((20, 3)), jnp.arange(20) % 3
    for method in (aps, raps):
        with pytest.raises(ValueError, match="give apply a key too"):
            jax.eval_shape(lambda method=method: method.apply(method.fit(z, y, key=key), z))
        with pytest.raises(ValueError, match="fitted without a key"):
            jax.eval_shape(lambda method=method: method.apply(method.fit(z, y), z, key=key))


@pytest.mark.parametrize("scale", [0.01, 1.0, 30.0])
def test_ties_are_inside(scale):
    """Few distinct examples, many times over: the bound is the score of many, all of which it must let in."""
    rng = np.random.default_rng(0)
    rows = (scale * rng.normal(size=(4, 3))).astype(np.float32)
    pick = rng.integers(0, 4, (40, 60))
    labels = (rows[pick] + rng.gumbel(size=(40, 60, 3))).argmax(2)

    @jax.jit
    @jax.vmap
    def share(pick, labels):
        z = jnp.asarray(rows)[pick]
        sets = [m.apply(m.fit(z, labels, level=0.8), rows)[pick] for m in (threshold, aps)]
        return jnp.stack([conformal.set_coverage(s, labels) for s in sets])

    assert float(share(pick, labels).min()) >= 0.8


def test_whole_numbers_on_the_edge_are_inside():
    """A prediction plus its residual is ``y`` but for rounding."""
    y = jnp.tile(jnp.arange(-5.0, 6.0), 30)

    @jax.jit
    @jax.vmap
    def shares(loc):
        at, scale = jnp.full_like(y, loc), jnp.full_like(y, 0.3)
        intervals = [
            absolute.apply(absolute.fit(at, y, level=0.8), at),
            normalised.apply(normalised.fit(at, scale, y, level=0.8), at, scale),
            cqr.apply(cqr.fit(at - 1, at + 1, y, level=0.8), at - 1, at + 1),
        ]
        return jnp.stack([conformal.interval_coverage(*i, y) for i in intervals])

    assert float(shares(jnp.linspace(-3.0, 3.0, 101)).min()) >= 0.8


@pytest.mark.parametrize("name", ["discretized", pytest.param("poisson", marks=pytest.mark.slow)])
@pytest.mark.slow
def test_counts_are_covered_ties_included(name, key):
    """All predictions alike: whole numbers whose tails are the bound itself must be inside."""
    if name == "poisson":
        distribution, params = lj.poisson, lj.poisson.from_rate(2.3)
    else:
        distribution, params = lj.discretized(lj.logistic, low=0, high=20), lj.logistic.Params(2.0, 1.5)

    @jax.jit
    @jax.vmap
    def shares(y):
        fitted = distributional.fit(distribution, params, y, level=0.8)
        low, high = distributional.apply(fitted, distribution, params)
        return conformal.interval_coverage(low, high, y), low, high

    y = lj.poisson.sample(lj.poisson.Params(1.1), key, (200, 50)).astype(float)
    covered, low, high = shares(y)
    assert float(covered.min()) >= 0.8
    assert bool((low == jnp.round(low)).all())
    assert bool((high == jnp.round(high)).all())
    assert len(np.unique(high)) > 2
    # and no more than ties ask for: one step in from either end too few are left
    tighter = jax.vmap(conformal.interval_coverage)(low + 1, high - 1, y)
    assert float((tighter < 0.8).mean()) > 0.9


@pytest.mark.parametrize("name", ["normal", pytest.param("mixture", marks=pytest.mark.slow)])
def test_far_tails_in_single_precision(name):
    """A predictive far too narrow: held-out data lie 9 scales out, where ``P(Y <= y)`` rounds to 1."""
    y = jnp.array([9.0, -9.0] * 10)
    distribution, params = lj.normal, lj.normal.Params(0.0, 1.0)
    if name == "mixture":
        distribution, params = lj.mixture(lj.normal, 1), lj.mixture(lj.normal, 1).Params(jnp.zeros(1), params)
    fitted = distributional.fit(distribution, params, y)
    low, high = distributional.apply(fitted, distribution, params)
    np.testing.assert_allclose([low, high], [-9, 9], rtol=1e-5)


@pytest.mark.slow
def test_of_one_normal_the_distributional_interval_is_that_of_residuals(x64, key):
    y = jax.random.normal(key, (30,))
    params = lj.normal.Params(jnp.full(30, 0.3), 2.0)
    fitted = distributional.fit(lj.normal, params, y, level=0.8)
    found = distributional.apply(fitted, lj.normal, lj.normal.Params(0.3, 2.0))
    expected = absolute.apply(absolute.fit(params.loc, y, level=0.8), 0.3)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.slow
def test_a_skewed_distribution_has_a_skewed_interval(x64):
    params = lj.gamma.Params(jnp.array([0.7, 2.0, 5.0]), jnp.array([1.0, 3.0, 0.2]))
    bound = -math.log(2 * 0.03)
    low, high = distributional.apply(distributional.Params(bound), lj.gamma, params)
    for end, tail in ((low, 0.03), (high, 0.97)):
        expected = scipy.stats.gamma.ppf(tail, params.concentration, scale=1 / np.asarray(params.rate))
        np.testing.assert_allclose(end, expected, rtol=1e-10)


def test_weighted_quantile_by_enumeration():
    """Against exact arithmetic on whole weights."""
    rng = np.random.default_rng(0)
    weights, scores = rng.integers(0, 5, (40, 9)), rng.permutation(9).astype(np.float32)
    own = np.array([0, 1, 3])
    found = jax.vmap(lambda w: weighted_quantile(scores, w, own, level=0.7))(weights)
    for w, row in zip(weights, np.asarray(found), strict=True):
        for mine, bound in zip(own, row, strict=True):
            total = int(w.sum()) + int(mine)
            inside = [s for s in scores if Fraction(int(w[scores <= s].sum())) >= Fraction(7, 10) * total > 0]
            assert bound == min(inside, default=np.inf)


@pytest.mark.parametrize("level", [0.9, pytest.param(0.55, marks=pytest.mark.slow)])
def test_equal_weights_are_none(level):
    for n in (0, 20, 99):
        scores = jnp.arange(float(n))
        assert float(weighted_quantile(scores, jnp.full(n, 2.0), 2.0, level=level)) == float(
            quantile(scores, level=level)
        )


@pytest.mark.slow
def test_covariate_shift(key):
    """New examples come from where errors are larger; weights are the ratio of densities."""

    @jax.jit
    @jax.vmap
    def shares(key):
        keys = jax.random.split(key, 2)
        x = jax.random.normal(keys[0], (300,)) + jnp.where(jnp.arange(300) < 200, 0.0, 1.0)
        y = jnp.exp(0.5 * x) * jax.random.normal(keys[1], (300,))
        density_ratio = jnp.exp(x - 0.5)
        loc = jnp.zeros(200)
        scores = absolute.scores(loc, y[:200])
        bound = weighted_quantile(scores, density_ratio[:200], density_ratio[200:], level=0.9)
        intervals = [absolute.apply(p, loc[:100]) for p in (absolute.Params(bound), absolute.fit(loc, y[:200]))]
        return jnp.stack([conformal.interval_coverage(*i, y[200:]) for i in intervals])

    weighted, plain = np.asarray(shares(jax.random.split(key, 500))).T
    # no less, and more by no more than the greatest share that one example has of all weight
    assert 0.9 - 3 * weighted.std() / 500**0.5 < weighted.mean() < 0.93
    assert plain.mean() < 0.83


@pytest.mark.slow
def test_weights_by_example_reach_the_sets(key):
    z = 3 * jax.random.normal(key, (30, 4))
    y = z.argmax(1)
    s = jnp.take_along_axis(threshold.scores(z), y[:, None], 1)[:, 0]
    bound = weighted_quantile(s, jnp.ones(30), jnp.array([1.0, 1000.0]), level=0.8)
    sets = threshold.apply(threshold.Params(bound[:, None]), z[:2])
    np.testing.assert_array_equal(sets[0], threshold.apply(threshold.fit(z, y, level=0.8), z[0]))
    assert bool(sets[1].all())
    assert not bool(sets[0].all())


def test_weights_that_are_none():
    assert np.isnan(weighted_quantile(jnp.arange(3.0), jnp.array([1.0, -1.0, 1.0]), 1.0, level=0.5))
    assert float(weighted_quantile(jnp.arange(3.0), jnp.zeros(3), 0.0, level=0.5)) == np.inf
    with pytest.raises(ValueError, match=r"want \[n\]"):
        weighted_quantile(jnp.arange(3.0), jnp.ones((3, 1)), 1.0, level=0.5)


def test_masked_examples_have_no_part(key):
    @jax.jit
    def bounds(z, y, mask):
        params = lj.normal.Params(z[:, 0], jnp.exp(z[:, 1]))
        return [
            *(method.fit(z, y, mask=mask).bound for method in (threshold, aps, raps)),
            threshold.fit(z, y, level=0.7, by_class=True, mask=mask).bound,
            absolute.fit(z[:, 0], z[:, 2], mask=mask).bound,
            distributional.fit(lj.normal, params, z[:, 2], mask=mask).bound,
        ]

    z, y = jax.random.normal(key, (30, 4)), jnp.arange(30) % 4
    mask = jnp.arange(30) % 3 != 0
    found = bounds(jnp.where(mask[:, None], z, jnp.nan), y, mask)
    for a, b in zip(found, bounds(z[mask], y[mask], None), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_what_is_not_known_is_inside(key):
    @jax.jit
    def applied(z, y, new):
        methods = (threshold, aps, raps)
        fitted = [method.fit(z, y, level=0.6) for method in methods]
        return [(p.bound, m.apply(p, new)) for p, m in zip(fitted, methods, strict=True)]

    z, y = 3 * jax.random.normal(key, (30, 4)), jnp.arange(30) % 4
    broken = z.at[3, 0].set(jnp.nan)
    for bound, sets in applied(broken, y, z):
        assert np.isnan(bound)
        assert bool(sets.all())
    for _, sets in applied(z, z.argmax(1), broken):
        assert bool(sets[3].all())
        assert not bool(sets[4:].all())
    # labels out of range are stranger than any: two of ten leave no room at 0.9
    assert float(threshold.fit(z[:10], y[:10].at[:2].set(jnp.array([-1, 4]))).bound) == np.inf
    low, high = absolute.apply(absolute.fit(broken[:, 0], z[:, 1]), z[:, 2])
    assert bool((jnp.isnan(low) & jnp.isnan(high)).all())
    assert np.isnan(normalised.fit(z[:, 0], jnp.zeros(30), z[:, 1]).bound)


def test_impossible_classes():
    """Logits of -inf, and the label one of them: fewer than one in ten may be."""
    z = jnp.tile(jnp.array([0.0, 1.0, -jnp.inf]), (40, 1))
    labels = jnp.where(jnp.arange(40) < 3, 2, 1)
    sets = threshold.apply(threshold.fit(z, labels), z[:1])
    assert sets.tolist() == [[False, True, False]]
    assert bool(threshold.apply(threshold.fit(z, labels, level=0.95), z[:1]).all())


def test_precision_is_kept(x64):
    y = jnp.arange(30) % 4
    for dtype in (jnp.float32, jnp.float64):
        z = jax.ShapeDtypeStruct((30, 4), dtype)
        for method in (threshold, aps, raps):
            assert jax.eval_shape(lambda z, method=method: method.fit(z, y).bound, z).dtype == dtype
        ends = jax.eval_shape(lambda z: absolute.apply(absolute.fit(z[:, 0], y), z[:, 1]), z)
        assert ends[0].dtype == ends[1].dtype == dtype


def test_shapes_are_checked(key):
    z = jax.random.normal(key, (30, 4))
    for method in (threshold, aps, raps):
        with pytest.raises(ValueError, match=r"want \[n, k\] and \[n\]"):
            method.fit(z, jnp.zeros((30, 1), int))
    with pytest.raises(ValueError, match="pair each example with every other"):
        absolute.fit(z[:, :1], z[:, 0])
    with pytest.raises(ValueError, match="pair each example with every other"):
        distributional.fit(lj.normal, lj.normal.Params(z[:, :1], 1.0), z[:, 0])
    with pytest.raises(TypeError, match="log_cdf"):
        distributional.fit(lj.categorical, lj.categorical.Params(z), jnp.zeros(30, int))
    with pytest.raises(ValueError, match=r"\[\*examples, k\]"):
        conformal.set_coverage(z > 0, jnp.zeros((30, 1), int))
    with pytest.raises(ValueError, match="low has shape"):
        conformal.interval_coverage(z[:, :1], z[:, 0], z[:, 0])


def test_measures_by_counting():
    rng = np.random.default_rng(0)
    sets, labels = rng.uniform(size=(200, 5)) < 0.4, rng.integers(0, 5, 200)
    covered = np.array([label in np.flatnonzero(s) for s, label in zip(sets, labels, strict=True)])
    np.testing.assert_allclose(conformal.set_coverage(sets, labels), covered.mean(), rtol=1e-6)
    np.testing.assert_allclose(conformal.set_size(sets), sets.sum(1).mean(), rtol=1e-6)
    mask = np.arange(200) % 2 == 0
    np.testing.assert_allclose(conformal.set_coverage(sets, labels, mask=mask), covered[mask].mean(), rtol=1e-6)
    weights = np.arange(200.0)
    expected = np.average(sets.sum(1), weights=weights)
    np.testing.assert_allclose(conformal.set_size(sets, weights=weights), expected, rtol=1e-6)
    strata = conformal.size_stratified_coverage(sets, labels)
    for size in range(6):
        mine = sets.sum(1) == size
        assert int(strata.examples[size]) == mine.sum()
        np.testing.assert_allclose(strata.coverage[size], covered[mine].mean() if mine.any() else np.nan, rtol=1e-6)


@pytest.mark.slow
def test_sizes_of_sets(key):
    """20 classes, of which 15 are noise: a penalty on late classes shortens sets, and without any rule they would be
    shorter still; all hold the same level."""

    @jax.jit
    def sizes(logits, labels):
        out = []
        for method, options in ((threshold, {}), (raps, {"penalty": 0.1}), (aps, {})):
            sets = method.apply(method.fit(logits[:1000], labels[:1000], **options), logits[1000:])
            out.append((conformal.set_size(sets), conformal.set_coverage(sets, labels[1000:])))
        return jnp.stack([jnp.stack(pair) for pair in out])

    logits = 1.5 * jax.random.normal(key, (1500, 20)) + jnp.where(jnp.arange(20) < 5, 4.0, 0.0)[None]
    labels = jax.random.categorical(jax.random.fold_in(key, 1), logits)
    size, coverage = np.asarray(sizes(logits, labels)).T
    assert ((coverage > 0.86) & (coverage < 0.95)).all()
    assert size[0] < size[2]
    assert size[1] < size[2]
