"""What `import lik_jax` costs, and what it shows."""

import inspect
import json
import subprocess
import sys

import lik_jax as lj


def modules_after(statement: str) -> set[str]:
    code = f"import sys, json; {statement}; print(json.dumps(sorted({{m.split('.')[0] for m in sys.modules}})))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(out.stdout.splitlines()[-1]))


def test_import_loads_no_framework():
    extra = modules_after("import lik_jax") - modules_after("import jax, jax.numpy, jax.scipy.special, optax")
    heavy = {
        "flax",
        "orbax",
        "matplotlib",
        "tyro",
        "rich",
        "sklearn",
        "scipy",
        "pandas",
        "torch",
        "numpyro",
        "equinox",
        "diffrax",
    }
    assert not extra & heavy, extra & heavy


def test_everything_public_is_documented():
    for name in dir(lj):
        value = getattr(lj, name)
        if name.startswith("_") or not getattr(value, "__module__", getattr(value, "__name__", "")).startswith(
            "lik_jax"
        ):
            continue
        assert inspect.getdoc(value), name


def test_every_distribution_is_exported():
    for name, value in vars(lj.distributions).items():
        if inspect.ismodule(value) and not name.startswith("_"):
            assert getattr(lj, name) is value, name
