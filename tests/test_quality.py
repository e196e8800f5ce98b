"""A head of quality through the whole pipeline: its answer, and that it leaves all others alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from distortion_heads.backbones.cells import CellBackbone
from distortion_heads.backbones.read_views import scene_features
from distortion_heads.errors import BackboneMismatchError
from distortion_heads.heads.quality import QualityHeads
from distortion_heads.pipeline import Predictor
from distortion_heads.registry.attached import load_registry
from distortion_heads.registry.user_heads import Store
from distortion_heads.spec import BackboneRef, View
from distortion_heads.views.scene import scene_of
from distortion_heads.views.traces import traces
from helpers.sample_heads import make_head, make_quality_head

Pixels = NDArray[np.uint8]
VIEWS: tuple[View, ...] = ("native", "overview", "light", "full")


def attach(home: Path, ref: BackboneRef, *labels: str, view: View = "native", mixture: int = 0) -> None:
    for seed, label in enumerate(labels):
        head = make_quality_head(label, dim=ref.dim, backbone=ref, view=view, mixture=mixture, seed=seed)
        Store(home).save(head, overwrite=True)


@pytest.mark.parametrize("view", VIEWS)
def test_a_quality_head_changes_no_other_answer(home: Path, backbone: CellBackbone, photo: Pixels, view: View) -> None:
    """Bit for bit, whatever it reads, and it answers the same beside others as alone."""
    own = make_head("h_native", dim=backbone.ref.dim, hidden=(32,), backbone=backbone.ref)
    Store(home).save(own, overwrite=True)
    labels = ["h_native", "jpeg", "mean_shift"]
    before = Predictor(labels).predict(photo)
    attach(home, backbone.ref, "mine", view=view, mixture=3)
    beside = Predictor([*labels, "mine"]).predict(photo)
    assert beside.heads == before.heads
    assert beside.families == before.families
    alone = Predictor(["mine"]).predict(photo)
    assert alone.heads == ()
    assert alone.qualities == beside.qualities
    assert alone.quality is not None
    assert alone.quality.label == "mine"
    Store(home).remove("mine")
    assert replace(Predictor(labels).predict(photo), path=None) == before


def test_the_full_view_is_each_window_and_what_the_whole_picture_shows(backbone: CellBackbone, photo: Pixels) -> None:
    found = scene_features(backbone, scene_of(photo), ("full", "native", "light"))
    alone = scene_features(backbone, scene_of(photo), ("full",))["full"]
    assert np.array_equal(found["full"], alone)
    assert np.array_equal(alone[:, : backbone.ref.dim], found["native"])
    assert (alone[:, backbone.ref.dim :] == np.append(found["light"][0], traces(photo))).all()
    head = make_quality_head(dim=backbone.ref.dim, backbone=backbone.ref, view="full")
    bank = QualityHeads()
    bank.add(head)
    assert 1 <= bank.judge({"full": alone})[0][0].value <= 5


def test_pictures_side_by_side_have_the_same_quality(home: Path, backbone: CellBackbone, photo: Pixels) -> None:
    attach(home, backbone.ref, "mine", view="full")
    predictor = Predictor(["mine"])
    pictures = [photo, photo[::-1].copy(), photo]
    together = list(predictor.predict_many(pictures))
    assert together == [predictor.predict(picture) for picture in pictures]


def test_a_picture_that_shows_too_little_has_no_quality(home: Path, backbone: CellBackbone) -> None:
    attach(home, backbone.ref, "mine")
    prediction = Predictor(["mine"]).predict(np.zeros((96, 96, 3), np.uint8))
    assert not prediction.judged
    assert prediction.quality is None


def test_a_quality_head_of_another_backbone_is_left_out(home: Path, photo: Pixels) -> None:
    attach(home, BackboneRef(name="other", fingerprint="ab" * 32, dim=12), "mine")
    with pytest.raises(BackboneMismatchError, match="mine"):
        Predictor(["mine"])
    registry = load_registry()
    predictor = Predictor(registry=registry)
    assert [problem.label for problem in predictor.problems] == ["mine"]
    assert "mine" not in {head.label for head in predictor.quality_heads}
