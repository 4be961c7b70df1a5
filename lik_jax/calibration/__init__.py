"""Are the probabilities right? Maps that make them so, and measures that say how far off they are.

A map is a module: ``fit(logits, labels)`` gives its params, ``apply(params, logits)`` the calibrated logits.
"""

from . import beta as beta
from . import bias_corrected as bias_corrected
from . import conformal as conformal
from . import dirichlet as dirichlet
from . import histogram as histogram
from . import isotonic as isotonic
from . import matrix as matrix
from . import platt as platt
from . import quantile_calibration as quantile_calibration
from . import temperature as temperature
from . import variance_scaling as variance_scaling
from . import vector as vector
from . import venn_abers as venn_abers
from .bootstrap import Interval as Interval
from .bootstrap import bootstrap as bootstrap
from .brier import BrierDecomposition as BrierDecomposition
from .brier import brier_decomposition as brier_decomposition
from .corp import Corp as Corp
from .corp import corp as corp
from .corp import corp_band as corp_band
from .coverage import Coverage as Coverage
from .coverage import Sharpness as Sharpness
from .coverage import coverage as coverage
from .coverage import sharpness as sharpness
from .error import CalibrationTest as CalibrationTest
from .error import calibration_error as calibration_error
from .error import calibration_test as calibration_test
from .error import classwise_calibration_error as classwise_calibration_error
from .error import squared_calibration_error as squared_calibration_error
from .isotonic import isotonic_regression as isotonic_regression
from .pit import PitHistogram as PitHistogram
from .pit import RankHistogram as RankHistogram
from .pit import pit as pit
from .pit import pit_histogram as pit_histogram
from .pit import rank_histogram as rank_histogram
from .quantile_calibration import quantile_calibration_error as quantile_calibration_error
from .reliability import Band as Band
from .reliability import Reliability as Reliability
from .reliability import consistency_band as consistency_band
from .reliability import reliability as reliability
from .smooth import smooth_calibration_error as smooth_calibration_error
