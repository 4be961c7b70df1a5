"""Maximum likelihood: solvers and their statuses."""

from .status import Status as Status
