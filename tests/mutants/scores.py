"""Faults of scores and their pictures that their tests notice."""

from mutant import Mutant

OUTCOMES = "scores/_outcomes.py"
SAMPLES = "scores/_samples.py"
PAIRS = "scores/_pairs.py"
INTERVAL = "scores/interval_score.py"


def score(name: str, *rest: str) -> Mutant:
    return Mutant(f"scores/test_scores.py::test_{name}", *rest)


def vector(name: str, *rest: str) -> Mutant:
    return Mutant(f"scores/test_multivariate_scores.py::test_{name}", *rest)


MUTANTS = [
    score(
        "classes_are_accurate_where_one_has_nearly_all[0]",
        "1 less the probability of what came",
        "scores/brier.py",
        "missed.sum(-1) ** 2",
        "(1 - jnp.take_along_axis(p, index[..., None], -1)[..., 0]) ** 2",
    ),
    score(
        "classes_are_accurate_where_one_has_nearly_all[1]",
        "slopes that cancel where one class has nearly all",
        OUTCOMES,
        "slope - (p * slope).sum(-1, keepdims=True))",
        "slope)",
    ),
    score(
        "a_label_that_is_none_scores_inf[brier]",
        "an illegal label passes for class 0",
        OUTCOMES,
        "outside=outside, ",
        "",
    ),
    score(
        "ranked_probability_is_the_crps_of_whole_numbers",
        "a threshold off by one",
        "scores/ranked_probability.py",
        "threshold < index",
        "threshold <= index",
    ),
    score(
        "weighted_interval_score_is_that_of_bracher",
        "the mean pinball loss, not twice it",
        INTERVAL,
        "return 2 * mean_pinball",
        "return mean_pinball",
    ),
    score(
        "interval_score_charges_width_and_miss",
        "a miss at half its price",
        INTERVAL,
        "jnp.asarray(2 / (1 - level)",
        "jnp.asarray(1 / (1 - level)",
    ),
    score(
        "float32_stays_float32",
        "levels that widen the rest",
        "scores/_levels.py",
        "jnp.asarray(level, dtype)",
        "jnp.asarray(level)",
    ),
    score(
        "equals_come_in_no_order",
        "equal confidences in the order of their rows",
        "scores/risk_coverage.py",
        "    loss = sums / jnp.where(weight > 0, weight, 1)\n",
        "",
    ),
    vector(
        "fair_is_right_in_the_mean[energy]",
        "pairs of a draw and itself counted",
        "scores/energy_score.py",
        "m * (m - 1) if fair else m * m",
        "m * m",
    ),
    vector(
        "fair_is_right_in_the_mean[variogram]",
        "the variance of a draw, not of their mean",
        "scores/variogram_score.py",
        ".sum(1) / (m * (m - 1))",
        ".sum(1) / (m * m)",
    ),
    vector(
        "energy_score_pair_by_pair[6-True]", "pairs half way round met twice", PAIRS, "n, 0.5, 1.0)", "n, 1.0, 1.0)"
    ),
    vector(
        "memory_is_linear_in_the_samples",
        "every turn kept for the gradient",
        PAIRS,
        "jax.checkpoint(turn, prevent_cse=False)",
        "turn",
    ),
    vector(
        "illegal_params_are_nan[energy_score]",
        "a negative scale taken for a positive one",
        SAMPLES,
        ", valid=legal(distribution, params))",
        ")",
    ),
    vector(
        "energy_score_of_a_normal_at_its_mean",
        "one set of draws for all examples",
        SAMPLES,
        "if own == examples else (num_samples, *examples)",
        "",
    ),
    Mutant(
        "test_plots.py::test_a_curve_marks_its_maximum_and_interval",
        "a whole quantile of chi-square, not half of it",
        "plots/likelihood.py",
        "cut = -0.5 * NormalDist",
        "cut = -1.0 * NormalDist",
    ),
    Mutant(
        "test_plots.py::test_a_band_holds_what_it_promises[simultaneous-False]",
        "a band for one point taken for one for all",
        "plots/qq.py",
        'if band == "pointwise":',
        "if True:",
    ),
]
