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
# # Energy-based models
#
# Any function $E$ is a model: $p(y) = e^{-E(y)} / Z$, so $-\log p(y) = E(y) + \log Z$. The energy is cheap. What is
# hard is $Z = \sum_y e^{-E(y)}$, and with it the likelihood and its gradient,
# $$\nabla\bigl(-\log p(y)\bigr) = \nabla E(y) - \mathbb{E}_{y' \sim p}\bigl[\nabla E(y')\bigr]:$$
# lower the energy of the data, raise that of what the model makes up.
#
# 1. a machine small enough to add $Z$ up, 2. contrastive divergence, with the exact likelihood beside it, 3. $Z$
# bracketed by annealed importance sampling, 4. score matching, which knows no $Z$, 5. a classifier that is a density.

# %%
import functools

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax
from sklearn.datasets import load_digits, make_moons

import lik_jax as lj
from lik_jax import ais, contrastive_divergence, joint_energy, mcmc, rbm, score_matching
from lik_jax.models import score
from lik_jax.training import ring

# %% [markdown]
# ## 1. A machine small enough to add up
# A restricted Boltzmann machine has bits $v$ that are seen and bits $h$ that are not, with
# $E(v, h) = -b^\top v - c^\top h - v^\top W h$. The hidden ones sum out one by one:
# $$e^{-F(v)} = \sum_h e^{-E(v, h)} = e^{b^\top v} \prod_j \bigl(1 + e^{c_j + (W^\top v)_j}\bigr), \qquad
# F(v) = -b^\top v - \sum_j \mathrm{softplus}\bigl(c_j + (W^\top v)_j\bigr).$$
# With four and three bits there are 128 states in all.

# %%
i, j = np.arange(4)[:, None], np.arange(3)[None]
small = rbm.Params(
    jnp.asarray(0.1 * (i + 1) - 0.2 * (j + 1) * (-1.0) ** i),
    jnp.array([0.1, -0.2, 0.3, 0.0]),
    jnp.array([-0.1, 0.2, 0.05]),
)


def log_prob(params, v):
    return -rbm.free_energy(params, v) - rbm.log_partition(params)


every = lj.energy.states(4)
probabilities = jnp.exp(log_prob(small, every))
v = jnp.array([1.0, 0, 1, 1])
exact_slope = jax.grad(log_prob)(small, v).weights
# the formula above: data minus model
hidden_mean = jax.nn.sigmoid(rbm.hidden_logits(small, every))
by_hand = jnp.outer(v, jax.nn.sigmoid(rbm.hidden_logits(small, v))) - jnp.einsum(
    "s,si,sj->ij", probabilities, every, hidden_mean
)
print(f"log Z = {rbm.log_partition(small):.6f}, log p(1011) = {log_prob(small, v):.6f}")
print("slope of the first row of W:", exact_slope[0])
assert np.isclose(probabilities.sum(), 1, atol=1e-5)
assert np.isclose(rbm.log_partition(small), 6.43008970, atol=1e-5)
assert np.isclose(log_prob(small, v), -3.19258534, atol=1e-5)
assert np.allclose(exact_slope[0], [0.38525615, 0.38616259, 0.31485766], atol=1e-5)
assert np.allclose(exact_slope, by_hand, atol=1e-5)

# %% [markdown]
# ## 2. Contrastive divergence
# The expectation over the model is replaced by Markov chains: `CD-1` starts one at every example and takes one Gibbs
# step; persistent CD lets its chains run on from one update to the next. Both are losses $E(y) - \overline{E(y')}$ whose
# *gradient* is what counts. With 16 hidden bits the likelihood itself can be watched: its sum has $2^{16}$ terms.

# %%
images = (load_digits().data >= 8).astype(np.float32)
row = np.arange(len(images))
test, validation = images[row % 5 == 0], images[row % 10 == 1]
train = jnp.asarray(images[(row % 5 != 0) & (row % 10 != 1)])
start = rbm.init(jax.random.key(0), 16, train)
steps, every_steps = 6000, 300


def free_energy_of(params):
    return lambda v: rbm.free_energy(params, v)


