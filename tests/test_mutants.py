"""The planted faults (`tests/mutants`) still fit the code, and the documents list each of them.

That each is noticed is seen by ``python tests/mutants``, which takes long.
"""

import importlib.util
import pathlib
import re

TESTS = pathlib.Path(__file__).parent
PACKAGE = TESTS.parent / "lik_jax"


def load():
    spec = importlib.util.spec_from_file_location("mutants_main", TESTS / "mutants" / "__main__.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


RUNNER = load()
MUTANTS = RUNNER.all_mutants()


def test_every_fault_can_be_planted_and_has_a_test():
    for mutant in MUTANTS:
        if mutant.old:
            count = (PACKAGE / mutant.file).read_text().count(mutant.old)
            assert count >= 1, f"{mutant.file} has no {mutant.old!r}: {mutant.fault}"
        file, _, name = mutant.test.partition("::")
        text = (TESTS / file).read_text()
        assert re.search(rf"^def {name.partition('[')[0]}\(", text, re.MULTILINE), mutant.test


def test_the_documents_list_every_fault():
    root = TESTS.parent
    text = (root / "CONTRIBUTING.md").read_text() + (root / "docs" / "traps.md").read_text()
    missing = [RUNNER.row(mutant) for mutant in MUTANTS if RUNNER.row(mutant) not in text]
    assert not missing, "\n".join(missing)
