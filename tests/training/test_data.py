"""Data: files that cannot be used say why; batches depend on the step alone; text keeps its likelihood."""

import numpy as np
import pytest

from lik_jax.training import data
from lik_jax.training.errors import DataError

ROWS = "\n".join(f"{i},{i * 2},{i % 3}" for i in range(30))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.csv", None, "no such file"),
        ("empty.csv", "", "empty"),
        ("blank.csv", "\n\n", "no rows"),
        ("header.csv", "a,b,c\n", "no rows"),
        ("ragged.csv", ROWS + "\n1,2\n", "line 31: 2 columns, but the lines before have 3"),
        ("words.csv", ROWS + "\n1,two,3\n", "line 31: 'two' is not a number"),
        ("gap.csv", ROWS + "\n1,,3\n", "line 31: '' is not a number"),
        ("nan.csv", ROWS + "\n1,nan,3\n", "row 30"),
        ("few.csv", "1,2\n3,4\n", "too few"),
        ("narrow.csv", "\n".join("1" * 30), "at least one covariate"),
        ("odd.xlsx", "x", "want a .csv, .npy or .npz"),
        ("junk.npy", "not an array", "not a readable .npy"),
        ("junk.npz", "not an archive", "not a readable .npz"),
    ],
)
def test_a_table_that_cannot_be_used(tmp_path, name, content, message):
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    with pytest.raises(DataError, match=message):
        data.read_table(path)


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(DataError, match="is a folder"):
        data.read_table(tmp_path)


def test_arrays_of_the_wrong_kind(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.zeros((30, 2)))
    with pytest.raises(DataError, match="want 'x'"):
        data.read_table(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", x=np.zeros((30, 2)), y=np.zeros(29))
    with pytest.raises(DataError, match="same n"):
        data.read_table(tmp_path / "b.npz")
    np.save(tmp_path / "c.npy", np.array([["a", "b"]] * 30))
    with pytest.raises(DataError, match="want numbers"):
        data.read_table(tmp_path / "c.npy")


def test_the_same_table_from_every_format(tmp_path):
    table = np.array([[float(cell) for cell in row.split(",")] for row in ROWS.split("\n")])
    (tmp_path / "t.csv").write_text("first, second, target\n" + ROWS)
    np.save(tmp_path / "t.npy", table)
    np.savez(tmp_path / "t.npz", x=table[:, :2], y=table[:, 2])
    for name in ("t.csv", "t.npy", "t.npz"):
        read = data.read_table(tmp_path / name)
        np.testing.assert_array_equal(read["x"], table[:, :2])
        np.testing.assert_array_equal(read["y"], table[:, 2])


@pytest.mark.parametrize(
    ("content", "message"), [(b"", "empty"), (b"short", "too few"), (b"\xff" * 3000, "not a UTF-8")]
)
def test_a_text_that_cannot_be_used(tmp_path, content, message):
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(DataError, match=message):
        data.read_text(tmp_path / "a.txt")


def test_every_row_once_an_epoch():
    batches = data.Batches({"x": np.arange(10)}, batch_size=5, seed=0)
    for epoch in range(3):
        rows = np.concatenate([batches.rows(2 * epoch), batches.rows(2 * epoch + 1)])
        assert sorted(rows) == list(range(10))
    assert batches.rows(0).tolist() != batches.rows(2).tolist()
    np.testing.assert_array_equal(batches(4)["x"], batches.rows(4))


def test_fewer_rows_than_a_batch():
    batches = data.Batches({"x": np.arange(3)}, batch_size=5, seed=0)
    assert batches.size == 3
    assert sorted(batches(7)["x"]) == [0, 1, 2]


def test_splits_are_those_of_the_documentation():
    splits = data.by_row({"i": np.arange(1797)})
    assert [len(part["i"]) for part in splits] == [1257, 180, 360]
    assert set(splits.test["i"] % 5) == {0}
    assert set(splits.validation["i"] % 10) == {1}


def test_a_character_not_seen_in_training_is_unknown():
    text = data.encode("abab" * 100 + "c\U0001f600a", 0.9)
    assert text.characters == "ab"
    assert text.tokens[-3:].tolist() == [2, 2, 0]
    assert text.unknown == 0x110000 - 2


def test_the_sine_is_scored_by_its_own_density():
    truth = data.sine_truth(data.sine(0, 200_000)).mean()
    assert abs(truth - data.sine_floor()) < 5e-3
    assert abs(data.sine_floor() + 0.5650) < 1e-4