def learn(persistent):
    """The params on the way, and the mean of the loss between them."""
    optimiser = optax.adam(optax.cosine_decay_schedule(5e-3, steps, 0.01))
    chains = rbm.base_sample(rbm.base(start), jax.random.key(1), 128)

    def update(carry, key):
        params, state, chains = carry
        first, second = jax.random.split(key)
        batch = train[jax.random.randint(first, (128,), 0, len(train))]
        kernel = rbm.gibbs(params)

        def loss(params, chains):
            energy = free_energy_of(params)
            if persistent:
                return contrastive_divergence.pcd(energy, kernel, batch, chains, key=second, num_steps=2)
            return contrastive_divergence.cd(energy, kernel, batch, key=second, num_steps=1), chains

        (value, chains), slope = jax.value_and_grad(loss, has_aux=True)(params, chains)
        updates, state = optimiser.update(slope, state)
        return (optax.apply_updates(params, updates), state, chains), value

    def some(carry, key):
        carry, values = jax.lax.scan(update, carry, jax.random.split(key, every_steps))
        return carry, (carry[0], values.mean())

    keys = jax.random.split(jax.random.key(2), steps // every_steps)
    return jax.jit(lambda: jax.lax.scan(some, (start, optimiser.init(start), chains), keys)[1])()


@jax.jit
def exact_nll(params, y):
    return lj.energy.nll(free_energy_of(params), y, rbm.log_partition(params))


def curve_of(way, y):
    return jax.lax.map(lambda params: exact_nll(params, y), way)


runs = {"CD-1": learn(False), "persistent CD": learn(True)}
curves = {name: curve_of(way, validation) for name, (way, _) in runs.items()}
at = np.arange(1, steps // every_steps + 1) * every_steps
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3))
for name, (_, values) in runs.items():
    left.plot(at, values, label=name)
    right.plot(at, curves[name], label=name)
left.set(xlabel="step", ylabel="loss: means nothing")
right.set(xlabel="step", ylabel="exact NLL (nats an image)")
right.legend()

best = {name: jax.tree.map(lambda leaf: leaf[int(jnp.argmin(curves[name]))], runs[name][0]) for name in runs}
found = {name: float(exact_nll(params, test)) for name, params in best.items()}
share = (train.sum(0) + 0.5) / (len(train) + 1)
independent = float(lj.nll(lj.independent(lj.bernoulli, 1), lj.bernoulli.from_probs(share), test))
print("test NLL, nats an image:", found, " independent pixels:", independent)

# %% [markdown]
# ## 3. $Z$ bracketed
# Chains start at independent pixels, whose $Z$ is known (with the $2^{16}$ states of the hidden bits, which are free
# there), and are led to the machine in small steps, collecting a weight whose mean is the ratio of the two $Z$. The
# logarithm of a mean of few uneven weights is too low on average; the way back from the machine's own draws is too high.

# %%
machine, base_bias = best["persistent CD"], start.visible_bias
truth = float(rbm.log_partition(machine))
long = mcmc.run(rbm.gibbs(machine), jax.random.key(3), jnp.asarray(images[:500]), 2000)
sizes = [3, 10, 100, 1000]
there = [
    ais.rbm_forward(rbm, machine, key=jax.random.key(4), num_chains=500, betas=n, visible_bias=base_bias) for n in sizes
]
back = [
    ais.rbm_reverse(rbm, machine, long, key=jax.random.key(5), betas=n, visible_bias=base_bias) for n in sizes
]
plt.figure(figsize=(6, 3))
alone = {}
for name, estimates, sign in (("AIS", there, 1), ("reverse AIS", back, -1)):
    values, errors = [e.log_z for e in estimates], [1.96 * e.standard_error for e in estimates]
    line, *_ = plt.errorbar(sizes, values, errors, marker="o", label=name)
    # what one chain alone says on average: there the bias is largest
    gaps = [ais.log_mean_exp(e.log_weights)[0] - e.log_weights.mean() for e in estimates]
    alone[name] = [value - sign * gap for value, gap in zip(values, gaps)]
    plt.plot(sizes, alone[name], "--", color=line.get_color(), label=f"{name}, one chain")
plt.axhline(truth, color="k", linestyle=":", label="exact")
plt.xscale("log")
plt.ylim(truth - 3, truth + 3)
plt.xlabel("steps")
plt.ylabel("log Z (nats)")
plt.legend()
print(f"exact {truth:.3f}; AIS {there[-1].log_z:.3f} +- {there[-1].standard_error:.3f}", end="; ")
print(f"reverse {back[-1].log_z:.3f} +- {back[-1].standard_error:.3f}")
assert abs(there[-1].log_z - truth) < 0.1 and abs(back[-1].log_z - truth) < 0.1
assert all(low < truth for low in alone["AIS"]) and all(high > truth for high in alone["reverse AIS"])

