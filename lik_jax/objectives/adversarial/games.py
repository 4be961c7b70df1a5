"""Games between a critic and a generator: what each loses by a logit, and how that is reduced.

>>> import jax.numpy as jnp
>>> float(discriminator_loss(jnp.array([2.0]), jnp.array([-0.5]), game=hinge))
0.5
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ..._arrays import as_floats
from ...distributions import bernoulli
from ..reduction import Reduction, Total, example_weights, reduce


@dataclass(frozen=True)
class Game:
    """Losses by a critic's output, elementwise; both players minimise theirs.

    Attributes:
        name: as an error message uses it.
        real: the critic's loss of an example of the data.
        fake: the critic's loss of a sample.
        generator: the generator's loss of a sample.
        best: the best critic's output, by the log density ratio ``log p(y) / q(y)`` of data and samples; None where
            only a constraint (a Lipschitz bound) makes one best.
    """

    name: str
    real: Callable[[Array], Array]
    fake: Callable[[Array], Array]
    generator: Callable[[Array], Array]
    best: Callable[[Array], Array] | None = None


class Sides(NamedTuple):
    """What the critic loses on either side: arrays ``[*examples]``, or a `Total` each."""

    real: Any
    fake: Any


def _is_real(logits: Array) -> Array:
    return -bernoulli.log_prob(bernoulli.Params(logits), 1)


def _is_fake(logits: Array) -> Array:
    return -bernoulli.log_prob(bernoulli.Params(logits), 0)


minimax = Game("minimax", _is_real, _is_fake, lambda logits: -_is_fake(logits), best=lambda ratio: ratio)
"""A classifier's Bernoulli likelihood, which the generator wants low: its gradient dies where the critic is sure.

Source: Goodfellow et al. (2014), "Generative adversarial nets", equation 1."""

non_saturating = Game("non_saturating", _is_real, _is_fake, _is_real, best=lambda ratio: ratio)
"""The same critic; the generator wants its samples taken for data. Source: Goodfellow et al. (2014), section 3."""

hinge = Game(
    "hinge",
    lambda output: jax.nn.relu(1 - output),
    lambda output: jax.nn.relu(1 + output),
    lambda output: -output,
    best=jnp.sign,
)
"""Margins of 1. Source: Lim and Ye (2017), "Geometric GAN"; Miyato et al. (2018), equations 16 and 17."""

least_squares = Game(
    "least_squares",
    lambda output: 0.5 * (output - 1) ** 2,
    lambda output: 0.5 * output**2,
    lambda output: 0.5 * (output - 1) ** 2,
    best=jax.nn.sigmoid,
)
"""Half the squared distance to 1 for data, to 0 for samples (the generator: to 1). Source: Mao et al. (2017), "Least
squares generative adversarial networks"."""

wasserstein = Game("wasserstein", lambda output: -output, lambda output: output, lambda output: -output)
"""The difference of means, for a critic kept Lipschitz by `gradient_penalty`. Source: Arjovsky, Chintala and Bottou
(2017), "Wasserstein GAN"."""


