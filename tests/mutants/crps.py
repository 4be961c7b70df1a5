"""Faults in the continuous ranked probability score."""

from mutant import Mutant

FORMS = "scores/closed_forms"
DEFINITION = "scores/test_crps.py::test_crps_is_its_definition"
SLOPES = "scores/test_crps.py::test_gradients_are_finite_differences"

MUTANTS = [
    Mutant(f"{DEFINITION}[normal]", "E|Y - Y'| not halved", f"{FORMS}/normal.py", "- 1 / math", "- 2 / math"),
    Mutant(
        f"{SLOPES}[laplace]",
        "the slope towards scale is the score itself",
        f"{FORMS}/_forms.py",
        "return finished_slope(rest(z, *shapes), y, valid)",
        "return finished_slope(z * lean(z, *shapes) + rest(z, *shapes), y, valid)",
    ),
    Mutant(
        "scores/test_crps.py::test_extreme_parameters[student_t]",
        "two terms that cancel at one degree of freedom are subtracted",
        f"{FORMS}/student_t.py",
        "_NEAR = 0.1",
        "_NEAR = 0.0",
    ),
    Mutant(
        "scores/test_crps.py::test_extreme_counts[poisson]",
        "a rare event's score as a difference",
        f"{FORMS}/_counts.py",
        "certain = (k <= 0) & (mass > 0.5)",
        "certain = (k <= 0) & (mass > 2)",
    ),
    Mutant(
        f"{SLOPES}[bernoulli]",
        "towards y at an atom the slope of one side",
        f"{FORMS}/bernoulli.py",
        "slope = 0.5 * (_lean(jnp.floor(finite), logits) + _lean(jnp.ceil(finite) - 1, logits))",
        "slope = _lean(jnp.floor(finite), logits)",
    ),
    Mutant(
        f"{DEFINITION}[zero_inflated]",
        "the distance between the components forgotten",
        f"{FORMS}/zero_inflated.py",
        "+ rest * rest * at_zero",
        "+ rest * at_zero",
    ),
    Mutant(
        "scores/test_crps.py::test_threshold_weighted_crps_is_its_definition[normal]",
        "one panel for the whole line",
        "scores/_quadrature.py",
        "return np.concatenate([tail[::-1], 1 - tail[1:]]), nodes",
        "return np.array([tail[-1], 0.5, 1 - tail[-1]]), nodes",
    ),
    Mutant(
        f"{DEFINITION}[discretized]",
        "a sum that stops one cell short",
        "scores/_sums.py",
        "k = jnp.arange(first, last, dtype",
        "k = jnp.arange(first, last - 1, dtype",
    ),
    Mutant(
        "scores/test_crps.py::test_slopes_of_the_weighted_score_stop_at_the_threshold",
        "a y outside the region pulls",
        "scores/crps.py",
        "inside = (here > low) & (here < high)",
        "inside = (here > -jnp.inf) & (here < jnp.inf)",
    ),
    Mutant(
        "scores/test_crps.py::test_the_fair_score_is_unbiased_by_enumeration",
        "pairs of a sample with itself",
        "scores/ensemble.py",
        "(n * float(n - 1 if fair else n))",
        "(n * n)",
    ),
    Mutant(
        "scores/test_crps.py::test_masked_junk_adds_exactly_nothing",
        "masked by where alone",
        "scores/crps.py",
        'return average(score, distribution, params, y, mask, weights, reduction, "crps")',
        'return average(lambda p, _: score(p, y), distribution, params, y, mask, weights, reduction, "crps")',
    ),
    Mutant(
        "test_accuracy.py::test_accuracy[generalized_extreme_value-log_prob]",
        "a slope towards the shape that is subtracted near Gumbel",
        "special/removable.py",
        "small, series, far = _power_series(u, [(-1) ** (k + 1) * (k + 1) / (k + 2) for k in range(count)], 0.3)",
        "small, series, far = _power_series(u, [(-1) ** (k + 1) * (k + 1) / (k + 2) for k in range(count)], 1e-20)",
    ),
]
