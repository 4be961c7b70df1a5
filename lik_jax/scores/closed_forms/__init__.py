"""The CRPS of each family that has it in closed form, one file a family: ``crps(params, y)``."""

from collections.abc import Callable
from typing import Any

from jax import Array

from ... import distributions
from ...compose import mixture as _mixture
from ...compose import zero_inflated as _zero_inflated
from . import asymmetric_laplace as asymmetric_laplace
from . import bernoulli as bernoulli
from . import beta as beta
from . import binomial as binomial
from . import exponential as exponential
from . import gamma as gamma
from . import generalized_extreme_value as generalized_extreme_value
from . import laplace as laplace
from . import log_normal as log_normal
from . import logistic as logistic
from . import mixture as mixture
from . import negative_binomial as negative_binomial
from . import normal as normal
from . import poisson as poisson
from . import student_t as student_t
from . import weibull as weibull
from . import zero_inflated as zero_inflated

Score = Callable[[Any, Any], Array]

_MODULES: dict[Any, Score] = {
    distributions.asymmetric_laplace: asymmetric_laplace.crps,
    distributions.bernoulli: bernoulli.crps,
    distributions.beta: beta.crps,
    distributions.binomial: binomial.crps,
    distributions.exponential: exponential.crps,
    distributions.gamma: gamma.crps,
    distributions.generalized_extreme_value: generalized_extreme_value.crps,
    distributions.laplace: laplace.crps,
    distributions.log_normal: log_normal.crps,
    distributions.logistic: logistic.crps,
    distributions.negative_binomial: negative_binomial.crps,
    distributions.normal: normal.crps,
    distributions.poisson: poisson.crps,
    distributions.student_t: student_t.crps,
    distributions.weibull: weibull.crps,
}

_MIXTURES: dict[Any, Score] = {distributions.normal: mixture.of_normals, distributions.laplace: mixture.of_laplaces}


def find(distribution: Any) -> Score | None:
    """The closed form of a module's or a composed distribution's CRPS, ``crps(params, y)``; None if there is none."""
    if isinstance(distribution, _zero_inflated):
        base = find(distribution.base)
        return None if base is None else zero_inflated.score_of(base)
    if isinstance(distribution, _mixture):
        return _MIXTURES.get(distribution.base)
    try:
        return _MODULES.get(distribution)
    except TypeError:
        return None
