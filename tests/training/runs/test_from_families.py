"""The heads of families, from a few pictures: what is written, and that a stopped run goes on."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from distortion_heads.backbones.open import bundled_backbone, open_backbone
from distortion_heads.errors import DataError
from distortion_heads.heads.bank import HeadBank
from distortion_heads.heads.file import read_head
from distortion_heads.registry.build import build_registry
from distortion_heads.training.features.wild_samples import faultless
from distortion_heads.training.heads.family_head import HIDDEN, with_thresholds
from distortion_heads.training.runs.from_families import FamilyOptions, train_families


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clean")
    rng = np.random.default_rng(0)
    for i in range(12):
        coarse = rng.integers(0, 256, (9, 12, 3), np.uint8)
        picture = Image.fromarray(coarse).resize((280, 264), Image.Resampling.BICUBIC)
        fine = np.asarray(picture, np.int16) + rng.integers(-20, 21, (264, 280, 1))
        Image.fromarray(np.clip(fine, 0, 255).astype(np.uint8)).save(folder / f"{i}.png")
    return folder


def test_a_head_for_each_family_and_again_from_the_same_samples(photographs, tmp_path):
    specs = [h.spec for h in build_registry(no_plugins=True).heads.values() if h.spec.family in ("blur", "light")]
    options = FamilyOptions(images=photographs, out=tmp_path, fit_pictures=50, hold_pictures=50)
    heads = train_families(options, specs)
    assert [(head.label, head.scope, head.view) for head in heads] == [
        ("blur", "family", "full"),
        ("light", "family", "light"),
    ]
    assert heads[0].pooling is not None
    blocks = sorted((tmp_path / "samples").iterdir())
    times = [block.stat().st_mtime_ns for block in blocks]
    train_families(options, specs)
    assert [block.stat().st_mtime_ns for block in blocks] == times
    assert read_head(tmp_path / "heads" / "blur.safetensors").threshold == heads[0].threshold
    _check_spared(heads, sorted(photographs.iterdir()))


def test_heads_go_on_from_earlier_ones(photographs, tmp_path):
    """Midway between what they were and what is found; from the same samples, which are not made again."""
    specs = [h.spec for h in build_registry(no_plugins=True).heads.values() if h.spec.family == "blur"]
    options = FamilyOptions(images=photographs, out=tmp_path, fit_pictures=50, hold_pictures=50)
    (before,) = train_families(options, specs)
    (after,) = train_families(replace(options, start=tmp_path / "heads"), specs)
    assert before.layers[0].out == HIDDEN
    assert after.layers[0].out == HIDDEN
    steps = [np.abs(a.weight - b.weight).max() for a, b in zip(after.layers, before.layers, strict=True)]
    assert all(0 < step < 0.1 for step in steps)
    with pytest.raises(DataError, match="holds no head of a family"):
        train_families(replace(options, start=photographs), specs)


def _check_spared(heads, paths):
    """No head fires on what is clean to the eye, however much F1 that costs; without such pictures they would."""
    families = ("blur", "light")
    hold = faultless(paths, open_backbone(bundled_backbone(), threads=1), families)
    spared = faultless(paths[::4], open_backbone(bundled_backbone(), threads=1), families)
    seen = replace(hold, loss=np.full_like(hold.loss, 2.0))
    seen.loss[1::2] = 0
    low = with_thresholds(heads, families, seen)
    finished = with_thresholds(heads, families, seen, spared)
    for head, careless in zip(finished, low, strict=True):
        features, starts = spared.view(head.view)
        rows = [features[a:b] for a, b in pairwise(starts)]
        assert not any(HeadBank([head]).answers(row.astype(np.float32))[0].present for row in rows)
        assert head.threshold.value >= careless.threshold.value
    assert any(head.threshold.value > careless.threshold.value for head, careless in zip(finished, low, strict=True))


def test_nothing_to_fit_is_said(photographs, tmp_path):
    with pytest.raises(DataError, match="no plugin has a head of the scope"):
        train_families(FamilyOptions(images=photographs, out=tmp_path), [])
