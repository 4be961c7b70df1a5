"""What a network does not know: ensembles and posteriors over its params, with the predictive as a mixture."""

from . import dropout as dropout
from . import ensemble as ensemble
from . import laplace as laplace
from . import sgmcmc as sgmcmc
from . import snapshot as snapshot
from . import swag as swag
from .decomposition import Entropies as Entropies
from .decomposition import Variances as Variances
from .decomposition import entropies as entropies
from .decomposition import variances as variances
from .ensemble import train_ensemble as train_ensemble
from .predictive import over_members as over_members
from .predictive import pooled as pooled
from .predictive import predictive as predictive
