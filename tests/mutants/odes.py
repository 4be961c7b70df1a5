"""Faults in likelihoods by ODE, flow matching, continuous flows and masked diffusion."""

from mutant import Mutant

ODE = "ode.py"
FLOW = "objectives/probability_flow.py"
MATCHING = "objectives/flow_matching.py"
MASKED = "objectives/masked_diffusion.py"
SCHEDULES = "objectives/masking_schedules.py"


def ode(name: str, *rest: str) -> Mutant:
    return Mutant(f"test_ode.py::test_{name}", *rest)


def flow(name: str, *rest: str) -> Mutant:
    return Mutant(f"objectives/test_probability_flow.py::test_{name}", *rest)


def matching(name: str, *rest: str) -> Mutant:
    return Mutant(f"objectives/test_flow_matching.py::test_{name}", *rest)


def masked(name: str, *rest: str) -> Mutant:
    return Mutant(f"objectives/test_masked_diffusion.py::test_{name}", *rest)


MUTANTS = [
    ode(
        "log_prob_of_a_linear_field",
        "a log-determinant of the wrong sign",
        ODE,
        "return log_base + moved.log_det",
        "return log_base - moved.log_det",
    ),
    ode(
        "hutchinson[rademacher-25.0]",
        "normal directions in place of signs",
        ODE,
        'if kind == "rademacher"',
        'if kind == "other"',
    ),
    ode(
        "divergence_by_basis_vectors_and_by_every_sign",
        "directions summed, not averaged",
        ODE,
        "if exact else products.mean()",
        "if exact else products.sum()",
    ),
    ode(
        "too_few_steps_give_nan_with_a_nan_gradient",
        "NaN by where, whose gradient is 0",
        ODE,
        "leaf[0] * reached for",
        "jnp.where(jnp.isnan(reached), reached, leaf[0]) for",
    ),
    flow(
        "the_bound_has_the_entropy_of_the_noise_at_the_least_time",
        "the entropy of the noise at t = eps is forgotten",
        FLOW,
        "flow + entropy + reconstruction)",
        "flow + reconstruction)",
    ),
    flow(
        "a_vector_with_a_mean_in_any_schedule",
        "clean data taken for noised data at t = eps",
        FLOW,
        "field, signal * x, base,",
        "field, x, base,",
    ),
    flow(
        "a_vector_with_a_mean_in_any_schedule",
        "the factor alpha of the density is forgotten",
        FLOW,
        "return log_p + x[0].size * jnp.log(signal)",
        "return log_p",
    ),
    flow(
        "the_field_carries_every_density_to_the_next",
        "the drift of the reverse diffusion, with twice the score",
        FLOW,
        "return 0.5 * slope *",
        "return slope *",
    ),
    matching(
        "density_of_a_normal[straight]",
        "integrated from noise to data",
        MATCHING,
        "base, t0=1.0, t1=0.0",
        "base, t0=0.0, t1=1.0",
    ),
    matching(
        "least_loss_of_straight_lines_is_not_zero",
        "regressed on the data, not on the velocity",
        MATCHING,
        "(predicted - pairs.velocity)",
        "(predicted - x)",
    ),
    matching(
        "optimal_coupling_is_the_best_of_all_permutations",
        "rows and columns of the assignment exchanged",
        MATCHING,
        "at[rows].set(columns)",
        "at[columns].set(rows)",
    ),
    matching(
        "masks_weights_and_reductions",
        "masked junk reaches the network",
        MATCHING,
        "x = jnp.where(over(keep, x), x, 0)",
        "x = jnp.where(over(keep, x), x, x)",
    ),
    matching(
        "times_are_of_low_discrepancy",
        "times each drawn on its own",
        MATCHING,
        "1 - schedules.antithetic_times(keys[0], x.shape[0], x.dtype)",
        "jax.random.uniform(keys[0], (x.shape[0],), x.dtype)",
    ),
    masked(
        "times_are_of_low_discrepancy_and_never_0",
        "a first step with the number 0",
        MASKED,
        "jnp.ceil(t * num_steps) / num_steps",
        "jnp.floor(t * num_steps) / num_steps",
    ),
    Mutant(
        "bijectors/test_continuous.py::test_forward_is_a_matrix_exponential_and_inverse_undoes_it",
        "an inverse that goes forward",
        "bijectors/continuous.py",
        "self._moved(params, y, self.t1, self.t0, probes)",
        "self._moved(params, y, self.t0, self.t1, probes)",
    ),
    masked(
        "nothing_hidden_is_zero_and_everything_hidden_is_finite[Linear()-None]",
        "0 times an infinite weight",
        MASKED,
        "safe = jnp.where(count > 0, t, 1)",
        "safe = t",
    ),
    masked(
        "nothing_hidden_is_zero_and_everything_hidden_is_finite[Linear()-4]",
        "a Riemann sum at s, not at t: infinite at t = 1 / T",
        MASKED,
        "(1 - schedule.hidden(earlier) / schedule.hidden(safe))",
        "(schedule.hidden(safe) / schedule.hidden(earlier) - 1)",
    ),
    masked(
        "finite_steps_are_the_definition[Linear()]",
        "steps counted from t, not from the step before",
        MASKED,
        "(jnp.round(safe * num_steps) - 1)",
        "(jnp.round(safe * num_steps) - 0.5)",
    ),
    masked(
        "with_exact_conditionals_the_bound_is_the_likelihood[Cosine()]",
        "the weight of the linear schedule for all",
        SCHEDULES,
        "return slope / hidden",
        "return 1 / t",
    ),
    masked(
        "every_order_and_every_count_give_the_likelihood",
        "a mean over the tokens, not over the hidden",
        MASKED,
        "(dims / count).astype",
        "(0 * count + 1.0).astype",
    ),
    masked(
        "a_schedule_that_does_not_rise_from_0_to_1_is_an_error[falls]",
        "any schedule will do",
        SCHEDULES,
        "falls = np.diff(values) < 0",
        "falls = np.diff(values) < -9",
    ),
    masked(
        "a_schedule_that_does_not_rise_from_0_to_1_is_an_error[early]",
        "a schedule that leaves tokens to see at time 1",
        SCHEDULES,
        "<= 1e-6:",
        "<= 1e-2:",
    ),
    masked(
        "masked_examples_add_exactly_nothing",
        "masked junk reaches the network",
        MASKED,
        "y = jnp.where(over(keep, y), y, 0)",
        "y = jnp.where(over(keep, y), y, y)",
    ),
    masked(
        "what_is_said_of_seen_tokens_counts_for_nothing",
        "masked by where alone",
        MASKED,
        "logits = jnp.where(hidden[..., None], logits, 0)",
        "logits = 1 * logits",
    ),
    masked(
        "the_mask_itself_is_never_predicted",
        "probability left on the mask",
        "objectives/_tokens.py",
        "if mask_token < logits.shape[-1]",
        "if mask_token < 0",
    ),
    masked(
        "samples_in_two_steps_follow_the_model_of_two_steps",
        "the share of all tokens, not of the hidden",
        "objectives/masked_sampling.py",
        "1 - schedule.hidden(s) / schedule.hidden(t)",
        "schedule.hidden(t) - schedule.hidden(s)",
    ),
    masked(
        "samples_of_any_order_follow_the_joint",
        "all positions filled in at once",
        "objectives/masked_sampling.py",
        "(x == mask_token) & (order == rank)",
        "(x == mask_token) & (order >= 0)",
    ),
]
