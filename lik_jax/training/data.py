"""Data sets and batches. No network: scikit-learn's sets, Python's own help text, synthetic data, the user's files.

>>> batches = Batches({"x": np.arange(10.0)}, batch_size=4, seed=0)
>>> batches(0)["x"].shape, bool((batches(7)["x"] == batches(7)["x"]).all())
((4,), True)
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from .._extras import load
from .errors import DataError


class Splits(NamedTuple):
    """Three parts of a data set, each a pytree of arrays with a leading example axis (text: one array of tokens)."""

    train: Any
    validation: Any
    test: Any


@dataclass(frozen=True)
class Batches:
    """The batch of a step, by its number: every epoch is a permutation drawn from the seed and the epoch.

    There is no iterator state to save: the step is all of it.

    Attributes:
        data: a pytree of arrays ``[n, ...]``.
        batch_size: rows a batch; all of them if there are fewer.
        seed: of the permutations.
        take: ``take(data, rows)`` makes the batch, if it is not rows of every array.
        count: how many rows there are to draw from, if it is not the length of the arrays.
    """

    data: Any
    batch_size: int
    seed: int
    take: Callable[[Any, np.ndarray], Any] | None = None
    count: int | None = None

    @property
    def size(self) -> int:
        """Rows in a batch."""
        return min(self.batch_size, self._count)

    @property
    def _count(self) -> int:
        return len(jax.tree.leaves(self.data)[0]) if self.count is None else self.count

    def rows(self, step: int) -> np.ndarray:
        """The row numbers of a step's batch, ``[size]``."""
        count, size = self._count, self.size
        epoch, i = divmod(step, count // size)
        return _permutations(self.seed, count)(epoch)[i * size : (i + 1) * size]

    def __call__(self, step: int) -> Any:
        rows = self.rows(step)
        if self.take is not None:
            return self.take(self.data, rows)
        return jax.tree.map(lambda leaf: leaf[rows], self.data)


@lru_cache(maxsize=64)
def _permutations(seed: int, count: int) -> Callable[[int], np.ndarray]:
    # a memory for each seed: the members of an ensemble must not push one another's order out
    return lru_cache(maxsize=2)(lambda epoch: np.random.default_rng((seed, epoch)).permutation(count))


@dataclass(frozen=True)
class MemberBatches:
    """The batches of an ensemble's step, by its number: one a member, stacked on a leading axis.

    Attributes:
        members: each member's own.
    """

    members: tuple[Batches, ...]

    @property
    def size(self) -> int:
        """Rows in a step, of all members."""
        return sum(batches.size for batches in self.members)

    def rows(self, step: int) -> np.ndarray:
        """The row numbers of a step's batches, ``[k, size of one]``."""
        return np.stack([batches.rows(step) for batches in self.members])

    def __call__(self, step: int) -> Any:
        return jax.tree.map(lambda *leaves: np.stack(leaves), *(batches(step) for batches in self.members))


def in_order(data: Any, batch_size: int) -> list[Any]:
    """``data`` cut into batches in order; the last may be smaller."""
    count = len(jax.tree.leaves(data)[0])
    return [jax.tree.map(lambda leaf: leaf[i : i + batch_size], data) for i in range(0, count, batch_size)]  # noqa: B023


def by_row(data: Any) -> Splits:
    """Rows with ``i % 5 == 0`` for test, ``i % 10 == 1`` for validation, the others for training."""
    i = np.arange(len(jax.tree.leaves(data)[0]))
    test, validation = i % 5 == 0, i % 10 == 1
    parts = [jax.tree.map(lambda leaf: leaf[keep], data) for keep in (~test & ~validation, validation, test)]  # noqa: B023
    return Splits(*parts)


def fingerprint(data: Any) -> str:
    """A hash of the arrays, so that a run is not resumed on other data."""
    digest = hashlib.sha256()
    for leaf in jax.tree.leaves(data):
        digest.update(str((leaf.shape, leaf.dtype)).encode() + np.ascontiguousarray(leaf).tobytes())
    return digest.hexdigest()[:16]


def digits() -> dict[str, np.ndarray]:
    """Scikit-learn's handwritten digits: ``x`` ``[1797, 8, 8]`` whole numbers 0 to 16, ``y`` ``[1797]`` labels."""
    x, y = load("sklearn.datasets", "train", "the digits data set").load_digits(return_X_y=True)
    return {"x": x.reshape(-1, 8, 8).astype(np.float32), "y": y.astype(np.int32)}


def diabetes() -> dict[str, np.ndarray]:
    """Scikit-learn's diabetes: ``x`` ``[442, 10]`` covariates, ``y`` ``[442]`` progression after a year."""
    x, y = load("sklearn.datasets", "train", "the diabetes data set").load_diabetes(return_X_y=True)
    return {"x": x.astype(np.float32), "y": y.astype(np.float32)}


def sine(seed: int, count: int) -> dict[str, np.ndarray]:
    """Heteroscedastic sine: x uniform on [-1, 1], ``y = sin(4 x) + (0.05 + 0.2 |x|) noise``; ``x`` ``[n, 1]``."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, count)
    y = np.sin(4 * x) + (0.05 + 0.2 * np.abs(x)) * rng.normal(size=count)
    return {"x": x[:, None].astype(np.float32), "y": y.astype(np.float32)}


def sine_floor() -> float:
    """The least NLL anyone can reach on `sine`, nats: ``E[log scale(x)] + log(2 pi e) / 2``.

    With ``scale = a + b u``, u uniform on [0, 1], ``E[log scale] = [s log s - s] / b`` from ``a`` to ``a + b``.

    >>> round(sine_floor(), 4)
    -0.565
    """
    a, b = 0.05, 0.2
    log_scale = ((a + b) * np.log(a + b) - a * np.log(a)) / b - 1
    return float(log_scale + 0.5 * np.log(2 * np.pi * np.e))


def sine_truth(data: dict[str, np.ndarray]) -> np.ndarray:
    """NLL of each row of `sine` data under the density it was drawn from, nats: the floor, give or take chance."""
    x, y = data["x"][:, 0].astype(np.float64), data["y"].astype(np.float64)
    scale = 0.05 + 0.2 * np.abs(x)
    return 0.5 * ((y - np.sin(4 * x)) / scale) ** 2 + np.log(scale) + 0.5 * np.log(2 * np.pi)


def help_text() -> str:
    """Python's own help, about half a million characters of English; it differs from one Python version to another."""
    from pydoc_data import topics

    return "\n".join(topics.topics[name] for name in sorted(topics.topics))


class Text(NamedTuple):
    """Characters as tokens.

    ``tokens``: ``[n]`` int32. ``characters``: the vocabulary, by token. Its last token stands for every character
    that is not among them, and ``unknown`` says how many of those there might be: a model pays ``log(unknown)`` nats
    for which one it was.
    """

    tokens: np.ndarray
    characters: str
    unknown: int


def encode(text: str, train_share: float = 0.9) -> Text:
    """Tokens of ``text``; the vocabulary is the characters of its first ``train_share`` and nothing else.

    A character first seen later becomes the unknown token, and costs ``log(1114112 - len(characters))`` nats more:
    Unicode's other characters, none preferred. So a likelihood is of the text itself, and compares with any other.
    """
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    known = np.unique(codes[: int(train_share * len(codes))])
    position = np.minimum(np.searchsorted(known, codes), len(known) - 1)
    tokens = np.where(known[position] == codes, position, len(known)).astype(np.int32)
    return Text(tokens, "".join(map(chr, known)), 0x110000 - len(known))


def read_text(path: Path) -> str:
    """A text file, UTF-8.

    Raises:
        DataError: missing, empty, too short or not UTF-8.
    """
    path = _existing(path)
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: not a UTF-8 text file (byte {error.start}). Convert it, or give another file."
        ) from None
    if len(text) < 2000:
        raise DataError(f"{path}: {len(text)} characters are too few to train on and to hold out; give at least 2000.")
    return text


