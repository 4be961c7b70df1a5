"""Sets and intervals that hold the truth with a stated probability, whatever the model: split conformal prediction.

A method is a module: ``fit`` finds a bound on held-out data, ``apply`` gives sets (a mask over the classes) or the ends
of intervals. If held-out and new examples are exchangeable, the truth lies inside with probability ``level`` at least;
where there are too few held-out examples to promise that, everything is inside.

Classes: `threshold` (the smallest sets on average), `aps` and `raps` (sizes follow how hard an example is). Numbers:
`absolute_residual` and `normalised_residual` from a prediction, `cqr` from two quantiles, `distributional` from any
distribution with tails.
"""

from . import absolute_residual as absolute_residual
from . import aps as aps
from . import cqr as cqr
from . import distributional as distributional
from . import normalised_residual as normalised_residual
from . import raps as raps
from . import threshold as threshold
from .measures import SizeStrata as SizeStrata
from .measures import interval_coverage as interval_coverage
from .measures import set_coverage as set_coverage
from .measures import set_size as set_size
from .measures import size_stratified_coverage as size_stratified_coverage
from .quantiles import quantile as quantile
from .quantiles import rank as rank
from .quantiles import weighted_quantile as weighted_quantile
