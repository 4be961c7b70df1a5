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
# # The likelihood is the loss
#
# A model says how probable the data are under its parameters: $p(y \mid \theta)$. Read with the data fixed and the
# parameters free, that is the **likelihood** $L(\theta)$. Fitting means finding the $\theta$ under which what was seen
# is least surprising, and the losses of deep learning are negative log-likelihoods in disguise.
#
# 1. five coin tosses, 2. three numbers under a normal, 3. squared error and cross-entropy derived and checked,
# 4. a linear regression, closed form against Adam and RMSprop, 5. an image classifier.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax
from sklearn.datasets import load_digits

import lik_jax as lj
from lik_jax import bernoulli, categorical, normal

# %% [markdown]
# ## 1. Five coin tosses
# The tosses are 0, 0, 0, 1, 0. With $p$ the probability of a 1,
# $$L(p) = \prod_i p^{y_i} (1 - p)^{1 - y_i} = p\,(1 - p)^4, \qquad
# \log L(p) = \log p + 4 \log(1 - p).$$
# The derivative $1/p - 4/(1 - p)$ vanishes at $p = 1/5$: the share of ones.

# %%
tosses = jnp.array([0, 0, 0, 1, 0])
p = jnp.linspace(0.001, 0.999, 999)
log_likelihood = jax.vmap(lambda p: -lj.nll(bernoulli, bernoulli.from_probs(p), tosses, reduction="sum"))(p)
best_p = p[jnp.argmax(log_likelihood)]

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3))
left.plot(p, jnp.exp(log_likelihood))
left.set(xlabel="p", ylabel="likelihood")
right.plot(p, log_likelihood)
right.set(xlabel="p", ylabel="log-likelihood (nats)", ylim=(-15, 0))
for axes in (left, right):
    axes.axvline(1 / 5, color="C3", linestyle=":", label="p = 1/5")
    axes.legend()

# %%
fit = bernoulli.mle(tosses)
print(f"grid: {best_p:.3f}; closed form: {bernoulli.mean(fit):.3f}; log-likelihood: {log_likelihood.max():.4f} nats")
assert abs(best_p - 0.2) < 1e-3
assert abs(bernoulli.mean(fit) - 0.2) < 1e-6
assert np.isclose(log_likelihood.max(), np.log(0.2) + 4 * np.log(0.8), atol=1e-5)

# %% [markdown]
# The slope of the negative log-likelihood in the log-odds is what training follows; at the maximum it is 0.

# %%
slope = jax.grad(lambda logits: lj.nll(bernoulli, bernoulli.Params(logits), tosses))
print("slope at p = 1/2:", slope(0.0), " at p = 1/5:", slope(fit.logits))
assert np.isclose(slope(0.0), 0.5 - 0.2, atol=1e-6)
assert abs(slope(fit.logits)) < 1e-6

# %% [markdown]
# ## 2. Three numbers under a normal
# The data are $-1, 0, 1$. With mean $\mu$ and standard deviation $\sigma$,
# $$\log L(\mu, \sigma) = -\sum_i \frac{(y_i - \mu)^2}{2 \sigma^2} - 3 \log \sigma - \tfrac{3}{2} \log 2\pi .$$
# The maximum is at $\mu = \bar y = 0$ and $\sigma^2 = \frac{1}{3} \sum_i (y_i - \bar y)^2 = 2/3$.

# %%
y = jnp.array([-1.0, 0.0, 1.0])
mu, sigma = jnp.linspace(-1.5, 1.5, 301), jnp.linspace(0.3, 2.5, 441)


def total_log_likelihood(mu, sigma):
    return -lj.nll(normal, normal.Params(mu, sigma), y, reduction="sum")


surface = jax.vmap(lambda s: jax.vmap(lambda m: total_log_likelihood(m, s))(mu))(sigma)
i, j = jnp.unravel_index(jnp.argmax(surface), surface.shape)

