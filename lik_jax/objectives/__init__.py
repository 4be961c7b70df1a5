"""Where log-probabilities become a loss."""

from .likelihood import nll as nll
from .reduction import Total as Total
