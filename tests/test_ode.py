"""Densities moved by a field: linear fields, whose end is a matrix exponential, and Hutchinson's moments."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from lik_jax import _extras, ode
from lik_jax.distributions import multivariate_normal

diffrax = pytest.importorskip("diffrax")

A = np.array([[0.3, -0.8], [0.5, 0.4]])
X = np.array([[0.7, -0.4], [1.1, 0.2], [-2.0, 0.5]])


def linear(t, x):
    return x @ jnp.asarray(A.T, x.dtype)


@pytest.mark.usefixtures("x64")
def test_a_linear_field_is_a_matrix_exponential():
    move = jax.jit(lambda t0, t1: ode.flow(linear, X, t0, t1, rtol=1e-10, atol=1e-10))
    for t0, t1 in ((0.0, 1.5), (1.0, 0.0)):
        moved, expected = move(t0, t1), scipy.linalg.expm(A * (t1 - t0))
        np.testing.assert_allclose(moved.x, X @ expected.T, rtol=1e-8)
        np.testing.assert_allclose(moved.log_det, np.linalg.slogdet(expected)[1], rtol=1e-8)


@pytest.mark.usefixtures("x64")
def test_log_det_is_that_of_the_jacobian():
    def field(t, x):
        return jnp.tanh(x @ jnp.asarray(A.T)) * (1 + t)

    def end(x):
        moved = ode.flow(field, x[None], 0.0, 1.0, rtol=1e-9, atol=1e-9, adjoint=diffrax.ForwardMode())
        return moved.x[0], moved.log_det[0]

    jacobian, log_det = jax.jit(jax.vmap(jax.jacfwd(end, has_aux=True)))(jnp.asarray(X))
    np.testing.assert_allclose(log_det, jnp.linalg.slogdet(jacobian)[1], atol=1e-7)


@pytest.mark.usefixtures("x64")
def test_log_prob_of_a_linear_field():
    # data at 0, standard normal at 1: x = expm(-A) z
    back = scipy.linalg.expm(-A)
    params = multivariate_normal.Params(jnp.zeros((3, 2)), jnp.asarray(np.linalg.cholesky(back @ back.T)[None]))
    expected = multivariate_normal.log_prob(params, jnp.asarray(X))
    np.testing.assert_allclose(ode.log_prob(linear, X, rtol=1e-10, atol=1e-10), expected, rtol=1e-8)


def test_single_precision():
    params = jnp.asarray(X, jnp.float32)
    moved = ode.flow(linear, params, 0.0, 1.0)
    assert moved.x.dtype == moved.log_det.dtype == jnp.float32
    np.testing.assert_allclose(moved.x, X @ scipy.linalg.expm(A).T, atol=1e-4)
    np.testing.assert_allclose(moved.log_det, 0.7, atol=1e-5)


@pytest.mark.usefixtures("x64")
@pytest.mark.slow
def test_gradients_are_finite_differences():
    x = jnp.asarray(X)

    def total(w):
        return ode.log_prob(lambda t, x: jnp.tanh(x @ w) * jnp.cos(t), x, rtol=1e-10, atol=1e-10).sum()

    w, e = jnp.asarray(A), 1e-5
    steps = jnp.stack([jnp.zeros((2, 2)).at[i].set(e) for i in itertools.product(range(2), repeat=2)])
    values = jax.jit(jax.vmap(total))(w[None] + jnp.concatenate([steps, -steps]))
    slopes = (values[:4] - values[4:]).reshape(2, 2) / (2 * e)
    np.testing.assert_allclose(jax.jit(jax.grad(total))(w), slopes, rtol=1e-6)


def test_an_example_does_not_depend_on_the_batch():
    def field(t, x):
        return jnp.sin(5 * x)

    x = jnp.array([[0.01, 0.2], [3.0, -1.0], [100.0, 7.0]])
    together, alone = ode.flow(field, x, 0.0, 1.0), ode.flow(field, x[1:2], 0.0, 1.0)
    assert int(together.num_steps[1]) == int(alone.num_steps[0])
    np.testing.assert_allclose(together.log_det[1], alone.log_det[0], rtol=1e-6)


@pytest.mark.parametrize(("kind", "variance"), [("rademacher", 25.0), ("gaussian", 59.0)])
def test_hutchinson(key: jax.Array, kind: str, variance: float):
    matrix = jnp.array([[1.0, 2.0], [3.0, 4.0]])
    n = 100_000
    probes = ode.probes(key, (1, 2), num=n, kind=kind)
    # each probe on its own: the batch is the sample
    estimates = ode.divergence(
        lambda t, x: x @ matrix.T, 0.0, jnp.zeros((n, 2)), probes=probes[:, 0][None]
    )[1]  # fmt: skip
    assert abs(float(estimates.mean()) - 5) < 4 * (variance / n) ** 0.5
    centred = (estimates - 5) ** 2
    assert abs(float(centred.mean()) - variance) < 4 * float(centred.std() / n**0.5) + 1e-9
    # and the mean over probes of one example is what is used
    one = ode.divergence(lambda t, x: x @ matrix.T, 0.0, jnp.zeros((1, 2)), probes=probes)[1]
    np.testing.assert_allclose(one[0], estimates.mean(), rtol=1e-4)


@pytest.mark.usefixtures("x64")
@pytest.mark.slow
def test_divergence_by_basis_vectors_and_by_every_sign():
    def field(t, x):
        return jnp.sin(x @ jnp.asarray(A)) * x + t

    x = jnp.asarray(X)
    exact = ode.divergence(field, 0.5, x)[1]
    jacobian = jax.vmap(jax.jacfwd(lambda x: field(0.5, x[None])[0]))(x)
    np.testing.assert_allclose(exact, jnp.trace(jacobian, axis1=1, axis2=2), rtol=1e-12)
    # the mean over all Rademacher vectors is the trace, no chance involved
    signs = jnp.asarray(list(itertools.product([-1.0, 1.0], repeat=2)))
    probes = jnp.broadcast_to(signs[:, None], (4, *x.shape))
    np.testing.assert_allclose(ode.divergence(field, 0.5, x, probes=probes)[1], exact, rtol=1e-12)
    ends = [ode.flow(field, x[:1], 0.0, 1.0, probes=v).log_det for v in (None, probes[:, :1])]
    np.testing.assert_allclose(*ends, atol=1e-5)


@pytest.mark.slow
def test_too_few_steps_give_nan_with_a_nan_gradient():
    @jax.jit
    @functools.partial(jax.value_and_grad, has_aux=True)
    def end(rate):
        moved = ode.flow(lambda t, x: rate * jnp.sin(40 * x), jnp.ones((1, 1)), 0.0, 1.0, max_steps=8)
        return moved.x.sum(), moved

    (_, moved), slope = end(20.0)
    assert bool(jnp.isnan(moved.x).all() & jnp.isnan(moved.log_det).all() & jnp.isnan(slope))
    (_, moved), slope = end(0.01)
    assert bool(jnp.isfinite(moved.x).all() & jnp.isfinite(slope))


def test_shapes_that_do_not_fit():
    x = jnp.ones((3, 2))
    with pytest.raises(ValueError, match=r"field gave the shape \(1, 1\)"):
        ode.flow(lambda t, x: x[:, :1], x, 0.0, 1.0)
    with pytest.raises(ValueError, match=r"probes has shape \(3, 2\)"):
        ode.flow(lambda t, x: x, x, 0.0, 1.0, probes=x)
    with pytest.raises(ValueError, match="base gave the shape"):
        ode.log_prob(lambda t, x: x, x, lambda x: x)
    with pytest.raises(ValueError, match="rademacher"):
        ode.probes(jax.random.key(0), (2, 2), kind="uniform")  # type: ignore[arg-type]


def test_without_diffrax_the_message_says_what_to_install(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(_extras.importlib, "import_module", missing)
    with pytest.raises(ModuleNotFoundError, match=r"lik-jax\[ode\]"):
        ode.flow(lambda t, x: x, jnp.ones((1, 1)), 0.0, 1.0)
