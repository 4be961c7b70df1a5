# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Diffusion is a likelihood, too
#
# A diffusion model adds noise to data step by step, and learns to take it away. Its training loss looks like a squared
# error, but it is a bound on $-\log p(x)$: this notebook
#
# 1. derives the bound, 2. checks it against data whose entropy is known, 3. looks at schedules and samplers where the
# exact answer is known, 4. trains a network on handwritten digits and scores it in bits a dimension, 5. does without noise
# in the reverse process: flow matching.

# %%
import math

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax
from sklearn.datasets import load_digits

import lik_jax as lj
from lik_jax import categorical, diffusion, normal, schedules

# %% [markdown]
# ## 1. The bound
# With $\gamma(t) = -\log \mathrm{SNR}$ rising from little noise at $t = 0$ to almost nothing else at $t = 1$, noised data
# are
# $$x_t = \alpha_t x + \sigma_t \epsilon, \qquad \alpha_t^2 = \mathrm{sigmoid}(-\gamma), \quad \sigma_t^2 = \mathrm{sigmoid}(\gamma).$$
# The model runs backwards: $p(x_1) = N(0, 1)$, then steps $p(x_s \mid x_t)$ that have the form of $q(x_s \mid x_t, x)$ with
# the unknown $x$ replaced by a prediction, and last $p(x \mid x_0)$. By Jensen's inequality, as for a variational autoencoder
# whose encoder has nothing to learn,
# $$-\log p(x) \le \underbrace{KL(q(x_1 \mid x) \,\|\, N(0, 1))}_{\text{prior}}
# + \underbrace{\sum_t KL(q(x_s \mid x_t, x) \,\|\, p(x_s \mid x_t))}_{\text{diffusion}}
# + \underbrace{E[-\log p(x \mid x_0)]}_{\text{reconstruction}}.$$
# Both sides of each KL in the middle are normal with the same variance, so it is a squared error of the predicted noise,
# $\frac12 (e^{\gamma_t - \gamma_s} - 1) |\epsilon - \hat\epsilon|^2$; with ever more steps the sum becomes
# $$\tfrac12 \, E_t\left[\gamma'(t)\, |\epsilon - \hat\epsilon(x_t, t)|^2\right].$$
# One random time an example estimates it without bias: that is the whole training loop.

# %% [markdown]
# ## 2. Data whose entropy is known
# For data $N(0, 1/4)$ the best prediction is linear, and the bound can be computed to the last digit: every term is
# quadratic in $x$ and $\epsilon$, so two nodes each are exact, and time is integrated by Gauss-Legendre.

# %%
STD = 0.5
entropy = 0.5 * math.log(2 * math.pi * math.e * STD**2)
linear = schedules.Linear(-13.3, 5.0)


def best(schedule, prediction="x0"):
    def denoise(x_t, t):
        gamma = schedule.gamma(t)[:, None]
        a, s = schedules.alpha(gamma), schedules.sigma(gamma)
        x = a * STD**2 / (a**2 * STD**2 + s**2) * x_t
        return schedules.convert(x, x_t, gamma, source="x0", to=prediction)

    return denoise


x, noise = (jnp.asarray(v.reshape(-1, 1)) for v in np.meshgrid([-STD, STD], [-1.0, 1.0], indexing="ij"))


def exact_bound(num_steps=None, prediction="x0"):
    """The mean bound over data and noise, in nats."""
    options = {"prediction": prediction, "num_steps": num_steps}
    if num_steps is None:
        nodes, weights = np.polynomial.legendre.leggauss(400)
        t, w = jnp.asarray(np.tile((nodes + 1) / 2, 4)), np.tile(weights / 2, 4) / 4
        options |= {"t": t, "noise": jnp.repeat(noise, 400, 0)}
        data = jnp.repeat(x, 400, 0)
    else:
        w, data = np.full(4, 0.25), x
        options |= {"noise": noise, "full": True}
    bound = jax.jit(
        lambda: diffusion.variational_bound(
            normal, diffusion.gaussian_decoder, best(linear, prediction), linear, data, **options
        )
    )()
    return [float((w * np.asarray(part)).sum()) for part in bound]


with jax.enable_x64(True):
    x, noise = x.astype(float), noise.astype(float)
    prior, steps, reconstruction, total = exact_bound()
    print(f"prior {prior:.8f} + diffusion {steps:.8f} + reconstruction {reconstruction:.8f} = {total:.8f}")
    print(f"entropy {entropy:.8f}")
    assert np.allclose([prior, steps, reconstruction], [0.00084786, 5.95601463, -5.23106147], atol=5e-9)
    counts = [16, 64, 256, 1000]
    excess = [exact_bound(num_steps=count)[-1] - entropy for count in counts]
    for count, extra in zip(counts, excess, strict=True):
        print(f"{count:5d} steps: {extra:.5f} nats above the entropy")
    assert np.allclose(excess, [4.6463, 0.85623, 0.19956, 0.05023], atol=6e-5)
    by_kind = [exact_bound(64, kind)[-1] for kind in ("eps", "x0", "v", "score", "F")]
