from __future__ import annotations

from pathlib import Path
from typing import Any

import fsspec
import pytest

from batch.conftest import write_table, write_tar
from distortion_heads.batch.pictures import pictures_of
from distortion_heads.batch.shards import WorkList
from distortion_heads.batch.sources import work_lists
from distortion_heads.errors import InputError
from distortion_heads.io.images import load_image


def found(*arguments: str, size: int = 100) -> list[tuple[str, Any]]:
    return [item for work in work_lists(arguments, size) for item in pictures_of(work)]


def failure(source: Any) -> str:
    with pytest.raises(InputError) as caught:
        load_image(source)
    return str(caught.value)


@pytest.mark.parametrize("group", [1, 7, 16, 33, 100])
@pytest.mark.parametrize("size", [1, 10, 100])
def test_rows_are_read_once_whatever_the_row_groups(tmp_path: Path, group: int, size: int) -> None:
    table = write_table(tmp_path / "t.parquet", [{"bytes": b"%d" % i} for i in range(70)], group=group)
    assert found(str(table), size=size) == [(f"{table}#{i}", b"%d" % i) for i in range(70)]


@pytest.mark.parametrize(("start", "count"), [(0, 70), (0, 1), (5, 20), (16, 16), (33, 37), (69, 1)])
def test_any_range_of_rows_can_be_read(tmp_path: Path, start: int, count: int) -> None:
    table = write_table(tmp_path / "t.parquet", [{"bytes": b"%d" % i} for i in range(70)], group=33)
    work = WorkList(number=0, kind="parquet", source=str(table), column="bytes", start=start, count=count)
    wanted = [(f"{table}#{i}", b"%d" % i) for i in range(start, start + count)]
    assert list(pictures_of(work)) == wanted


def test_rows_may_hold_pictures_paths_and_both(tmp_path: Path, pictures: list[Path]) -> None:
    data = pictures[0].read_bytes()
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/rows/x.png", data)
    rows = [
        {"image": {"bytes": data, "path": "name.png"}},
        {"image": {"bytes": data, "path": None}},
        {"image": {"bytes": None, "path": str(pictures[1])}},
        {"image": None},
    ]
    table = write_table(tmp_path / "images.parquet", rows)
    names, sources = zip(*found(str(table)), strict=True)
    assert names == (f"{table}#name.png", f"{table}#1", str(pictures[1]), f"{table}#3")
    assert sources[:3] == (data, data, str(pictures[1]))
    assert "no picture" in failure(sources[3])
    paths = write_table(tmp_path / "p.parquet", [{"path": "pictures/2.png"}, {"path": "memory://rows/x.png"}])
    assert found(str(paths)) == [(f"{tmp_path}/pictures/2.png",) * 2, ("memory://rows/x.png", data)]


def test_urls_are_read_several_at_once_and_fail_alone(pictures: list[Path]) -> None:
    memory = fsspec.filesystem("memory")
    for i in range(40):
        memory.pipe_file(f"/many/{i:02d}.png", b"%d" % i)
    names = [f"memory://many/{i:02d}.png" for i in range(40)]
    answers = found(*names[:20], "memory://many/gone.png", str(pictures[0]), *names[20:])
    assert [name for name, _ in answers] == [*names[:20], "memory://many/gone.png", str(pictures[0]), *names[20:]]
    assert "cannot be read" in failure(answers[20][1])
    assert [data for name, data in answers if name in names] == [b"%d" % i for i in range(40)]


def test_tars_give_their_pictures_and_say_where_they_break_off(tmp_path: Path, pictures: list[Path]) -> None:
    members = {"a.png": pictures[0].read_bytes(), "a.json": b"{}", "sub/b.PNG": pictures[1].read_bytes()}
    tar = write_tar(tmp_path / "t.tar", members)
    assert found(str(tar)) == [(f"{tar}#a.png", members["a.png"]), (f"{tar}#sub/b.PNG", members["sub/b.PNG"])]
    tar.write_bytes(tar.read_bytes()[: 512 + len(members["a.png"]) // 2])
    ((name, source),) = found(str(tar))
    assert name == str(tar)
    assert "cannot be read to its end" in failure(source)


def test_a_table_that_is_gone_meanwhile_gives_a_row_for_each_of_its_rows(tmp_path: Path) -> None:
    table = write_table(tmp_path / "t.parquet", [{"bytes": b"x"}] * 5)
    lists = list(work_lists([str(table)], 3))
    table.unlink()
    answers = [item for work in lists for item in pictures_of(work)]
    assert [name for name, _ in answers] == [f"{table}#{i}" for i in range(5)]
    assert all("cannot be read" in failure(source) for _, source in answers)
