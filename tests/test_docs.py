"""Every example of a docstring and every Python snippet of the documents runs."""

import doctest
import importlib
import inspect
import pathlib
import pkgutil
import re

import jax
import pytest
import reference

import lik_jax

ROOT = pathlib.Path(lik_jax.__file__).parents[1]
DOCUMENTS = sorted(p for p in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")] if "```python" in p.read_text())
OPTIONAL = {"flax", "orbax", "matplotlib", "tyro", "rich", "sklearn", "blackjax"}
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def modules() -> list[str]:
    return ["lik_jax", *(m.name for m in pkgutil.walk_packages(lik_jax.__path__, "lik_jax.") if m.name[-4:] != "main")]


def examples(module) -> list[doctest.DocTest]:
    """The examples of a module, its functions and classes, and of functions that came out of a wrapper."""
    names = vars(module) | {"jax": jax, "jnp": jax.numpy}
    found = {
        t.name: t for t in doctest.DocTestFinder(exclude_empty=True).find(module, module.__name__, globs=dict(names))
    }
    for name, value in vars(module).items():
        plain = inspect.ismodule(value) or inspect.isclass(value) or inspect.isfunction(value)
        if not plain and getattr(value, "__module__", None) == module.__name__ and ">>>" in (value.__doc__ or ""):
            full = f"{module.__name__}.{name}"
            found[full] = doctest.DocTestParser().get_doctest(value.__doc__, dict(names), full, None, 0)
    return [test for test in found.values() if test.examples]


@pytest.mark.parametrize("name", modules())
def test_docstring_examples(name: str):
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and error.name.split(".")[0] in OPTIONAL:
            pytest.skip(f"{error.name} is not installed")
        raise
    runner = doctest.DocTestRunner(optionflags=FLAGS, verbose=False)
    report: list[str] = []
    for test in examples(module):
        runner.run(test, out=report.append, clear_globs=False)
    assert runner.failures == 0, "".join(report)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_snippets_of_documents(path: pathlib.Path, tmp_path, monkeypatch):
    """The snippets of one document run in order, in one namespace; ``>>>`` lines are checked as doctests."""
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "snippet"}
    for code in re.findall(r"```python\n(.*?)```", path.read_text(), re.DOTALL):
        if ">>>" in code:
            test = doctest.DocTestParser().get_doctest(code, names, path.name, str(path), 0)
            report: list[str] = []
            runner = doctest.DocTestRunner(optionflags=FLAGS)
            runner.run(test, out=report.append, clear_globs=False)
            assert runner.failures == 0, "".join(report)
            names |= test.globs
        else:
            exec(compile(code, str(path), "exec"), names)


def test_the_reference_is_that_of_the_code():
    assert reference.PAGE.read_text() == reference.page(), "run python tests/reference.py"
