"""Points in the plane over a density that is known."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike


def points_over_density(
    ax: Any, log_prob: Callable[[Array], Array], points: ArrayLike, *, low: float, high: float, most: int = 2000
) -> Any:
    """Points over shades of a density.

    Args:
        ax: a Matplotlib axis.
        log_prob: log-density, ``[n, 2]`` to ``[n]``.
        points: ``[n, 2]``.
        low: lower end of both axes.
        high: upper end.
        most: points drawn, the first of them.

    Returns:
        The axis.
    """
    grid = np.linspace(low, high, 200, dtype=np.float32)
    plane = np.stack(np.meshgrid(grid, grid), -1)
    density = np.exp(np.asarray(log_prob(jnp.asarray(plane.reshape(-1, 2))))).reshape(plane.shape[:2])
    ax.imshow(density, extent=(low, high, low, high), origin="lower", cmap="Blues", vmax=1.5 * density.max())
    shown = np.asarray(points)[:most]
    ax.plot(shown[:, 0], shown[:, 1], ".", color="tab:orange", markersize=2, alpha=0.5)
    ax.set_xlim(low, high)
    ax.set_ylim(low, high)
    ax.set_aspect("equal")
    return ax
