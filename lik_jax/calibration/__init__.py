"""Are the probabilities right? Maps that make them so, and measures that say how far off they are.

A map is a module: ``fit(logits, labels)`` gives its params, ``apply(params, logits)`` the calibrated logits.
"""

from . import conformal as conformal
from . import quantile_calibration as quantile_calibration
from . import report as report
from . import temperature as temperature
from . import variance_scaling as variance_scaling
from .isotonic import isotonic_regression as isotonic_regression
from .quantile_calibration import quantile_calibration_error as quantile_calibration_error
from .reliability import Reliability as Reliability
from .reliability import calibration_error as calibration_error
from .reliability import reliability as reliability
