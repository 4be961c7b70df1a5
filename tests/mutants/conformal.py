"""Faults in conformal prediction, variance scaling, quantile calibration and corruptions."""

from mutant import Mutant

QUANTILES = "calibration/conformal/quantiles.py"
CUMULATIVE = "calibration/conformal/_cumulative.py"
DISTRIBUTIONAL = "calibration/conformal/distributional.py"
SCALING = "calibration/variance_scaling.py"
LEVELS = "calibration/quantile_calibration.py"
CORRUPTIONS = "training/corruptions.py"


def conformal(name: str, *rest: str) -> Mutant:
    return Mutant(f"calibration/test_conformal.py::test_{name}", *rest)


def regression(name: str, *rest: str) -> Mutant:
    return Mutant(f"calibration/test_regression_calibration.py::test_{name}", *rest)


def corruption(name: str, *rest: str) -> Mutant:
    return Mutant(f"training/test_corruptions.py::test_{name}", *rest)


MUTANTS = [
    conformal(
        "ranks_that_floats_get_wrong",
        "a level that is the float and not the decimal number",
        QUANTILES,
        "share = Fraction(str(level))",
        "share = Fraction(level)",
    ),
    conformal(
        "the_rank_is_exact[9/10-0.9]",
        "the quantile of n scores and not of n + 1",
        QUANTILES,
        "np.arange(least + 1, most + 2)",
        "np.arange(least, most + 1)",
    ),
    conformal(
        "coverage_of_1000_splits_has_its_exact_law[threshold]",
        "the score before the right one",
        QUANTILES,
        "jnp.nan, rising[place - 1]",
        "jnp.nan, rising[place - 2]",
    ),
    conformal(
        "too_few_examples_give_the_whole_set",
        "the greatest score where there are too few",
        QUANTILES,
        "jnp.nan, rising[place - 1]",
        "jnp.nan, jnp.sort(s)[jnp.minimum(place, s.size) - 1]",
    ),
    conformal(
        "ties_are_inside[1.0]",
        "a tie is outside",
        QUANTILES,
        "return ~(scores > bound + slack)",
        "return ~(scores >= bound)",
    ),
    conformal(
        "whole_numbers_on_the_edge_are_inside",
        "ends of intervals that are not rounded outwards",
        QUANTILES,
        "eps = 2 * float(jnp.finfo(low.dtype).eps)",
        "eps = 0.0",
    ),
    conformal(
        "what_is_not_known_is_inside",
        "a bound that is not known lets nothing in",
        QUANTILES,
        "return ~(scores > bound + slack)",
        "return scores <= bound + slack",
    ),
    conformal(
        "equal_weights_are_none[0.9]",
        "weights without the new example's own",
        QUANTILES,
        "total = w.sum() + own",
        "total = w.sum() + 0 * own",
    ),
    conformal(
        "coverage_of_1000_splits_has_its_exact_law[aps, random]",
        "a bound that was drawn, applied to scores that were not",
        "calibration/conformal/aps.py",
        "within(scores(logits, key=key), params.bound, 0)",
        "within(scores(logits), params.bound, 0)",
    ),
    conformal(
        "scores_of_adaptive_sets",
        "a penalty from one place too early",
        CUMULATIVE,
        "place = jnp.arange(1, z.shape[-1] + 1, dtype=z.dtype)",
        "place = jnp.arange(2, z.shape[-1] + 2, dtype=z.dtype)",
    ),
    conformal(
        "a_sure_classifier_has_the_sets_of_double_precision",
        "what is gathered, and not what is left: 1 but for rounding",
        CUMULATIVE,
        "from_here = jax.lax.cumsum(p, axis=p.ndim - 1, reverse=True)",
        "from_here = 1 - jnp.cumsum(p, -1) + p",
    ),
    conformal(
        "coverage_by_class",
        "one bound for all classes",
        "calibration/conformal/threshold.py",
        "mask=keep & (jnp.asarray(labels) == c)",
        "mask=keep & (jnp.asarray(labels) >= 0 * c)",
    ),
    conformal(
        "counts_are_covered_ties_included[discretized]",
        "P(Y > y) for P(Y >= y) of counts",
        DISTRIBUTIONAL,
        "y - 1 if distribution.support.discrete else y",
        "y",
    ),
    conformal(
        "far_tails_in_single_precision[normal]",
        "an upper end from 1 - p",
        DISTRIBUTIONAL,
        "high = _upper(distribution, params, tail, low.shape)",
        "high = distribution.icdf(params, 1 - tail)",
    ),
    regression(
        "closed_forms",
        "a mean of sizes for a mean of squares",
        SCALING,
        "power = 2 if distribution is normal else 1",
        "power = 1",
    ),
    regression(
        "weights_are_repeats_and_masks_are_gone",
        "examples counted in place of their weights",
        SCALING,
        "if w is None else w.sum()",
        "if w is None else (w > 0).sum()",
    ),
    regression(
        "when_there_is_no_best_factor",
        "a likelihood without maximum passes for one",
        SCALING,
        "return t, curvature, low == number(-limit)",
        "return t, curvature, low == number(limit)",
    ),
    regression(
        "a_quantile_holds_its_level_however_few_the_data",
        "shares of n and not of n + 1",
        LEVELS,
        "/ (count + 1), 1)",
        "/ count, 1)",
    ),
    corruption(
        "impulses_are_as_many_as_said_and_half_of_them_bright",
        "impulses that are all dark",
        CORRUPTIONS,
        "jnp.where(u < severity / 2, 0.0, 1.0)",
        "jnp.where(u < severity, 0.0, 1.0)",
    ),
    corruption(
        "shifts_go_eight_ways",
        "what leaves on one side comes back on the other",
        CORRUPTIONS,
        "return jnp.where(inside, picture, 0.0)",
        "return picture",
    ),
]
