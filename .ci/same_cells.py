"""Fail unless two notebooks hold the same cells: ``python same_cells.py FRESH.ipynb COMMITTED.ipynb`` (- is stdin)."""

import json
import sys


def cells(path: str) -> list[tuple[str, str]]:
    with open(0 if path == "-" else path, encoding="utf-8") as f:
        notebook = json.load(f)
    return [(cell["cell_type"], "".join(cell["source"]).strip()) for cell in notebook["cells"]]


if __name__ == "__main__":
    fresh, committed = sys.argv[1:]
    if cells(fresh) != cells(committed):
        sys.exit(f"{committed} is out of step with its .py: run jupytext --to ipynb on the .py and commit both.")
