"""Special functions and their derivatives, accurate over the whole domain in float32 and float64."""

from .basic import log1mexp as log1mexp
from .basic import log1pmx as log1pmx
from .basic import log_sigmoid as log_sigmoid
from .basic import logit as logit
from .basic import ratio as ratio
from .basic import sigmoid as sigmoid
from .basic import softplus as softplus
from .basic import weighted as weighted
from .basic import zero_or_inf as zero_or_inf
from .beta import log1p_given as log1p_given
from .beta import log1pmx_given as log1pmx_given
from .beta import log_beta_inc as log_beta_inc
from .beta import log_beta_inc_c as log_beta_inc_c
from .beta import log_beta_power as log_beta_power
from .beta import log_beta_power_slope as log_beta_power_slope
from .beta import log_beta_tails as log_beta_tails
from .normal import log_mills as log_mills
from .normal import log_ndtr as log_ndtr
from .normal import log_ndtr_difference as log_ndtr_difference
from .normal import reverse_hazard as reverse_hazard
from .ratios import bernoulli_function as bernoulli_function
from .ratios import itakura_saito as itakura_saito
from .ratios import log1mexpexp as log1mexpexp
from .ratios import log_ratio as log_ratio
