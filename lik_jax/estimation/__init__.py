"""Maximum likelihood: solvers and their statuses."""

from . import newton as newton
from .newton import minimise as minimise
from .status import Status as Status
