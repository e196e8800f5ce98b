"""The leaks of the code of Ameur et al. 2022, whose split lists are given here in miniature.

Its lists are pickled rows of a file's name and three labels, of the distorted pictures of three types alone, drawn
whatever the scene.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from distortion_heads.datasets.audit.audit import audit_corpus
from distortion_heads.datasets.load import load_corpus
from helpers import corpora_layouts

LABELS = ("gaussian_blur", "jpeg", "white_noise")
SETS: dict[str, Callable[[Path], Path]] = {
    "kadid10k": lambda root: corpora_layouts.kadid(root, scenes=3, types=(1, 10, 11)),
    "tid2013": corpora_layouts.tid,
    "csiq": corpora_layouts.csiq,
}


def write_lists(dataset: Path, folder: Path, *, by_scene: bool) -> list[Path]:
    records = [record for record in load_corpus(dataset).records if {*record.severities} & {*LABELS}]
    first = records[0].scene
    files = []
    for part in ("train", "test"):
        taken = [
            record
            for place, record in enumerate(records)
            if (record.scene == first if by_scene else place % 5 == 0) == (part == "test")
        ]
        rows = [[record.path.name, *(int(label in record.severities) for label in LABELS)] for record in taken]
        files.append(folder / f"{part}_list.pkl")
        files[-1].write_bytes(pickle.dumps(rows))
    return files


@pytest.mark.parametrize("kind", sorted(SETS))
def test_shared_scenes_and_the_lack_of_clean_pictures_are_found(tmp_path: Path, kind: str) -> None:
    dataset = SETS[kind](tmp_path / "data")
    lists = write_lists(dataset, tmp_path, by_scene=False)
    report = audit_corpus(load_corpus(dataset), splits=lists)
    wrong = {(finding.check, finding.message.split(":")[0]): finding for finding in report.findings}
    shared = wrong["shared scenes", "scenes of test_list that are also in train_list"]
    assert (shared.grade, shared.count) == ("wrong", shared.total)
    for part in ("train_list", "test_list"):
        clean = wrong["clean pictures", f"no clean picture in {part}"]
        assert (clean.grade, clean.count) == ("wrong", clean.total)
    assert not report.sound


def test_lists_by_scene_share_none(tmp_path: Path) -> None:
    dataset = SETS["kadid10k"](tmp_path / "data")
    report = audit_corpus(load_corpus(dataset), splits=write_lists(dataset, tmp_path, by_scene=True))
    assert "shared scenes" not in {finding.check for finding in report.findings}