plt.figure(figsize=(6, 4))
plt.contourf(mu, sigma, surface, levels=np.linspace(surface.max() - 8, surface.max(), 25), extend="min")
plt.colorbar(label="log-likelihood (nats)")
plt.plot(0, np.sqrt(2 / 3), "w+", markersize=12, label=r"$(0, \sqrt{2/3})$")
plt.xlabel(r"$\mu$")
plt.ylabel(r"$\sigma$")
plt.legend();

# %%
fit = normal.mle(y)
print(f"grid: ({mu[j]:.3f}, {sigma[i]:.3f}); closed form: ({fit.loc:.4f}, {fit.scale:.4f})")
assert abs(mu[j]) < 0.01 and abs(sigma[i] - np.sqrt(2 / 3)) < 0.005
assert np.isclose(fit.loc, 0, atol=1e-7) and np.isclose(fit.scale, np.sqrt(2 / 3), rtol=1e-6)
gradient = jax.grad(total_log_likelihood, (0, 1))(fit.loc, fit.scale)
assert np.allclose(gradient, 0, atol=1e-5)

# %% [markdown]
# ## 3. Two losses derived
# **Squared error.** With $\sigma$ fixed at 1 the normal leaves
# $-\log p(y \mid \mu) = \tfrac{1}{2} (y - \mu)^2 + \tfrac{1}{2} \log 2\pi$:
# half the squared error plus a constant, so the same minimum and half the gradient.
#
# **Cross-entropy.** With $p(y = c) = e^{z_c} / \sum_k e^{z_k}$, $-\log p(y) = \log \sum_k e^{z_k} - z_y$:
# softmax cross-entropy, no constant left. For two classes with logits $(0, z)$ it is binary cross-entropy:
# $\log(1 + e^{z}) - y z$.

# %%
rng = np.random.default_rng(0)
targets, predictions = (jnp.asarray(rng.normal(size=100), jnp.float32) for _ in range(2))
labels = jnp.asarray(rng.integers(0, 5, 100))
logits = jnp.asarray(rng.normal(size=(100, 5)), jnp.float32)
binary, score = labels % 2, logits[:, 0]

gaussian = lj.nll(normal, normal.Params(predictions, 1.0), targets)
half_squared = 0.5 * jnp.mean((predictions - targets) ** 2)
print("normal NLL - squared error / 2 =", gaussian - half_squared, "  log(2 pi) / 2 =", 0.5 * np.log(2 * np.pi))
assert np.isclose(gaussian - half_squared, 0.5 * np.log(2 * np.pi), atol=1e-5)

cross_entropy = lj.nll(categorical, categorical.Params(logits), labels)
reference = optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()
print("categorical NLL:", cross_entropy, "  softmax cross-entropy:", reference)
assert np.isclose(cross_entropy, reference, rtol=1e-6)

binary_nll = lj.nll(bernoulli, bernoulli.Params(score), binary)
by_hand = jnp.mean(jnp.log1p(jnp.exp(score)) - binary * score)
two_classes = lj.nll(categorical, categorical.Params(jnp.stack([0 * score, score], -1)), binary)
print("Bernoulli NLL:", binary_nll, "  by hand:", by_hand, "  two classes:", two_classes)
assert np.allclose([by_hand, two_classes], binary_nll, rtol=1e-5)

# %% [markdown]
# ## 4. Linear regression: closed form, Adam, RMSprop
# With $y_i \sim \mathrm{Normal}(w^\top x_i + b, \sigma)$ the maximum of the likelihood in $(w, b)$ is least squares,
# $\hat\beta = (X^\top X)^{-1} X^\top y$, whatever $\sigma$ is, and $\hat\sigma^2$ is the mean squared residual.
# A gradient method that sees only the negative log-likelihood has to end at the same place.

# %%
n, d = 200, 3
x = jnp.asarray(rng.normal(size=(n, d)), jnp.float32)
design = jnp.concatenate([x, jnp.ones((n, 1))], -1)
response = design @ jnp.array([1.5, -2.0, 0.5, 0.3]) + 0.4 * jnp.asarray(rng.normal(size=n), jnp.float32)

closed, *_ = jnp.linalg.lstsq(design, response)
closed_sigma = jnp.sqrt(jnp.mean((design @ closed - response) ** 2))


