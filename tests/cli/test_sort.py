"""`dheads sort`, and answers as Parquet."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from helpers.command_line import Dheads, write_picture
from helpers.contracts import assert_valid

HEADS = ("--heads", "always,never_here")


@pytest.fixture(autouse=True)
def _heads(own_heads: tuple[str, str]) -> None:
    pass


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed, name in enumerate(("a.png", "day/a.png", "day/b.png")):
        write_picture(tmp_path / "in" / name, seed)
    return tmp_path / "in"


def names(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*.png")}


def test_without_yes_nothing_is_done(dheads: Dheads, folder: Path, tmp_path: Path) -> None:
    told = dheads("sort", folder, "--into", tmp_path / "out", "--move", "--if", "always>=0", *HEADS)
    assert (told.code, len(told.lines)) == (0, 3)
    assert f"{folder / 'day' / 'b.png'} -> {tmp_path / 'out' / 'day' / 'b.png'}  always 0." in told.out
    assert "summary: 3 of 3 pictures (100.0%)" in told.err
    assert "nothing was done: --yes would move them" in told.err
    assert not (tmp_path / "out").exists()
    assert len(names(folder)) == 3


@pytest.mark.parametrize("action", ["--copy", "--move", "--link"])
def test_what_was_sorted_out_can_be_taken_back(dheads: Dheads, folder: Path, tmp_path: Path, action: str) -> None:
    done = dheads("sort", folder, "--into", tmp_path / "out", action, "--if", "always>=0", *HEADS, "--yes")
    assert done.code == 0
    assert names(tmp_path / "out") == {"a.png", "day/a.png", "day/b.png"}
    assert len(names(folder)) == (0 if action == "--move" else 3)
    [undo] = (tmp_path / "out").glob("*.jsonl")
    assert str(undo) in done.err
    for line in undo.read_text(encoding="utf-8").splitlines():
        assert_valid("sort", json.loads(line))
    back = dheads("sort", "--undo", undo)
    assert (back.code, back.err) == (0, "dheads: summary: 3 taken back\n")
    assert len(names(folder)) == 3
    assert list((tmp_path / "out").iterdir()) == []


def test_pictures_for_which_nothing_holds_stay(dheads: Dheads, folder: Path, tmp_path: Path) -> None:
    done = dheads("sort", folder, "--into", tmp_path / "out", "--copy", "--if", "even>=1", *HEADS, "--yes")
    assert (done.code, done.out) == (0, "")
    assert "summary: 0 of 3 pictures (0.0%)" in done.err
    assert not (tmp_path / "out").exists()


def test_all_go_into_folders_of_families(dheads: Dheads, folder: Path, tmp_path: Path) -> None:
    out = folder / "sorted"  # inside: what lies there is not sorted again
    for _ in range(2):
        done = dheads("sort", folder, "--into", out, "--copy", "--by-family", *HEADS, "--yes")
        assert done.code == 0
    assert {name.partition("/")[0] for name in names(out)} == {"odd"}
    assert {"odd/a.png", "odd/a-2.png"} <= names(out)
    assert len(names(out)) == 6


def test_a_broken_picture_is_said_and_stays(dheads: Dheads, folder: Path, tmp_path: Path) -> None:
    (folder / "broken.png").write_bytes(b"no picture")
    done = dheads("sort", folder, "--into", tmp_path / "out", "--copy", "--if", "always>=0", *HEADS)
    assert done.code == 1
    assert len(done.lines) == 3
    assert "error: " in done.err
    assert "broken.png" in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give PATH..., --into DIR, and one of"),
        (("in", "--into", "out", "--copy"), "give --if COND, or --by-family"),
        (("in", "--into", "out", "--copy", "--if", "blurr>0.5"), "--if: no head or family is called 'blurr'"),
        (("in", "--into", "out", "--copy", "--if", "blur"), "--if: condition 'blur' is not like"),
        (("in", "--undo", "file"), "--undo FILE stands alone"),
    ],
)
def test_wrong_usage_is_one_line(dheads: Dheads, arguments: tuple[str, ...], message: str) -> None:
    done = dheads("sort", *arguments)
    assert done.code == 2
    assert message in done.error


def test_answers_as_parquet_are_those_of_the_long_csv(dheads: Dheads, folder: Path, tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow.parquet")
    (folder / "broken.png").write_bytes(b"no picture")
    arguments = ("--csv-long", tmp_path / "a.csv", "--parquet", tmp_path / "a.parquet")
    dheads("predict", folder, *HEADS, *arguments)
    table = pyarrow.read_table(tmp_path / "a.parquet")
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert ",".join(table.column_names) == lines[0]
    rows = table.to_pylist()
    assert len(rows) == len(lines) - 1
    for row, line in zip(rows, lines[1:], strict=True):
        path, label, _, probability, _, present, *_ = line.split(",")
        assert (row["path"], row["label"] or "") == (path, label)
        assert row["probability"] == (float(probability) if probability else None)
        assert row["present"] == ({"true": True, "false": False}[present] if present else None)
    assert any(row["error"] for row in rows)


def test_parquet_spares_pictures(dheads: Dheads, folder: Path) -> None:
    done = dheads("predict", folder, "--parquet", folder / "a.png")
    assert done.code == 2
    assert "--parquet" in done.error
