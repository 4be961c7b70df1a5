"""Where log-probabilities become a loss."""

from . import dequantization as dequantization
from . import diffusion as diffusion
from . import schedules as schedules
from .elbo import Elbo as Elbo
from .elbo import Iwae as Iwae
from .elbo import effective_sample_size as effective_sample_size
from .elbo import elbo as elbo
from .elbo import free_bits as free_bits
from .elbo import iwae as iwae
from .elbo import standard_error as standard_error
from .likelihood import nll as nll
from .losses import binary_cross_entropy as binary_cross_entropy
from .losses import cross_entropy as cross_entropy
from .losses import gaussian_nll as gaussian_nll
from .losses import mean_absolute_error as mean_absolute_error
from .losses import mean_squared_error as mean_squared_error
from .losses import pinball as pinball
from .losses import poisson_nll as poisson_nll
from .reduction import Total as Total
from .sequence import bits_per_byte as bits_per_byte
from .sequence import bits_per_character as bits_per_character
from .sequence import perplexity as perplexity
from .sequence import sequence_log_prob as sequence_log_prob
from .sequence import shift_right as shift_right
from .sequence import token_log_prob as token_log_prob
from .units import bits_per_dim as bits_per_dim
