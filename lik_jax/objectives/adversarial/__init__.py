"""Adversarial training: the likelihood of a binary classifier, played by two.

A critic that tells data (1) from samples (0) by the Bernoulli likelihood of its logits is a classifier like any other.
At its best its logit is the log density ratio ``log p(y) / q(y)``, and its loss says how far ``q`` is from ``p``:
``2 log 2 - 2 JSD(p, q)``. The generator is moved along that. What is between the two is a `Game`: `minimax`,
`non_saturating`, `hinge`, `least_squares`, `wasserstein`, or `f_gan` of one of the `DIVERGENCES`; the `paired` and
`average` losses make any of them relativistic; penalties smooth the critic, example by example.

A critic gives one unbounded number an example, ``[B, ...]`` to ``[B]``: never a probability.

>>> import jax, jax.numpy as jnp
>>> logits = jnp.zeros(4)  # a critic that cannot tell
>>> round(float(discriminator_loss(logits, logits)), 4), round(float(generator_loss(logits)), 4)
(1.3863, 0.6931)
"""

from .f_divergences import DIVERGENCES as DIVERGENCES
from .f_divergences import Divergence as Divergence
from .f_divergences import f_gan as f_gan
from .games import Game as Game
from .games import Sides as Sides
from .games import discriminator_loss as discriminator_loss
from .games import generator_loss as generator_loss
from .games import hinge as hinge
from .games import least_squares as least_squares
from .games import minimax as minimax
from .games import non_saturating as non_saturating
from .games import simultaneous as simultaneous
from .games import wasserstein as wasserstein
from .penalties import Critic as Critic
from .penalties import critic_gradients as critic_gradients
from .penalties import dragan_penalty as dragan_penalty
from .penalties import gradient_penalty as gradient_penalty
from .penalties import r1_penalty as r1_penalty
from .penalties import r2_penalty as r2_penalty
from .relativistic import average_discriminator_loss as average_discriminator_loss
from .relativistic import average_generator_loss as average_generator_loss
from .relativistic import paired_discriminator_loss as paired_discriminator_loss
from .relativistic import paired_generator_loss as paired_generator_loss

# what help() lists
__all__ = [
    "DIVERGENCES",
    "Critic",
    "Divergence",
    "Game",
    "Sides",
    "average_discriminator_loss",
    "average_generator_loss",
    "critic_gradients",
    "discriminator_loss",
    "dragan_penalty",
    "f_gan",
    "generator_loss",
    "gradient_penalty",
    "hinge",
    "least_squares",
    "minimax",
    "non_saturating",
    "paired_discriminator_loss",
    "paired_generator_loss",
    "r1_penalty",
    "r2_penalty",
    "simultaneous",
    "wasserstein",
]
