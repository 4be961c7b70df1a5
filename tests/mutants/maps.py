"""Faults of Newton's method and of the maps that calibrate classifiers, and the tests that notice."""

from mutant import Mutant

NEWTON = "estimation/newton.py"
DATA = "calibration/_data.py"


def newton(name: str, *rest: str) -> Mutant:
    return Mutant(f"estimation/test_newton.py::test_{name}", *rest)


def maps(name: str, *rest: str) -> Mutant:
    return Mutant(f"calibration/test_maps.py::test_{name}", *rest)


def temperature(name: str, *rest: str) -> Mutant:
    return Mutant(f"calibration/test_temperature.py::test_{name}", *rest)


MUTANTS = [
    newton(
        "a_logit_to_the_digits_of_the_table",
        "a tolerance that is enough for a picture",
        NEWTON,
        "tolerance = float(jnp.finfo(flat.dtype).eps) if",
        "tolerance = 1e-2 if",
    ),
    newton(
        "every_kind_of_function[hills0.1]",
        "Newton's step uphill, towards a saddle",
        NEWTON,
        "jnp.maximum(-curvatures, 0.01))",
        "jnp.minimum(curvatures, -0.01))",
    ),
    newton(
        "each_member_of_a_batch_for_itself",
        "params that run away called converged",
        NEWTON,
        "((dead & (had > 64 * flat)).any(), Status.SEPARATION)",
        "(dead.any() & False, Status.SEPARATION)",
    ),
    newton(
        "every_kind_of_function[bowl1000.0]",
        "converged relative to the loss alone",
        NEWTON,
        "jnp.maximum(eps**0.5 * jnp.abs(here.value), eps * state.first_decrement)",
        "eps**0.5 * jnp.abs(here.value) - 1e-300",
    ),
    newton(
        "derivatives_of_what_is_found",
        "no derivative through the solver",
        NEWTON,
        "jnp.linalg.solve(jax.vmap(linear)(jnp.eye(y.size, dtype=y.dtype)), y)",
        "jnp.zeros_like(y)",
    ),
    temperature(
        "exact_whatever_the_units_of_the_logits[float32-1e-06]",
        "an absolute tolerance",
        "calibration/temperature.py",
        "(jnp.abs(slope) <= 4 * eps * b * curvature)",
        "(jnp.abs(slope) <= 1e-4)",
    ),
    temperature(
        "a_weight_is_so_many_examples",
        "weights left out of the information",
        "calibration/temperature.py",
        "jnp.sqrt(data.total * _slopes",
        "jnp.sqrt(z.shape[0] * _slopes",
    ),
    temperature(
        "the_temperature_has_derivatives_in_the_logits",
        "derivatives without the curvature",
        "calibration/temperature.py",
        "return y / jnp.where(curvature > 0, curvature, 1)",
        "return y",
    ),
    maps(
        "the_optimum_is_that_of_scipy[vector-weighted]",
        "junk of weight 0 let in",
        DATA,
        "z = jnp.where(counts if z.ndim == 1 else counts[:, None], z, 0.0)",
        "z = z",
    ),
    maps(
        "what_softmax_does_not_see_is_settled[matrix]",
        "one of many equal matrices",
        "calibration/matrix.py",
        "return (weight * aside).sum(0) / (k - 1)",
        "return weight.mean(0)",
    ),
    maps(
        "penalties_are_those_of_the_paper",
        "the diagonal penalised too",
        "calibration/matrix.py",
        "off * (aside * weight**2).sum()",
        "off * (weight**2).sum()",
    ),
    maps(
        "beta_at_its_bounds",
        "bounds that do not bind",
        "calibration/beta.py",
        "(jnp.asarray(params.a) >= 0) & (jnp.asarray(params.b) >= 0)",
        "jnp.asarray(params.a) == jnp.asarray(params.a)",
    ),
    maps(
        "venn_abers_with_ties",
        "corners that are none kept on the stack",
        "calibration/venn_abers.py",
        "buries = moving & (size > 1) & (_turn(point, left, right) <= 0)",
        "buries = moving & (size > n)",
    ),
    maps(
        "isotonic_is_that_of_scikit_learn",
        "equal logits in any order",
        DATA,
        "order = jnp.lexsort((-y, counts, z))",
        "order = jnp.lexsort((y, counts, z))",
    ),
    maps(
        "several_classes_are_each_against_the_rest[isotonic]",
        "each class with its log-probability for log-odds",
        "calibration/_one_vs_rest.py",
        "special.log1mexp(-jnp.where(is_top, -1.0, log_p)))",
        "0.0)",
    ),
    maps(
        "smooth_labels_are_platts",
        "smoothed by the wrong count",
        "calibration/platt.py",
        "1 / (data.total - ones + 2)",
        "1 / (ones + 2)",
    ),
]
