"""Faults of measures of calibration that their tests notice: the field's known traps, one each."""

from mutant import Mutant

EVENTS = "calibration/_events.py"
ERROR = "calibration/error.py"
SMOOTH = "calibration/smooth.py"
CORP = "calibration/corp.py"
PIT = "calibration/pit.py"


def in_calibration(area: str, name: str, *rest: str) -> Mutant:
    return Mutant(f"calibration/test_{area}.py::test_{name}", *rest)


MUTANTS = [
    in_calibration(
        "measures",
        "a_number_on_an_edge_goes_to_the_side_that_is_closed[5]",
        "bins closed on the right whatever is asked for",
        EVENTS,
        'side="left" if closed == "right" else "right"',
        'side="left"',
    ),
    in_calibration(
        "measures",
        "a_number_on_an_edge_goes_to_the_side_that_is_closed[10]",
        "edges that are a rounding away from i / bins",
        EVENTS,
        "return jnp.asarray(i / bins, p.dtype)",
        "return jnp.asarray(i * (1 / bins), p.dtype)",
    ),
    in_calibration(
        "measures",
        "debiased_squares_by_the_formula_for_equal_confidences",
        "the variance of a share by n, not n - 1",
        ERROR,
        "count * (count - 1)",
        "count * count",
    ),
    in_calibration(
        "measures",
        "the_null_against_every_set_of_labels[1]",
        "labels of the perfect forecaster drawn evenly, not from its confidences",
        ERROR,
        "jax.random.bernoulli(key, p).astype",
        "jax.random.bernoulli(key, 0.5, p.shape).astype",
    ),
    in_calibration(
        "measures",
        "a_poor_forecasters_interval_holds_the_truth[1000-500]",
        "the standard error of a perfect forecaster for all",
        ERROR,
        "growth = 4 * (",
        "growth = 0 * (",
    ),
    in_calibration(
        "measures",
        "smooth_error_against_images_and_a_root_finder[1.0]",
        "a Gaussian of another width",
        SMOOTH,
        "jnp.exp(-0.5 * (math.pi",
        "jnp.exp(-(math.pi",
    ),
    in_calibration(
        "measures",
        "smooth_error_has_the_slope_of_its_bandwidth",
        "the slope at a fixed bandwidth",
        SMOOTH,
        "/ (1 - slope)",
        "/ (1 - 0 * slope)",
    ),
    in_calibration(
        "measures",
        "bootstrap_against_scipy[basic]",
        "basic intervals not reflected",
        "calibration/bootstrap.py",
        "low, high = 2 * estimate - high, 2 * estimate - low",
        "low, high = low, high",
    ),
    in_calibration(
        "corp",
        "order_does_not_matter_and_equal_forecasts_share_a_value",
        "equal forecasts told apart by the order in which they came",
        CORP,
        "jnp.lexsort((-y, event))",
        "jnp.argsort(event)",
    ),
    in_calibration(
        "corp",
        "a_perfect_order_and_certain_forecasts_stay_finite",
        "the log score by way of a probability",
        CORP,
        "jax.nn.softplus(wrong)",
        "-jnp.log(1 - jax.nn.sigmoid(wrong))",
    ),
    in_calibration(
        "corp",
        "five_terms_close_the_brier_score[right-uniform]",
        "one covariance within bins, not two",
        "calibration/brier.py",
        "2 * ((y - came)",
        "((y - came)",
    ),
    in_calibration(
        "pit",
        "pit_of_counts_fills_the_step_at_random",
        "the cdf of a count taken for spread evenly",
        PIT,
        "below + jax.random.uniform(key, upto.shape, upto.dtype) * (upto - below)",
        "upto",
    ),
    in_calibration(
        "pit",
        "histogram_of_a_continuous_forecast_is_the_plain_one",
        "bins open on the right",
        PIT,
        "(edges >= upto)",
        "(edges > upto)",
    ),
    in_calibration(
        "pit",
        "every_rank_is_as_likely_ties_or_not",
        "ties all below",
        PIT,
        " + jax.random.randint(key, ties.shape, 0, ties + 1)",
        " + 0 * ties",
    ),
    in_calibration(
        "pit",
        "coverage_of_counts_is_that_of_their_quantiles",
        "the upper tail without the count itself",
        "calibration/coverage.py",
        "before(y) if discrete else y",
        "y",
    ),
]
