"""One loss and one loop for any framework's params: all a network has to be is ``apply(params, x)`` over a pytree."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lik_jax import (
    adversarial,
    diffusion,
    distances,
    elbo,
    energy,
    flow_matching,
    masked_diffusion,
    nll,
    noise_contrastive,
    normal,
    preference,
    schedules,
    score_matching,
)
from lik_jax.training.loop import make_step, start
from lik_jax.training.settings import Settings

X = jnp.linspace(-1.0, 1.0, 32)[:, None]
Y = jnp.sin(3 * X[:, 0])


def from_nnx(inputs=1):
    nnx = pytest.importorskip("flax.nnx")
    from lik_jax.models.functional import split

    class Net(nnx.Module):
        def __init__(self, rngs):
            self.a, self.b = nnx.Linear(inputs, 16, rngs=rngs), nnx.Linear(16, 2, rngs=rngs)

        def __call__(self, x):
            return self.b(jnp.tanh(self.a(x)))

    return split(lambda: Net(nnx.Rngs(0)))


def from_linen(inputs=1):
    nn = pytest.importorskip("flax.linen")

    class Net(nn.Module):
        @nn.compact
        def __call__(self, x):
            return nn.Dense(2)(jnp.tanh(nn.Dense(16)(x)))

    net = Net()
    return net.init(jax.random.key(0), jnp.ones((1, inputs))), net.apply


def from_equinox(inputs=1):
    eqx = pytest.importorskip("equinox")
    net = eqx.nn.MLP(inputs, 2, 16, 1, activation=jnp.tanh, key=jax.random.key(0))
    params, static = eqx.partition(net, eqx.is_inexact_array)
    return params, lambda params, x: jax.vmap(eqx.combine(params, static))(x)


def from_nothing(inputs=1):
    rng = np.random.default_rng(0)
    params = [jnp.asarray(rng.normal(size=shape), jnp.float32) for shape in ((inputs, 16), (16,), (16, 2), (2,))]

    def apply(params, x):
        w, b, v, c = params
        return jnp.tanh(x @ w + b[None]) @ v + c[None]

    return params, apply


frameworks = pytest.mark.parametrize(
    "make", [from_nnx, from_linen, from_equinox, from_nothing], ids=lambda make: make.__name__
)


@frameworks
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


def generative_losses(net, key):
    """One loss of every kind from one network ``[B, 3]`` to ``[B, 2]``."""
    y = jnp.stack([X[:, 0], Y], -1)
    keys = jax.random.split(key, 7)

    def at(y, t):
        return net(jnp.concatenate([y, t[:, None]], -1))

    def one(y):
        return at(y, jnp.zeros(len(y)))[:, 0]

    q = normal.constrain(at(y, jnp.zeros(len(y)))[:, :, None] + jnp.zeros(2)[None, None])
    bits, samples = (y > 0).astype(int), jax.random.normal(keys[0], y.shape)
    pair = preference.Pair(one(y), one(-y))
    return {
        "elbo": -elbo(normal, lambda z: normal.Params(z, 1.0), q, y, key=keys[1]).elbo.mean(),
        "diffusion": diffusion.denoising_loss(at, schedules.Cosine(), y, key=keys[2]),
        "masked diffusion": masked_diffusion.loss(
            lambda y, t: at(y.astype(float), t)[..., None] * jnp.array([[[0.0, 1.0]]]),
            masked_diffusion.Linear(),
            bits,
            mask_token=2,
            key=keys[3],
        ),
        "flow matching": flow_matching.loss(at, y, key=keys[4]),
        "energy": energy.nll(one, bits, energy.log_partition(one, 2)),
        "noise contrastive": noise_contrastive.nce(
            lambda y: -one(y), lambda y: normal.log_prob(normal.Params(0.0, 1.0), y).sum(-1), y, samples[:, None]
        ),
        "score matching": score_matching.sliced(lambda y: at(y, jnp.zeros(len(y))), y, key=keys[5]),
        "adversarial": adversarial.discriminator_loss(one(y), one(samples))
        + adversarial.gradient_penalty(one, y, samples, key=keys[6]),
        "distance": distances.energy_distance(at(y, jnp.zeros(len(y))), samples).value,
        "preference": preference.bradley_terry(pair).loss,
    }


@frameworks
def test_every_kind_of_objective_takes_any_network(make, key):
    params, apply = make(3)

    def total(params):
        losses = generative_losses(lambda x: apply(params, x), key)
        return sum(losses.values()), losses

    slope, losses = jax.jit(jax.grad(total, has_aux=True))(params)
    assert all(np.isfinite(value) for value in losses.values()), losses
    assert jax.tree.structure(slope) == jax.tree.structure(params)
    for leaf in jax.tree.leaves(slope):
        assert np.isfinite(leaf).all()
        assert float(jnp.abs(leaf).max()) > 0
