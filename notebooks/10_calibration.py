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
# # Calibration
#
# A likelihood promises probabilities that mean something: of all the days with "70 % rain", seven in ten should be wet.
# Cross-entropy pays for exactly that, a proper score is least in expectation at the truth, and yet a trained network is
# often too sure. This page measures by how much, and mends it on held-out data.
#
# 1. what cross-entropy sees and a count of errors does not, 2. one temperature, exactly, 3. what chance alone does to
# the calibration error, 4. more maps, 5. CORP, 6. sets that keep a promise, 7. the same for a regression.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes, load_digits

import lik_jax as lj
from lik_jax import calibration, categorical, normal, plots, scores
from lik_jax.calibration import conformal, quantile_calibration, temperature, variance_scaling

# %% [markdown]
# ## 1. Right and unsure, right and sure, wrong and sure
# Four forecasts of a label out of ten. The squared distance of the guessed from the true label (as one-hot vectors) is
# 0 if the guess is right and 2 if it is wrong, however sure it was. Cross-entropy $-\log p_y$ tells them apart, and has
# no upper end; the Brier score $\sum_k (p_k - 1[k = y])^2$ tells them apart, and never exceeds 2.


# %%
def logits_with(probability, label, num_classes=10):
    """Logits that give one class a probability and share the rest among the others."""
    rest = (1 - probability) / (num_classes - 1)
    return jnp.log(jnp.full(num_classes, rest).at[label].set(probability))


forecasts = {
    "right and unsure": logits_with(0.4, 3),
    "right and sure": logits_with(0.999, 3),
    "wrong and unsure": logits_with(0.4, 7),
    "wrong and sure": logits_with(0.999, 7),
}
truth = jnp.array(3)
print(f"{'':18s} {'p of the label':>14s} {'squared distance':>17s} {'Brier':>8s} {'cross-entropy':>14s}")
table = {}
for name, logits in forecasts.items():
    params = categorical.Params(logits)
    guess = jax.nn.one_hot(logits.argmax(), 10)
    squared = float(((guess - jax.nn.one_hot(truth, 10)) ** 2).sum())
    brier = float(scores.brier(categorical, params, truth))
    loss = float(lj.nll(categorical, params, truth))
    table[name] = (squared, brier, loss)
    print(f"{name:18s} {float(jax.nn.softmax(logits)[truth]):14.6f} {squared:17.1f} {brier:8.4f} {loss:14.4f}")
assert table["right and unsure"][0] == table["right and sure"][0] == 0  # no difference
assert table["wrong and unsure"][0] == table["wrong and sure"][0] == 2
assert table["right and sure"][2] < 0.01 < 0.9 < table["right and unsure"][2] < 1 < 9 < table["wrong and sure"][2]
assert np.isclose(table["wrong and sure"][2], -np.log(0.001 / 9), rtol=1e-5)

# %% [markdown]
# ## 2. One temperature
# A classifier of digits that is far too sure: each pixel counts as if it were independent of the others, so evidence is
# counted many times over. Dividing its logits by one number $T$ changes no guess, only how sure it is. The negative
# log-likelihood of held-out data is convex in $1/T$, so there is one best $T$, and Newton's method has it to the last
# digit.

# %%
x, y = load_digits(return_X_y=True)
x = x / 16
means = np.stack([x[:1000][y[:1000] == k].mean(0) for k in range(10)])
variance = ((x[:1000] - means[y[:1000]]) ** 2).mean()
z = (-0.5 * ((x[:, None] - means[None]) ** 2).sum(-1) / variance).astype(np.float32)
held, test = slice(1000, 1400), slice(1400, None)

found = temperature.fit(z[held], y[held])
error = float(found.fit.standard_errors)
print(f"T = {float(found.temperature):.4f}, status {found.fit.status_name}, standard error of log T {error:.4f}")
calibrated = temperature.apply(found, z)


def loss(z, part):
    return float(lj.nll(categorical, categorical.Params(z[part]), y[part]))


