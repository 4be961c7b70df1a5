"""What the methods for numbers have in common."""

import jax.numpy as jnp
from jax.typing import ArrayLike


def check_shapes(name: str, **arrays: ArrayLike) -> None:
    """Raise unless all arrays are vectors of one length."""
    shapes = {word: jnp.shape(x) for word, x in arrays.items()}
    if len(set(shapes.values())) != 1 or any(len(shape) != 1 for shape in shapes.values()):
        given = ", ".join(f"{word} {shape}" for word, shape in shapes.items())
        raise ValueError(
            f"{name}: shapes are {given}; want [n] for each. A broadcast would pair each example with every other: "
            f"drop a trailing axis by x[..., 0]."
        )
