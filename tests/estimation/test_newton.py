"""Newton's method: exact, and honest about where it stopped."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lik_jax.estimation import Status, minimise

# Spector and Mazzeo (1980), as Greene has it: grade point average, test score, taught by the new method; better grade
GPA = """2.66 2.89 3.28 2.92 4.00 2.86 2.76 2.87 3.03 3.92 2.63 3.32 3.57 3.26 3.53 2.74
2.75 2.83 3.12 3.16 2.06 3.62 2.89 3.51 3.54 2.83 3.39 2.67 3.65 4.00 3.10 2.39"""
TUCE = "20 22 24 12 21 17 17 21 25 29 20 23 23 25 26 19 25 19 23 25 22 28 14 26 24 27 17 24 21 23 21 19"
BETTER = [4, 9, 13, 19, 21, 24, 25, 26, 28, 29, 31]
SPECTOR = np.stack([np.ones(32), np.array(GPA.split(), float), np.array(TUCE.split(), float), np.arange(32) >= 18], 1)
GRADE = np.isin(np.arange(32), BETTER).astype(float)


def logit_loss(weights, x, y):
    logits = x @ weights
    return (jax.nn.softplus(logits) - y * logits).mean()


def standard_errors(found, n):
    return np.sqrt(np.diag(np.linalg.inv(np.asarray(found.hessian, float))) / n)


def test_a_logit_to_the_digits_of_the_table(x64):
    found = jax.jit(minimise, static_argnums=0)(logit_loss, jnp.zeros(4), SPECTOR, GRADE)
    assert found.status_name == "OK"
    assert int(found.steps) <= 9
    assert float(found.decrement) < 1e-20
    np.testing.assert_allclose(-32 * found.value, -12.88963422, rtol=1e-9)
    estimates = [-13.021346858, 2.8261125949, 0.095157661318, 2.3786876551]
    np.testing.assert_allclose(found.x, estimates, rtol=1e-10)
    errors = [4.93132421, 1.26294108, 0.141554206, 1.06456425]
    np.testing.assert_allclose(standard_errors(found, 32), errors, rtol=1e-8)


def test_single_precision_stays_single_and_gets_there(compiles):
    x, y = SPECTOR.astype(np.float32), GRADE.astype(np.float32)
    x[:, 1:] -= x[:, 1:].mean(0)
    run = jax.jit(lambda x, y: minimise(logit_loss, jnp.zeros(4), x, y))
    found = run(x, y)
    assert found.x.dtype == found.hessian.dtype == found.decrement.dtype == jnp.float32
    assert found.status_name == "OK"
    np.testing.assert_allclose(found.x[1:], [2.8261125949, 0.095157661318, 2.3786876551], rtol=1e-5)
    np.testing.assert_allclose(standard_errors(found, 32)[1:], [1.26294108, 0.141554206, 1.06456425], rtol=1e-5)
    with compiles() as names:
        run(x[::-1], y[::-1])
    assert names == []


def test_a_quadratic_of_a_pytree(x64):
    a = jnp.array([[3.0, 1.0, 0.5], [1.0, 2.0, 0.0], [0.5, 0.0, 4.0]])
    b = jnp.array([1.0, 2.0, -1.0])

    def loss(x):
        flat = jnp.concatenate([x["one"][None], x["two"]])
        return 0.5 * flat @ a @ flat - b @ flat

    found = minimise(loss, {"one": 0, "two": np.zeros(2)})
    best = np.linalg.solve(a, b)
    np.testing.assert_allclose([found.x["one"], *found.x["two"]], best, rtol=1e-15)
    np.testing.assert_allclose(found.value, -0.5 * b @ best, rtol=1e-15)
    np.testing.assert_allclose(found.hessian, a, rtol=1e-15)
    np.testing.assert_allclose([found.gradient["one"], *found.gradient["two"]], 0, atol=1e-15)
    assert found.status_name == "OK"
    assert int(found.steps) <= 3


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_machine_precision_also_from_far_away(x64, dtype):
    starts = jnp.array([1.0, -5.0, 12.0], dtype)
    five = jnp.array(5, dtype)
    found = jax.vmap(lambda start: minimise(lambda x: jnp.exp(x) - five * x, start))(starts)
    assert found.status.tolist() == [Status.OK] * 3
    np.testing.assert_allclose(found.x, np.log(5), rtol=4 * float(jnp.finfo(dtype).eps))


def test_a_rare_event_in_single_precision():
    share = jnp.float32(1e-5)
    found = minimise(lambda logit: jax.nn.softplus(logit) - share * logit, jnp.float32(0))
    assert found.status_name == "OK"
    np.testing.assert_allclose(found.x, np.log(1e-5) - np.log1p(-1e-5), rtol=1e-6)


FUNCTIONS = {
    "valley": lambda x: (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2,
    "hills": lambda x: jnp.cos(x[0]) + jnp.log1p((x[1] - 3) ** 2),
    "bowl": lambda x: ((x - jnp.array([3.0, 0.1])) ** 2).sum(),
    "falls": lambda x: jnp.exp(-x[0]) + x[1] ** 2,
    "falls_to_three": lambda x: jnp.exp(-x[0] - x[1]) + (x[0] - x[1]) ** 2 + 3,
    "gutter": lambda x: (x.sum() - 1) ** 2,
    "slope": lambda x: x[1] ** 2 - x[0],
}
WANTED = (
    ("valley", (-1.2, 1.0), "OK", (1.0, 1.0)),
    ("hills", (0.1, 30.0), "OK", (np.pi, 3.0)),
    # at the top of a hill the gradient is 0 too: that is no minimum
    ("hills", (0.0, 3.0), "SINGULAR", (0.0, 3.0)),
    # the least value is 0: nothing relative to it can stop the search
    ("bowl", (1e3, -1e3), "OK", (3.0, 0.1)),
    ("falls", (0.0, 1.0), "SEPARATION", None),
    ("falls_to_three", (0.0, 1.0), "SEPARATION", None),
    ("gutter", (0.0, 0.0), "SINGULAR", (0.5, 0.5)),
    ("slope", (0.0, 1.0), "MAX_STEPS", None),
)


@functools.cache
def found_at_once():
    """One batch for all of `WANTED`."""

    def loss(x, which):
        return jnp.stack([f(x) for f in FUNCTIONS.values()])[which]

    with jax.enable_x64(True):
        names = np.array([list(FUNCTIONS).index(name) for name, *_ in WANTED])
        starts = np.array([start for _, start, *_ in WANTED])
        return jax.tree.map(np.asarray, jax.jit(jax.vmap(lambda x, w: minimise(loss, x, w)))(starts, names))


@pytest.mark.parametrize("row", range(len(WANTED)), ids=[f"{name}{start[0]}" for name, start, *_ in WANTED])
def test_every_kind_of_function(row):
    _, _, status, best = WANTED[row]
    found = jax.tree.map(lambda a: a[row], found_at_once())
    assert found.status_name == status
    if best is not None:
        np.testing.assert_allclose(found.x, best, atol=1e-10)
    if status == "OK":
        assert found.decrement < 1e-20


def test_each_member_of_a_batch_for_itself(x64):
    """Good, told apart perfectly, collinear, NaN, told apart in one direction alone, good."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(6, 60, 3))
    y = (rng.random((6, 60)) < 1 / (1 + np.exp(-x @ [1.0, -0.5, 0.3]))).astype(float)
    y[1] = x[1] @ [1.0, 2.0, -1.0] > 0
    x[2, :, 2] = x[2, :, 0] + x[2, :, 1]
    x[3, 5, 1] = np.nan
    # the sum of the first two is 0 but for the zeros of y, where it is negative
    x[4, :, 1] = -x[4, :, 0] - 2.0 * (rng.random(60) < 0.5) * (1 - y[4])
    one = jax.jit(lambda x, y: minimise(logit_loss, jnp.zeros(3), x, y))
    found = jax.jit(jax.vmap(one))(x, y)
    wanted = [Status.OK, Status.SEPARATION, Status.SINGULAR, Status.INVALID_DATA, Status.SEPARATION, Status.OK]
    assert found.status.tolist() == wanted
    assert found.x[3].tolist() == [0.0, 0.0, 0.0]
    assert np.isnan(float(found.value[3]))
    assert float(found.value[1]) < 1e-12
    # what is determined is found where something else is not
    assert np.abs(np.asarray(found.gradient[2])).max() < 1e-12
    for i in (0, 5):
        alone = one(x[i], y[i])
        np.testing.assert_allclose(found.x[i], alone.x, rtol=1e-12)
        assert int(found.steps[i]) == int(alone.steps) < int(found.steps[1])


