"""Distributions made of distributions: frozen dataclasses with static fields and the names of the contract."""

from .mixture import mixture as mixture