for name, part in (("fitted on", held), ("test", test)):
    print(f"{name:10s} NLL {loss(z, part):.4f} -> {loss(calibrated, part):.4f} nats")
assert np.isclose(float(found.temperature), 5.596504, rtol=2e-6)
assert np.isclose(error, 0.0738949, rtol=1e-5)
assert np.isclose(loss(calibrated, held), 0.2726761, rtol=1e-5)
assert np.isclose(loss(calibrated, test), 0.5841278, rtol=1e-5)

# %% [markdown]
# ## 3. What chance alone does
# The expected calibration error sorts forecasts into bins and averages the gap between confidence and accuracy. A gap
# has no sign in it, so noise alone makes it positive: even a perfect forecaster has one. So show where a perfect
# forecaster's points would lie (the band), and how far the error is beyond its (the excess, with an interval).

# %%
fig, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for ax, (name, logits) in zip(axes, {"as trained": z, "after one temperature": calibrated}.items()):
    band = calibration.consistency_band(logits[test], key=jax.random.key(0))
    plots.reliability_diagram(ax, *calibration.reliability(logits[test], y[test]), label=name, band=band)
    check = calibration.calibration_test(logits[test], y[test], key=jax.random.key(1))
    print(
        f"{name:22s} error {float(check.error):.4f}, of a perfect one {float(check.expected):.4f}, "
        f"excess {float(check.excess):+.4f} [{float(check.low):+.4f}, {float(check.high):+.4f}]"
    )
assert np.isclose(calibration.calibration_error(z[test], y[test]), 0.12985876, rtol=1e-5)
assert np.isclose(calibration.calibration_error(calibrated[test], y[test]), 0.06522559, rtol=1e-4)
assert np.isclose(calibration.calibration_error(calibrated[test], y[test], edges="mass"), 0.04368756, rtol=1e-3)

# %% [markdown]
# ## 4. More maps
# More params mend more, if there are data to fit them on. On 400 digits they also have something to lose: beside each
# map stands what it does to fresh data. The status says what to expect: matrix and Dirichlet scaling tell 400 rows
# apart perfectly (SEPARATION; a penalty, `off_diagonal_penalty=`, keeps them), and isotonic regression gives some
# labels the probability 0 (BOUNDARY), which costs infinitely much when one of them comes.

# %%
maps = {
    name: getattr(calibration, name)
    for name in ("temperature", "bias_corrected", "vector", "matrix", "dirichlet", "isotonic", "histogram")
}
mapped = {}
print(f"{'map':16s} {'status':12s} {'fitted':>8s} {'test':>8s} {'Brier':>8s}")
for name, module in maps.items():
    params = module.fit(z[held], y[held])
    mapped[name] = module.apply(params, z)
    brier = float(scores.brier(categorical, categorical.Params(mapped[name][test]), y[test]))
    losses = [loss(mapped[name], part) for part in (held, test)]
    print(f"{name:16s} {params.fit.status_name:12s} {losses[0]:8.4f} {losses[1]:8.4f} {brier:8.4f}")
assert loss(mapped["vector"], held) <= loss(mapped["bias_corrected"], held) <= loss(mapped["temperature"], held)

# %% [markdown]
# ## 5. CORP: no bins at all
# The best monotone map of the forecasts is an isotonic regression, which chooses its own bins. Its gain is the
# miscalibration, what is left against the base rate is the discrimination: score = miscalibration - discrimination +
# uncertainty, exactly.

# %%
fig, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
parts = {}
for ax, (name, logits) in zip(axes, {"as trained": z, "after one temperature": calibrated}.items()):
    curve = parts[name] = calibration.corp(logits[test], y[test])
    plots.corp_diagram(ax, *curve, label=name, band=calibration.corp_band(logits[test], key=jax.random.key(2)))
    whole = float(curve.miscalibration - curve.discrimination + curve.uncertainty)
    assert np.isclose(whole, float(curve.score), atol=1e-6)
assert parts["after one temperature"].miscalibration < 0.5 * parts["as trained"].miscalibration

