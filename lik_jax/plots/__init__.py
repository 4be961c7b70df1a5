"""Pictures: functions that take arrays and a Matplotlib axis, and return it. Matplotlib is loaded by `figure` alone."""

from .corp import corp_diagram as corp_diagram
from .curves import training_curves as training_curves
from .density import points_over_density as points_over_density
from .figure import figure as figure
from .figure import save as save
from .images import image_grid as image_grid
from .likelihood import likelihood_curve as likelihood_curve
from .likelihood import likelihood_surface as likelihood_surface
from .pit import pit_histogram as pit_histogram
from .predictive import predictive_band as predictive_band
from .qq import qq as qq
from .reliability import reliability_diagram as reliability_diagram
from .risk import risk_coverage as risk_coverage
