"""How a fit ended: one number, so that each of many fits at once has its own."""

import enum


class Status(enum.IntEnum):
    """What came of a fit."""

    OK = 0
    """An optimum inside, found to the last digits."""
    BOUNDARY = 1
    """The best params lie at the edge of what is allowed, such as a weight of 0 or a temperature of infinity."""
    SEPARATION = 2
    """The likelihood rises without end: the data are told apart perfectly."""
    SINGULAR = 3
    """Some direction of the params changes nothing: more params than the data tell apart."""
    MAX_STEPS = 4
    """Not converged in the steps that were allowed."""
    INVALID_DATA = 5
    """Data that are empty, not finite, or of the wrong kind."""
