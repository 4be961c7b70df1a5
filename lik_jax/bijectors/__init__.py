"""Maps with an inverse and a log-determinant: frozen dataclasses of pure functions over params."""

from .continuous import Continuous as Continuous
