"""One module a distribution, the same names in the same order in each (see ``lik_jax/distribution.py``)."""

from . import bernoulli as bernoulli
from . import normal as normal