def regression_loss(weights):
    return lj.nll(normal, normal.from_log_scale(design @ weights["beta"], weights["log_sigma"]), response)


def descend(optimizer, steps=1500):
    """Minimise the loss; returns the weights and the loss at every step."""
    weights = {"beta": jnp.zeros(d + 1), "log_sigma": jnp.zeros(())}

    def step(carry, _):
        weights, state = carry
        loss, grads = jax.value_and_grad(regression_loss)(weights)
        updates, state = optimizer.update(grads, state)
        return (optax.apply_updates(weights, updates), state), loss

    run = jax.jit(lambda carry: jax.lax.scan(step, carry, None, length=steps))
    (weights, _), losses = run((weights, optimizer.init(weights)))
    return weights, losses


rate = optax.cosine_decay_schedule(0.05, 1500)
found = {name: descend(make(rate)) for name, make in {"Adam": optax.adam, "RMSprop": optax.rmsprop}.items()}
lowest = regression_loss({"beta": closed, "log_sigma": jnp.log(closed_sigma)})

plt.figure(figsize=(6, 3))
for name, (_, losses) in found.items():
    plt.semilogy(jnp.maximum(losses - lowest, 1e-7), label=name)
plt.xlabel("step")
plt.ylabel("NLL above its minimum (nats)")
plt.legend()

print("closed form", closed, closed_sigma)
for name, (weights, _) in found.items():
    print(f"{name:11s}", weights["beta"], jnp.exp(weights["log_sigma"]))
    assert np.allclose(weights["beta"], closed, atol=2e-3)
    assert np.isclose(jnp.exp(weights["log_sigma"]), closed_sigma, atol=2e-3)

# %% [markdown]
# ## 5. A binary image classifier: 3 or 8?
# Handwritten digits of 8 by 8 pixels. A linear score per image is the log-odds of an 8; the loss is the Bernoulli
# negative log-likelihood, a small penalty on the weights keeps them finite. Every fifth image is held out.

# %%
digits = load_digits()
chosen = np.isin(digits.target, (3, 8))
images = jnp.asarray(digits.data[chosen] / 16, jnp.float32)
is_eight = jnp.asarray(digits.target[chosen] == 8)
test = np.arange(len(images)) % 5 == 0


def scores(weights, images):
    return bernoulli.Params(images @ weights["w"] + weights["b"])


@jax.jit
def train(weights):
    optimizer = optax.adam(0.05)

    def loss(weights):
        return lj.nll(bernoulli, scores(weights, images[~test]), is_eight[~test]) + 1e-3 * jnp.sum(weights["w"] ** 2)

    def step(carry, _):
        weights, state = carry
        value, grads = jax.value_and_grad(loss)(weights)
        updates, state = optimizer.update(grads, state)
        return (optax.apply_updates(weights, updates), state), value

    (weights, _), values = jax.lax.scan(step, (weights, optimizer.init(weights)), None, length=400)
    return weights, values


weights, values = train({"w": jnp.zeros(64), "b": jnp.zeros(())})
held_out = scores(weights, images[test])
test_nll = lj.nll(bernoulli, held_out, is_eight[test])
accuracy = jnp.mean((bernoulli.mode(held_out) == 1) == is_eight[test])
print(f"held out: {test_nll:.3f} nats an image (a fair coin: {np.log(2):.3f}), accuracy {accuracy:.1%}")

fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3))
left.plot(values)
left.set(xlabel="step", ylabel="loss (nats an image)")
shown = right.imshow(weights["w"].reshape(8, 8), cmap="RdBu_r", vmin=-3, vmax=3)
right.set_title("weights: red speaks for 8")
right.axis("off")
fig.colorbar(shown);

# %% [markdown]
# ## What was shown
# The maximum of the likelihood, found on a grid, in closed form and by gradient descent, is one and the same; and the
# losses that trained both models are negative log-likelihoods.

# %%
assert accuracy > 0.95
assert test_nll < 0.2
assert values[-1] < values[0]
assert np.isclose(values[0], np.log(2), atol=1e-4)
print("all claims hold")
