"""Invertible maps with log-determinants: frozen dataclasses with static fields, pure functions of their params.

``forward(params, x)`` gives ``(y, log_det)`` and ``inverse(params, y)`` gives ``(x, log_det)``; see `Bijector`.
"""

from .actnorm import actnorm as actnorm
from .affine import affine as affine
from .autoregressive import inverse_autoregressive as inverse_autoregressive
from .autoregressive import masked_autoregressive as masked_autoregressive
from .bijector import Bijector as Bijector
from .chain import chain as chain
from .continuous import continuous as continuous
from .coupling import coupling as coupling
from .inverted import inverted as inverted
from .logit import logit as logit
from .lu_linear import lu_linear as lu_linear
from .permutation import permutation as permutation
from .scaling import scaling as scaling
from .spline import rational_quadratic_spline as rational_quadratic_spline

# what help() lists
__all__ = [
    "Bijector",
    "actnorm",
    "affine",
    "chain",
    "continuous",
    "coupling",
    "inverse_autoregressive",
    "inverted",
    "logit",
    "lu_linear",
    "masked_autoregressive",
    "permutation",
    "rational_quadratic_spline",
    "scaling",
]
