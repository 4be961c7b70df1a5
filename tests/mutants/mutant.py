"""What a planted fault is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """A fault.

    Attributes:
        test: what should fail, as pytest names it, below ``tests/``.
        fault: in words.
        file: below ``lik_jax/``; a new file if ``old`` is empty.
        old, new: what is replaced by what.
    """

    test: str
    fault: str
    file: str
    old: str
    new: str
