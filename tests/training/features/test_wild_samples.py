"""Whole real pictures as samples: what is learnt of the clean ones and of those with clear faults."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from distortion_heads.backbones.open import bundled_backbone, open_backbone
from distortion_heads.datasets.clean_pictures import Scenes
from distortion_heads.datasets.wild import clean_ones
from distortion_heads.spec import width_of
from distortion_heads.training.features.wild_samples import OFTEN, faultless, joined, judged_ones
from distortion_heads.training.heads.family_head import examples_of

FAMILIES = ("blur", "light", "noise")

LISTED = {
    "clean": "clean",
    "blurred": "motion_blur+lens_dirt",
    "both": "blur+uneven_illumination",
    "other": "lens_dirt",
    "argued": "arguable",
    "unknown": "unreviewed",
}


@pytest.fixture(scope="module")
def wild(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wild")
    rng = np.random.default_rng(0)
    lines = ["file,split,group,labels"]
    for name, labels in LISTED.items():
        Image.fromarray(rng.integers(0, 256, (300, 280, 3), np.uint8)).save(folder / f"{name}.png")
        lines.append(f"{name}.png,train,camera,{labels}")
    (folder / "manifest.csv").write_text("\n".join(lines))
    return folder


def test_what_the_list_says_is_learnt_and_nothing_else(wild: Path) -> None:
    backbone = open_backbone(bundled_backbone(), threads=1)
    samples = judged_ones(wild, backbone, FAMILIES)
    assert samples is not None
    assert len(samples.loss) == 3 * OFTEN
    blur, light, noise = (examples_of(samples, FAMILIES, family) for family in FAMILIES)
    clean, blurred, both = range(3)
    assert list(blur.present[:3]) == [False, True, True]
    assert list(light.present[:3]) == [False, False, True]
    assert not noise.present.any()
    assert list(noise.known[:3]) == [True, False, False]
    assert list(light.known[:3]) == [True, False, True]
    assert blur.clean[clean]
    assert not blur.clean[[blurred, both]].any()
    assert np.isnan(blur.severity).all()


def test_what_is_held_out_elsewhere_is_not_learnt_here(wild: Path) -> None:
    held = Scenes(fit=(Path("images/other.webp"),), hold=(Path("images/clean.webp"), Path("images/both.webp"))).held
    samples = judged_ones(wild, open_backbone(bundled_backbone(), threads=1), FAMILIES, held)
    assert samples is not None
    assert len(samples.loss) == OFTEN
    assert clean_ones(wild, "train", held) == ()
    assert clean_ones(wild, "train") == (wild / "clean.png",)


def test_without_a_list_there_is_nothing(wild: Path) -> None:
    backbone = open_backbone(bundled_backbone(), threads=1)
    assert judged_ones(None, backbone, FAMILIES) is None
    assert faultless((), backbone, FAMILIES) is None


def test_views_of_joined_samples(wild: Path) -> None:
    backbone = open_backbone(bundled_backbone(), threads=1)
    one = faultless([wild / "clean.png"], backbone, FAMILIES)
    two = faultless([wild / "both.png", wild / "other.png"], backbone, FAMILIES)
    assert one is not None
    assert two is not None
    whole = joined([one, two])
    for view in ("native", "light", "full"):
        windows, starts = whole.view(view)
        assert len(starts) == 4
        assert windows.shape == (starts[-1], width_of(view, backbone.ref.dim))
        assert np.array_equal(windows[starts[1] :], two.view(view)[0])
