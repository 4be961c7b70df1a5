"""See every law fail once: plant a fault in a copy of the package, run the one law, expect it to fail.

``python tests/mutants [words of a test's name]`` prints a table; its exit status is the number of faults that no test
noticed. Each module beside this one has a list ``MUTANTS``.
"""

import importlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE))

from mutant import Mutant  # noqa: E402

ROOT = HERE.parents[1]
OPTIONS = ("-q", "-p", "no:cacheprovider", "-m", "slow or not slow")


def all_mutants() -> list[Mutant]:
    names = sorted(path.stem for path in HERE.glob("*.py") if path.stem not in ("__main__", "mutant"))
    return [mutant for name in names for mutant in importlib.import_module(name).MUTANTS]


def row(mutant: Mutant) -> str:
    """How the documents list it."""
    return f"| `{mutant.test}` | `{mutant.file}` | {mutant.fault} |"


def survives(mutant: Mutant, copy: pathlib.Path) -> bool:
    """True if the test does not notice."""
    path = copy / "lik_jax" / mutant.file
    before = path.read_text() if mutant.old else ""
    if mutant.old not in before:
        raise ValueError(f"{mutant.file} has no {mutant.old!r} any more: mend tests/mutants/")
    path.write_text(before.replace(mutant.old, mutant.new) if mutant.old else mutant.new)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *OPTIONS, f"tests/{mutant.test}"],
        cwd=copy,
        env=os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    if mutant.old:
        path.write_text(before)
    else:
        path.unlink()
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{mutant.test} did not run:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.returncode == 0


def main() -> int:
    wanted = sys.argv[1:]
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder)
        for name in ("lik_jax", "tests"):
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "README.md"):
            shutil.copy(ROOT / name, copy / name)
        for mutant in all_mutants():
            if wanted and not any(word in mutant.test for word in wanted):
                continue
            alive = survives(mutant, copy)
            missed += alive
            result = "NOT NOTICED" if alive else "failed"
            print(f"{row(mutant)} {result} |", flush=True)
    return missed


if __name__ == "__main__":
    sys.exit(main())
