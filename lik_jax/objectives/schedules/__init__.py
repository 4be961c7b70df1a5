"""The path of Gaussian diffusion: noise schedules in log-SNR, what a network may predict, and weights of its error.

A schedule is ``gamma(t)`` on ``t`` in [0, 1], rising, with ``gamma = -log SNR``. Everything else follows from it:
``x_t = alpha x + sigma noise`` with ``alpha^2 = sigmoid(-gamma)`` and ``sigma^2 = sigmoid(gamma)``, so their squares
sum to 1 (variance preserving). ``x_t / alpha`` with noise ``sigma / alpha = exp(gamma / 2)`` is the same path as it is
written where the variance explodes.

>>> [round(float(f(-1.3)), 4) for f in (alpha, sigma)]
[0.8865, 0.4628]

Source: Kingma et al. (2021), "Variational diffusion models".
"""

from .fixed import BetaLinear as BetaLinear
from .fixed import Cosine as Cosine
from .fixed import Function as Function
from .fixed import Karras as Karras
from .fixed import Linear as Linear
from .fixed import Polynomial as Polynomial
from .fixed import Schedule as Schedule
from .fixed import Sigmoid as Sigmoid
from .fixed import check as check
from .fixed import ensure as ensure
from .learned import Learned as Learned
from .learned import Monotone as Monotone
from .predictions import Prediction as Prediction
from .predictions import convert as convert
from .predictions import noise_weight as noise_weight
from .predictions import target as target
from .signal import alpha as alpha
from .signal import noised as noised
from .signal import sigma as sigma
from .signal import snr as snr
from .signal import transition as transition
from .times import DrawnTimes as DrawnTimes
from .times import antithetic_times as antithetic_times
from .times import log_normal_times as log_normal_times
from .times import piecewise_times as piecewise_times
from .times import rho_grid as rho_grid
from .times import time_of as time_of
from .times import uniform_grid as uniform_grid
from .weightings import Weighting as Weighting
from .weightings import edm_weight as edm_weight
from .weightings import min_snr_weight as min_snr_weight
from .weightings import sigmoid_weight as sigmoid_weight
from .weightings import weight as weight

# what help() lists
__all__ = [
    "BetaLinear",
    "Cosine",
    "DrawnTimes",
    "Function",
    "Karras",
    "Learned",
    "Linear",
    "Monotone",
    "Polynomial",
    "Prediction",
    "Schedule",
    "Sigmoid",
    "Weighting",
    "alpha",
    "antithetic_times",
    "check",
    "convert",
    "edm_weight",
    "log_normal_times",
    "min_snr_weight",
    "noise_weight",
    "noised",
    "piecewise_times",
    "rho_grid",
    "sigma",
    "sigmoid_weight",
    "snr",
    "target",
    "time_of",
    "transition",
    "uniform_grid",
    "weight",
]
