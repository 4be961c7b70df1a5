"""Metrics as JSON lines: one record a line, written at once, readable while the run goes on."""

import json
import math
from pathlib import Path
from typing import Any


def append(path: Path, record: dict[str, Any]) -> None:
    """Add one record at the end; numbers that are not finite become null, which JSON has."""
    clean = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in record.items()}
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(json.dumps(clean) + "\n")


def read(path: Path) -> list[dict[str, Any]]:
    """Every complete record; a last line cut short by a crash is left out."""
    records = []
    text = Path(path).read_text(encoding="utf-8") if Path(path).exists() else ""
    for line in text.splitlines():
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return records


def rewind(path: Path, step: int) -> None:
    """Drop what was recorded after ``step``: a resumed run will record it again."""
    kept = [record for record in read(path) if record["step"] <= step]
    temporary = Path(path).with_suffix(".tmp")
    temporary.write_text("".join(json.dumps(record) + "\n" for record in kept), encoding="utf-8")
    temporary.replace(path)
