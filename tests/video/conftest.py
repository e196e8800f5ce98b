"""A head whose threshold is 0.5, and a predictor that takes brightness for its probability."""

from __future__ import annotations

from typing import cast

import pytest
from sample_heads import make_head
from video_clips import BrightnessPredictor

from distortion_heads.heads.head import HeadFile, Threshold
from distortion_heads.pipeline import Predictor


@pytest.fixture
def head() -> HeadFile:
    return make_head("bright", family="exposure", threshold=Threshold(value=0.5))


@pytest.fixture
def brightness(head: HeadFile) -> Predictor:
    return cast(Predictor, BrightnessPredictor(head))
