"""Families of an answer, and the measures made by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from distortion_heads.answers import HeadResult, Prediction
from distortion_heads.bench.shared.families import FAMILIES, judged
from distortion_heads.bench.shared.handmade import HANDMADE, handmade


def head(label: str, family: str, probability: float, present: bool) -> HeadResult:
    return HeadResult(
        label=label, family=family, probability=probability, threshold=0.5, present=present, severity=None
    )


def test_a_family_is_its_most_probable_head_and_present_if_one_is() -> None:
    heads = (
        head("lens_blur", "blur", 0.4, False),
        head("gaussian_blur", "blur", 0.3, True),
        head("vignetting", "exposure", 0.9, True),
    )
    answer = Prediction(path=None, width=1, height=1, windows=1, backbone="b", heads=heads)
    probability, present = judged(answer, FAMILIES)
    said = dict(zip(FAMILIES, zip(probability, present, strict=True), strict=True))
    assert said["blur"] == (0.4, True)
    assert said["light"] == (0.9, True)
    assert said["exposure"] == (0.0, False)


def test_families_of_the_answer_count_more_than_its_heads() -> None:
    heads = (head("lens_blur", "blur", 0.9, True),)
    answer: Any = SimpleNamespace(
        heads=heads, families=(SimpleNamespace(family="blur", probability=0.2, present=False),)
    )
    probability, present = judged(answer, FAMILIES)
    assert (probability[0], present[0]) == (0.2, False)


def test_measures_by_hand_rise_with_what_they_measure() -> None:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:60, 0:80]
    clean = np.repeat((128 + 60 * np.sin(x / 2) * np.cos(y / 2))[..., None], 3, axis=2).astype(np.uint8)
    flat = np.full_like(clean, 128)
    noisy = (clean + rng.normal(0, 15, clean.shape)).clip(0, 255).astype(np.uint8)
    rows = dict(zip(HANDMADE, np.stack([handmade(p) for p in (clean, flat, noisy, clean // 6)]).T, strict=True))
    assert rows["blur"][1] > rows["blur"][0]
    assert rows["noise"][2] > rows["noise"][0]
    assert rows["exposure"][3] > rows["exposure"][0]
