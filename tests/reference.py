"""Names beside the distributions, module by module, each with its first sentence: ``python tests/reference.py``."""

import inspect
import operator
import pathlib
import re
from typing import Any

import lik_jax as lj

PAGE = pathlib.Path(__file__).parents[1] / "docs" / "reference.md"
LOOSE = (
    *("elbo", "iwae", "hierarchical_elbo", "reinforce", "vimco", "log_weight", "importance_bound"),
    *("marginal_log_likelihood", "free_bits", "effective_sample_size", "standard_error", "bits_per_dim"),
    *("probability_flow_log_prob", "probability_flow_bound", "probability_flow_field", "transformed"),
)
MODULES = (
    *("annealing", "diffusion", "schedules", "masked_diffusion", "flow_matching", "ode", "bijectors", "dequantization"),
    *("energy", "rbm", "gaussian_rbm", "boltzmann", "ais", "contrastive_divergence", "noise_contrastive"),
    *("score_matching", "mcmc", "joint_energy", "adversarial", "distances", "preference"),
    *("scores", "calibration", "calibration.conformal", "uncertainty", "uncertainty.laplace", "estimation", "plots"),
)

COVERED = {f"lik_jax.{name}" for name in MODULES}


def public(module: Any) -> dict[str, Any]:
    """Functions, classes and documented values of a module, those it takes from beside it left out."""
    named = getattr(module, "__all__", None)
    own = {n: v for n, v in vars(module).items() if getattr(v, "__module__", "").startswith(module.__name__)}
    found = own if named is None else {n: getattr(module, n) for n in named}
    return {n: v for n, v in sorted(found.items()) if not n.startswith("_") and (_plain(v) or _jitted(v))}


def _plain(value: Any) -> bool:
    return inspect.isfunction(value) or inspect.isclass(value)


def _jitted(value: Any) -> bool:
    return callable(value) and inspect.isfunction(getattr(value, "__wrapped__", None))


def modules(package: Any) -> dict[str, Any]:
    """The modules that a package exports as such: ``from . import x as x``."""
    names = re.findall(r"^from \. import (\w+) as \1$", inspect.getsource(package), re.MULTILINE)
    inner = {name: getattr(package, name) for name in names if f"{package.__name__}.{name}" not in COVERED}
    return {n: v for n, v in inner.items() if inspect.ismodule(v)}


def first_sentence(thing: Any) -> str:
    text = re.sub(r"\s+", " ", (inspect.getdoc(thing) or "").partition("\n\n")[0])
    return re.split(r"(?<=[\w)`])\. ", text)[0].rstrip(".").replace("``", "`")


def page() -> str:
    """The document."""
    lines = [
        "# Names beside the distributions",
        "",
        "What `lik_jax` (as `lj`) offers beside distributions (`docs/catalogue.md`); `help(lj.NAME)` has the rest.",
        "Written by `python tests/reference.py`.",
        "",
        "## In `lj` itself",
        "",
    ]
    lines += [f"- `{name}`: {first_sentence(getattr(lj, name))}" for name in LOOSE]
    for name in MODULES:
        module = operator.attrgetter(name)(lj)
        lines += ["", f"## `lj.{name}`", "", f"{first_sentence(module)}.", ""]
        lines += [f"- `{n}`: {first_sentence(v)}" for n, v in (modules(module) | public(module)).items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
