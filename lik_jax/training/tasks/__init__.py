"""The toy problems of `lik-jax train`: ``build(config)`` gives a `Task`, loading what that problem needs."""

import importlib

from ..configs import Config, name_of
from ..task import Task


def build(config: Config) -> Task:
    """The task that ``config`` describes.

    Raises:
        DataError: the data file cannot be used.
        ModuleNotFoundError: an extra is missing; the message says which.
    """
    module = importlib.import_module(f".{name_of(config).replace('-', '_')}", __name__)
    return module.build(config)