assert np.ptp(by_kind) < 1e-9

# %% [markdown]
# The bound is a hundred-thousandth of a nat from the truth in continuous time, and never below it. A model of few steps
# really is worse, and a bound that came out lower would have a bug. What the network predicts (the noise, the data,
# $v$, the score, EDM's $F$) does not matter to the bound.
#
# ## 3. Schedules and samplers
# In continuous time the bound depends on a schedule by its ends alone; what lies between decides how much the estimate
# from one random time varies, and where a sampler takes its steps.

# %%
shapes = {
    "linear": schedules.Linear(-10.0, 6.0),
    "cosine": schedules.Cosine(-10.0, 6.0),
    "sigmoid": schedules.Sigmoid(-10.0, 6.0),
    "polynomial": schedules.Polynomial(-10.0, 6.0),
    "EDM": schedules.Karras(math.exp(-5.0), math.exp(3.0)),
}
t = jnp.linspace(0, 1, 200)
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.5))
for name, schedule in shapes.items():
    left.plot(t, schedule.gamma(t), label=name)
left.set(xlabel="t", ylabel="gamma = -log SNR")
left.legend()

key = jax.random.key(0)
edm = schedules.Karras(0.002, 20.0)
start = jax.random.normal(key, (1000, 1))
first, last = (jnp.exp(edm.gamma(t)) for t in (1.0, 0.0))
flow = start * jnp.sqrt(1 + first) * jnp.sqrt((STD**2 + last) / (STD**2 + first))
sizes = [5, 10, 20, 40, 80]
for name, sampler, calls in (("DDIM", diffusion.ddim, 1), ("Heun", diffusion.heun, 2)):
    grid = {"prediction": "x0", "start": start}
    ends = [sampler(best(edm), edm, jax.random.key(1), start.shape, n, **grid) for n in sizes]
    errors = [float(jnp.abs(end - flow).max()) for end in ends]
    right.loglog([calls * n for n in sizes], errors, "o-", label=name)
    print(name, " ".join(f"{error:.5f}" for error in errors))
    assert abs(math.log2(errors[-2] / errors[-1]) - calls) < 0.3  # DDIM is of first order, Heun of second
right.set(xlabel="calls of the network", ylabel="largest error", title="data N(0, 1/4): the exact flow is known")
right.legend()
fig.tight_layout()

# %% [markdown]
# ## 4. Handwritten digits
# Pixels take 17 levels, so the likelihood is categorical, and the bound is on a log-mass: bits a dimension mean what they
# say, with no dequantisation. The network puts out a softmax over levels; its mean is the prediction of $x$, and at
# $t = 0$ the softmax itself is $p(x \mid x_0)$. To its logits goes what the noise alone says, by Bayes' rule.

# %%
from lik_jax.models import denoiser
from lik_jax.plots import image_grid

LEVELS = 17
pixels = load_digits().data.astype(np.int32)
row = np.arange(len(pixels))
train, test = pixels[(row % 5 != 0) & (row % 10 != 1)], pixels[row % 5 == 0]
schedule = schedules.Linear(-6.0, 6.0)
model = denoiser.create(denoiser.Config(num_pixels=64, num_levels=LEVELS, width=64), jax.random.key(2))
values = denoiser.levels(LEVELS)


def bound(params, y, **options):
    def logits(x_t, gamma):
        return model.apply(params, x_t, jnp.broadcast_to(gamma, x_t.shape[:1]))

    return diffusion.variational_bound(
        categorical,
        lambda x_0, gamma_0: categorical.Params(logits(x_0, gamma_0)),
        lambda x_t, t: jax.nn.softmax(logits(x_t, schedule.gamma(t))) @ values,
        schedule,
        values[y],
        y=y,
        prediction="x0",
        **options,
    )


STEPS = 800
rate = optax.warmup_cosine_decay_schedule(0.0, 3e-3, 50, STEPS)
optimiser = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(rate, weight_decay=0.1))
data = jnp.asarray(train)


