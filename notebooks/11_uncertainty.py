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
# # Predictive uncertainty
#
# A trained network is one point in the space of its weights; many others fit the data as well, and away from the data
# they disagree. The predictive distribution averages over them,
# $$p(y \mid x) = \sum_k w_k\, p(y \mid x, \theta_k),$$
# which is a mixture, so everything lik_jax does with a distribution (likelihood, quantiles, scores, plots) it does with
# this one. Ways to come by the $\theta_k$: train several networks, draw from a normal around one (Laplace), leave out
# units at random.
#
# 1. where Laplace is exact, 2. digits with corrupted test pixels, 3. what is noise and what is ignorance, 4. a
# regression with a gap in its data.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import lik_jax as lj
from lik_jax import calibration, categorical, normal, plots
from lik_jax.models import classifier, regressor
from lik_jax.training.corruptions import CORRUPTIONS
from lik_jax.training.data import Batches, MemberBatches, by_row, digits
from lik_jax.training.loop import train
from lik_jax.training.settings import Settings
from lik_jax.uncertainty import ensemble, entropies, over_members, pooled, predictive, train_ensemble, variances
from lik_jax.uncertainty.laplace import by_held_out, last_layer, outputs

# %% [markdown]
# ## 1. Where Laplace is exact
# The posterior of a linear model with normal noise is normal, and the curvature at its mode is all there is to know.
# With noise of deviation $\sigma$ and a prior precision $\tau$ it has the precision
# $X^\top X / \sigma^2 + \tau$, and a new $y$ has the variance $\sigma^2 + x^\top (\cdot)^{-1} x$.

# %%
rng = np.random.default_rng(0)
features, noise, tau = rng.normal(size=(30, 3)).astype(np.float32), 0.3, 2.0
y = (features @ np.array([1.0, -0.5, 0.2]) + noise * rng.normal(size=30)).astype(np.float32)
precision = features.T @ features / noise**2 + tau * np.eye(3)
mode = np.linalg.solve(precision, features.T @ y / noise**2)


def known_noise(raw):
    return normal.Params(raw[..., 0], noise)


posterior = last_layer.fit(normal, features, y, mode[:, None], prior_precision=tau, constrain=known_noise)
new = rng.normal(size=(5, 3)).astype(np.float32)
forecast = outputs.added_variance(last_layer.predict(posterior, new), known_noise)
exact = np.sqrt(noise**2 + np.einsum("id,de,ie->i", new, np.linalg.inv(precision), new))
print("standard deviation of five new y, by Laplace:", np.round(forecast.scale, 5))
print("by the posterior's closed form:              ", np.round(exact, 5))
assert np.allclose(forecast.scale, exact, rtol=1e-4)

# %% [markdown]
# ## 2. Digits with corrupted test pixels
# Five small networks, which differ by their seeds, trained by one compiled step; the first of them is "the single
# network". One more is trained with smoothed labels. Temperature scaling and Laplace are of the single network.

# %%
data = digits()
splits = by_row({"x": data["x"] / np.float32(16), "y": data["y"]})
held, test = splits.validation, splits.test
settings = Settings(steps=400, learning_rate=4e-3, warmup_steps=30, weight_decay=0.01, validate_every=100)
shape = classifier.Config(width=64, channels=8, by_products=True)
networks = [classifier.create(shape, jax.random.key(k)) for k in range(5)]
apply = networks[0].apply


def loss_with(smoothing):
    def loss(params, batch, key):
        return lj.cross_entropy(apply(params, batch["x"]), batch["y"], label_smoothing=smoothing)

    return loss


held_out = jax.jit(lambda params: lj.cross_entropy(apply(params, held["x"]), held["y"]))
batches = [Batches(splits.train, settings.batch_size, k) for k in range(5)]
start = ensemble.stack([network.params for network in networks])


def validate(params):
    return float(held_out(params))


members = train_ensemble(loss_with(0.0), start, MemberBatches(tuple(batches)), settings, validate=validate).best_params
single = ensemble.member(members, 0)
smooth = train(loss_with(0.1), networks[0].params, batches[0], settings, validate=validate).best_params

temperature = calibration.temperature.fit(apply(single, held["x"]), held["y"])
layer = single["head"]
laplace = last_layer.fit(
    categorical, apply(single, splits.train["x"], method="features"), splits.train["y"], layer["kernel"], layer["bias"]
)


def laplace_logits(posterior, images):
    return outputs.probit(last_layer.predict(posterior, apply(single, images, method="features"))).logits


# the evidence knows nothing of early stopping: the prior's precision that predicts best is another
laplace = by_held_out(laplace, lambda params: lj.cross_entropy(laplace_logits(params, held["x"]), held["y"]))


def mixed(images):
    return predictive(categorical, categorical.Params(over_members(apply, members, images)))