# %% [markdown]
# ## 4. Score matching
# The score $s(y) = \nabla_y \log p(y) = -\nabla_y E(y)$ knows no $Z$. Noise the data, $\tilde y = y + \sigma \epsilon$:
# the score of the noised density is the best guess of $-\epsilon / \sigma$,
# $$\tfrac12 \mathbb{E} \bigl| s(\tilde y) + \epsilon / \sigma \bigr|^2
# = \tfrac12 \mathbb{E} \bigl| s(\tilde y) - \nabla \log p_\sigma(\tilde y) \bigr|^2 + \text{const}.$$
# For data $N(0, 1)$, $\sigma = 1/2$ and $s(y) = -a y$ the loss is $\tfrac12 (1.25 a^2 - 2 a + 4)$: least, 1.6, at
# $a = 0.8$; with the sign of the energy's gradient instead it is 3.2.

# %%
keys = jax.random.split(jax.random.key(6), 2)
y, noise = (jax.random.normal(key, (200_000, 1)) for key in keys)
for a, expected in ((0.8, 1.6), (0.0, 2.0), (-0.8, 3.2)):
    loss = score_matching.denoising(lambda y: -a * y, y, 0.5, noise=noise)
    print(f"a = {a:4.1f}: loss {loss:.3f}, by formula {expected}")
    assert abs(loss - expected) < 0.03

# %% [markdown]
# At many noise levels at once this is a model: the errors, added up over $\log \sigma$, bound its likelihood in nats.
# Eight normals on a circle, where the true score gives the floor.

# %%
sigmas = np.geomspace(5.0, 0.05, 40).astype(np.float32)
points, held_out = jnp.asarray(ring.draw(0, 10_000)), jnp.asarray(ring.draw(1, 2000))
network = score.create(score.Config(2, 64, data_scale=float(points.std())), jax.random.key(7))
optimiser = optax.adam(optax.cosine_decay_schedule(5e-3, 3000, 0.01))
variance = float(points.std()) ** 2 + 25


@jax.jit
def learn_score(params):
    def update(carry, key):
        params, state = carry
        first, second = jax.random.split(key)
        batch = points[jax.random.randint(first, (256,), 0, len(points))]

        def loss(params):
            return score_matching.noise_conditional(lambda y, s: network.apply(params, y, s), batch, sigmas, key=second)

        value, slope = jax.value_and_grad(loss)(params)
        updates, state = optimiser.update(slope, state)
        return (optax.apply_updates(params, updates), state), value

    return jax.lax.scan(update, (params, optimiser.init(params)), jax.random.split(jax.random.key(8), 3000))


@functools.partial(jax.jit, static_argnums=0)
def bound(score):
    def prior(y):
        return -0.5 * (y**2).sum(-1) / variance - np.log(2 * np.pi * variance)

    return score_matching.likelihood_bound(score, held_out, sigmas, prior, key=jax.random.key(9)).mean()


(weights, _), values = learn_score(network.params)


def learned(y, sigma):
    return network.apply(weights, y, sigma)


true_score = jax.vmap(jax.grad(ring.log_prob))
noised = held_out + 0.05 * jax.random.normal(jax.random.key(10), held_out.shape)
floor = float(-ring.log_prob(jnp.asarray(noised), 0.05).mean())
ours, ideal = float(bound(learned)), float(bound(true_score))
print(f"bound {ours:.3f}, with the true score {ideal:.3f}, the true density {floor:.3f} (nats a point)")
wide = variance**0.5 * jax.random.normal(jax.random.key(11), (2000, 2))
drawn = jax.jit(
    lambda key: mcmc.annealed_langevin(learned, key, wide, sigmas, num_steps=20, step_size=0.2 * 0.05**2)
)(jax.random.key(12))
fig, axes = plt.subplots(1, 2, figsize=(7, 3.5))
for ax, (title, place) in zip(axes, {"data": held_out, "annealed Langevin": drawn}.items()):
    ax.scatter(*place.T, s=2, alpha=0.5)
    ax.set(title=title, xlim=(-3, 3), ylim=(-3, 3), aspect="equal")

