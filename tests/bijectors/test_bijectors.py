"""Every bijector against every law: inverse, both log-determinants against autodiff, form."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lik_jax as lj
from lik_jax import bijectors
from lik_jax.bijectors import spline as spline_module
from lik_jax.distributions import normal

D = 5
RNG = np.random.default_rng(7)


def draw(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape)


def perceptron(params, kept):
    """Raw numbers ``[..., m r]``, any function of what passes."""
    return jnp.tanh(kept @ params["in"]) @ params["out"]


def causal(params, v):
    """Raw numbers ``[..., d, r]``: those of a coordinate come from the coordinates before it."""
    hidden = jnp.tanh(v @ jnp.triu(params["in"], 1))
    return jnp.stack([hidden * scale.reshape((1,) * (v.ndim - 1) + (D,)) for scale in params["out"]], -1)


def network(inputs: int, outputs: int) -> dict:
    return {"in": draw(inputs, 6), "out": draw(6, outputs)}


def causal_network(r: int) -> dict:
    return {"in": draw(D, D), "out": draw(r, D)}


SPLINE = bijectors.rational_quadratic_spline(num_bins=4, bound=2.0)
LINEAR = bijectors.lu_linear(D)
LU = LINEAR.constrain(jnp.asarray(0.5 * draw(D * D)))
COUPLED = bijectors.coupling(perceptron, SPLINE, kept=2)
AFFINE = bijectors.affine.Params(draw(), np.exp(draw()))
UNIT = 0.02 + 0.96 * RNG.uniform(size=(6,))

# name: bijector, params, x with two example axes or fewer
CASES = {
    "affine": (bijectors.affine(), AFFINE, draw(6)),
    "affine_each": (bijectors.affine(), bijectors.affine.Params(draw(6), np.exp(draw(6))), draw(6)),
    "scaling": (bijectors.scaling(0.3, -1.5), (), draw(6)),
    "logit": (bijectors.logit(), (), UNIT),
    "logit_low": (bijectors.logit(0.05), (), np.append(UNIT, [0.0, 1.0])),
    "spline": (SPLINE, SPLINE.constrain(jnp.asarray(2 * draw(11))), 2 * draw(9)),
    "spline_each": (SPLINE, SPLINE.constrain(jnp.asarray(2 * draw(9, 11))), 2 * draw(9)),
    "inverted": (bijectors.inverted(SPLINE), SPLINE.constrain(jnp.asarray(2 * draw(11))), 2 * draw(9)),
    "actnorm": (bijectors.actnorm(D), bijectors.affine.Params(draw(D), np.exp(draw(D))), draw(3, D)),
    "lu_linear": (LINEAR, LU, draw(2, 3, D)),
    "lu_linear_each": (LINEAR, LINEAR.constrain(jnp.asarray(0.5 * draw(3, D * D))), draw(3, D)),
    "permutation": (bijectors.permutation((3, 0, 4, 1, 2)), (), draw(3, D)),
    "coupling": (bijectors.coupling(perceptron, kept=2), network(2, 6), draw(2, 3, D)),
    "coupling_flip": (bijectors.coupling(perceptron, kept=2, flip=True), network(2, 6), draw(3, D)),
    "coupling_spline": (COUPLED, network(2, 33), draw(3, D)),
    "masked_autoregressive": (bijectors.masked_autoregressive(causal), causal_network(2), draw(3, D)),
    "masked_autoregressive_spline": (
        bijectors.masked_autoregressive(causal, SPLINE),
        causal_network(11),
        draw(3, D),
    ),
    "inverse_autoregressive": (bijectors.inverse_autoregressive(causal), causal_network(2), draw(3, D)),
    "chain": (
        bijectors.chain([bijectors.logit(0.05), LINEAR, SPLINE, COUPLED, bijectors.permutation(range(D)[::-1])]),
        ((), LU, SPLINE.constrain(jnp.asarray(draw(11))), network(2, 33), ()),
        0.1 + 0.8 * RNG.uniform(size=(3, D)),
    ),
}
X64 = pytest.mark.usefixtures("x64")


SLOW = (
    "affine_each",
    "spline_each",
    "inverted",
    "lu_linear_each",
    "coupling_flip",
    "masked_autoregressive_spline",
    "chain",
)


@pytest.fixture(params=[pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in CASES])
def case(request):
    bijector, params, x = CASES[request.param]
    return bijector, jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params), x


def batch_axes(bijector, x) -> int:
    return x.ndim - bijector.event_ndim


def log_volumes(direction, params, x, event_ndim):
    """``log |det|`` of the Jacobian of each event by autodiff, and what one event has of another's, which is 0."""
    n = int(np.prod(x.shape[: x.ndim - event_ndim]))
    whole = jax.jacfwd(lambda x: direction(params, x)[0])(x).reshape(n, x.size // n, n, x.size // n)
    own = jnp.stack([whole[i, :, i] for i in range(n)])
    return jnp.linalg.slogdet(own)[1], jnp.abs(whole).sum() - jnp.abs(own).sum()


@X64
def test_inverse_and_both_log_determinants(case):
    bijector, params, x = case

    @jax.jit
    def both(params, x):
        y, up = bijector.forward(params, x)
        back, down = bijector.inverse(params, y)
        volumes = [
            log_volumes(f, params, v, bijector.event_ndim)
            for f, v in zip((bijector.forward, bijector.inverse), (x, y), strict=True)
        ]
        return y, up, back, down, volumes

    x = jnp.asarray(x)
    y, up, back, down, ((up_truth, up_else), (down_truth, down_else)) = both(params, x)
    assert abs(up_else) < 1e-12
    assert abs(down_else) < 1e-12
    assert y.dtype == up.dtype == jnp.float64
    assert y.shape == x.shape
    assert up.shape == down.shape == x.shape[: batch_axes(bijector, x)]
    np.testing.assert_allclose(back, x, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(up.ravel(), up_truth, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(down.ravel(), down_truth, rtol=1e-9, atol=1e-9)
    assert bool(jnp.isfinite(y).all())


@pytest.mark.parametrize("name", ["spline", "lu_linear", pytest.param("chain", marks=pytest.mark.slow)])
def test_single_precision_comes_back(name):
    """``forward(inverse(y)) = y`` to what float32 can, and float32 it stays."""
    bijector, params, x = CASES[name]

    @jax.jit
    def there_and_back(params, x):
        y = bijector.forward(params, x)[0]
        back, down = bijector.inverse(params, y)
        again, up = bijector.forward(params, back)
        return y, again, up + down

    y, again, total = there_and_back(jax.tree.map(jnp.float32, params), jnp.float32(x))
    assert again.dtype == total.dtype == jnp.float32
    np.testing.assert_allclose(again, y, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(total, 0, atol=5e-3)


def test_equal_constructions_are_one_static_argument(compiles):
    bijector, params, x = CASES["chain"]
    step = jax.jit(lambda bijector, params, x: bijector.forward(params, x), static_argnums=0)
    params, x = jax.tree.map(jnp.float32, params), jnp.float32(x)
    jax.block_until_ready(step(bijector, params, x))
    with compiles() as names:
        jax.block_until_ready(step(bijectors.chain(list(bijector.bijectors)), params, x))
    assert names == []


def test_form(case):
    bijector, params, _ = case
    assert isinstance(bijector, bijectors.Bijector)
    assert lj.supports.paired(bijector.param_supports, params) is not None
    assert inspect.getdoc(bijector)
    again = type(bijector)(*(getattr(bijector, name) for name in bijector.__dataclass_fields__))
    assert again == bijector
    assert hash(again) == hash(bijector)
    if "perceptron" not in repr(bijector) and "causal" not in repr(bijector):
        assert eval(repr(bijector), {"bijectors": bijectors}) == bijector


@X64
def test_raw_numbers(case):
    bijector, params, x = case
    if not bijector.raw_size:
        return
    raw = bijector.unconstrain(params)
    assert raw.shape[-1] == bijector.raw_size
    again = bijector.constrain(raw)
    forward = jax.jit(bijector.forward)
    np.testing.assert_allclose(forward(again, x)[0], forward(params, x)[0], rtol=1e-9)
    still, log_det = forward(bijector.constrain(jnp.zeros(bijector.raw_size)), x)
    np.testing.assert_allclose(still, x, atol=1e-12)
    np.testing.assert_allclose(log_det, 0, atol=1e-12)
    with pytest.raises(ValueError, match=str(bijector.raw_size)):
        bijector.constrain(jnp.zeros(bijector.raw_size + 1))


def test_illegal_params_are_nan():
    for bijector, good, bad, x in (
        (bijectors.affine(), bijectors.affine.Params(0.0, 1.0), bijectors.affine.Params(0.0, -1.0), 0.3),
        (bijectors.actnorm(1), bijectors.affine.Params(0.0, 1.0), bijectors.affine.Params(0.0, 0.0), jnp.ones(1)),
        (LINEAR, LU, LU._replace(upper=-LU.upper), jnp.ones(D)),
        (SPLINE, SPLINE.constrain(jnp.zeros(11)), SPLINE.constrain(jnp.zeros(11))._replace(slopes=-jnp.ones(3)), 5.0),
    ):
        both = jax.jit(lambda params, x, bijector=bijector: (bijector.forward(params, x), bijector.inverse(params, x)))
        assert all(bool(jnp.isfinite(out).all()) for out in jax.tree.leaves(both(good, x)))
        assert all(bool(jnp.isnan(out).all()) for out in jax.tree.leaves(both(bad, x))), bijector


# The spline


@X64
def test_spline_is_the_identity_at_zero_and_has_slope_one_at_its_edges():
    x = jnp.linspace(-3.0, 3.0, 25)
    zero = SPLINE.constrain(jnp.zeros(11))
    for direction in (SPLINE.forward, SPLINE.inverse):
        value, log_slope = direction(zero, x)
        np.testing.assert_allclose(value, x, atol=1e-15)
        np.testing.assert_allclose(log_slope, 0, atol=1e-15)
    params = SPLINE.constrain(jnp.asarray(2 * draw(11)))
    at = jnp.outer(jnp.array([-2.0, 2.0]), jnp.array([1 - 1e-15, 1, 1 + 1e-15, 3])).ravel()
    for direction in (SPLINE.forward, SPLINE.inverse):
        with_slope = jax.jit(jax.vmap(jax.value_and_grad(lambda x, f=direction: f(params, x), has_aux=True)))
        (value, log_slope), slope = with_slope(at)
        np.testing.assert_allclose(value, at, rtol=1e-13)
        np.testing.assert_allclose(log_slope, 0, atol=1e-11)
        np.testing.assert_allclose(slope, 1, atol=1e-11)


def test_spline_gradients_are_finite_outside_its_box():
    raw = jnp.asarray(draw(11), jnp.float32)
    at = jnp.array([-1e30, -1e4, -5.0, -2.5, -2.0, 2.0, 2.5, 5.0, 1e4, 1e30])
    for name in ("forward", "inverse"):

        def total(raw, x, name=name):
            value, log_slope = getattr(SPLINE, name)(SPLINE.constrain(raw), x)
            return value + log_slope

        slopes = jax.jit(jax.vmap(jax.grad(total, (0, 1)), (None, 0)))(raw, at)
        assert bool(jnp.isfinite(slopes[0]).all())
        far = jnp.abs(at) > 2
        np.testing.assert_array_equal(slopes[0][far], 0)
        np.testing.assert_allclose(slopes[1][far], 1, rtol=1e-6)


def test_spline_inverse_has_no_negative_discriminant():
    """In single precision, for slopes at the ends of a bin from flat to steep, up to the ends themselves."""
    ends = 10.0 ** jnp.linspace(-6.0, 6.0, 25)
    t = jnp.array([0.0, 1e-30, 1e-9, 1e-7, 1e-4, 0.3, 0.5, 0.9, 0.9999, 1 - 1.2e-7, 1 - 6e-8, 1.0])
    start, end, t = (x.ravel() for x in jnp.meshgrid(ends, ends, t, indexing="ij"))

    def solve(t, start, end):
        size = jnp.full_like(t, 0.7)
        return spline_module._solve(spline_module._Bin(size, size, size, size, start, end), t)

    # op by op, where nothing is fused and every product is rounded; and compiled
    slopes = jax.jit(jax.vmap(jax.grad(solve, (0, 1, 2))))(t, start, end)
    assert all(bool(jnp.isfinite(slope).all()) for slope in slopes)
    z = np.asarray(solve(t, start, end))
    assert ((z >= 0) & (z <= 1)).all()
    np.testing.assert_array_equal(z[t == 0], 0)
    np.testing.assert_array_equal(z[t == 1], 1)


@pytest.mark.slow
def test_spline_is_finite_under_wild_params(key):
    """In single precision, at the knots and all over the box."""
    spline = bijectors.rational_quadratic_spline(num_bins=8, bound=3.0)
    first, second = jax.random.split(key)
    params = spline.constrain(30 * jax.random.normal(first, (2000, 1, 23)))
    y = jnp.sort(jax.random.uniform(second, (2000, 64), minval=-3.0, maxval=3.0), -1)
    shares = spline._edges(params.heights)[:, 0]
    y = jnp.concatenate([y, shares, jnp.nextafter(shares, jnp.float32(-9)), jnp.nextafter(shares, jnp.float32(9))], -1)

    @jax.jit
    def run(params, y):
        x, log_slope = spline.inverse(params, y)
        slope = jax.grad(lambda y: spline.inverse(params, y)[0].sum())(y)
        return x, log_slope, slope

    for out in run(params, y):
        assert bool(jnp.isfinite(out).all())
    assert bool((jnp.abs(run(params, y)[0]) <= 3.0001).all())


@pytest.mark.slow
@X64
def test_spline_against_a_root_finder():
    """The inverse is where the forward map, which is monotone, takes the value."""
    params = SPLINE.constrain(jnp.asarray(draw(11)))
    y = jnp.linspace(-1.99, 1.99, 40)
    low, high = jnp.full(40, -2.0), jnp.full(40, 2.0)
    for _ in range(60):
        middle = 0.5 * (low + high)
        below = SPLINE.forward(params, middle)[0] < y
        low, high = jnp.where(below, middle, low), jnp.where(below, high, middle)
    np.testing.assert_allclose(SPLINE.inverse(params, y)[0], low, atol=1e-12)


@X64
def test_spline_passes_through_its_knots():
    spline = bijectors.rational_quadratic_spline(num_bins=2, bound=1.0, min_share=0.1)
    params = spline.Params(widths=jnp.array([3.0, 1.0]), heights=jnp.array([1.0, 1.0]), slopes=jnp.array([2.5]))
    # shares 0.1 + 0.8 (3/4) = 0.7 and 0.3 of a box of 2
    y, log_slope = spline.forward(params, jnp.array(0.4))
    np.testing.assert_allclose((y, log_slope), (0.0, np.log(2.5)), atol=1e-12)
    with pytest.raises(ValueError, match="last axes"):
        spline.forward(params._replace(slopes=jnp.ones(2)), 0.0)


# Data-dependent start


@X64
def test_actnorm_starts_from_data(key):
    norm = bijectors.actnorm(3)
    y = jnp.asarray(3 * draw(50, 3) + 7) * jnp.array([[1.0, 10.0, 0.0]])
    x, _ = norm.inverse(norm.init(y), y)
    np.testing.assert_allclose(x.mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(x.std(0), [1, 1, 0], atol=1e-12)
    weights = jnp.where(jnp.arange(50) < 20, 1.0, 0.0)
    for got, want in zip(norm.init(y, weights), norm.init(y[:20]), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-10)


# Networks of Flax


def test_a_masked_network_is_autoregressive(key):
    from lik_jax.models import made

    model = made.create(made.Config(dims=4, outputs=3, width=9, num_blocks=1), key)
    params = jax.tree.map(lambda leaf: leaf + 0.3, model.params)
    slopes = jax.jit(jax.jacrev(lambda x: model.apply(params, x)))(jnp.array([0.3, -1.0, 2.0, 0.1]))  # (i, r, j)
    seen = np.abs(slopes).max(1) > 0
    np.testing.assert_array_equal(seen, np.tri(4, k=-1, dtype=bool))


# Errors


def test_errors_say_what_and_why():
    with pytest.raises(ValueError, match="only a square matrix"):
        LINEAR.forward(LINEAR.Params(jnp.ones((D, D + 1)), jnp.eye(D)), jnp.ones(D))
    with pytest.raises(ValueError, match="want the last axis 5 long"):
        LINEAR.forward(LU, jnp.ones(D + 1))
    with pytest.raises(ValueError, match=r"5 coordinates have no half; say how many pass unchanged, kept=2"):
        bijectors.coupling(perceptron).forward(network(2, 6), jnp.ones(D))
    with pytest.raises(ValueError, match="of 5 coordinates 5 would pass"):
        bijectors.coupling(perceptron, kept=5).forward(network(5, 6), jnp.ones(D))
    with pytest.raises(
        ValueError, match=r"the conditioner gave the shape \(5,\) for 3 coordinates .* want \[..., 3, 2\]"
    ):
        bijectors.coupling(perceptron, kept=2).forward(jax.tree.map(jnp.float32, network(2, 5)), jnp.ones(D))
    with pytest.raises(ValueError, match="event_ndim 0"):
        bijectors.coupling(perceptron, LINEAR)
    with pytest.raises(ValueError, match="maps vectors, but x is a number"):
        bijectors.actnorm(1).forward(bijectors.affine.Params(0.0, 1.0), 1.0)
    with pytest.raises(ValueError, match="each of 0 to 2 once"):
        bijectors.permutation((0, 1, 1))
    with pytest.raises(ValueError, match="below 1/2"):
        bijectors.logit(0.5)
    with pytest.raises(ValueError, match="finite scale above 0"):
        bijectors.scaling(0.0)
    with pytest.raises(ValueError, match="want a tuple of 1"):
        bijectors.chain([bijectors.affine()]).forward((1.0, 2.0), 0.0)
    with pytest.raises(ValueError, match="at least one"):
        bijectors.chain([])
    with pytest.raises(ValueError, match="2 or more"):
        bijectors.rational_quadratic_spline(num_bins=1)
    with pytest.raises(ValueError, match="positive finite bound"):
        bijectors.rational_quadratic_spline(bound=0.0)


def test_one_by_one_convolution_counts_every_pixel():
    """A map of channels inside a bijector of images: its log-determinant is that of all pixels together."""
    image = lj.transformed(lj.independent(normal, 3), bijectors.lu_linear(2))
    params = image.Params(
        normal.Params(0.0, 1.0), bijectors.lu_linear.Params(jnp.eye(2), jnp.diag(jnp.array([2.0, 3.0])))
    )
    y = jnp.zeros((4, 3, 5, 2))
    want = -15 * np.log(6.0) - 15 * np.log(2 * np.pi)
    np.testing.assert_allclose(image.log_prob(params, y), np.full(4, want), rtol=1e-6)
