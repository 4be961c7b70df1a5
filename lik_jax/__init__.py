"""lik_jax: every training loss is a likelihood.

A distribution is a module of pure functions; ``log_prob(params, y)`` composes with ``jit``, ``grad`` and ``vmap``:

>>> import lik_jax as lj
>>> from lik_jax import normal
>>> round(float(lj.nll(normal, normal.Params(loc=0.0, scale=1.0), 0.3)), 4)
0.9639
"""

from . import special as special
from . import supports as supports
from .compose.mixture import mixture as mixture
from .distribution import Distribution as Distribution
from .distribution import Univariate as Univariate
from .distributions import asymmetric_laplace as asymmetric_laplace
from .distributions import bernoulli as bernoulli
from .distributions import exponential as exponential
from .distributions import laplace as laplace
from .distributions import log_normal as log_normal
from .distributions import logistic as logistic
from .distributions import normal as normal
from .distributions import weibull as weibull
from .objectives import Total as Total
from .objectives import nll as nll

__version__ = "0.1.0"