methods = {
    "single network": lambda x: apply(single, x),
    "temperature": lambda x: calibration.temperature.apply(temperature, apply(single, x)),
    "label smoothing": lambda x: apply(smooth, x),
    "ensemble of 5": lambda x: pooled(*mixed(x)).logits,
    "last-layer Laplace": lambda x: laplace_logits(laplace, x),
}
methods = {name: jax.jit(method) for name, method in methods.items()}
severities = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
noisy = [CORRUPTIONS["gaussian_noise"](test["x"], jax.random.key(9), severity) for severity in severities]
nats = {name: [float(lj.cross_entropy(method(x), test["y"])) for x in noisy] for name, method in methods.items()}
print("negative log-likelihood of test digits, nats, by the noise added to their pixels")
print(f"{'':20s}" + "".join(f"{severity:8.1f}" for severity in severities))
for name, values in nats.items():
    print(f"{name:20s}" + "".join(f"{value:8.4f}" for value in values))

# %% [markdown]
# The average of probabilities is never worse than the average member: the logarithm is concave (Jensen). That much is
# certain; that it is better than the single network by far is what one finds. Temperature scaling is exact on digits
# like those it was fitted on, and knows nothing of noise. Laplace does little here: the network is small, and its last
# layer well determined by the data (`docs/uncertainty.md` has a larger one, for which it does more).

# %%
each_label = jnp.broadcast_to(test["y"], (5, len(test["y"])))
alone = [float(lj.cross_entropy(over_members(apply, members, x), each_label)) for x in noisy]
print("members alone, mean ", "".join(f"{value:8.4f}" for value in alone))
assert all(together < each for together, each in zip(nats["ensemble of 5"], alone))
assert nats["ensemble of 5"][-1] < nats["single network"][-1]
assert nats["last-layer Laplace"][-1] < nats["single network"][-1]

fig, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
for name, values in nats.items():
    axes[0].plot(severities, values, marker="o", label=name)
axes[0].set(xlabel="deviation of the noise", ylabel="nats an image")
axes[0].legend(frameon=False)
for name in ("single network", "ensemble of 5", "last-layer Laplace"):
    plots.reliability_diagram(axes[1], *calibration.reliability(methods[name](noisy[3]), test["y"], bins=8), label=name)
axes[1].set_title(f"noise {severities[3]}")

# %% [markdown]
# ## 3. Noise and ignorance
# The entropy of the mixture is the mean entropy of its members (what even one who knew the weights could not tell) plus
# the mutual information of label and member (what they disagree on): aleatoric and epistemic.

# %%
print(f"{'noise':>6s} {'total':>8s} {'aleatoric':>10s} {'epistemic':>10s}   nats")
parts = [entropies(*mixed(x)) for x in noisy]
for severity, part in zip(severities, parts):
    total, aleatoric, epistemic = (float(value.mean()) for value in (part.total, part.aleatoric, part.epistemic))
    print(f"{severity:6.1f} {total:8.4f} {aleatoric:10.4f} {epistemic:10.4f}")
    assert np.isclose(total, aleatoric + epistemic, atol=1e-5)
assert parts[-1].epistemic.mean() > 3 * parts[0].epistemic.mean()

# %% [markdown]
# ## 4. A regression with a gap
# Nothing is known between -0.5 and 0.3. Each network draws some line there, every one another; the variance of the
# mixture is the mean of the members' variances plus the variance of their means.

# %%
x = np.concatenate([rng.uniform(-1, -0.5, 100), rng.uniform(0.3, 1, 100)]).astype(np.float32)[:, None]
y = (np.sin(4 * x[:, 0]) + 0.1 * rng.normal(size=len(x))).astype(np.float32)
curves = [regressor.create(regressor.Config(1, 2, (64, 64)), jax.random.key(k)) for k in range(5)]


def curve(params, x):
    return normal.constrain(curves[0].apply(params, x))


state = train_ensemble(
    lambda params, batch, key: lj.nll(normal, curve(params, batch["x"]), batch["y"]),
    ensemble.stack([one.params for one in curves]),
    MemberBatches(tuple(Batches({"x": x, "y": y}, 64, k) for k in range(5))),
    Settings(steps=600, batch_size=64, learning_rate=5e-3, validate_every=300),
)
grid = np.linspace(-1.2, 1.2, 121, dtype=np.float32)[:, None]
mixture, params = predictive(normal, over_members(curve, state.params, grid))
low, middle, high = (mixture.icdf(params, p) for p in (0.05, 0.5, 0.95))
split = variances(mixture, params)
deviation = jnp.sqrt(split.epistemic)
fig, ax = plt.subplots(figsize=(7, 4), layout="constrained")
plots.predictive_band(
    ax, x[:, 0], y, grid[:, 0], middle, low, high, epistemic=(middle - 2 * deviation, middle + 2 * deviation)
)
gap = (grid[:, 0] > -0.3) & (grid[:, 0] < 0.1)
known = (np.abs(grid[:, 0]) > 0.6) & (np.abs(grid[:, 0]) < 0.95)
print("epistemic deviation in the gap and on data:", deviation[gap].mean(), deviation[known].mean())
assert deviation[gap].mean() > 3 * deviation[known].mean()
