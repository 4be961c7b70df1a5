"""Checkpoints: Orbax writes them in the background, and a name appears only when its content is complete.

So whenever the process dies, ``kill -9`` included, the newest complete state is there to go on from.
"""

from pathlib import Path
from typing import Any

import jax

from .._extras import load
from .loop import State


class Checkpoints:
    """A folder of states, the two newest kept.

    Args:
        directory: made if it is not there.
    """

    def __init__(self, directory: Path):
        self.directory = Path(directory).absolute()
        self._orbax = load("orbax.checkpoint", "train", "saving checkpoints")
        options = self._orbax.CheckpointManagerOptions(max_to_keep=2, create=True)
        self._manager = self._orbax.CheckpointManager(self.directory, options=options)
        self._newest = self._manager.latest_step()

    def save(self, state: State, wait: bool = False) -> None:
        """Save ``state`` under its step, once; ``wait`` until it is on disk."""
        # of an ensemble, whose members may have stopped apart, the furthest
        step = int(state.step.max())
        if step != self._newest:
            self._manager.save(step, args=self._orbax.args.StandardSave(state))
            self._newest = step
        if wait:
            self._manager.wait_until_finished()

    def latest_step(self) -> int | None:
        """The step of the newest complete state, or None."""
        return self._manager.latest_step()

    def restore(self, like: State) -> State:
        """The newest state.

        Args:
            like: a state of the same structure, shapes and dtypes.

        Raises:
            FileNotFoundError: there is none.
        """
        step = self.latest_step()
        if step is None:
            raise FileNotFoundError(f"no checkpoint in {self.directory}: the run stopped before its first one.")
        abstract: Any = jax.tree.map(self._orbax.utils.to_shape_dtype_struct, like)
        return self._manager.restore(step, args=self._orbax.args.StandardRestore(abstract))

    def close(self) -> None:
        """Finish what is being written."""
        self._manager.wait_until_finished()
        self._manager.close()
