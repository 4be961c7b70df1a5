"""One loss and one loop for any framework's params: all a network has to be is ``apply(params, x)`` over a pytree."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lik_jax import nll, normal
from lik_jax.training.loop import make_step, start
from lik_jax.training.settings import Settings

X = jnp.linspace(-1.0, 1.0, 32)[:, None]
Y = jnp.sin(3 * X[:, 0])


def from_nnx():
    nnx = pytest.importorskip("flax.nnx")
    from lik_jax.models.functional import split

    class Net(nnx.Module):
        def __init__(self, rngs):
            self.a, self.b = nnx.Linear(1, 16, rngs=rngs), nnx.Linear(16, 2, rngs=rngs)

        def __call__(self, x):
            return self.b(jnp.tanh(self.a(x)))

    return split(lambda: Net(nnx.Rngs(0)))


def from_linen():
    nn = pytest.importorskip("flax.linen")

    class Net(nn.Module):
        @nn.compact
        def __call__(self, x):
            return nn.Dense(2)(jnp.tanh(nn.Dense(16)(x)))

    net = Net()
    return net.init(jax.random.key(0), X), net.apply


def from_equinox():
    eqx = pytest.importorskip("equinox")
    net = eqx.nn.MLP(1, 2, 16, 1, activation=jnp.tanh, key=jax.random.key(0))
    params, static = eqx.partition(net, eqx.is_inexact_array)
    return params, lambda params, x: jax.vmap(eqx.combine(params, static))(x)


def from_nothing():
    rng = np.random.default_rng(0)
    params = [jnp.asarray(rng.normal(size=shape), jnp.float32) for shape in ((1, 16), (16,), (16, 2), (2,))]

    def apply(params, x):
        w, b, v, c = params
        return jnp.tanh(x @ w + b[None]) @ v + c[None]

    return params, apply


@pytest.mark.parametrize("make", [from_nnx, from_linen, from_equinox, from_nothing], ids=lambda make: make.__name__)
def test_the_same_loss_and_step_train_every_framework(make):
    params, apply = make()

    def loss(params, batch, key):
        return nll(normal, normal.constrain(apply(params, batch["x"])), batch["y"])

    settings = Settings(steps=150, learning_rate=1e-2, warmup_steps=5)
    step = make_step(loss, settings)
    state = start(params, settings)
    losses = []
    for _ in range(settings.steps):
        state, (value, _) = step(state, {"x": X, "y": Y})
        losses.append(float(value))
    assert losses[-1] < losses[0] - 0.5
    assert step._cache_size() == 1
    assert jax.tree.structure(state.params) == jax.tree.structure(params)
