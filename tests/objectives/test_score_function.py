"""Score function estimators: their expectation, over every draw there is, is the gradient of the exact bound."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lik_jax as lj
from lik_jax.distributions import bernoulli, categorical, normal

pytestmark = pytest.mark.usefixtures("x64")

BITS = np.array(list(itertools.product([0, 1], repeat=3)))
Y = np.array([1.0, 0.0, 1.0, 1.0])
SETTING = {
    "logits": np.array([0.4, -0.9, 0.2]),  # of the posterior
    "weights": np.array([[1.0, -0.5, 0.3, 0.8], [-1.2, 0.7, 0.4, -0.6], [0.5, 0.9, -1.1, 0.2]]),
    "offset": np.array([0.1, -0.3, 0.2, 0.0]),
    "prior": np.array([-0.2, 0.6, 0.1]),
}
ESTIMATORS = {
    "leave one out": (lj.reinforce, {}),
    "sampled KL": (lj.reinforce, {"analytic_kl": False}),
    "no baseline": (lj.reinforce, {"baseline": 0.0}),
    "a baseline of one's own": (lj.reinforce, {"baseline": -2.5, "analytic_kl": False}),
    "beta": (lj.reinforce, {"beta": 0.3}),
    "vimco": (lj.vimco, {}),
}


def log_joint(p, z):
    """``log p(y | z) + log p(z)`` by hand, ``[...]``."""
    logits, flips = z @ p["weights"] + p["offset"][None], jnp.asarray(2 * Y - 1)[None]
    return -jnp.logaddexp(0, -flips * logits).sum(-1) + log_bits(p["prior"], z)


def log_bits(logits, z):
    return -jnp.logaddexp(0, -(2 * z - 1) * logits[None]).sum(-1)


def exact(p, k, importance, beta=1.0):
    """The bound by enumeration of every set of k draws."""
    z = jnp.asarray(BITS, float)
    log_q = log_bits(p["logits"], z)
    if not importance:
        log_prior = log_bits(p["prior"], z)
        return (jnp.exp(log_q) * (log_joint(p, z) - log_prior - beta * (log_q - log_prior))).sum()
    log_w = log_joint(p, z) - log_q
    sets = np.array(list(itertools.product(range(8), repeat=k)))
    return (jnp.exp(log_q[sets].sum(-1)) * (jax.nn.logsumexp(log_w[sets], -1) - np.log(k))).sum()


def draws(k):
    """Every set of k draws, each a row: ``[k, 8**k, 3]``."""
    sets = np.array(list(itertools.product(range(8), repeat=k)))
    return jnp.asarray(BITS[sets.T])


def per_set(p, z, estimator, options):
    """The estimated bound of each set of draws, ``[n]``."""
    n = z.shape[1]
    result = estimator(
        bernoulli,
        lambda z: bernoulli.Params(z.astype(float) @ p["weights"] + p["offset"][None]),
        bernoulli.Params(jnp.broadcast_to(p["logits"], (n, 3))),
        jnp.broadcast_to(jnp.asarray(Y), (n, 4)),
        z=z,
        posterior=bernoulli,
        prior=bernoulli,
        prior_params=bernoulli.Params(p["prior"][None]),
        **options,
    )
    return result.bound if estimator is lj.vimco else result.objective


def chance(p, z):
    return jnp.exp(jax.vmap(lambda z: log_bits(p["logits"], z.astype(float)))(z).sum(0))


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_gradient_is_that_of_the_exact_bound(name: str, k: int):
    estimator, options = ESTIMATORS[name]
    z = draws(k)
    weights = chance(SETTING, z)
    value, slope = jax.jit(jax.value_and_grad(lambda p: (weights * per_set(p, z, estimator, options)).sum()))(SETTING)
    importance = estimator is lj.vimco
    truth, truth_slope = jax.jit(jax.value_and_grad(lambda p: exact(p, k, importance, options.get("beta", 1.0))))(
        SETTING
    )
    np.testing.assert_allclose(value, truth, rtol=1e-12)
    for part in SETTING:
        np.testing.assert_allclose(slope[part], truth_slope[part], rtol=1e-9, atol=1e-12, err_msg=part)


def test_every_part_has_the_gradient_of_its_own_expectation():
    z = draws(2)
    weights = chance(SETTING, z)

    def parts(p, closed):
        n = z.shape[1]
        result = lj.reinforce(
            bernoulli,
            lambda z: bernoulli.Params(z.astype(float) @ p["weights"] + p["offset"][None]),
            bernoulli.Params(jnp.broadcast_to(p["logits"], (n, 3))),
            jnp.broadcast_to(jnp.asarray(Y), (n, 4)),
            z=z,
            posterior=bernoulli,
            prior=bernoulli,
            prior_params=bernoulli.Params(p["prior"][None]),
            analytic_kl=closed,
        )
        return {
            "reconstruction": weights @ result.reconstruction,
            "kl": weights @ result.kl,
            "elbo": weights @ result.elbo,
        }

    def truth(p):
        x = jnp.asarray(BITS, float)
        log_q, log_prior = log_bits(p["logits"], x), log_bits(p["prior"], x)
        recon = (jnp.exp(log_q) * (log_joint(p, x) - log_prior)).sum()
        kl = (jnp.exp(log_q) * (log_q - log_prior)).sum()
        return {"reconstruction": recon, "kl": kl, "elbo": recon - kl}

    wanted = jax.jit(jax.jacrev(truth))(SETTING)
    for closed in (True, False):
        found = jax.jit(jax.jacrev(lambda p, closed=closed: parts(p, closed)))(SETTING)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12), found, wanted)


def test_the_baseline_of_the_other_samples_lowers_the_variance():
    z = draws(3)
    weights = chance(SETTING, z)

    def variance(estimator, options):
        slopes = jax.jit(jax.jacrev(lambda logits: per_set(SETTING | {"logits": logits}, z, estimator, options)))(
            SETTING["logits"]
        )
        mean = weights @ slopes
        return float(weights @ ((slopes - mean[None]) ** 2).sum(-1))

    plain = variance(lj.reinforce, {"baseline": 0.0})
    assert variance(lj.reinforce, {}) < 0.5 * plain
    assert variance(lj.vimco, {}) < 0.5 * plain


def test_categorical_latents():
    labels = np.array(list(itertools.product(range(3), repeat=2)))
    sets = np.array(list(itertools.product(range(9), repeat=2)))
    z = jnp.asarray(labels[sets.T])  # (2 samples, 81 sets, 2 latents)
    p = {
        "logits": jnp.array([[0.3, -0.2, 0.5], [1.0, 0.1, -0.7]]),
        "table": jnp.array([[0.2, -1.0], [0.9, 0.4], [-0.8, 1.3]]),
    }
    flat = categorical.Params(jnp.zeros((1, 1, 3)))

    def decoded(p, z):
        return bernoulli.Params(jax.nn.one_hot(z, 3, dtype=float).sum(-2) @ p["table"])

    def each_log_q(p, z):
        return (jax.nn.log_softmax(p["logits"])[None] * jax.nn.one_hot(z, 3, dtype=float)).sum((-1, -2))

    weights = jnp.exp(each_log_q(p, z[0]) + each_log_q(p, z[1]))

    def estimated(p, estimator):
        y = jnp.broadcast_to(jnp.array([1.0, 0.0]), (81, 2))
        q = categorical.Params(jnp.broadcast_to(p["logits"], (81, 2, 3)))
        family = {"posterior": categorical, "prior": categorical, "prior_params": flat}
        result = estimator(bernoulli, lambda z: decoded(p, z), q, y, z=z, **family)
        return weights @ result[0 if estimator is lj.vimco else 3]

    def exact(p, importance):
        x = jnp.asarray(labels)
        logits = decoded(p, x).logits
        log_q = each_log_q(p, x)
        log_w = -jnp.logaddexp(0, -logits * jnp.array([[1.0, -1.0]])).sum(-1) - 2 * np.log(3) - log_q
        if not importance:
            return (jnp.exp(log_q) * log_w).sum()
        return (jnp.exp(log_q[sets].sum(-1)) * (jax.nn.logsumexp(log_w[sets], -1) - np.log(2))).sum()

    for estimator in (lj.reinforce, lj.vimco):
        found = jax.jit(jax.value_and_grad(lambda p, e=estimator: estimated(p, e)))(p)
        truth = jax.jit(jax.value_and_grad(lambda p, e=estimator: exact(p, e is lj.vimco)))(p)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12), found, truth)


def test_normal_latents_by_quadrature():
    """The known gradients of the bound of two samples, and those of one by the reparametrised bound."""
    x, w = np.polynomial.hermite_e.hermegauss(80)
    nodes = jnp.asarray(np.stack(np.meshgrid(x, x, indexing="ij"), -1).reshape(-1, 2))
    weights = jnp.asarray(np.outer(w, w).ravel() / w.sum() ** 2)
    n = len(nodes)

    def estimated(theta, loc, estimator):
        q = normal.Params(jnp.full((n, 1), loc), jnp.ones((n, 1)))
        z = 0.3 + nodes.T[..., None]
        result = estimator(normal, lambda z: normal.Params(theta * z, 1.0), q, jnp.ones((n, 1)), z=z)
        return weights @ result[0 if estimator is lj.vimco else 3]

    at = jnp.float64(0.8), jnp.float64(0.3)
    value, slopes = jax.jit(jax.value_and_grad(lambda t, m: estimated(t, m, lj.vimco), (0, 1)))(*at)
    np.testing.assert_allclose(value, -1.50754675, atol=5e-9)
    np.testing.assert_allclose(slopes, [-0.31043860, 0.10491009], atol=5e-8)
    # one sample: -(theta^2 + (1 - theta m)^2) / 2 - log(2 pi) / 2 - m^2 / 2
    value, slopes = jax.jit(jax.value_and_grad(lambda t, m: estimated(t, m, lj.reinforce), (0, 1)))(*at)
    miss = 1 - 0.8 * 0.3
    np.testing.assert_allclose(value, -0.5 * (0.8**2 + miss**2 + 0.3**2 + np.log(2 * np.pi)), rtol=1e-9)
    np.testing.assert_allclose(slopes, [miss * 0.3 - 0.8, miss * 0.8 - 0.3], rtol=1e-9)


@pytest.mark.slow
def test_impossible_draws_teach_nothing_and_break_nothing():
    q = bernoulli.Params(jnp.zeros((3, 1)))
    z = jnp.array([[[0], [1], [0]], [[1], [1], [1]]])  # a row each: none, both, one of the two impossible
    y = jnp.array([[1.0], [0.0], [0.0]])
    family = {"posterior": bernoulli, "prior": bernoulli, "prior_params": bernoulli.Params(0.0), "z": z}

    def decode(z):
        return bernoulli.Params(jnp.where(z == 1, jnp.inf, -0.5))

    def bounds(q, estimator):
        return estimator(bernoulli, decode, q, y, **family)[0 if estimator is lj.vimco else 3]

    for estimator in (lj.reinforce, lj.vimco):
        value = bounds(q, estimator)
        assert bool(jnp.isneginf(value[1]))
        plain = jax.grad(lambda q, e=estimator: bounds(q, e).sum())(q).logits
        assert bool(jnp.isfinite(plain).all())


@pytest.mark.slow
def test_masked_examples_add_exactly_nothing():
    q = jnp.array([[0.3], [jnp.nan]])
    y, mask = jnp.array([[1.0], [7.0]]), jnp.array([True, False])
    z = jnp.array([[[0], [5]], [[1], [-3]]])
    family = {"posterior": bernoulli, "prior": bernoulli, "prior_params": bernoulli.Params(0.0), "z": z, "mask": mask}

    def total(logits, estimator):
        def decode(z):
            return bernoulli.Params(1.5 * z.astype(float) / jnp.where(mask, 1.0, 0.0)[:, None])

        result = estimator(bernoulli, decode, bernoulli.Params(logits), y, **family)
        return result[0].sum(), result[0]

    for estimator in (lj.reinforce, lj.vimco):
        (value, each), slope = jax.value_and_grad(lambda q, e=estimator: total(q, e), has_aux=True)(q)
        alone = estimator(
            bernoulli,
            lambda z: bernoulli.Params(1.5 * z.astype(float)),
            bernoulli.Params(q[:1]),
            y[:1],
            **family | {"z": z[:, :1], "mask": None},
        )
        np.testing.assert_allclose(value, alone[0][0], rtol=1e-12)
        assert float(each[1]) == 0
        assert float(slope[1, 0]) == 0
        assert float(slope[0, 0]) != 0


def test_too_few_samples_are_an_error(key: jax.Array):
    q, y = normal.Params(jnp.zeros((1, 1)), jnp.ones((1, 1))), jnp.zeros((1, 1))

    def decode(z):
        return normal.Params(z, 1.0)

    for bound in (lj.reinforce, lj.vimco, lj.iwae):
        with pytest.raises(ValueError, match="0 samples; want a whole number of them, 1 or more"):
            bound(normal, decode, q, y, num_samples=0, key=jax.random.clone(key))
        with pytest.raises(ValueError, match="0 samples"):
            bound(normal, decode, q, y, z=jnp.zeros((0, 1, 1)))
    for bound in (lj.reinforce, lj.vimco):
        with pytest.raises(ValueError, match="two samples at least"):
            bound(normal, decode, q, y, num_samples=1, key=jax.random.clone(key))
        with pytest.raises(ValueError, match="exactly one of key and z"):
            bound(normal, decode, q, y)
    assert lj.reinforce(normal, decode, q, y, num_samples=1, key=jax.random.clone(key), baseline=0.0).elbo.shape == (1,)
    with pytest.raises(ValueError, match="leave_one_out"):
        lj.reinforce(normal, decode, q, y, num_samples=2, key=key, baseline="mean")


def test_a_path_through_discrete_draws_is_refused(key: jax.Array):
    q, y = bernoulli.Params(jnp.zeros((1, 1))), jnp.zeros((1, 1))
    family = {"posterior": bernoulli, "prior": bernoulli, "prior_params": bernoulli.Params(0.0)}
    with pytest.raises(ValueError, match="Use reinforce or vimco"):
        lj.elbo(bernoulli, lambda z: bernoulli.Params(z.astype(float)), q, y, key=key, **family)
