"""Are the probabilities right? Maps that make them so, and measures that say how far off they are.

A map is a module: ``fit(logits, labels)`` gives its params, ``apply(params, logits)`` the calibrated logits.
"""

from . import temperature as temperature
from .isotonic import isotonic_regression as isotonic_regression
from .reliability import Reliability as Reliability
from .reliability import calibration_error as calibration_error
from .reliability import reliability as reliability