def read_table(path: Path) -> dict[str, np.ndarray]:
    """Covariates and a target from a file.

    ``.csv``: numbers, comma-separated, a header line or none, the target in the last column. ``.npy``: the same as a
    matrix. ``.npz``: arrays ``x`` ``[n, ...]`` and ``y`` ``[n]``.

    Returns:
        ``x`` ``[n, ...]`` and ``y`` ``[n]``, float32.

    Raises:
        DataError: missing, empty, ragged or not numbers; names the line.
    """
    path = _existing(path)
    if path.suffix == ".csv":
        return _columns(path, _read_csv(path))
    if path.suffix not in (".npy", ".npz"):
        raise DataError(f"{path}: want a .csv, .npy or .npz file.")
    try:
        loaded = np.load(path, allow_pickle=False)
        arrays = dict(loaded) if path.suffix == ".npz" else {"table": loaded}
    except (ValueError, OSError, EOFError) as error:
        raise DataError(f"{path}: not a readable {path.suffix} file of numbers ({error}).") from None
    for name, array in arrays.items():
        if array.dtype.kind not in "biuf":
            raise DataError(f"{path}: array {name!r} has dtype {array.dtype}; want numbers.")
    if path.suffix == ".npy":
        return _columns(path, arrays["table"])
    if not {"x", "y"} <= set(arrays):
        raise DataError(f"{path}: has arrays {sorted(arrays)}; want 'x' [n, ...] and 'y' [n].")
    return _checked(path, arrays["x"], arrays["y"])


