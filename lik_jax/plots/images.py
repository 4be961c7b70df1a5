"""Many small pictures in one."""

from typing import Any

import numpy as np
from jax.typing import ArrayLike


def image_grid(ax: Any, images: ArrayLike, *, columns: int = 10, high: float = 1.0) -> Any:
    """Grey images side by side, row after row.

    Args:
        ax: a Matplotlib axis.
        images: ``[n, height, width]``.
        columns: images a row.
        high: the value drawn white; 0 is black.

    Returns:
        The axis.
    """
    images = np.asarray(images, np.float32)
    n, height, width = images.shape
    rows = -(-n // columns)
    canvas = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1), np.nan, np.float32)
    for i, image in enumerate(images):
        top, left = (i // columns) * (height + 1), (i % columns) * (width + 1)
        canvas[top : top + height, left : left + width] = image
    ax.imshow(canvas, cmap="gray", vmin=0, vmax=high, interpolation="nearest")
    ax.set_axis_off()
    return ax
