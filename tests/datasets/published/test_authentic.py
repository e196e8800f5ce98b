"""Datasets of real pictures with opinions and no named distortion: CLIVE and KonIQ-10k."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from distortion_heads.datasets.load import load_corpus
from distortion_heads.errors import DataError
from helpers import corpora_layouts as layouts


@pytest.mark.parametrize(
    ("kind", "build", "opinions"),
    [
        ("clive", layouts.clive, {"3.bmp": 63.5, "10.JPG": 70.25, "11.bmp": 12.0}),
        ("koniq10k", layouts.koniq, {"0.jpg": 60.5, "1.jpg": 61.5, "2.jpg": 62.5}),
    ],
)
def test_opinions(tmp_path: Path, kind: str, build: Callable[[Path], Path], opinions: dict[str, float]) -> None:
    corpus = load_corpus(build(tmp_path / "data"))
    assert corpus.name == kind
    assert {record.path.name: record.mos for record in corpus.records} == opinions
    assert len({record.scene for record in corpus.records}) == 3
    assert not corpus.mos_lower_better
    assert not any(record.clean for record in corpus.records), "nobody says that they have no fault"


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    clive, koniq = layouts.clive(tmp_path / "clive"), layouts.koniq(tmp_path / "koniq")
    (clive / "Images" / "3.bmp").unlink()
    (koniq / "512x384" / "1.jpg").unlink()
    for folder, words in ((clive, "Images/3.bmp, which is missing"), (koniq, "512x384/1.jpg, which is missing")):
        with pytest.raises(DataError, match=words):
            load_corpus(folder)
    (clive / "Data" / "AllMOS_release.mat").unlink()
    (koniq / "512x384").rename(koniq / "pictures")
    for folder, words in ((clive, "Data/AllMOS_release.mat"), (koniq, "the folder 1024x768/ or 512x384/")):
        with pytest.raises(DataError, match=words):
            load_corpus(folder)


@pytest.mark.parametrize("names", [np.zeros((5, 1)), np.array([[1.0], [2.0]], dtype=object)])
def test_names_that_are_none(tmp_path: Path, names: np.ndarray) -> None:
    folder = layouts.clive(tmp_path / "data")
    savemat(folder / "Data" / "AllImages_release.mat", {"AllImages_release": names})
    with pytest.raises(DataError, match=r"AllImages_release: (expected a cell array|holds cells)"):
        load_corpus(folder)


def test_a_table_without_opinions(tmp_path: Path) -> None:
    folder = layouts.koniq(tmp_path / "data")
    layouts.text(folder / "koniq10k_scores_and_distributions.csv", ["image_name,SD", "0.jpg,1"])
    with pytest.raises(DataError, match="no column MOS"):
        load_corpus(folder)


def test_untouched_copies_of_live_have_no_opinion(tmp_path: Path) -> None:
    records = load_corpus(layouts.live(tmp_path)).records
    judged = [record for record in records if record.mos is not None]
    assert len(judged) == sum(layouts.LIVE.values()) - 2
    assert all(record.kind for record in judged)


@pytest.mark.parametrize(
    ("build", "lower"), [(layouts.csiq, True), (layouts.live, True), (layouts.tid, False), (layouts.kadid, False)]
)
def test_which_way_opinions_go(tmp_path: Path, build: Callable[[Path], Path], lower: bool) -> None:
    """KADID-10k calls its scores DMOS, but five is imperceptible."""
    assert load_corpus(build(tmp_path / "data")).mos_lower_better is lower
