"""Relativistic games: the critic says which of two is real, and the generator wants the opposite.

The paired form with the logistic loss is the Bradley-Terry likelihood of "the example of the data won" (see
`preference`); here the generator moves along the same difference, so its samples are judged against data.

>>> import jax.numpy as jnp
>>> round(float(paired_discriminator_loss(jnp.array([1.0, 4.0]), jnp.array([1.0, 4.0]))), 4)
0.6931

Source: Jolicoeur-Martineau (2019), "The relativistic discriminator: a key element missing from standard GAN"; Huang et
al. (2024), "The GAN is dead; long live the GAN! A modern baseline GAN" (R3GAN: paired, with R1 and R2).
"""

from typing import Any

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ..._arrays import as_floats
from ..reduction import Reduction, example_weights
from .games import Game, Sides, checked, losses_of, non_saturating


def paired_discriminator_loss(
    real: ArrayLike,
    fake: ArrayLike,
    *,
    game: Game = non_saturating,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """The critic's loss by the difference ``real - fake`` of each pair: ``game.real`` of it.

    Args:
        real: the critic's output for data, ``[B]``.
        fake: for samples, ``[B]``.
        game: whose ``real`` loss is used; the logistic one by default.
        mask: True where a pair counts, ``[B]``.
        weights: non-negative, ``[B]``.
        reduction: see `nll`.

    Raises:
        ValueError: ``real`` and ``fake`` of different shapes, or others that do not fit.

    >>> import jax.numpy as jnp
    >>> round(float(paired_discriminator_loss(jnp.array([2.0]), jnp.array([0.0]))), 4)
    0.1269
    """
    game = checked(game, "paired_discriminator_loss")
    margin = _difference(real, fake, mask, weights, "paired_discriminator_loss")
    return losses_of(game.real, margin, mask, weights, reduction, "paired_discriminator_loss")


def paired_generator_loss(
    real: ArrayLike,
    fake: ArrayLike,
    *,
    game: Game = non_saturating,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """The generator's loss by the difference ``fake - real`` of each pair; arguments as `paired_discriminator_loss`.

    >>> import jax.numpy as jnp
    >>> round(float(paired_generator_loss(jnp.array([2.0]), jnp.array([0.0]))), 4)
    2.1269
    """
    game = checked(game, "paired_generator_loss")
    margin = _difference(real, fake, mask, weights, "paired_generator_loss")
    return losses_of(game.real, -margin, mask, weights, reduction, "paired_generator_loss")


def average_discriminator_loss(
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
    """The critic's loss by each output less the (weighted) mean output of the other side.

    Args:
        real: the critic's output for data, ``[B]``.
        fake: for samples, ``[C]``.
        game: whose ``real`` and ``fake`` losses are used.
        mask: True where an example of the data counts, ``[B]``.
        weights: of the data, non-negative, ``[B]``.
        fake_mask: the same for samples, ``[C]``.
        fake_weights: the same for samples, ``[C]``.
        reduction: as in `discriminator_loss`; "none" and "total" give `Sides`.

    Raises:
        ValueError: shapes that do not fit.

    >>> import jax.numpy as jnp
    >>> round(float(average_discriminator_loss(jnp.array([1.0, 3.0]), jnp.array([2.0]))), 4)
    1.5064
    """
    name = "average_discriminator_loss"
    game = checked(game, name)
    above, below = _against_means(real, fake, (mask, weights), (fake_mask, fake_weights), name)
    return _sum_sides(
        Sides(
            losses_of(game.real, above, mask, weights, reduction, name),
            losses_of(game.fake, below, fake_mask, fake_weights, reduction, f"{name} (fake)"),
        ),
        reduction,
    )


def average_generator_loss(
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
    """The generator's loss: data and samples change places; arguments as `average_discriminator_loss`.

    >>> import jax.numpy as jnp
    >>> round(float(average_generator_loss(jnp.array([1.0, 3.0]), jnp.array([2.0]))), 4)
    1.5064
    """
    name = "average_generator_loss"
    game = checked(game, name)
    above, below = _against_means(real, fake, (mask, weights), (fake_mask, fake_weights), name)
    return _sum_sides(
        Sides(
            losses_of(game.fake, above, mask, weights, reduction, name),
            losses_of(game.real, below, fake_mask, fake_weights, reduction, f"{name} (fake)"),
        ),
        reduction,
    )


def _difference(real: ArrayLike, fake: ArrayLike, mask: Any, weights: Any, name: str) -> Array:
    if jnp.shape(real) != jnp.shape(fake):
        raise ValueError(
            f"{name}: real has shape {jnp.shape(real)} and fake {jnp.shape(fake)}; pairs need one shape, [B]. A "
            f"broadcast would pair each example with every other: drop a trailing axis of 1 (x[..., 0])."
        )
    real, fake = as_floats(real, fake)
    keep, _ = example_weights(mask, weights, real.shape, name)
    return real - fake if keep is None else jnp.where(keep, real, 0) - jnp.where(keep, fake, 0)


def _against_means(
    real: ArrayLike, fake: ArrayLike, of_real: tuple[Any, Any], of_fake: tuple[Any, Any], name: str
) -> tuple[Array, Array]:
    """Either side less the mean of the other, each with its mask and weights."""
    real, fake = as_floats(real)[0], as_floats(fake)[0]
    if real.ndim != 1 or fake.ndim != 1:
        raise ValueError(
            f"{name}: real has shape {real.shape} and fake {fake.shape}; want one number an example, [B] and [C]. "
            f"Drop a trailing axis of 1 (x[..., 0])."
        )
    mean_real = losses_of(lambda x: x, real, *of_real, "mean", name)
    mean_fake = losses_of(lambda x: x, fake, *of_fake, "mean", name)
    return real - mean_fake, fake - mean_real  # type: ignore[operator]


def _sum_sides(sides: Sides, reduction: Reduction) -> Any:
    return sides if reduction in ("none", "total") else sides.real + sides.fake
