"""Gaussian diffusion: training losses, the variational bound with all its terms, and sampling.

``denoise(x_t, t)`` is any function of noised data ``[B, ...]`` and times ``[B]`` that predicts the noise ("eps"), the
clean data ("x0"), "v", the "score" or EDM's "F"; the schedule is one of `schedules`. Sums run over everything but the
first axis.

>>> import jax, jax.numpy as jnp
>>> from lik_jax import normal
>>> from lik_jax.objectives import schedules
>>> schedule = schedules.Linear()
>>> denoise = lambda x_t, t: schedules.alpha(schedule.gamma(t))[:, None] * x_t  # best for data N(0, 1), as x0
>>> x = jax.random.normal(jax.random.key(0), (8, 2))
>>> bound = variational_bound(
...     normal, gaussian_decoder, denoise, schedule, x, key=jax.random.key(1), num_steps=100, prediction="x0"
... )
>>> bound.total.shape
(8,)
"""

from . import resampler as resampler
from .bound import DiffusionBound as DiffusionBound
from .bound import variational_bound as variational_bound
from .conditioning import drop_condition as drop_condition
from .conditioning import guided as guided
from .conditioning import self_conditioned as self_conditioned
from .decoders import dequantized as dequantized
from .decoders import discretized_decoder as discretized_decoder
from .decoders import gaussian_decoder as gaussian_decoder
from .decoders import in_levels as in_levels
from .decoders import level_decoder as level_decoder
from .decoders import level_normal as level_normal
from .denoising import denoising_loss as denoising_loss
from .heun import heun as heun
from .sampling import ddim as ddim
from .sampling import sample as sample
from .schedule_loss import schedule_loss as schedule_loss
from .variance import hybrid_loss as hybrid_loss

# what help() lists
__all__ = [
    "DiffusionBound",
    "ddim",
    "denoising_loss",
    "dequantized",
    "discretized_decoder",
    "drop_condition",
    "gaussian_decoder",
    "guided",
    "heun",
    "hybrid_loss",
    "in_levels",
    "level_decoder",
    "level_normal",
    "resampler",
    "sample",
    "schedule_loss",
    "self_conditioned",
    "variational_bound",
]
