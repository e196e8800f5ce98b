"""Each head is found, belongs to this package, and answers as it did when it was packed."""

from __future__ import annotations

from typing import Any

import pytest

from distortion_heads import Predictor, load_registry

LABELS = ["sepia_cast"]
ANSWERS = {
    "sepia_cast": 0.000344,
}
"""The probability of each head for the sample picture; heads that judge successive frames have none."""


def sample_picture() -> Any:
    """Return a picture of stripes, waves and tiles, uint8 (224, 320, 3)."""
    import numpy as np

    y, x = np.mgrid[0:224, 0:320]
    channels = ((x * 3 + y) % 256, (x * y // 64) % 256, (x // 16 + y // 16) % 2 * 200)
    return np.stack(channels, axis=-1).astype(np.uint8)


@pytest.mark.parametrize("label", LABELS)
def test_the_head_is_found(label: str) -> None:
    assert load_registry().head(label).owner.distribution == "dheads-sepia-cast"


def test_the_answers_are_those_of_before() -> None:
    predictor = Predictor(LABELS)
    assert set(LABELS) <= {head.label for head in predictor.video_heads}
    if ANSWERS:
        found = {head.label: head.probability for head in predictor.predict(sample_picture()).heads}
        assert {label: found[label] for label in ANSWERS} == pytest.approx(ANSWERS, rel=0.02, abs=1e-5)
