"""Files that are put elsewhere: never over another, and back again."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from pathlib import Path

import pytest

from distortion_heads.errors import DheadsError
from distortion_heads.io.place_files import ACTIONS, Action, carry_out, plan, take_back

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="symbolic links")


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    for name in ("a.txt", "b/a.txt", "b/c.txt"):
        (tmp_path / "from" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "from" / name).write_text(name)
    return [tmp_path / "from" / name for name in ("a.txt", "b/a.txt", "b/c.txt")]


def contents(folder: Path) -> dict[str, str]:
    return {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*.txt")}


def test_a_name_that_is_taken_gets_a_number(files: list[Path], tmp_path: Path) -> None:
    (tmp_path / "into").mkdir()
    (tmp_path / "into" / "c.txt").write_text("mine")
    placed = plan([(file, Path(file.name)) for file in files], tmp_path / "into")
    assert [placing.target.name for placing in placed] == ["a.txt", "a-2.txt", "c-2.txt"]


@pytest.mark.parametrize("action", ACTIONS)
def test_all_is_as_before_once_it_is_undone(files: list[Path], tmp_path: Path, action: Action) -> None:
    before, into = contents(tmp_path / "from"), tmp_path / "into"
    placed = plan([(file, file.relative_to(tmp_path / "from")) for file in files], into)
    carry_out(placed, action, into / "undo.jsonl")
    assert contents(into) == before
    assert contents(tmp_path / "from") == ({} if action == "move" else before)
    assert all(placing.target.is_symlink() == (action == "link") for placing in placed)
    assert [why for _, why in take_back(into / "undo.jsonl")] == [None] * 3
    assert contents(tmp_path / "from") == before
    assert list(into.iterdir()) == []


def test_nothing_is_overwritten_even_where_a_file_comes_in_between(files: list[Path], tmp_path: Path) -> None:
    for action in ACTIONS:
        into = tmp_path / action
        placed = plan([(file, Path(file.name)) for file in files], into)
        placed[1].target.parent.mkdir()
        placed[1].target.write_text("came in between")
        with pytest.raises(DheadsError, match="undo the 1 before it"):
            carry_out(placed, action, into / "undo.jsonl")
        assert placed[1].target.read_text() == "came in between"
        reasons = dict(take_back(into / "undo.jsonl"))
        assert reasons[placed[0].target] is None
        assert reasons[placed[1].target] is not None
        assert contents(into) == {placed[1].target.name: "came in between"}
    assert len(contents(tmp_path / "from")) == 3


def test_what_was_changed_since_is_not_taken_back(files: list[Path], tmp_path: Path) -> None:
    into = tmp_path / "into"
    placed = plan([(file, Path(file.name)) for file in files[:2]], into)
    carry_out(placed, "copy", into / "undo.jsonl")
    placed[0].target.write_text("worked on")
    files[1].unlink()  # the copy is the last one
    assert all(why is not None for _, why in take_back(into / "undo.jsonl"))
    assert contents(into) == {"a.txt": "worked on", "a-2.txt": "b/a.txt"}
    carry_out(plan([(files[2], Path("c.txt"))], into), "move", into / "second.jsonl")
    files[2].write_text("a new one")
    [(_, why)] = take_back(into / "second.jsonl")
    assert why == f"{files[2]} exists again"
    assert (files[2].read_text(), (into / "c.txt").read_text()) == ("a new one", "b/c.txt")


def test_files_move_to_another_disk(files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def another_disk(*_: object, **__: object) -> None:
        raise OSError(errno.EXDEV, "another disk")

    monkeypatch.setattr(os, "link", another_disk)
    placed = plan([(files[0], Path("a.txt"))], tmp_path / "into")
    carry_out(placed, "move", tmp_path / "into" / "undo.jsonl")
    assert (placed[0].target.read_text(), files[0].exists()) == ("a.txt", False)


def test_a_move_that_was_killed_between_its_two_steps_is_ended(files: list[Path], tmp_path: Path) -> None:
    into, wanted = tmp_path / "into", [(files[0], Path("a.txt"))]
    into.mkdir()
    os.link(files[0], into / "a.txt")
    assert plan(wanted, into)[0].target.name == "a-2.txt"
    placed = plan(wanted, into, moved=True)
    carry_out(placed, "move", into / "undo.jsonl")
    assert (contents(into), files[0].exists()) == ({"a.txt": "a.txt"}, False)
    os.link(into / "a.txt", files[0])
    assert [why for _, why in take_back(into / "undo.jsonl")] == [None]
    assert (contents(into), files[0].read_text()) == ({}, "a.txt")


def test_a_copy_has_its_name_only_once_it_is_whole(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def torn(reader: object, writer: object, size: int) -> None:
        seen.extend(file.name for file in (tmp_path / "into").iterdir())
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(shutil, "copyfileobj", torn)
    long = Path("x" * 200 + ".txt")
    with pytest.raises(DheadsError, match="no space"):
        carry_out(plan([(files[0], long)], tmp_path / "into"), "copy", tmp_path / "into" / "undo.jsonl")
    assert long.name not in seen
    assert [name for name in seen if name.endswith(".tmp")]
    assert [file.name for file in (tmp_path / "into").iterdir()] == ["undo.jsonl"]


@pytest.mark.parametrize(
    "text",
    ["", "{}", '{"schema": "dheads-sort/1", "action": "burn"}\n',
     '{"schema": "dheads-sort/1", "action": "copy"}\n{"source": "/a", "target": "/etc/passwd"}\n'],
)  # fmt: skip
def test_other_files_undo_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "undo.jsonl").write_text(text)
    with pytest.raises(DheadsError, match="is no file that `dheads sort` wrote there"):
        list(take_back(tmp_path / "undo.jsonl"))
    with pytest.raises(DheadsError, match="cannot be read"):
        list(take_back(tmp_path / "missing.jsonl"))
