"""IQA-CNN++ as a method: the one training loop, backbone and heads together, from random weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")

from distortion_heads.evaluation.methods import Surroundings, make_method
from distortion_heads.io.content_hashes import content_hashes
from helpers.little_pictures import registry
from helpers.little_records import LABELS, little_corpus


def test_it_learns_grain_and_counts_its_parameters(tmp_path: Path) -> None:
    corpus = little_corpus(tmp_path, scenes=8)
    hashes = content_hashes([record.path for record in corpus.records])
    around = Surroundings(registry=registry(), corpus="folder", hashes=hashes, cache=None)
    method = make_method("cnn-kang,epochs=12,images_per_batch=6", around)
    parts = [[r for r in corpus.records if int(r.scene[1:]) in numbers] for numbers in (range(5), (5, 6), (7,))]
    judge = method.fit(parts[0], parts[1], LABELS, seed=0, work=tmp_path / "work")
    grain = judge.probabilities(parts[2])[:, LABELS.index("grain")]
    there = np.array(["grain" in record.severities for record in parts[2]])
    assert grain[there].min() > grain[~there].max()
    assert judge.parameters == 76_784 + len(LABELS) * 2 * (512 + 1)  # type: ignore[attr-defined]
