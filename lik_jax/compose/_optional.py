"""Methods that a composed distribution has only if its base has what they need."""

from collections.abc import Callable
from typing import Any, TypeVar

from ..distribution import name_of

Method = TypeVar("Method", bound=Callable[..., Any])


class _Optional:
    """A method that is an attribute of an instance only where ``lacks(instance)`` is empty."""

    def __init__(self, method: Callable[..., Any], lacks: Callable[[Any], str]):
        self.method, self.lacks, self.__doc__ = method, lacks, method.__doc__

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self.method
        lack = self.lacks(instance)
        if lack:
            raise AttributeError(f"{instance!r} has no {self.method.__name__}: {lack}.", name=self.method.__name__)
        return self.method.__get__(instance, owner)


def offered_unless(lacks: Callable[[Any], str]) -> Callable[[Method], Method]:
    """Offer a method of a distribution unless ``lacks(distribution)`` says, in words, why not."""
    return lambda method: _Optional(method, lacks)  # type: ignore[return-value]


def needs(*names: str) -> Callable[[Method], Method]:
    """Offer a method only where ``self.base`` has every one of ``names``, so that `hasattr` tells the truth."""

    def lacks(distribution: Any) -> str:
        missing = [name for name in names if not hasattr(distribution.base, name)]
        return f"{name_of(distribution.base)} has no {', '.join(missing)}" if missing else ""

    return offered_unless(lacks)
