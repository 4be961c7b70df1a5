"""What is on offer, read off the modules themselves.

>>> [entry.loss for entry in entries() if entry.name == "bernoulli"]
['As a loss it is binary cross-entropy with logits.']
"""

import inspect
import re
from typing import Any, NamedTuple

from . import compose, distributions

_OFFERS = ("log_cdf", "icdf", "variance", "mode", "entropy", "kl_divergence", "init", "mle", "expected_log_prob")


class Entry(NamedTuple):
    """One line of the catalogue; a way to compose distributions has its arguments as ``params``, and no offers."""

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
        summary=_first_sentence(module),
        loss=_loss(module),
        offers=tuple(name for name in _OFFERS if hasattr(module, name)),
    )


def _combinators() -> list[Entry]:
    public = [(n, f) for n, f in sorted(vars(compose).items()) if n.islower() and not n.startswith("_")]
    makers = [(n, f) for n, f in public if inspect.isfunction(f) or hasattr(f, "log_prob")]
    return [Entry(n, "", tuple(inspect.signature(f).parameters), _first_sentence(f), "", ()) for n, f in makers]


def _first_sentence(thing: Any) -> str:
    paragraph = re.sub(r"\s+", " ", (inspect.getdoc(thing) or "").partition("\n\n")[0])
    return re.split(r"(?<=\w\w)\. ", paragraph)[0].rstrip(".").replace("``", "")


def _loss(module: Any) -> str:
    text = re.sub(r"\s+", " ", (inspect.getdoc(module) or "").partition(">>>")[0])
    sentences = re.split(r"(?<=\.) (?=[A-Z`])", text)
    return next((s.replace("``", "") for s in sentences if s.startswith("As a loss")), "")
