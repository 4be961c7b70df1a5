"""Distributions made of distributions: frozen dataclasses with static fields and the names of the contract."""

from .censored import Censored as Censored
from .censored import Interval as Interval
from .censored import LeftCensored as LeftCensored
from .censored import censored as censored
from .discretized import discretized as discretized
from .independent import independent as independent
from .mixture import mixture as mixture
from .transformed import transformed as transformed
from .truncated import truncated as truncated
from .zero_inflated import zero_inflated as zero_inflated
