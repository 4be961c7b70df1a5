"""What is on offer, read off the modules themselves.

>>> [entry.loss for entry in entries() if entry.name == "bernoulli"]
['As a loss it is binary cross-entropy with logits.']
"""

import inspect
import pkgutil
import re
from typing import Any, NamedTuple

from . import compose, distributions

_OFFERS = ("log_cdf", "icdf", "variance", "mode", "entropy", "kl_divergence", "init", "mle", "expected_log_prob")


class Entry(NamedTuple):
    """One line of the catalogue."""

    name: str
    observation: str
    params: tuple[str, ...]
    summary: str
    loss: str
    offers: tuple[str, ...]


def entries() -> list[Entry]:
    """Every public distribution, then every way to compose them, each by name."""
    modules = [m for _, m in sorted(vars(distributions).items()) if inspect.ismodule(m) and hasattr(m, "log_prob")]
    return [_entry(module) for module in modules] + _combinators()


def _entry(module: Any) -> Entry:
    return Entry(
        name=module.__name__.rsplit(".", 1)[-1],
        observation=module.support.name,
        params=tuple(getattr(module.Params, "_fields", ())),
        summary=_first_line(module),
        loss=_loss(module),
        offers=tuple(name for name in _OFFERS if hasattr(module, name)),
    )


def _combinators() -> list[Entry]:
    found = []
    for info in pkgutil.iter_modules(compose.__path__):
        make = getattr(compose, info.name, None)
        if info.name.startswith("_") or make is None:
            continue
        make = getattr(make, info.name, make) if inspect.ismodule(make) else make
        arguments = tuple(inspect.signature(make).parameters) if callable(make) else ()
        found.append(Entry(f"{info.name}({', '.join(arguments)})", "as its base", (), _first_line(make), "", ()))
    return found


def _first_line(thing: Any) -> str:
    return (inspect.getdoc(thing) or "").partition("\n")[0].rstrip(".")


def _loss(module: Any) -> str:
    text = re.sub(r"\s+", " ", (inspect.getdoc(module) or "").partition(">>>")[0])
    sentences = re.split(r"(?<=\.) (?=[A-Z`])", text)
    return next((s for s in sentences if s.startswith("As a loss")), "")
