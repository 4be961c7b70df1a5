"""Faults of flows and dequantisation, the named traps among them."""

from mutant import Mutant

LAWS = "bijectors/test_bijectors.py"
SPLINE = "bijectors/spline.py"
DEQUANTIZATION = "objectives/dequantization.py"


def law(name: str, *rest: str) -> Mutant:
    return Mutant(f"{LAWS}::test_{name}", *rest)


def dequantization(name: str, *rest: str) -> Mutant:
    return Mutant(f"objectives/test_dequantization.py::test_{name}", *rest)


def transformed(name: str, *rest: str) -> Mutant:
    return Mutant(f"compose/test_transformed.py::test_{name}", *rest)


MUTANTS = [
    law(
        "inverse_and_both_log_determinants[affine]",
        "the inverse's log-determinant has the sign of forward",
        "bijectors/affine.py",
        "jnp.broadcast_to(-log_scale",
        "jnp.broadcast_to(log_scale",
    ),
    law(
        "inverse_and_both_log_determinants[spline]",
        "the spline's inverse with the sign of forward",
        SPLINE,
        "-_log_slope(bin, z)",
        "_log_slope(bin, z)",
    ),
    law(
        "inverse_and_both_log_determinants[lu_linear]",
        "a triangular solve's log-determinant of the wrong sign",
        "bijectors/lu_linear.py",
        "lower=False), -log_det)",
        "lower=False), log_det)",
    ),
    law(
        "inverse_and_both_log_determinants[masked_autoregressive]",
        "coordinates drawn one late",
        "bijectors/autoregressive.py",
        "jnp.zeros_like(x), jnp.arange(d))",
        "jnp.zeros_like(x), jnp.arange(d - 1))",
    ),
    law(
        "inverse_and_both_log_determinants[chain]",
        "the inverse in the order of forward",
        "bijectors/chain.py",
        "strict=True))[::-1], y)",
        "strict=True)), y)",
    ),
    law(
        "spline_gradients_are_finite_outside_its_box",
        "the branch not taken runs at x itself",
        SPLINE,
        "jnp.where(inside, x, 0.0)",
        "x",
    ),
    law(
        "spline_gradients_are_finite_outside_its_box",
        "the branch not taken runs at y itself",
        SPLINE,
        "jnp.where(inside, y, 0.0)",
        "y",
    ),
    law(
        "spline_inverse_has_no_negative_discriminant",
        "the discriminant as a textbook's difference",
        SPLINE,
        "    root = jnp.sqrt(m**2 + 4 * t * (1 - t))",
        "    h, a, c = bin.height, bin.start, bin.start + bin.end - 2\n"
        "    root = jnp.sqrt((h * a - h * t * c) ** 2 + 4 * h * t * (h * (1 - a) + h * t * c)) / h",
    ),
    law(
        "spline_is_the_identity_at_zero_and_has_slope_one_at_its_edges",
        "slopes at the edges of a half",
        SPLINE,
        "constant_values=1)\n        left",
        "constant_values=0.5)\n        left",
    ),
    law(
        "a_masked_network_is_autoregressive",
        "a coordinate sees itself",
        "models/made.py",
        "before < after if self.strict",
        "before <= after if self.strict",
    ),
    law(
        "one_by_one_convolution_counts_every_pixel",
        "the log-determinant of one pixel",
        "compose/transformed.py",
        "over_event(log_det, self._extra))\n        # where",
        "over_event(log_det, self._extra) / 15)\n        # where",
    ),
    law(
        "actnorm_starts_from_data",
        "a scale that is a variance",
        "bijectors/actnorm.py",
        "jnp.where(varies, jnp.sqrt(",
        "jnp.where(varies, (",
    ),
    law(
        "illegal_params_are_nan",
        "any slope is legal",
        SPLINE,
        "valid[0] & valid[1] & valid[2]",
        "valid[0] & valid[1]",
    ),
    transformed(
        "affine_known_answer",
        "the log-determinant subtracted",
        "compose/transformed.py",
        "value + jnp.where(impossible, 0.0, log_det)",
        "value - jnp.where(impossible, 0.0, log_det)",
    ),
    transformed(
        "outside_has_no_density_and_no_slope",
        "a log-determinant's slope where there is no density",
        "compose/transformed.py",
        "value + jnp.where(impossible, 0.0, log_det)",
        "value + log_det",
    ),
    transformed(
        "nll_of_a_flow_with_masks",
        "the guard wants weights to have example axes",
        "supports.py",
        "    if support == shared:\n        return ()\n",
        "",
    ),
    dequantization(
        "uniform_on_256_levels_is_8_bits_in_any_units[0-1]",
        "256 gaps between 256 levels",
        DEQUANTIZATION,
        "(high - low) / (num_levels - 1)",
        "(high - low) / num_levels",
    ),
    dequantization(
        "bits_do_not_depend_on_units[0.0-1.0]",
        "the volume of a bin forgotten",
        DEQUANTIZATION,
        "math.log(bin_width) * (",
        "0.0 * (",
    ),
    dequantization(
        "bits_do_not_depend_on_units[-1.0-1.0]",
        "the log-determinant of a scaling forgotten",
        "bijectors/scaling.py",
        "jnp.full_like(y, -math.log(self.scale))",
        "jnp.zeros_like(y)",
    ),
    dequantization(
        "logit_preprocessing_counts_its_volume",
        "the logit's log-determinant without its share",
        "bijectors/logit.py",
        "math.log(width) - log_p - log_q",
        "-log_p - log_q",
    ),
    dequantization(
        "the_exact_posterior_has_no_gap_and_no_variance",
        "the noise's density forgotten",
        DEQUANTIZATION,
        "max(y.shape[0], 1)) - log_noise",
        "max(y.shape[0], 1))",
    ),
    dequantization(
        "masked_junk_adds_exactly_nothing",
        "masked by where alone",
        DEQUANTIZATION,
        "        y = jnp.where(at, y, 0.0)\n",
        "",
    ),
    Mutant(
        "models/test_flow.py::test_a_flow_starts_as_the_normal_of_its_data",
        "the first scales applied twice, not taken out",
        "models/flow.py",
        "bijectors.inverted(norm)]",
        "norm]",
    ),
]