def test_so_many_steps_and_no_more(x64):
    found = minimise(lambda x: jnp.exp(x) - 5 * x, 30.0, max_steps=3)
    assert found.status_name == "MAX_STEPS"
    assert int(found.steps) == 3


def test_derivatives_of_what_is_found(x64):
    def best(args):
        return minimise(lambda x, b, c: (jnp.exp(c * x) - b * x).sum(), jnp.zeros(2), *args).x

    def exact(args):
        b, c = args
        return jnp.log(b / c) / c

    args = jnp.array([2.0, 5.0]), jnp.array(1.5)
    for derive in (jax.jacrev, lambda f: jax.jacfwd(jax.jacrev(f))):
        given, wanted = (jax.tree.leaves(jax.jit(derive(f))(args)) for f in (best, exact))
        for a, b in zip(given, wanted, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
    # what the loss closes over counts too; the value has no slope but that of the loss itself

    def closed(b):
        found = minimise(lambda x: jnp.exp(x) - b * x, 0.0)
        return jnp.stack([found.x, found.value])

    np.testing.assert_allclose(jax.jit(jax.jacfwd(closed))(2.0), [0.5, -np.log(2)], rtol=1e-12)


def test_a_loss_that_is_no_scalar():
    with pytest.raises(TypeError, match="scalar"):
        minimise(lambda x: x**2, jnp.zeros(2))
