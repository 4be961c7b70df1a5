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
# # A GAN is a likelihood-ratio classifier
#
# A generator has samples and no density, so it has no likelihood. But a classifier that tells its samples from data has
# one, the Bernoulli, and at its best its logit *is* a log density ratio:
# $$\ell(y) = \log \frac{p(y)}{q(y)}, \qquad
# -\mathbb{E}_p \log \sigma(\ell) - \mathbb{E}_q \log \sigma(-\ell) = 2 \log 2 - 2\,\mathrm{JSD}(p, q).$$
# Whoever moves $q$ so that this loss *rises* brings $q$ to $p$.
#
# 1. the identity, checked; 2. other games, other divergences; 3. penalties, example by example; 4. a ring of eight
# modes; 5. distances against likelihood; 6. preferences: the same Bernoulli once more.

# %%
import time

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import lik_jax as lj
from lik_jax import adversarial, bernoulli, distances, normal, plackett_luce, preference
from lik_jax.models import gan
from lik_jax.training import ring
from lik_jax.training.data import Batches
from lik_jax.training.loop import train
from lik_jax.training.settings import Settings

# %% [markdown]
# ## 1. The best classifier knows the density ratio
# Data $N(0, 1)$, samples $N(1, 1)$: the ratio is $\ell(y) = \tfrac12 - y$. The expectations are sums over a fine grid,
# given to the losses as weights.

# %%
y = jnp.linspace(-9, 10, 20001)
p, q = jnp.exp(normal.log_prob(normal.Params(0.0, 1.0), y)), jnp.exp(normal.log_prob(normal.Params(1.0, 1.0), y))
log_ratio = 0.5 - y

critic_loss = adversarial.discriminator_loss(log_ratio, log_ratio, weights=p, fake_weights=q)
generator_loss = adversarial.generator_loss(log_ratio, weights=q)
print(f"critic {critic_loss:.6f}, generator (non-saturating) {generator_loss:.6f}")
print(f"Jensen-Shannon divergence {np.log(2) - critic_loss / 2:.6f} nats")
assert abs(critic_loss - 1.16345140) < 1e-5
assert abs(generator_loss - 1.08172570) < 1e-5

# %% [markdown]
# It is the likelihood of a binary classifier to the letter: twice the mean over both halves.

# %%
real, fake = jax.random.normal(jax.random.key(0), (2, 6))
logits, labels = jnp.concatenate([real, fake]), jnp.repeat(jnp.array([1, 0]), 6)
classifier = lj.nll(bernoulli, bernoulli.Params(logits), labels)
np.testing.assert_allclose(adversarial.discriminator_loss(real, fake), 2 * classifier, rtol=1e-6)

# %% [markdown]
# ## 2. Other games measure other divergences
# For a convex $f$ with conjugate $f^*$, $D_f(p \Vert q) = \max_T \mathbb{E}_p T - \mathbb{E}_q f^*(T)$. Minus the
# critic's loss of an `f_gan` is that lower bound, and each game says which function of $\ell$ its best critic is.

# %%
closed_forms = {
    "kl": 0.5,
    "reverse_kl": 0.5,
    "pearson": np.e - 1,
    "neyman": np.e - 1,
    "squared_hellinger": 2 - 2 * np.exp(-1 / 8),
    "jensen_shannon": 2 * 0.11142148,
}
for name, truth in closed_forms.items():
    game = adversarial.f_gan(name)
    best = game.best(log_ratio)
    bound = -adversarial.discriminator_loss(best, best, game=game, weights=p, fake_weights=q)
    print(f"{name:18s} bound at the best critic {bound:.4f}, divergence {truth:.4f}")
    assert abs(bound - truth) < 1e-3

# %% [markdown]
# What the generator is told depends on the game. Where the critic is sure that a sample is fake ($\ell \ll 0$),
# minimax leaves it no slope; the non-saturating loss does.

# %%
outputs = jnp.linspace(-6, 6, 200)
games = (adversarial.minimax, adversarial.non_saturating, adversarial.hinge, adversarial.least_squares)
fig, axes = plt.subplots(figsize=(6, 3), layout="constrained")
for game in games:
    axes.plot(outputs, jax.vmap(jax.grad(game.generator))(outputs), label=game.name)
