"""Proper scoring rules: how good a predictive distribution is at the ``y`` that came. Lower is better.

Every score has the signature of `lik_jax.nll`, so any of them trains a network.
"""

from . import closed_forms as closed_forms
from .brier import brier as brier
from .crps import crps as crps
from .crps import threshold_weighted_crps as threshold_weighted_crps
from .dawid_sebastiani import dawid_sebastiani as dawid_sebastiani
from .energy_score import energy_score as energy_score
from .energy_score import energy_score_from_samples as energy_score_from_samples
from .ensemble import crps_from_samples as crps_from_samples
from .interval_score import interval_score as interval_score
from .interval_score import interval_score_from_bounds as interval_score_from_bounds
from .interval_score import weighted_interval_score as weighted_interval_score
from .interval_score import weighted_interval_score_from_bounds as weighted_interval_score_from_bounds
from .log_score import log_score as log_score
from .quantile_score import quantile_score as quantile_score
from .quantile_score import quantile_score_from_quantiles as quantile_score_from_quantiles
from .ranked_probability import ranked_probability as ranked_probability
from .risk_coverage import RiskCoverage as RiskCoverage
from .risk_coverage import risk_coverage as risk_coverage
from .skill import skill as skill
from .spherical import spherical as spherical
from .variogram_score import variogram_score as variogram_score
from .variogram_score import variogram_score_from_samples as variogram_score_from_samples
