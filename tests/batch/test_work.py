from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from batch.conftest import write_table
from distortion_heads.batch.deaths import AT_ONE_PICTURE, IN_A_ROW, Deaths
from distortion_heads.batch.places import Folder
from distortion_heads.batch.shards import WorkList
from distortion_heads.batch.sources import work_lists
from distortion_heads.batch.work import Model, Worker, model_of, place_mark
from distortion_heads.errors import WorkerDiedError
from distortion_heads.pipeline import Predictor
from distortion_heads.registry.attached import load_registry
from distortion_heads.reports.pictures import prediction_to_dict


@pytest.fixture
def model() -> Model:
    registry = load_registry(no_plugins=True)
    return model_of(Predictor(["white_noise", "blur", "quality"], registry=registry, threads=1), registry, None)


def rows(folder: Folder, work: WorkList) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(io.BytesIO(folder.read(work.part))).to_pylist()
    return found


def test_a_part_holds_a_row_per_input_with_what_predict_says(
    model: Model, tmp_path: Path, pictures: list[Path]
) -> None:
    table = write_table(tmp_path / "t.parquet", [{"bytes": pictures[3].read_bytes()}, {"bytes": b"no picture"}])
    folder = Folder(str(tmp_path / "out"))
    first, second = work_lists([str(pictures[2]), str(tmp_path / "gone.png"), str(table)], 9)
    worker = Worker(model, folder)
    done = [worker.run(work) for work in (first, second)]
    assert [(part.rows, part.errors) for part in done] == [(2, 1), (2, 1)]
    good, gone = rows(folder, first)
    from_bytes, broken = rows(folder, second)
    assert (gone["path"], gone["error"], gone["heads"]) == (str(tmp_path / "gone.png"), "no such file or folder", None)
    assert broken["error"].startswith("not an image")
    predictor = Predictor(["white_noise", "blur", "quality"], threads=1)
    assert list(model.heads) == [head.label for head in (*predictor.heads, *predictor.quality_heads)]
    for row, path in ((good, pictures[2]), (from_bytes, pictures[3])):
        want = prediction_to_dict(predictor.predict(path))
        assert (row["error"], row["width"], row["families"]) == (None, want["width"], want["families"])
        assert row["qualities"] == [want["quality"]]
        assert [head | {"scope": None} for head in row["heads"]] == [head | {"scope": None} for head in want["heads"]]
    assert (good["path"], from_bytes["path"]) == (str(pictures[2]), f"{table}#0")
    assert [(row["part"], row["row"]) for row in (good, gone, from_bytes, broken)] == [(0, 0), (0, 1), (1, 0), (1, 1)]


def test_the_same_list_gives_the_same_bytes_with_care_too(model: Model, tmp_path: Path, pictures: list[Path]) -> None:
    folder = Folder(str(tmp_path / "out"))
    (work,) = work_lists([str(pictures[0].parent)], 9)
    worker = Worker(model, folder)
    worker.run(work)
    before = folder.read(work.part)
    worker.run(work, careful=True)
    assert folder.read(work.part) == before
    assert folder.names() == {work.part}
    assert worker.run(work, (3,)).errors == 1
    assert [row["error"] is None for row in rows(folder, work)] == [True, True, True, False, True]


def test_a_picture_that_kills_is_given_up_and_no_other(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    work, other = (WorkList(number=number, kind="tar", source="t.tar") for number in (4, 5))
    deaths = Deaths(folder)
    assert not deaths.careful(work)
    deaths.add(work)
    assert deaths.careful(work)
    assert not deaths.careful(other)
    for picture in (7, 2, *[7] * (AT_ONE_PICTURE - 1)):
        assert deaths.skip(work) == ()
        folder.write(place_mark(work), b"%d" % picture)
        deaths.add(work)
    assert (deaths.skip(work), deaths.skip(other)) == ((7,), ())


def test_deaths_that_lead_nowhere_end_the_job(tmp_path: Path) -> None:
    deaths = Deaths(Folder(str(tmp_path)))
    for _ in range(IN_A_ROW - 1):
        deaths.add(None)
    deaths.finished()
    for _ in range(IN_A_ROW - 1):
        deaths.add(None)
    with pytest.raises(WorkerDiedError, match="--jobs"):
        deaths.add(None)