axes.set(xlabel="critic's output for a sample", ylabel="slope of the generator's loss", ylim=(-3, 1))
axes.legend()
assert abs(jax.grad(adversarial.minimax.generator)(-20.0)) < 1e-8
assert abs(jax.grad(adversarial.non_saturating.generator)(-20.0)) > 0.99

# %% [markdown]
# ## 3. Penalties on the critic's slope
# One gradient an example and one norm an example: for the critic $2 y_1$ with coefficient 10 the penalty is
# $10 (2 - 1)^2 = 10$, whatever the batch.

# %%
for batch in (1, 4, 64):
    first, second = jax.random.normal(jax.random.key(batch), (2, batch, 3))
    penalty = adversarial.gradient_penalty(lambda y: 2 * y[:, 0], first, second, key=jax.random.key(1))
    print(batch, penalty)
    assert abs(penalty - 10) < 1e-4

# %% [markdown]
# ## 4. A ring of eight modes
# The failure GANs are known for is to drop modes. The recipe here keeps them: the critic judges *pairs* (a sample against
# an example of the data), and its slope is held down at data and samples alike (R1 and R2). Both players take their step
# at once, by one optimiser: `adversarial.simultaneous` gives each its own gradient and no other.

# %%
data = ring.draw(seed=0, count=10_000)
held_out = ring.draw(seed=1, count=2_000)
model = gan.create(gan.Config(num_dims=2, num_latents=8, width=64), jax.random.key(0))


def loss(params, y, key):
    z = jax.random.normal(key, (len(y), 8))

    def outputs(params):
        return lambda y: model.apply(params, y, method="judge"), model.apply(params, z, method="generate")

    def discriminator(params):
        critic, fake = outputs(params)
        penalty = adversarial.r1_penalty(critic, y, coefficient=0.05)
        penalty += adversarial.r2_penalty(critic, fake, coefficient=0.05)
        return adversarial.paired_discriminator_loss(critic(y), critic(fake)) + penalty

    def generator(params):
        critic, fake = outputs(params)
        return adversarial.paired_generator_loss(critic(y), critic(fake))

    return adversarial.simultaneous(discriminator, generator, params)


settings = Settings(
    steps=3000, batch_size=256, learning_rate=3e-3, weight_decay=0.0, clip_norm=10.0, beta1=0.0, beta2=0.99,
    ema_decay=0.998, validate_every=250, patience=100,
)  # fmt: skip
noise = jax.random.normal(jax.random.key(3), (2000, 8))
generate = jax.jit(lambda params, z: model.apply(params, z, method="generate"))
energy = jax.jit(lambda x, y: distances.energy_distance(x, y, unbiased=False).value)
history = []
began = time.perf_counter()
state = train(
    loss,
    model.params,
    Batches(data, settings.batch_size, settings.seed),
    settings,
    validate=lambda params: float(energy(generate(params, noise), held_out)),
    log=history.append,
)
samples = np.asarray(generate(state.best_params, noise))
print(f"{time.perf_counter() - began:.0f} s")
print(f"{ring.modes_found(samples)} of 8 modes; within 3 scales of one {ring.share_near_a_mode(samples):.3f}")
assert ring.modes_found(samples) == 8
assert ring.share_near_a_mode(samples) > 0.85

# %%
fig, (left, middle, right) = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
grid = np.linspace(-3, 3, 200, dtype=np.float32)
plane = jnp.asarray(np.stack(np.meshgrid(grid, grid), -1).reshape(-1, 2))
density = np.exp(ring.log_prob(plane)).reshape(200, 200)
left.imshow(density, extent=(-3, 3, -3, 3), origin="lower", cmap="Blues")
left.plot(*samples.T, ".", color="tab:orange", markersize=2, alpha=0.5)
left.set(title="samples over the density", xlim=(-3, 3), ylim=(-3, 3))
logit = np.asarray(model.apply(state.params, plane, method="judge")).reshape(200, 200)
shown = middle.imshow(logit, extent=(-3, 3, -3, 3), origin="lower", cmap="RdBu_r")
fig.colorbar(shown, ax=middle)
middle.set(title="the critic's output + constant")
right.semilogy([r["step"] for r in history], [r["validation_loss"] for r in history])
right.set(title="held out", xlabel="step", ylabel="energy distance")

