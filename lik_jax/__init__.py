"""lik_jax: every training loss is a likelihood.

A distribution is a module of pure functions; ``log_prob(params, y)`` composes with ``jit``, ``grad`` and ``vmap``:

>>> import lik_jax as lj
>>> from lik_jax import normal
>>> round(float(lj.nll(normal, normal.Params(loc=0.0, scale=1.0), 0.3)), 4)
0.9639
"""

import importlib as _importlib
import typing as _typing

from . import bijectors as bijectors
from . import ode as ode
from . import special as special
from . import supports as supports
from .checks import check as check
from .checks import checked as checked
from .compose import Censored as Censored
from .compose import Interval as Interval
from .compose import LeftCensored as LeftCensored
from .compose import censored as censored
from .compose import discretized as discretized
from .compose import independent as independent
from .compose import mixture as mixture
from .compose import transformed as transformed
from .compose import truncated as truncated
from .compose import zero_inflated as zero_inflated
from .distribution import Distribution as Distribution
from .distribution import Univariate as Univariate
from .distributions import asymmetric_laplace as asymmetric_laplace
from .distributions import bernoulli as bernoulli
from .distributions import beta as beta
from .distributions import binomial as binomial
from .distributions import categorical as categorical
from .distributions import exponential as exponential
from .distributions import gamma as gamma
from .distributions import generalized_extreme_value as generalized_extreme_value
from .distributions import laplace as laplace
from .distributions import log_normal as log_normal
from .distributions import logistic as logistic
from .distributions import multivariate_normal as multivariate_normal
from .distributions import negative_binomial as negative_binomial
from .distributions import normal as normal
from .distributions import plackett_luce as plackett_luce
from .distributions import poisson as poisson
from .distributions import student_t as student_t
from .distributions import weibull as weibull
from .objectives import Elbo as Elbo
from .objectives import HierarchicalElbo as HierarchicalElbo
from .objectives import Iwae as Iwae
from .objectives import Marginal as Marginal
from .objectives import Total as Total
from .objectives import adversarial as adversarial
from .objectives import ais as ais
from .objectives import annealing as annealing
from .objectives import binary_cross_entropy as binary_cross_entropy
from .objectives import bits_per_byte as bits_per_byte
from .objectives import bits_per_character as bits_per_character
from .objectives import bits_per_dim as bits_per_dim
from .objectives import boltzmann as boltzmann
from .objectives import contrastive_divergence as contrastive_divergence
from .objectives import cross_entropy as cross_entropy
from .objectives import dequantization as dequantization
from .objectives import diffusion as diffusion
from .objectives import distances as distances
from .objectives import effective_sample_size as effective_sample_size
from .objectives import elbo as elbo
from .objectives import energy as energy
from .objectives import flow_matching as flow_matching
from .objectives import free_bits as free_bits
from .objectives import gaussian_nll as gaussian_nll
from .objectives import gaussian_rbm as gaussian_rbm
from .objectives import hierarchical_elbo as hierarchical_elbo
from .objectives import importance_bound as importance_bound
from .objectives import iwae as iwae
from .objectives import joint_energy as joint_energy
from .objectives import log_weight as log_weight
from .objectives import marginal_log_likelihood as marginal_log_likelihood
from .objectives import masked_diffusion as masked_diffusion
from .objectives import mcmc as mcmc
from .objectives import mean_absolute_error as mean_absolute_error
from .objectives import mean_squared_error as mean_squared_error
from .objectives import nll as nll
from .objectives import noise_contrastive as noise_contrastive
from .objectives import perplexity as perplexity
from .objectives import pinball as pinball
from .objectives import poisson_nll as poisson_nll
from .objectives import preference as preference
from .objectives import probability_flow_bound as probability_flow_bound
from .objectives import probability_flow_field as probability_flow_field
from .objectives import probability_flow_log_prob as probability_flow_log_prob
from .objectives import rbm as rbm
from .objectives import reinforce as reinforce
from .objectives import schedules as schedules
from .objectives import score_matching as score_matching
from .objectives import sequence_log_prob as sequence_log_prob
from .objectives import shift_right as shift_right
from .objectives import standard_error as standard_error
from .objectives import token_log_prob as token_log_prob
from .objectives import vimco as vimco

if _typing.TYPE_CHECKING:
    from . import calibration as calibration
    from . import estimation as estimation
    from . import models as models
    from . import plots as plots
    from . import scores as scores
    from . import training as training
    from . import uncertainty as uncertainty

__version__ = "0.1.0"
# so that help(lik_jax) shows what there is
__all__ = sorted(name for name in globals() if not name.startswith("_"))  # pyright: ignore[reportUnsupportedDunderAll]


_LAZY = ("calibration", "estimation", "models", "plots", "scores", "training", "uncertainty")


def __getattr__(name: str) -> _typing.Any:
    # what needs flax, orbax or matplotlib loads when it is first asked for
    if name in _LAZY:
        return _importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