# %% [markdown]
# ## 5. A classifier is a density
# Read the logits as minus an energy of input *and* label, $p(x, y) = e^{z_y(x)} / Z$. Then $p(y \mid x)$ is the softmax,
# and $\log p(x) = \log \sum_y e^{z_y(x)} - \log Z$: so $\log p(x, y) = \log p(y \mid x) + \log p(x)$ is learned as
# cross-entropy plus contrast, with negatives from Langevin chains. In two dimensions a grid gives $Z$, to check by.
# (A term $-|x|^2 / 8$ in every logit leaves the softmax as it is and makes $Z$ finite.)

# %%
x_all, labels_all = make_moons(4000, noise=0.1, random_state=0)
x_all = jnp.asarray((x_all - x_all.mean(0)) / x_all.std(0), jnp.float32)
labels_all = jnp.asarray(labels_all)
x, labels, x_test, labels_test = x_all[:2000], labels_all[:2000], x_all[2000:], labels_all[2000:]
width = 64
keys = jax.random.split(jax.random.key(13), 3)
sizes = [(2, width), (width, width), (width, 2)]
layers = [(jax.random.normal(k, s) * (1.5 / s[0]) ** 0.5, jnp.zeros(s[1])) for k, s in zip(keys, sizes)]


def classifier(layers):
    def logits(x):
        h = x
        for w, b in layers[:-1]:
            h = jax.nn.silu(h @ w + b)
        return h @ layers[-1][0] + layers[-1][1] - (x**2).sum(-1, keepdims=True) / 8

    return logits


@jax.jit
def learn_jointly(layers):
    optimiser = optax.adam(optax.cosine_decay_schedule(3e-3, 3000, 0.01))

    def update(carry, key):
        layers, state, chains = carry
        first, second = jax.random.split(key)
        rows = jax.random.randint(first, (256,), 0, len(x))
        kernel = mcmc.mala(joint_energy.energy(classifier(layers)), 0.02)
        chains = mcmc.run(kernel, second, chains, 10)

        def loss(layers):
            return joint_energy.loss(classifier(layers), x[rows], labels[rows], chains)

        updates, state = optimiser.update(jax.grad(loss)(layers), state)
        return (optax.apply_updates(layers, updates), state, chains), None

    chains = 2 * jax.random.normal(jax.random.key(14), (256, 2))
    carry = layers, optimiser.init(layers), chains
    return jax.lax.scan(update, carry, jax.random.split(jax.random.key(15), 3000))[0]


layers, _, chains = learn_jointly(layers)
grid = jnp.linspace(-6.0, 6.0, 301)
plane = jnp.stack(jnp.meshgrid(grid, grid), -1).reshape(-1, 2)
log_density = -joint_energy.energy(classifier(layers))(plane)
log_z = jax.nn.logsumexp(log_density) + 2 * jnp.log(grid[1] - grid[0])
classification = lj.nll(lj.categorical, lj.categorical.Params(classifier(layers)(x_test)), labels_test)
marginal = lj.energy.nll(joint_energy.energy(classifier(layers)), x_test, log_z)
normal = lj.nll(lj.independent(lj.normal, 1), lj.normal.Params(x.mean(0), x.std(0)), x_test)
accuracy = float((classifier(layers)(x_test).argmax(-1) == labels_test).mean())
print(f"p(y | x): {classification:.4f} nats, accuracy {accuracy:.1%}; p(x): {marginal:.3f} nats, one normal {normal:.3f}")

plt.figure(figsize=(5, 4))
shown = plt.contourf(grid, grid, jnp.exp(log_density - log_z).reshape(301, 301), levels=20, cmap="magma")
plt.scatter(*x_test[:400].T, s=2, c=labels_test[:400], cmap="coolwarm")
plt.xlim(-3, 3)
plt.ylim(-3, 3)
plt.colorbar(shown, label="density");

# %% [markdown]
# ## What was shown
# The exact likelihood of a machine of 16 hidden bits, learned without ever computing it; its normaliser between two
# estimates; a score that learned a density without one; and a classifier that knows where its inputs come from.

# %%
assert found["persistent CD"] < 21 < independent
assert abs(independent - 25.28) < 0.05
assert -0.02 < ours - ideal < 0.15 and abs(ideal - floor) < 0.1
assert accuracy > 0.99
assert marginal < normal - 0.5
print("all claims hold")
