"""How a calibration map was found."""

from typing import Any, NamedTuple

from jax import Array

from ..estimation.status import Status


class Fit(NamedTuple):
    """``status``: a `Status`, whole number, (). ``standard_errors``: of the map's params, from the observed
    information; the map says of which function of them."""

    status: Array
    standard_errors: Any

    @property
    def status_name(self) -> str:
        """The status in a word."""
        return Status(int(self.status)).name