def discriminator_loss(
    real: ArrayLike,
    fake: ArrayLike,
    *,
    game: Game = non_saturating,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    fake_mask: ArrayLike | None = None,
    fake_weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """The critic's loss: that of the data plus that of the samples, each averaged on its own.

    With `minimax` or `non_saturating` it is twice the negative log-likelihood (`nll` of ``bernoulli``) of a classifier
    of as many data as samples. At the best critic, ``log p / q``, it is ``2 log 2 - 2 JSD(p, q)``.

    Args:
        real: the critic's output for data, ``[B]`` (or a map, ``[B, ...]``).
        fake: for samples, ``[C]``, with the same axes after the first.
        game: what is played.
        mask: True where an example of the data counts, of the shape of ``real``; the others add exactly 0 to the
            value and the gradient, whatever they hold.
        weights: of the data, non-negative, of the shape of ``real``.
        fake_mask: the same for samples.
        fake_weights: the same for samples.
        reduction: "mean" (by weight, on either side), "sum", "none" or "total": the last two give `Sides`.

    Raises:
        ValueError: shapes that do not fit.

    >>> import jax.numpy as jnp
    >>> round(float(discriminator_loss(jnp.array([3.0, 1.0]), jnp.array([-2.0]))), 4)
    0.3079
    """
    game = checked(game, "discriminator_loss")
    (real,), (fake,) = as_floats(real), as_floats(fake)
    if real.ndim != fake.ndim or real.shape[1:] != fake.shape[1:]:
        raise ValueError(
            f"discriminator_loss: real has shape {real.shape} and fake {fake.shape}; only the first axis, that of "
            f"examples, may differ. A critic gives one number an example: drop a trailing axis of 1 (x[..., 0])."
        )
    sides = Sides(
        losses_of(game.real, real, mask, weights, reduction, "discriminator_loss"),
        losses_of(game.fake, fake, fake_mask, fake_weights, reduction, "discriminator_loss (fake)"),
    )
    return sides if reduction in ("none", "total") else sides.real + sides.fake


def generator_loss(
    fake: ArrayLike,
    *,
    game: Game = non_saturating,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """The generator's loss, from the critic's output for its samples.

    The critic's params take part in ``fake``: differentiate towards the generator's alone, or use `simultaneous`.

    Args:
        fake: the critic's output for samples, ``[C]`` (or a map, ``[C, ...]``).
        game: what is played.
        mask: True where a sample counts, of the shape of ``fake``.
        weights: non-negative, of the shape of ``fake``.
        reduction: see `nll`.

    Raises:
        ValueError: shapes that do not fit.

    >>> import jax.numpy as jnp
    >>> round(float(generator_loss(jnp.array([-2.0]))), 4), round(float(generator_loss(-2.0, game=minimax)), 4)
    (2.1269, -0.1269)
    """
    game = checked(game, "generator_loss")
    return losses_of(game.generator, as_floats(fake)[0], mask, weights, reduction, "generator_loss")


def simultaneous(
    discriminator: Callable[[Any], Array], generator: Callable[[Any], Array], params: Mapping[str, Any]
) -> Array:
    """One scalar whose gradient is each player's own: for one optimiser over both.

    The critic's loss has no gradient towards the generator, nor the generator's towards the critic. The value is the
    sum of the losses, which says little about how good the samples are. Games whose critic must be near its best
    (`wasserstein`) want several critic steps for each of the generator's instead; the paired losses with `r1_penalty`
    and `r2_penalty` converge when both move at once.

    Args:
        discriminator: ``discriminator(params)``, the critic's loss, penalties included.
        generator: ``generator(params)``, the generator's loss.
        params: a dict with "critic" and "generator"; what else it holds is shared, and moved by both.

    Raises:
        ValueError: ``params`` lacks one of the two.

    >>> params = {"critic": jnp.float32(2.0), "generator": jnp.float32(3.0)}
    >>> product = lambda params: params["critic"] * params["generator"]
    >>> jax.grad(lambda p: simultaneous(product, lambda p: -product(p), p))(params)["critic"].item()
    3.0
    """
    missing = {"critic", "generator"} - set(params)
    if missing:
        raise ValueError(
            f"simultaneous: params has {sorted(params)}; it lacks {sorted(missing)}. Keep the params of the players "
            f"under 'critic' and 'generator'."
        )
    still = jax.lax.stop_gradient(dict(params))
    return discriminator({**params, "generator": still["generator"]}) + generator({**params, "critic": still["critic"]})


def checked(game: Any, name: str) -> Any:
    """``game``, if it is one.

    Raises:
        TypeError: it is not.
    """
    if not isinstance(game, Game):
        raise TypeError(f"{name}: game={game!r}; want a Game, such as adversarial.hinge or adversarial.f_gan('kl').")
    return game


def losses_of(
    loss: Callable[[Array], Array],
    outputs: Array,
    mask: ArrayLike | None,
    weights: ArrayLike | None,
    reduction: Reduction,
    name: str,
) -> Array | Total:
    """``loss`` of each output, reduced; masked outputs may hold anything."""
    keep, w = example_weights(mask, weights, outputs.shape, name)
    if keep is None or w is None:
        return reduce(loss(outputs), None, reduction)
    losses = jnp.where(keep, loss(jnp.where(keep, outputs, 0)), 0)
    return reduce(losses, w.astype(losses.dtype), reduction)
