"""Proper scoring rules: how good a predictive distribution is at the ``y`` that came. Lower is better.

Every score has the signature of `lik_jax.nll`, so any of them trains a network.
"""

from . import closed_forms as closed_forms
from .crps import crps as crps
from .crps import threshold_weighted_crps as threshold_weighted_crps
from .ensemble import crps_from_samples as crps_from_samples