# %% [markdown]
# ## 5. Distances against likelihood
# Samples alone can be compared with data by energy distance or maximum mean discrepancy. Two samples of the data are the
# floor, one normal with the data's mean and covariance the baseline. A distance needs no density; but it sees a missing
# mode only as so much mass that must travel, where a likelihood would be infinite.

# %%
fitted = lj.multivariate_normal.mle(data)
rivals = {
    "data against data": data[:2000],
    "GAN": samples,
    "GAN, three modes lost": samples[np.linalg.norm(samples[:, None] - ring.CENTRES, axis=-1).argmin(1) > 2],
    "one normal": lj.multivariate_normal.sample(fitted, jax.random.key(4), (2000,)),
}
found = {name: distances.energy_distance(x, held_out) for name, x in rivals.items()}
for name, x in rivals.items():
    mmd = distances.maximum_mean_discrepancy(x, held_out)
    print(f"{name:22s} energy {found[name].value:+.5f} ± {found[name].standard_error:.5f}, MMD {mmd.value:+.5f}")
assert found["data against data"].value < found["GAN, three modes lost"].value
assert found["GAN"].value < found["one normal"].value / 5
normal_nll = -lj.multivariate_normal.log_prob(fitted, held_out).mean()
print(f"NLL of the held-out points: one normal {normal_nll:.3f}, truth {-ring.log_prob(held_out).mean():.3f} nats")

# %% [markdown]
# ## 6. Preferences: the same Bernoulli once more
# "This example is data, that one a sample" became "this answer is better than that one": Bradley and Terry's
# $P(a \succ b) = \sigma(r_a - r_b)$. A reward model is fitted by its likelihood; rankings of more than two are a
# Plackett-Luce distribution; and DPO is the same likelihood with the implicit reward
# $\beta (\log \pi - \log \pi_\mathrm{ref})$, so that the policy itself is the reward model.

# %%
worth = jnp.array([0.0, 0.5, 1.0, 2.0])
rankings = plackett_luce.sample(plackett_luce.Params(worth), jax.random.key(5), (4000,))


def whole(r):
    return lj.nll(plackett_luce, plackett_luce.Params(r), rankings)


scores = jnp.zeros(4)
step = jax.jit(jax.grad(whole))
for _ in range(200):
    scores = scores - step(scores)
print("worths found:", np.round(scores - scores[0], 2), "true:", worth)
assert jnp.abs((scores - scores.mean()) - (worth - worth.mean())).max() < 0.1

# %% [markdown]
# A policy over four answers, uniform before. With reward $r$ and strength $\beta$ the best policy is
# $\pi^\star \propto \pi_\mathrm{ref} \exp(r / \beta)$; DPO finds it from comparisons alone.

# %%
beta = 1.0
reference_log_p = jnp.full(4, -jnp.log(4.0))
a, b = jax.random.randint(jax.random.key(6), (2, 20_000), 0, 4)
won = bernoulli.sample(bernoulli.Params(worth[a] - worth[b]), jax.random.key(7))
chosen, rejected = jnp.where(won == 1, a, b), jnp.where(won == 1, b, a)
reference = preference.Pair(reference_log_p[chosen], reference_log_p[rejected])


@jax.jit
@jax.grad
def dpo_step(logits):
    log_p = jax.nn.log_softmax(logits)
    return preference.dpo(preference.Pair(log_p[chosen], log_p[rejected]), reference, beta=beta).loss


logits = jnp.zeros(4)
for _ in range(300):
    logits = logits - 2.0 * dpo_step(logits)
found, best = jax.nn.softmax(logits), jax.nn.softmax(reference_log_p + worth / beta)
print("policy by DPO:", np.round(found, 3), "closed form:", np.round(best, 3))
assert jnp.abs(found - best).max() < 0.03