@jax.jit
def learn(params):
    def step(state, i):
        params, opt_state = state
        rows, draws = jax.random.split(jax.random.fold_in(jax.random.key(3), i))
        y = data[jax.random.randint(rows, (128,), 0, len(data))]
        loss, slope = jax.value_and_grad(lambda params: bound(params, y, key=draws).total.mean())(params)
        updates, opt_state = optimiser.update(slope, opt_state, params)
        return (optax.apply_updates(params, updates), opt_state), loss

    (params, _), losses = jax.lax.scan(step, (params, optimiser.init(params)), jnp.arange(STEPS))
    return params, losses


params, losses = learn(model.params)

# %%
held_out = jax.jit(lambda params, key: bound(params, jnp.asarray(test), key=key))
parts = [held_out(params, jax.random.key(100 + i)) for i in range(16)]
in_bits = [float(lj.bits_per_dim(jnp.stack(part).mean(), 64)) for part in zip(*parts, strict=True)]
share = np.stack([(train == k).sum(0) + 1 for k in range(LEVELS)]) / (len(train) + LEVELS)
marginals = float(lj.bits_per_dim(-np.log(share[test, np.arange(64)]).sum(-1).mean(), 64))
print("prior {:.4f} + diffusion {:.4f} + reconstruction {:.4f} = {:.4f} bits/dim".format(*in_bits))
print(f"every pixel on its own {marginals:.4f}, uniform {math.log2(LEVELS):.4f} bits/dim")
assert in_bits[-1] < marginals < math.log2(LEVELS)


# %%
@jax.jit
def draw(key):
    def denoise(x_t, t):
        return jax.nn.softmax(model.apply(params, x_t, schedule.gamma(t))) @ values

    return diffusion.sample(denoise, schedule, key, (40, 64), 100, prediction="x0", low=-1, high=1)


fig, (curve, drawn, real) = plt.subplots(1, 3, figsize=(13, 3.5), width_ratios=[1.2, 1, 1])
curve.plot(np.asarray(losses) / 64 / math.log(2), lw=0.5)
curve.axhline(marginals, color="C3", linestyle=":", label="every pixel on its own")
curve.set(xlabel="step", ylabel="bound (bits/dim)", ylim=(1.5, 4.5))
curve.legend()
for axes, title, images in ((drawn, "samples", draw(jax.random.key(4))), (real, "held-out digits", values[test[:40]])):
    image_grid(axes, (images.reshape(-1, 8, 8) + 1) / 2, columns=8)
    axes.set_title(title)
fig.tight_layout()

# %% [markdown]
# `lik-jax train diffusion` trains the same network for longer, with a moving average of its params.

# %% [markdown]
# ## 5. Flow matching: a regression whose model has an exact likelihood
# Join noise $z \sim N(0, I)$ to data $x$ by a straight line $x_t = t\,x + (1 - t)\,z$. The field that carries the
# density of noise to that of data is the mean velocity $v(x_t, t) = E[x - z \mid x_t]$, so it is learned by least
# squares on $x - z$. Along its paths the log-density changes by the divergence, which gives the likelihood:
# $$\log p(x) = \log N(x_0; 0, I) - \int_0^1 \operatorname{div} v(x_t, t)\,dt.$$
# The loss itself is no likelihood, and its least value is not 0: for data $N(m, c^2)$ it is $\pi c / 2$ a dimension.

# %%
from lik_jax.models import velocity
from lik_jax.training import ring
from lik_jax.training.data import Batches
from lik_jax.training.loop import train as train_loop
from lik_jax.training.settings import Settings

points, held_out = ring.draw(0, 16_000), jnp.asarray(ring.draw(1, 1_000))
net = velocity.create(velocity.Config(num_dims=2, width=96), jax.random.key(0))


def matching_loss(params, x, key):
    return lj.flow_matching.loss(lambda x_t, t: net.apply(params, x_t, t), x, key=key)


settings = Settings(steps=2000, batch_size=256, learning_rate=2e-3, ema_decay=0.99, validate_every=500)
params = train_loop(matching_loss, net.params, Batches(points, 256, seed=0), settings).average
log_p = jax.jit(lambda x: lj.flow_matching.log_prob(lambda x_t, t: net.apply(params, x_t, t), x))
gap = float(ring.log_prob(held_out).mean() - log_p(held_out).mean())
print(f"entropy of the data {ring.floor():.4f} nats; the model is {gap:.4f} nats above the truth on held-out points")
assert 0 < gap < 0.2

side = np.linspace(-3, 3, 61, dtype=np.float32)
plane = jnp.asarray(np.stack(np.meshgrid(side, side), -1).reshape(-1, 2))
density = np.exp(log_p(plane)).reshape(61, 61)
print(f"the density sums to {density.sum() * 0.1**2:.4f}")
assert abs(density.sum() * 0.1**2 - 1) < 0.01
plt.figure(figsize=(4, 4))
plt.imshow(density, origin="lower", extent=(-3, 3, -3, 3));
