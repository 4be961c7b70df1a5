"""Faults that adversarial objectives, sample distances, preferences and rankings are known for."""

from mutant import Mutant

GAMES = "objectives/adversarial/games.py"
PENALTIES = "objectives/adversarial/penalties.py"
RELATIVISTIC = "objectives/adversarial/relativistic.py"
F_DIVERGENCES = "objectives/adversarial/f_divergences.py"
DISTANCES = "objectives/distances.py"
PREFERENCE = "objectives/preference.py"
RANKING = "distributions/plackett_luce.py"


def adversarial(test: str, *rest: str) -> Mutant:
    return Mutant(f"objectives/test_adversarial.py::test_{test}", *rest)


def distance(test: str, *rest: str) -> Mutant:
    return Mutant(f"objectives/test_distances.py::test_{test}", *rest)


def preference(test: str, *rest: str) -> Mutant:
    return Mutant(f"objectives/test_preference.py::test_{test}", *rest)


MUTANTS = [
    adversarial(
        "the_penalty_of_a_linear_critic_is_the_same_for_any_batch",
        "one norm over the whole batch",
        PENALTIES,
        "    square = sum_each(gradient**2)\n",
        "    square = (gradient**2).sum()\n",
    ),
    adversarial(
        "the_penalty_of_a_linear_critic_is_the_same_for_any_batch",
        "the gradient of a mean over the batch",
        PENALTIES,
        "(lambda one: critic(one[None])[0]))(y)",
        "(lambda one: critic(one[None])[0] / len(y)))(y)",
    ),
    adversarial(
        "alphas_that_are_drawn_differ_by_example",
        "one alpha for the whole batch",
        PENALTIES,
        "jax.random.uniform(key, real.shape[:1], real.dtype)",
        "jnp.broadcast_to(jax.random.uniform(key, (), real.dtype), real.shape[:1])",
    ),
    adversarial(
        "each_example_has_a_norm_and_an_alpha_of_its_own",
        "the share of data and samples the other way round",
        PENALTIES,
        "share * real + (1 - share) * fake",
        "share * fake + (1 - share) * real",
    ),
    adversarial(
        "each_example_has_a_norm_and_an_alpha_of_its_own",
        "R1 without its half",
        PENALTIES,
        "0.5 * coefficient * sum_each",
        "coefficient * sum_each",
    ),
    adversarial(
        "the_penalty_moves_the_critic",
        "a norm whose slope at 0 is NaN",
        PENALTIES,
        "special.root(square)",
        "jnp.sqrt(square)",
    ),
    adversarial(
        "a_penalty_never_moves_the_generator",
        "the penalty's gradient reaches the samples",
        PENALTIES,
        "jax.lax.stop_gradient(points)",
        "points",
    ),
    adversarial(
        "a_critic_of_the_wrong_shape_is_an_error_that_names_both",
        "a critic that ties its batch together passes",
        PENALTIES,
        "for count in (y.shape[0], 1):",
        "for count in (y.shape[0],):",
    ),
    adversarial(
        "each_player_has_its_own_gradient_and_no_other",
        "the critic's loss moves the generator",
        GAMES,
        '{**params, "generator": still["generator"]}',
        "params",
    ),
    adversarial(
        "each_player_has_its_own_gradient_and_no_other",
        "the generator's loss moves the critic",
        GAMES,
        '{**params, "critic": still["critic"]}',
        "params",
    ),
    adversarial(
        "a_critic_that_cannot_tell",
        "the non-saturating loss with the sign of the critic's",
        GAMES,
        '"non_saturating", _is_real, _is_fake, _is_real,',
        '"non_saturating", _is_real, _is_fake, lambda x: -_is_real(x),',
    ),
    adversarial(
        "a_sure_critic_stops_minimax_and_not_the_other",
        "the generator's loss saturates",
        GAMES,
        '"non_saturating", _is_real, _is_fake, _is_real,',
        '"non_saturating", _is_real, _is_fake, lambda x: -_is_fake(x),',
    ),
    adversarial(
        "a_sure_critic_stops_minimax_and_not_the_other",
        "the logarithm of a clipped probability",
        GAMES,
        "return -bernoulli.log_prob(bernoulli.Params(logits), 1)",
        "return -jnp.log(jnp.maximum(jax.nn.sigmoid(logits), 1e-12))",
    ),
    adversarial(
        "the_critic_is_a_binary_classifier",
        "labels the wrong way round",
        GAMES,
        "return -bernoulli.log_prob(bernoulli.Params(logits), 0)",
        "return -bernoulli.log_prob(bernoulli.Params(logits), 1)",
    ),
    adversarial(
        "the_generator_wants_a_higher_output",
        "a generator that helps the critic",
        GAMES,
        "lambda output: -output, lambda output: output, lambda output: -output)",
        "lambda output: -output, lambda output: output, lambda output: output)",
    ),
    adversarial(
        "a_critic_that_cannot_tell",
        "least squares without its half",
        GAMES,
        "lambda output: 0.5 * output**2",
        "lambda output: output**2",
    ),
    adversarial(
        "masked_junk_adds_exactly_nothing",
        "masked by where alone",
        GAMES,
        "loss(jnp.where(keep, outputs, 0))",
        "loss(outputs)",
    ),
    adversarial(
        "shapes_that_do_not_fit_name_both",
        "pairs broadcast",
        RELATIVISTIC,
        "if jnp.shape(real) != jnp.shape(fake):",
        "if False:",
    ),
    adversarial(
        "relativistic_losses_by_hand",
        "the generator's pair the critic's way round",
        RELATIVISTIC,
        "game.real, -margin,",
        "game.real, margin,",
    ),
    adversarial(
        "masked_junk_adds_exactly_nothing",
        "a mean over masked outputs too",
        RELATIVISTIC,
        'losses_of(lambda x: x, fake, *of_fake, "mean", name)',
        "fake.mean()",
    ),
    adversarial(
        "f_gan_bound_is_the_divergence_at_the_best_critic",
        "the Kullback-Leibler conjugate without its 1",
        F_DIVERGENCES,
        "jnp.exp(v - 1)",
        "jnp.exp(v)",
    ),
    adversarial(
        "conjugates_are_what_the_definition_says",
        "the conjugate of another power",
        F_DIVERGENCES,
        "-2 * jnp.expm1(-v / 2)",
        "-jnp.expm1(-v)",
    ),
    distance(
        "unbiased_is_right_in_the_mean_over_all_samples",
        "pairs of an observation and itself",
        DISTANCES,
        "k * (1 - jnp.eye(len(p), dtype=k.dtype))",
        "k",
    ),
    distance("mmd_of_two_normals", "a bandwidth without its 2", DISTANCES, "(2 * h**2)", "h**2"),
    distance(
        "equal_rows_have_a_gradient",
        "a distance whose slope at 0 is NaN",
        DISTANCES,
        "-special.root(square)",
        "-jnp.sqrt(square)",
    ),
    distance(
        "weights_are_repetitions_and_masked_rows_are_not_there",
        "junk rows stay",
        DISTANCES,
        "jnp.where((w != 0)[:, None], rows, 0)",
        "rows",
    ),
    distance(
        "the_standard_error_is_the_spread_over_samples",
        "the spread of half a projection",
        DISTANCES,
        "variance = 4 * (",
        "variance = (",
    ),
    preference(
        "the_reference_never_has_a_gradient",
        "a gradient into the reference",
        PREFERENCE,
        "return a - jax.lax.stop_gradient(c), b - jax.lax.stop_gradient(d)",
        "return a - c, b - d",
    ),
    preference(
        "dpo_and_its_gradient_by_hand",
        "the better and the worse change places",
        PREFERENCE,
        "    margin = chosen - rejected\n    if robust:",
        "    margin = rejected - chosen\n    if robust:",
    ),
    preference(
        "conservative_and_robust_dpo",
        "robust without its normaliser",
        PREFERENCE,
        " / (1 - 2 * label_smoothing)",
        "",
    ),
    preference("ipo", "a target of 1 / beta", PREFERENCE, "1 / (2 * beta)) ** 2", "1 / beta) ** 2"),
    preference(
        "kto_baseline_is_a_kl_that_has_no_gradient_and_is_never_negative",
        "a baseline below 0",
        PREFERENCE,
        'jax.nn.relu(finish(policy - reference, keep, w, "mean"))',
        'finish(policy - reference, keep, w, "mean")',
    ),
    preference(
        "orpo",
        "odds of the whole sequence, not of a token",
        PREFERENCE,
        "    return a / n, b / m\n",
        "    return a, b\n",
    ),
    preference(
        "masked_junk_adds_exactly_nothing_and_reductions_agree",
        "masked lengths divide",
        PREFERENCE,
        "_filled(keep, 1, *lengths)",
        "_filled(None, 1, *lengths)",
    ),
    Mutant(
        "test_plackett_luce.py::test_all_rankings_of_the_top_add_up_to_one",
        "the chosen leave before they are chosen",
        RANKING,
        "jnp.cumsum(named, -2) - named == 0",
        "jnp.cumsum(named, -2) == 0",
    ),
    Mutant(
        "test_plackett_luce.py::test_a_ranking_is_a_sequence_of_softmaxes",
        "nobody leaves",
        RANKING,
        "jnp.cumsum(named, -2) - named == 0",
        "named >= 0",
    ),
    Mutant(
        "test_plackett_luce.py::test_masked_rankings_and_the_message_of_check",
        "an item may be named twice",
        RANKING,
        "out.any(-1) | ~supports.distinct(label)",
        "out.any(-1)",
    ),
]
