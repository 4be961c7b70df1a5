"""Are the probabilities right? Maps that make them so, and measures that say how far off they are.

A map is a module: ``fit(logits, labels)`` gives its params, ``apply(params, logits)`` the calibrated logits.
"""

from . import beta as beta
from . import bias_corrected as bias_corrected
from . import dirichlet as dirichlet
from . import histogram as histogram
from . import isotonic as isotonic
from . import matrix as matrix
from . import platt as platt
from . import temperature as temperature
from . import vector as vector
from . import venn_abers as venn_abers
from .isotonic import isotonic_regression as isotonic_regression
from .reliability import Reliability as Reliability
from .reliability import calibration_error as calibration_error
from .reliability import reliability as reliability
