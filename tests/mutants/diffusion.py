"""The faults that implementations of Gaussian diffusion have had, and a few of our own."""

from mutant import Mutant

BOUND = "objectives/diffusion/bound.py"
DECODERS = "objectives/diffusion/decoders.py"
PARTS = "objectives/diffusion/_parts.py"
BATCH = "objectives/_batch.py"
SCHEDULES = "objectives/schedules/"


def bound(test: str, *rest: str) -> Mutant:
    return Mutant(f"objectives/test_diffusion.py::test_{test}", *rest)


def training(test: str, *rest: str) -> Mutant:
    return Mutant(f"objectives/test_diffusion_training.py::test_{test}", *rest)


def sampler(test: str, *rest: str) -> Mutant:
    return Mutant(f"objectives/test_diffusion_samplers.py::test_{test}", *rest)


def schedule(test: str, fault: str, file: str, *rest: str) -> Mutant:
    return Mutant(f"objectives/test_schedules.py::test_{test}", fault, SCHEDULES + file, *rest)


MUTANTS = [
    bound(
        "gaussian_data_in_finite_steps[eps-16-4.6463]",
        "steps counted from 0",
        BOUND,
        "jnp.arange(1, num_steps + 1), draws",
        "jnp.arange(num_steps), draws",
    ),
    bound(
        "sampled_times_estimate_the_full_sum",
        "drawn steps counted from 0",
        BOUND,
        "jnp.floor(t * num_steps) + 1 if drawn",
        "jnp.floor(t * num_steps) if drawn",
    ),
    bound(
        "gaussian_data_in_continuous_time[eps]",
        "L_0 replaced by a KL",
        BOUND,
        "-sum_each(likelihood.log_prob(params, y))",
        "sum_each(0.5 * ((y - params[0]) / params[1]) ** 2)",
    ),
    bound(
        "gaussian_data_in_continuous_time[eps]",
        "L_T dropped",
        BOUND,
        "reconstruction, prior + diffusion + reconstruction)",
        "reconstruction, diffusion + reconstruction)",
    ),
    bound(
        "gaussian_data_in_finite_steps[eps-16-4.6463]",
        "a Riemann sum at s, not t: below the entropy",
        BOUND,
        "noise_errors(i / count, noise)",
        "noise_errors((i - 1) / count, noise)",
    ),
    bound("dimensions_add_up", "a mean over dimensions", BATCH, "return x.sum(", "return x.mean("),
    bound(
        "wide_data_are_not_cut_off",
        "predictions clipped at evaluation",
        PARTS,
        "return (predicted - schedules.target",
        "return (jnp.clip(predicted, -1, 1) - schedules.target",
    ),
    schedule(
        "antithetic_times[49]",
        "arange of floats, one too long",
        "times.py",
        "jnp.arange(num, dtype=start.dtype) / num)",
        "jnp.arange(0, 1, 1 / num, start.dtype))",
    ),
    bound(
        "levels_without_noise_have_no_density",
        "no dequantisation noise",
        DECODERS,
        "(y + noise) / num_levels",
        "(y + 0.5 + 0 * noise) / num_levels",
    ),
    schedule(
        "min_snr[eps-weights1]",
        "0 / 0 without signal",
        "weightings.py",
        "return jnp.exp(jnp.minimum(gamma + math.log(cap), 0)) *",
        "return jnp.minimum(jnp.exp(-gamma), cap) / jnp.exp(-gamma) *",
    ),
    training(
        "the_learned_variance_sends_no_gradient_to_the_mean",
        "the KL moves the mean",
        "objectives/diffusion/variance.py",
        "worth * jax.lax.stop_gradient(errors)",
        "worth * errors",
    ),
    training(
        "a_step_of_any_variance_is_a_kl_divergence",
        "the KL in the wrong order",
        PARTS,
        "wider + jnp.expm1(-wider) + jnp.exp(-wider) * fit",
        "jnp.expm1(wider) - wider + fit",
    ),
    bound(
        "discretised_gaussian",
        "a cdf by tanh",
        DECODERS,
        "    return discretized(normal, 0, num_levels - 1)",
        "    import types\n\n"
        "    def z(params, y):\n"
        "        y = (y - params.loc) / params.scale\n"
        "        return 2 * (2 / jnp.pi) ** 0.5 * (y + 0.044715 * y**3)\n\n"
        "    tails = {\n"
        "        'log_cdf': lambda params, y: jax.nn.log_sigmoid(z(params, y)),\n"
        "        'log_sf': lambda params, y: jax.nn.log_sigmoid(-z(params, y)),\n"
        "    }\n"
        "    names = {name: value for name, value in vars(normal).items() if name != 'log_interval'}\n"
        "    return discretized(types.SimpleNamespace(**(names | tails)), 0, num_levels - 1)",
    ),
    bound(
        "discretised_gaussian",
        "a probability clamped at 1e-12",
        "compose/discretized.py",
        "value = log_interval_prob(self.base, params, low, high)",
        "value = jnp.maximum(log_interval_prob(self.base, params, low, high), math.log(1e-12))",
    ),
    bound(
        "a_network_that_says_nothing_costs_one_a_dimension_in_edm[2.0]",
        "F without the scale of the data",
        SCHEDULES + "predictions.py",
        "sigma_data * a * noise)",
        "a * noise)",
    ),
    bound(
        "paths_of_normal_data[3]",
        "variances that do not add up",
        SCHEDULES + "signal.py",
        "jnp.sqrt(-jnp.expm1(log_a2))",
        "jnp.sqrt(-log_a2)",
    ),
    bound(
        "the_bound_is_a_denoising_loss",
        "the density of times forgotten",
        "objectives/diffusion/denoising.py",
        "weight / density *",
        "weight *",
    ),
    schedule(
        "what_does_not_rise_is_no_schedule",
        "falling schedules pass",
        "fixed.py",
        "np.flatnonzero(np.diff(gamma) <= 0)",
        "np.flatnonzero(np.diff(gamma) <= -99)",
    ),
    schedule(
        "a_learned_schedule_rises_and_keeps_its_ends[True]",
        "weights of either sign",
        "learned.py",
        "(supports.to_positive(raw).astype(t.dtype) for",
        "(raw.astype(t.dtype) for",
    ),
    schedule(
        "what_one_network_is_off_by",
        "a score of the wrong scale",
        "predictions.py",
        "return -noise / s",
        "return -noise",
    ),
    training(
        "resampler_state",
        "probabilities by the mean loss",
        "objectives/diffusion/resampler.py",
        "jnp.sqrt((state.losses**2).mean(-1))",
        "state.losses.mean(-1)",
    ),
    training(
        "a_schedule_learns_the_least_variance",
        "the interior goes down the bound too",
        "objectives/diffusion/schedule_loss.py",
        "Params(params.ends, jax.lax.stop_gradient(params.interior))",
        "params",
    ),
    training(
        "self_conditioning",
        "a gradient through the guess",
        "objectives/diffusion/conditioning.py",
        "guess = jax.lax.stop_gradient(guess)",
        "pass",
    ),
    training(
        "guidance_is_one_whatever_is_predicted",
        "guided from the wrong end",
        "objectives/diffusion/conditioning.py",
        "without + scale *",
        "with_it + scale *",
    ),
    sampler(
        "deterministic_samplers_follow_the_flow[ddim-1]",
        "less noise than there is",
        "objectives/diffusion/sampling.py",
        "jnp.sqrt(1 - eta**2 * fresh)",
        "jnp.sqrt(1 - fresh)",
    ),
    sampler(
        "deterministic_samplers_follow_the_flow[heun-2]",
        "the first slope twice",
        "objectives/diffusion/heun.py",
        "0.5 * length * (begin + end)",
        "length * begin",
    ),
    Mutant(
        "objectives/test_units.py::test_uniform_levels_under_any_scaling[256-8.0--1-1]",
        "the width of a bin the wrong way round",
        "objectives/units.py",
        "- jnp.log2(bin_width)",
        "+ jnp.log2(bin_width)",
    ),
]