# %% [markdown]
# ## 6. Sets that keep a promise
# A conformal set holds the label nine times out of ten whatever the model, if held-out and new data are exchangeable.
# Digits in their order are not (the writers differ), so shuffle them first. With fewer than nine held-out examples
# nothing can be promised at 90 %, and the set is everything.

# %%
order = np.random.default_rng(0).permutation(np.arange(1000, len(y)))
first, second = order[:400], order[400:]
for name, method in (("threshold", conformal.threshold), ("APS", conformal.aps), ("RAPS", conformal.raps)):
    sets = method.apply(method.fit(calibrated[first], y[first], level=0.9), calibrated[second])
    coverage, size = conformal.set_coverage(sets, y[second]), conformal.set_size(sets)
    print(f"{name:10s} holds the label {float(coverage):.3f} of the time, with {float(size):.2f} labels on average")
    assert coverage > 0.85
few = conformal.threshold.apply(conformal.threshold.fit(calibrated[first[:8]], y[first[:8]], level=0.9), calibrated)
assert bool(few.all())

# %% [markdown]
# ## 7. A regression
# The progression of diabetes from ten covariates by least squares: a normal with one scale, the training residuals'.
# The probability integral transform $P(Y \le y)$ of what came is even if the forecasts are right. Here they are a bit
# too narrow, because residuals of fitted data are: one factor on the scale, by maximum likelihood, widens them.

# %%
x, y = load_diabetes(return_X_y=True)
order = np.random.default_rng(1).permutation(len(y))
fitted, held, test = order[:60], order[60:250], order[250:]
design = np.column_stack([np.ones(len(y)), x / x.std(0)])
weights = np.linalg.lstsq(design[fitted], y[fitted], rcond=None)[0]
loc = (design @ weights).astype(np.float32)
scale = float((y[fitted] - loc[fitted]).std())
y = y.astype(np.float32)


def forecast(part, scale=scale):
    return normal.Params(loc[part], jnp.full(len(part), scale))


factor = variance_scaling.fit(normal, forecast(held), y[held])
wider = variance_scaling.apply(factor, forecast(test))
print(f"scale {scale:.1f} times {float(factor.factor):.3f}, status {factor.fit.status_name}")
fig, axes = plt.subplots(1, 2, figsize=(10, 3.5), layout="constrained")
found = {}
for ax, (name, params) in zip(axes, {"as fitted": forecast(test), "scaled": wider}.items()):
    plots.pit_histogram(ax, *calibration.pit_histogram(normal, params, y[test]), label=name)
    covered = calibration.coverage(normal, params, y[test], jnp.array([0.5, 0.9])).covered
    losses = lj.nll(normal, params, y[test]), scores.crps(normal, params, y[test])
    found[name] = [float(value) for value in (*losses, *covered)]
    print("{:10s} NLL {:.4f}, CRPS {:.3f}, 50 % interval holds {:.3f}, 90 % {:.3f}".format(name, *found[name]))
assert np.isclose(float(factor.factor), np.sqrt((((y[held] - loc[held]) / scale) ** 2).mean()), rtol=1e-4)
assert found["scaled"][0] < found["as fitted"][0] and found["scaled"][1] < found["as fitted"][1]
assert abs(found["scaled"][3] - 0.9) < abs(found["as fitted"][3] - 0.9)

# %% [markdown]
# A monotone map of levels (quantile calibration) mends shape as well as width, and a conformal interval keeps its
# promise at any sample size.

# %%
levels = quantile_calibration.fit(normal, forecast(held), y[held])
low, high = (quantile_calibration.icdf(levels, normal, forecast(test), p) for p in (0.05, 0.95))
bound = conformal.distributional.fit(normal, forecast(held), y[held], level=0.9)
ends = conformal.distributional.apply(bound, normal, forecast(test))
for name, (a, b) in {"quantile calibration": (low, high), "conformal": ends}.items():
    inside = float(((a <= y[test]) & (y[test] <= b)).mean())
    print(f"{name:22s} 90 % interval holds {inside:.3f}, width {float((b - a).mean()):.1f}")
    assert 0.84 < inside < 0.96
