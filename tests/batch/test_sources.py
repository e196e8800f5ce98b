from __future__ import annotations

import io
from pathlib import Path

import fsspec
import pytest

from batch.conftest import write_table, write_tar
from distortion_heads.batch.shards import WorkList
from distortion_heads.batch.sources import work_lists
from distortion_heads.errors import DataError


def files(lists: list[WorkList]) -> list[list[str]]:
    return [[path for path, _ in work.files] for work in lists]


def test_files_are_cut_into_lists_across_arguments(pictures: list[Path]) -> None:
    lists = list(work_lists([str(pictures[4]), str(pictures[0].parent)], 4))
    assert [work.number for work in lists] == [0, 1]
    assert files(lists) == [[str(pictures[i]) for i in (4, 0, 1, 2)], [str(pictures[i]) for i in (3, 4)]]


def test_what_leads_to_no_file_is_an_input_with_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"no table")
    names = [str(tmp_path / "gone.png"), str(tmp_path / "empty"), str(broken), str(tmp_path / "gone.txt")]
    names += ["memory://nowhere/*.png", "no_such_protocol://x"]
    found = [item for work in work_lists(names, 10) for item in work.files]
    assert [path for path, _ in found] == names
    assert all(error for _, error in found)


def test_tables_are_planned_by_their_footers(tmp_path: Path) -> None:
    table = write_table(tmp_path / "a.parquet", [{"id": i, "jpg": b"x"} for i in range(7)], group=2)
    lists = list(work_lists([str(table)], 3))
    assert [(work.kind, work.column, work.start, work.count) for work in lists] == [
        ("parquet", "jpg", 0, 4),
        ("parquet", "jpg", 4, 3),
    ]
    assert next(work_lists([str(table)], 3, "id")).column == "id"
    with pytest.raises(DataError, match=r"no column 'picture'.*id, jpg.*--column"):
        list(work_lists([str(table)], 3, "picture"))


def test_a_folder_may_hold_all_kinds(tmp_path: Path, pictures: list[Path]) -> None:
    folder = pictures[0].parent
    (folder / "_temporary.parquet").write_bytes(b"")
    tar = write_tar(folder / "b.tar", {})
    table = write_table(folder / "a.parquet", [{"path": "0.png"}])
    lists = list(work_lists([str(folder)], 10))
    assert [(work.kind, work.source) for work in lists] == [("parquet", str(table)), ("tar", str(tar)), ("files", "")]
    assert files(lists)[2] == [str(path) for path in pictures]
    only = tmp_path / "only"
    only.mkdir()
    write_tar(only / "b.tar", {})
    assert [work.kind for work in work_lists([str(only)], 10)] == ["tar"]
    assert [work.kind for work in work_lists([str(only / "*.tar")], 10)] == ["tar"]


def test_lists_hold_paths_and_urls(tmp_path: Path, pictures: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    lines = f"{pictures[1]}\n\nmemory://pictures/a.png\nmemory://pictures/b.tar\n"
    (tmp_path / "list.txt").write_text(lines)
    found = list(work_lists([str(tmp_path / "list.txt")], 10))
    assert files(found)[0] == [str(pictures[1]), "memory://pictures/a.png"]
    assert [work.kind for work in found] == ["files", "tar"]
    monkeypatch.setattr("sys.stdin", io.StringIO(lines.replace("\n\n", "\n")))
    assert list(work_lists(["-"], 10)) == found


def test_urls_may_be_folders_and_patterns() -> None:
    memory = fsspec.filesystem("memory")
    for name in ("b.png", "a.PNG", "notes.md", ".hidden.png", "more/c.jpg", "more/d.tar"):
        memory.pipe_file(f"/urls/{name}", b"x")
    found = list(work_lists(["memory://urls"], 10))
    assert files(found)[0] == ["memory:///urls/a.PNG", "memory:///urls/b.png", "memory:///urls/more/c.jpg"]
    assert [(work.kind, work.source) for work in found[1:]] == [("tar", "memory:///urls/more/d.tar")]
    assert files(list(work_lists(["memory://urls/*.png"], 10))) == [["memory:///urls/b.png"]]
    assert files(list(work_lists(["memory://urls/b.png"], 10))) == [["memory://urls/b.png"]]
