from __future__ import annotations

from pathlib import Path

import fsspec
import pytest

from distortion_heads.batch.places import Folder
from distortion_heads.batch.shards import Job, WorkList
from distortion_heads.errors import DataError

FACTS = {"inputs": ["a"], "heads": {"x": "1"}}
LISTS = (
    WorkList(number=0, kind="files", files=(("é.png", None), ("b.png", "no such file"))),
    WorkList(number=1, kind="parquet", source="t.parquet", column="image", start=3, count=4),
)


@pytest.fixture(params=["here", "memory"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Folder:
    if request.param == "here":
        return Folder(str(tmp_path / "out"))
    fsspec.filesystem("memory").store.clear()
    return Folder("memory://bucket/out")


def test_the_first_plan_stays(folder: Folder) -> None:
    assert Job(folder, FACTS).plan(iter(LISTS)) == LISTS
    assert Job(folder, FACTS).plan(iter(())) == LISTS


def test_what_has_a_part_is_not_missing(folder: Folder) -> None:
    job = Job(folder, FACTS)
    job.plan(LISTS)
    assert job.missing(LISTS) == LISTS
    folder.write("part-000000.parquet", b"rows")
    assert job.missing(LISTS) == LISTS[1:]


def test_another_job_or_strange_parts_are_refused(folder: Folder) -> None:
    folder.write("part-000000.parquet", b"rows")
    with pytest.raises(DataError, match="something else"):
        Job(folder, FACTS).plan(LISTS)
    folder.remove("part-000000.parquet")
    Job(folder, FACTS).plan(LISTS)
    with pytest.raises(DataError, match="another heads, most_windows"):
        Job(folder, {**FACTS, "heads": {"x": "2"}, "most_windows": 3}).plan(LISTS)


def test_a_job_that_was_killed_before_its_plan_was_written_begins_anew(folder: Folder) -> None:
    job = Job(folder, FACTS)
    job.plan(LISTS)
    folder.remove("_plan.jsonl")
    assert job.plan(LISTS[1:]) == LISTS[1:]


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"cannot be written.*--out"):
        Job(Folder(str(tmp_path / "file")), FACTS).plan(LISTS)
