"""Laplace approximations: a normal posterior around trained weights, from the curvature of the likelihood there.

The prior is normal with one precision ``tau`` for all weights; the posterior has the precision ``G + tau``, where ``G``
is the generalised Gauss-Newton matrix, the sum over examples of ``J' H J``: ``J`` is the slope of the network's raw
outputs in the weights and ``H`` the Hessian of the negative log-likelihood in raw, of any distribution (its part
without negative curvature, where it is not convex in raw). `last_layer` keeps the whole of ``G`` for the last layer,
`diagonal` its diagonal for all weights, `kron` a Kronecker product for each dense layer.

A module has ``fit``, which finds ``tau`` by the evidence if none is given, ``predict``, the normal over raw of the
network linearised in its weights (`Outputs`), and ``log_evidence``. `outputs` makes predictive distributions of that,
and `by_held_out` finds ``tau`` by held-out data instead.

The weights are taken for the most probable ones under the prior. Where they are not quite, as after early stopping,
the posterior is centred at them all the same.

Source: MacKay (1992), "A practical Bayesian framework for backpropagation networks"; Immer, Korzepa and Bauer (2021),
"Improving predictions of Bayesian neural nets via local linearization".
"""

from . import diagonal as diagonal
from . import kron as kron
from . import last_layer as last_layer
from . import outputs as outputs
from .outputs import Outputs as Outputs
from .tuning import by_held_out as by_held_out
