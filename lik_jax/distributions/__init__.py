"""One module a distribution, the same names in the same order in each (see ``lik_jax/distribution.py``)."""

from . import asymmetric_laplace as asymmetric_laplace
from . import bernoulli as bernoulli
from . import beta as beta
from . import binomial as binomial
from . import categorical as categorical
from . import exponential as exponential
from . import gamma as gamma
from . import generalized_extreme_value as generalized_extreme_value
from . import laplace as laplace
from . import log_normal as log_normal
from . import logistic as logistic
from . import multivariate_normal as multivariate_normal
from . import negative_binomial as negative_binomial
from . import normal as normal
from . import plackett_luce as plackett_luce
from . import poisson as poisson
from . import student_t as student_t
from . import weibull as weibull
