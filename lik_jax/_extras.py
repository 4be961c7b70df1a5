"""Optional dependencies: loaded when used, with a message that says which extra to install."""

import importlib
from typing import Any


def load(name: str, extra: str, why: str) -> Any:
    """Import the optional module ``name``.

    Args:
        name: the module, dots included.
        extra: the extra of lik-jax that brings it: "train", "plot", "cli".
        why: what it is needed for, as the message says it.

    Raises:
        ModuleNotFoundError: it is not installed; the message says what to type.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        root = name.partition(".")[0]
        if error.name is not None and error.name.partition(".")[0] != root:
            raise
        raise ModuleNotFoundError(
            f"{why} needs {root}, which is not installed. Install it with:  pip install 'lik-jax[{extra}]'",
            name=error.name,
        ) from None
