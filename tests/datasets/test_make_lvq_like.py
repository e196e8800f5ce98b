"""A dataset in the layout of LVQ, made from clean pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.make_lvq_like import KINDS, Shape, choose_references, filmed, make_lvq_like
from distortion_heads.datasets.load import load_corpus
from distortion_heads.errors import DataError
from helpers.little_pictures import save, scene

SHAPE = Shape(references=2, seconds=0.4, rate=10.0, width=64, height=36)


@pytest.fixture(scope="module")
def wild(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wild")
    lines = ["file,group,scene,labels"]
    for number, (group, place, labels) in enumerate(
        [("surgery", "A", "clean"), ("surgery", "A", "smoke"), ("surgery", "B", "clean"), ("surgery", "A", "clean"),
         ("camera", "C", "clean")]
    ):  # fmt: skip
        save(folder / f"{number}.png", scene(number, 96))
        lines.append(f"{number}.png,{group},{place},{labels}")
    (folder / "manifest.csv").write_text("\n".join(lines))
    return folder


def test_references_are_clean_ones_of_the_group_one_scene_after_the_other(wild: Path) -> None:
    found = choose_references(wild, "surgery", Shape(references=3))
    assert [(one.name, one.picture.name) for one in found] == [("1a", "0.png"), ("2a", "2.png"), ("1b", "3.png")]
    with pytest.raises(DataError, match="1 clean pictures of the group camera, 2 are wanted"):
        choose_references(wild, "camera", Shape(references=2))
    with pytest.raises(DataError, match="no folder of pictures with a manifest"):
        choose_references(wild / "nothing", "camera", SHAPE)


def test_the_camera_moves_over_the_picture(wild: Path) -> None:
    (reference, _) = choose_references(wild, "surgery", SHAPE)
    times, frames = zip(*filmed(reference, SHAPE), strict=True)
    assert times == pytest.approx([0, 0.1, 0.2, 0.3])
    assert {frame.shape for frame in frames} == {(36, 64, 3)}
    assert np.abs(frames[0].astype(int) - frames[-1]).max() > 5


def test_it_is_read_as_lvq_with_its_labels_and_operations_as_scenes(wild: Path, tmp_path: Path) -> None:
    references = choose_references(wild, "surgery", SHAPE)[:1]
    assert make_lvq_like(references, tmp_path, SHAPE) == 1 + 10 * 4
    corpus = load_corpus(tmp_path)
    assert corpus.name == "lvq"
    assert {record.scene for record in corpus.records} == {"1"}
    assert sum(record.clean for record in corpus.records) == 1
    found = {(record.path.parent.name, frozenset(record.severities)) for record in corpus.records if not record.clean}
    assert found == {(kind, frozenset(labels)) for kind, labels in KINDS.items()}
    assert {record.level for record in corpus.records if not record.clean} == {1, 2, 3, 4}
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.mp4")}
    make_lvq_like(references, tmp_path, SHAPE)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.mp4")} == before
