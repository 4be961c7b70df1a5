"""Invertible maps with log-determinants: frozen dataclasses with static fields, pure functions of their params.

``forward(params, x)`` gives ``(y, log_det)`` and ``inverse(params, y)`` gives ``(x, log_det)``.
"""

from .continuous import continuous as continuous
