"""See every law fail once: plant a fault in a copy of the package, run the one law, expect it to fail.

``python tests/mutants.py`` prints a table; its exit status is the number of faults that no test noticed.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).parents[1]
NORMAL = "distributions/normal.py"
SCALE = "distributions/_location_scale.py"
BERNOULLI = "distributions/bernoulli.py"
WEIBULL = "distributions/weibull.py"
MIXTURE = "compose/mixture.py"
NLL = "objectives/likelihood.py"


@dataclass(frozen=True)
class Mutant:
    """A fault.

    Attributes:
        test: what should fail, as pytest names it.
        fault: in words.
        file: below ``lik_jax/``; a new file if ``old`` is empty.
        old, new: what is replaced by what.
    """

    test: str
    fault: str
    file: str
    old: str
    new: str


def law(name: str, row: str, *rest: str) -> Mutant:
    return Mutant(f"test_contract.py::test_{name}[{row}]", *rest)


MUTANTS = [
    law(
        "log_prob_is_the_reference",
        "normal",
        "a normaliser off by a half",
        NORMAL,
        "0.5 * math.log(2 *",
        "0.4 * math.log(2 *",
    ),
    law(
        "total_probability_is_one",
        "normal",
        "a normaliser off by a half",
        NORMAL,
        "0.5 * math.log(2 *",
        "0.4 * math.log(2 *",
    ),
    law(
        "mean_is_the_reference",
        "log_normal",
        "mean without the variance",
        "distributions/log_normal.py",
        "loc + 0.5 * scale**2",
        "loc + scale**2",
    ),
    law(
        "variance_is_the_reference",
        "log_normal",
        "variance of another power",
        "distributions/log_normal.py",
        "* mean(params) ** 2",
        "* mean(params)",
    ),
    law(
        "moments_are_those_of_the_density",
        "log_normal",
        "mean without the variance",
        "distributions/log_normal.py",
        "loc + 0.5 * scale**2",
        "loc + scale**2",
    ),
    law(
        "entropy_is_the_reference",
        "normal",
        "entropy less a tenth",
        NORMAL,
        "+ 0.5 + _HALF_LOG_2PI",
        "+ 0.4 + _HALF_LOG_2PI",
    ),
    law(
        "entropy_is_the_mean_of_minus_log_prob",
        "normal",
        "entropy less a tenth",
        NORMAL,
        "+ 0.5 + _HALF_LOG_2PI",
        "+ 0.4 + _HALF_LOG_2PI",
    ),
    law("mode_is_where_log_prob_is_highest", "bernoulli", "the rarer value", BERNOULLI, "(logits > 0)", "(logits < 0)"),
    law("kl_divergence", "normal", "half the divergence of the means", NORMAL, "0.5 * z**2", "0.25 * z**2"),
    law(
        "expected_log_prob_of_certainty_is_log_prob",
        "bernoulli",
        "soft labels the wrong way round",
        BERNOULLI,
        "probs, logits = as_floats(probs, *params)",
        "probs, logits = as_floats(probs, *params)\n    logits = -logits",
    ),
    law(
        "tails_are_the_reference",
        "logistic",
        "the upper tail is the lower",
        "distributions/logistic.py",
        "lambda z: -special.softplus(z),",
        "lambda z: -special.softplus(-z),",
    ),
    law(
        "cdf_and_sf_sum_to_one",
        "logistic",
        "the upper tail is the lower",
        "distributions/logistic.py",
        "lambda z: -special.softplus(z),",
        "lambda z: -special.softplus(-z),",
    ),
    law(
        "far_tails_are_finite_and_steep",
        "normal",
        "survival by subtraction",
        NORMAL,
        "lambda z: special.log_ndtr(-z),",
        "lambda z: jnp.log1p(-jnp.exp(special.log_ndtr(z))),",
    ),
    law(
        "cdf_adds_up_log_prob",
        "normal",
        "a cdf of another scale",
        NORMAL,
        "return jnp.exp(log_cdf(params, y))",
        "return jnp.exp(2 * log_cdf(params, y))",
    ),
    law(
        "icdf_inverts_cdf",
        "normal",
        "quantiles half as far out",
        NORMAL,
        "scale * jax.scipy.special.ndtri(p)",
        "0.5 * scale * jax.scipy.special.ndtri(p)",
    ),
    law(
        "icdf_at_its_edges",
        "normal",
        "p clipped away from 0 and 1",
        NORMAL,
        "ndtri(p)",
        "ndtri(jnp.clip(p, 1e-7, 1 - 1e-7))",
    ),
    law(
        "gradients_are_finite_differences",
        "normal",
        "a slope towards loc of the wrong sign",
        SCALE,
        "by_y, lambda *args: -by_y(*args), by_scale, *map(by_shape, shape_slopes))\n\n\ndef tail",
        "by_y, by_y, by_scale, *map(by_shape, shape_slopes))\n\n\ndef tail",
    ),
    law(
        "hessian_is_symmetric_and_the_slope_of_the_gradient",
        "normal",
        "a slope that has no slope",
        SCALE,
        "z = special.ratio(y - loc, scale)",
        "z = special.ratio(y - loc, jax.lax.stop_gradient(scale))",
    ),
    law(
        "jit_vmap_and_broadcasting_agree",
        "normal",
        "axes not lined up",
        "_arrays.py",
        "(1,) * (rank - a.ndim + n) + a.shape",
        "a.shape + (1,) * (rank - a.ndim + n)",
    ),
    law(
        "second_call_compiles_nothing",
        "normal",
        "a function compiled anew at each call",
        NORMAL,
        "return _log_density(*as_floats(y, *params))",
        "return jax.jit(lambda *xs: _log_density(*xs))(*as_floats(y, *params))",
    ),
    law("dtypes", "normal", "half precision stays half", "_arrays.py", "else np.dtype(np.float32)", "else floats[0]"),
    law(
        "outside_is_minus_infinity_with_zero_gradient",
        "weibull",
        "negative times are inside",
        WEIBULL,
        "outside=(y < 0) | jnp.isinf(y), valid",
        "outside=jnp.isinf(y), valid",
    ),
    law(
        "invalid_params_are_nan",
        "weibull",
        "any scale is legal",
        WEIBULL,
        "return supports.positive.contains(scale) &",
        "return jnp.isfinite(scale) &",
    ),
    law(
        "nan_in_nan_out",
        "weibull",
        "NaN taken for outside",
        WEIBULL,
        "outside=(y < 0) | jnp.isinf(y), valid",
        "outside=~(y >= 0) | jnp.isinf(y), valid",
    ),
    law(
        "edges_are_exact",
        "weibull-0-float32",
        "the pole of the formula at 0",
        WEIBULL,
        "concentration == 1, start, infinite",
        "concentration == 1, infinite, infinite",
    ),
    law(
        "samples_have_the_shape_the_support_and_the_moments",
        "normal",
        "draws a tenth too far",
        NORMAL,
        "return loc + scale * jax.random",
        "return loc + 0.3 * scale + scale * jax.random",
    ),
    law(
        "samples_follow_the_cdf",
        "normal",
        "draws a fifth too wide",
        NORMAL,
        "return loc + scale * jax.random",
        "return loc + 1.2 * scale * jax.random",
    ),
    law(
        "unconstrain_inverts_constrain",
        "normal",
        "an inverse of something else",
        "supports.py",
        "return x - 1 / x",
        "return jnp.log(x)",
    ),
    law(
        "constrain_is_always_legal",
        "200.0-normal",
        "positive numbers by exp",
        NORMAL,
        "Params(loc, supports.to_positive(scale))",
        "Params(loc, jnp.exp(scale))",
    ),
    law(
        "constrain_names_the_length_it_wants",
        "normal",
        "a raw axis of any length",
        "_arrays.py",
        "array.shape[-1] != size",
        "array.shape[-1] < size",
    ),
    law(
        "init_gives_a_finite_likelihood",
        "bernoulli",
        "a start at 0 and 1",
        BERNOULLI,
        "(share * n + 0.5) / (n + 1)",
        "jnp.round(share)",
    ),
    law(
        "mle_is_a_stationary_point",
        "normal",
        "a standard deviation that is a variance",
        NORMAL,
        "Params(loc, jnp.sqrt(variance))",
        "Params(loc, variance)",
    ),
    law(
        "masked_junk_changes_nothing",
        "normal",
        "masked by where alone",
        NLL,
        "params, y = fill_masked(distribution, params, y, keep)",
        "pass",
    ),
    law(
        "params_are_a_pytree_that_keeps_its_shape",
        "normal",
        "supports of another shape",
        NORMAL,
        "param_supports = Params(supports.real, supports.positive)",
        "param_supports = (supports.real, supports.positive)",
    ),
    law(
        "names_are_those_of_the_contract_in_its_order",
        "normal",
        "raw_size at the top",
        NORMAL,
        "event_ndim = 0\n",
        "raw_size = 2\nevent_ndim = 0\n",
    ),
    law(
        "everything_public_has_a_docstring",
        "normal",
        "a function without one",
        NORMAL,
        '    """``loc``, ``[...]``."""\n    loc',
        "    loc",
    ),
    Mutant(
        "test_contract.py::test_every_distribution_has_a_row",
        "a module without a row",
        "distributions/novel.py",
        "",
        "event_ndim = 0\n",
    ),
    law(
        "equal_constructions_are_one_static_argument",
        "mixture",
        "equal only to itself",
        MIXTURE,
        "@dataclass(frozen=True, repr=False)",
        "@dataclass(frozen=True, repr=False, eq=False)",
    ),
    Mutant(
        "test_accuracy.py::test_accuracy[normal-log_prob]",
        "a square of the scale",
        SCALE,
        "special.ratio(gain(z, *shapes), scale)",
        "gain(z, *shapes) * scale / scale**2",
    ),
    Mutant(
        "test_nll.py::test_shapes_that_do_not_fit_are_an_error_that_names_both",
        "a guard that lets columns pass",
        NLL,
        "if axes not in ((), examples):",
        "if len(axes) > 5:",
    ),
    Mutant(
        "test_nll.py::test_masked_junk_adds_exactly_nothing",
        "masked by where alone",
        NLL,
        "params, y = fill_masked(distribution, params, y, keep)",
        "pass",
    ),
    Mutant(
        "test_nll.py::test_no_weight_at_all_gives_zero_with_zero_gradient",
        "0 / 0",
        "objectives/reduction.py",
        "jnp.where(some, self.value / jnp.where(some, self.weight, 1), 0)",
        "self.value / self.weight",
    ),
    Mutant(
        "test_nll.py::test_reductions_agree",
        "a mean over the number of examples",
        "objectives/reduction.py",
        "else weights.sum()",
        "else jnp.asarray(losses.size, losses.dtype)",
    ),
    Mutant(
        "test_import.py::test_import_loads_no_framework",
        "flax at import",
        "__init__.py",
        "from . import special as special",
        "import flax\n\nfrom . import special as special",
    ),
    Mutant(
        "test_import.py::test_everything_public_is_documented",
        "a module without a docstring",
        NORMAL,
        '"""Normal (Gaussian)',
        'x = """Normal (Gaussian)',
    ),
    Mutant(
        "test_docs.py::test_docstring_examples[lik_jax.distributions.normal]",
        "an example that is wrong",
        NORMAL,
        "-0.9639",
        "-0.9638",
    ),
]


def survives(mutant: Mutant, copy: pathlib.Path) -> bool:
    """True if the test does not notice."""
    path = copy / "lik_jax" / mutant.file
    before = path.read_text() if mutant.old else ""
    if mutant.old not in before:
        raise ValueError(f"{mutant.file} has no {mutant.old!r} any more: mend tests/mutants.py")
    path.write_text(before.replace(mutant.old, mutant.new) if mutant.old else mutant.new)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"tests/{mutant.test}"],
        cwd=copy,
        env=os.environ | {"PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
    )
    if mutant.old:
        path.write_text(before)
    else:
        path.unlink()
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{mutant.test} did not run:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.returncode == 0


def main() -> int:
    wanted = sys.argv[1:]
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder)
        for name in ("lik_jax", "tests"):
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "README.md"):
            shutil.copy(ROOT / name, copy / name)
        for mutant in MUTANTS:
            if wanted and not any(word in mutant.test for word in wanted):
                continue
            alive = survives(mutant, copy)
            missed += alive
            print(f"| {'NOT NOTICED' if alive else 'failed'} | `{mutant.test}` | {mutant.fault} |", flush=True)
    return missed


if __name__ == "__main__":
    sys.exit(main())
