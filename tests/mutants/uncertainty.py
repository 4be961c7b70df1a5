"""Ensembles, Laplace approximations and samplers: what would pass for uncertainty and is not."""

from mutant import Mutant

ENSEMBLE = "uncertainty/ensemble.py"
CURVATURE = "uncertainty/laplace/_curvature.py"
EVIDENCE = "uncertainty/laplace/_evidence.py"
SWAG = "uncertainty/swag.py"


def of(area: str, name: str, *rest: str) -> Mutant:
    return Mutant(f"uncertainty/test_{area}.py::test_{name}", *rest)


MUTANTS = [
    of(
        "predictive",
        "any_family_and_any_rank",
        "the member axis goes behind a param's own axes",
        "uncertainty/predictive.py",
        "jnp.moveaxis(x, 0, x.ndim - 1 - support.event_ndim)",
        "jnp.moveaxis(x, 0, x.ndim - 1)",
    ),
    of(
        "predictive",
        "density_and_tails_are_the_averages",
        "weights taken for logits",
        "uncertainty/predictive.py",
        "jnp.log(as_floats(weights)[0])",
        "as_floats(weights)[0]",
    ),
    of(
        "decomposition",
        "members_that_agree_leave_nothing_epistemic",
        "mutual information by a difference",
        "uncertainty/decomposition.py",
        "_average(weights, base.kl_divergence(components, beside), 0)",
        "base.entropy(whole) - _average(weights, base.entropy(components), 0)",
    ),
    of(
        "decomposition",
        "variances_by_quadrature",
        "second moments of the means",
        "uncertainty/decomposition.py",
        "(means - centre) ** 2",
        "means**2",
    ),
    of(
        "ensembles",
        "each_member_ends_as_a_single_run_of_its_seed",
        "one key for all members",
        ENSEMBLE,
        "seed=settings.seed + k",
        "seed=settings.seed",
    ),
    of(
        "ensembles",
        "each_member_ends_as_a_single_run_of_its_seed",
        "no member stops before the others",
        ENSEMBLE,
        "(step - best < settings.patience * settings.validate_every)",
        "((step - best < settings.patience * settings.validate_every).any())",
    ),
    of(
        "ensembles",
        "one_that_diverges_spoils_no_other",
        "a member goes on with NaN",
        ENSEMBLE,
        "active & jnp.isfinite(value) & jnp.isfinite(norm)",
        "active",
    ),
    of(
        "laplace",
        "a_linear_normal_model_is_exact",
        "the prior's part of the evidence left out",
        EVIDENCE,
        "jnp.log1p(spectrum / precision)",
        "jnp.log(spectrum + precision)",
    ),
    of(
        "laplace",
        "the_best_precision_is_the_top_of_the_evidence",
        "all weights counted as determined",
        EVIDENCE,
        "determined = share.sum()",
        "determined = 0 * share.sum() + share.size",
    ),
    of(
        "laplace",
        "negative_curvature_is_left_out",
        "negative curvature turned over",
        CURVATURE,
        "jnp.maximum(values, 0))[..., None, :]",
        "jnp.abs(values))[..., None, :]",
    ),
    of(
        "laplace",
        "masked_rows_add_nothing_and_weights_count_rows[kron]",
        "masked rows keep their junk",
        CURVATURE,
        "    if weights is None:\n        return x\n",
        "    return x\n",
    ),
    of(
        "laplace",
        "what_moves_all_logits_alike_changes_nothing",
        "logits as if independent",
        "uncertainty/laplace/outputs.py",
        " - 2 * covariance",
        "",
    ),
    of(
        "laplace",
        "kronecker_factors_are_exact_for_a_linear_normal_model",
        "sums on both sides of the product",
        "uncertainty/laplace/kron.py",
        " / jnp.where(total == 0, 1, total)",
        "",
    ),
    of(
        "posterior_samples",
        "swag_of_given_params",
        "each half of the covariance taken whole",
        SWAG,
        "scale / 2**0.5 *",
        "scale *",
    ),
    of(
        "posterior_samples",
        "dropout_is_on_where_a_key_is_given[regressor]",
        "one draw of units for all samples",
        "uncertainty/dropout.py",
        "apply(params, x, own)",
        "apply(params, x, key)",
    ),
    of(
        "posterior_samples",
        "the_rate_of_snapshots_starts_over_in_each_cycle",
        "one long cycle",
        "uncertainty/snapshot.py",
        "step % length",
        "step",
    ),
    of(
        "sgmcmc",
        "langevin_settles_where_it_is_known_to[5]",
        "a mean of gradients for their sum",
        "uncertainty/sgmcmc.py",
        "n * loss(params, batch, loss_key)",
        "loss(params, batch, loss_key)",
    ),
]
