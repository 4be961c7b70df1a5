"""The traps of latent-variable bounds, each noticed by a test with a known answer."""

from mutant import Mutant

LATENTS = "objectives/_latents.py"
BATCH = "objectives/_batch.py"
ELBO = "objectives/elbo.py"
IWAE = "objectives/iwae.py"
IMPORTANCE = "objectives/importance.py"
SCORE = "objectives/score_function.py"
LAYERS = "objectives/hierarchical.py"
NORMAL = "distributions/normal.py"
BY_HAND = "test_elbo.py::test_a_scale_is_a_scale_and_a_batch_is_summed_over_what_is_not_its_axis"
KNOWN = "test_elbo.py::test_importance_weighted_gradients[dreg]"
EXACT = "test_score_function.py::test_gradient_is_that_of_the_exact_bound"


def of(test: str, *rest: str) -> Mutant:
    return Mutant(f"objectives/{test}", *rest)


MUTANTS = [
    of(BY_HAND, "a mean over pixels", BATCH, "return x.sum(tuple(", "return x.mean(tuple("),
    of(BY_HAND, "a mean over latents", LATENTS, "return each.sum(-1), free", "return each.mean(-1), free"),
    of(
        BY_HAND,
        "squared error without 1 / (2 s^2)",
        NORMAL,
        "return -0.5 * ((y - loc) / scale) ** 2 - log_scale",
        "return -((y - loc) ** 2) - 0 * log_scale",
    ),
    of(BY_HAND, "squared error without its constant", NORMAL, "- log_scale - _HALF_LOG_2PI", "- log_scale"),
    of(
        BY_HAND,
        "a scale taken for a log-variance",
        LATENTS,
        "return loc + scale * noise",
        "return loc + jnp.exp(0.5 * scale) * noise",
    ),
    of(
        "test_elbo.py::test_kl_is_in_the_right_order",
        "the KL of the prior from the posterior",
        LATENTS,
        "posterior.kl_divergence(filled(posterior, params, keep, rank), filled(prior, prior_params, keep, rank))",
        "posterior.kl_divergence(filled(prior, prior_params, keep, rank), filled(posterior, params, keep, rank))",
    ),
    of(
        "test_elbo.py::test_grey_pixels_are_impossible_under_a_bernoulli[elbo]",
        "a Bernoulli that scores grey pixels",
        "distributions/bernoulli.py",
        "outside = special.zero_or_inf(y * (y - 1))",
        "outside = 0 * y",
    ),
    of(
        "test_elbo.py::test_grey_pixels_are_impossible_under_a_bernoulli[dreg]",
        "shares of weights that are all 0",
        IWAE,
        "jnp.where(jnp.isneginf(total), 0, total)",
        "total",
    ),
    of(
        "test_elbo.py::test_more_samples_tighten_the_bound[2-80--1.65347379]",
        "the mean of the log-weights",
        IMPORTANCE,
        "return Iwae(log_sum_exp(logs) - math.log(k), logs",
        "return Iwae(logs.mean(0), logs",
    ),
    of(
        "test_importance.py::test_one_bound_an_example",
        "the mean over the batch inside the logarithm",
        IMPORTANCE,
        "return Iwae(log_sum_exp(logs) - math.log(k), logs",
        "return Iwae(0 * logs[0] + log_sum_exp(logs.ravel()) - math.log(logs.size), logs",
    ),
    of(
        KNOWN,
        "the weights' squares towards the model too",
        IWAE,
        "result = importance_bound(log_weights(samples, params))",
        "result = importance_bound(_scale_gradient(log_weights(samples, params), shares))",
    ),
    of(
        KNOWN,
        "sticking the landing within the bound of many samples",
        IWAE,
        "samples = _scale_gradient(samples, shares",
        "_scale_gradient(samples, shares",
    ),
    of(KNOWN, "the score left in", IWAE, "params = jax.lax.stop_gradient(params)", "pass"),
    of(
        "test_elbo.py::test_sticking_the_landing_is_refused_for_more_than_one_sample",
        "no word of why",
        IWAE,
        'if estimator == "stl":',
        'if estimator == "none":',
    ),
    of(
        "test_elbo.py::test_sticking_the_landing_has_no_variance_at_the_exact_posterior",
        "the score left in",
        ELBO,
        "scored = jax.lax.stop_gradient(params) if stl else params",
        "scored = params",
    ),
    of(
        "test_elbo.py::test_masked_examples_add_exactly_nothing[elbo]",
        "masked by where alone",
        LATENTS,
        "params, y = filled(likelihood, params, keep), where(keep, y, likelihood.support)",
        "pass",
    ),
    of(
        f"{EXACT}[leave one out-2]",
        "weights that are not detached",
        SCORE,
        "    signal = jax.lax.stop_gradient(signal)\n",
        "",
    ),
    of(
        f"{EXACT}[leave one out-2]",
        "a baseline with the sample itself in it",
        SCORE,
        "(values.sum(0, keepdims=True) - values) / (k - 1)",
        "values.mean(0, keepdims=True)",
    ),
    of(
        f"{EXACT}[vimco-2]",
        "a baseline with the sample itself in it",
        SCORE,
        "jnp.where(others, logs[None], rest[:, None])",
        "jnp.where(others, logs[None], logs[None])",
    ),
    of(
        f"{EXACT}[vimco-2]",
        "no gradient towards the model",
        SCORE,
        "bound = result.bound + _score",
        "bound = jax.lax.stop_gradient(result.bound) + _score",
    ),
    of(
        f"{EXACT}[sampled KL-2]",
        "a sampled KL without its score",
        SCORE,
        "kl = estimated(jax.lax.stop_gradient(log_q) - log_p, 0.0) if",
        "kl = (jax.lax.stop_gradient(log_q) - log_p).mean(0) if",
    ),
    of(
        "test_score_function.py::test_impossible_draws_teach_nothing_and_break_nothing",
        "a difference of infinities",
        SCORE,
        "return jnp.where(none, 0, jnp.where(none, 0, values) - base)",
        "return values - baseline",
    ),
    of(
        "test_score_function.py::test_too_few_samples_are_an_error",
        "a bound of no samples",
        LATENTS,
        "(count < 1 or",
        "(count < 0 or",
    ),
    of(
        "test_score_function.py::test_a_path_through_discrete_draws_is_refused",
        "no gradient, and no word of it",
        LATENTS,
        "if not jnp.issubdtype(sample.dtype, jnp.floating):",
        "if False:",
    ),
    of(
        "test_importance.py::test_the_size_of_a_chunk_changes_nothing",
        "squares of weights not squared",
        IMPORTANCE,
        "log_sum_exp(2 * logs))), None",
        "log_sum_exp(logs))), None",
    ),
    of(
        "test_importance.py::test_the_size_of_a_chunk_changes_nothing",
        "the last chunk not counted",
        IMPORTANCE,
        "total - math.log(num_samples)",
        "total - math.log(max(whole, 1))",
    ),
    of(
        "test_importance.py::test_memory_is_that_of_a_chunk",
        "all the samples at once",
        IMPORTANCE,
        "    keys = jax.random.split(key, num_samples)\n",
        "    keys = jax.random.split(key, num_samples)\n    chunk_size = num_samples\n",
    ),
    of(
        "test_importance.py::test_weights_of_zero",
        "0 / 0",
        IMPORTANCE,
        "return jnp.where(none, -jnp.inf, jax.nn.logsumexp(jnp.where(none[None], 0, logs), 0))",
        "return jnp.log(jnp.exp(logs).sum(0))",
    ),
    of(
        "test_hierarchical.py::test_sticking_the_landing_has_no_variance_at_the_exact_posterior",
        "the path through the layer above left out with the score",
        LAYERS,
        "scored = _without_score(posteriors[layer], latents) if stl else params",
        "scored = jax.lax.stop_gradient(params) if stl else params",
    ),
    of(
        "test_hierarchical.py::test_kl_of_each_layer",
        "the KL of the lowest layer alone",
        LAYERS,
        "reconstruction - kl.sum(0)",
        "reconstruction - kl[-1]",
    ),
    of(
        "test_hierarchical.py::test_one_layer_is_the_elbo",
        "free bits in the bound that is reported",
        LAYERS,
        "reconstruction - kl.sum(0)",
        "reconstruction - penalty.sum(0)",
    ),
    of(
        "test_annealing.py::test_free_bits",
        "one threshold for all dimensions",
        "objectives/free_bits.py",
        "return jnp.where(kl < least, least, kl).sum(-1)",
        "return jnp.maximum(kl.sum(-1), least)",
    ),
    of(
        "test_annealing.py::test_free_bits_of_a_group",
        "a mean over the group",
        "objectives/free_bits.py",
        "num_groups, -1).sum(-1)",
        "num_groups, -1).mean(-1)",
    ),
    of(
        "test_annealing.py::test_a_weight_that_starts_anew",
        "one cycle",
        "objectives/annealing.py",
        "jnp.mod(step, period)",
        "step",
    ),
    of(
        "test_annealing.py::test_a_weight_that_rises_and_stays",
        "a weight that rises for ever",
        "objectives/annealing.py",
        "jnp.clip(step / num_steps, 0, 1)",
        "step / num_steps",
    ),
]