def _read_csv(path: Path) -> np.ndarray:
    lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    numbered = [(i, line.split(",")) for i, line in enumerate(lines, 1) if line.strip()]
    if numbered and not any(_is_number(cell) for cell in numbered[0][1]):
        numbered = numbered[1:]
    if not numbered:
        raise DataError(f"{path}: has no rows of numbers.")
    width = len(numbered[0][1])
    rows = []
    for number, cells in numbered:
        if len(cells) != width:
            raise DataError(f"{path}, line {number}: {len(cells)} columns, but the lines before have {width}.")
        wrong = next((cell for cell in cells if not _is_number(cell)), None)
        if wrong is not None:
            raise DataError(f"{path}, line {number}: {wrong.strip()!r} is not a number.")
        rows.append([float(cell) for cell in cells])
    return np.asarray(rows)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _columns(path: Path, table: np.ndarray) -> dict[str, np.ndarray]:
    if table.ndim != 2 or table.shape[1] < 2:
        raise DataError(f"{path}: shape {table.shape}; want rows with at least one covariate and the target last.")
    return _checked(path, table[:, :-1], table[:, -1])


def _checked(path: Path, x: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    if y.ndim != 1 or len(x) != len(y) or x.ndim < 1:
        raise DataError(f"{path}: x has shape {x.shape} and y {y.shape}; want x [n, ...] and y [n] with the same n.")
    if len(y) < 20:
        raise DataError(f"{path}: {len(y)} rows are too few to train on and to hold out; give at least 20.")
    x = x[:, None] if x.ndim == 1 else x
    broken = np.flatnonzero(~(np.isfinite(x.reshape(len(x), -1)).all(1) & np.isfinite(y)))
    if len(broken):
        raise DataError(f"{path}: NaN or infinity in {len(broken)} rows, the first of them row {broken[0]}.")
    return {"x": x.astype(np.float32), "y": y.astype(np.float32)}


def _existing(path: Path) -> Path:
    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path}: {'is a folder' if path.is_dir() else 'no such file'}.")
    if path.stat().st_size == 0:
        raise DataError(f"{path}: the file is empty.")
    return path
