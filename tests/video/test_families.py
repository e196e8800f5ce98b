from __future__ import annotations

import numpy as np
import pytest

from distortion_heads.video.answers import Curves, Segment, VideoHead
from distortion_heads.video.families import decided_over_time, families_over_time

CURVES = {
    "noise": [0.1, 0.9, 0.9, 0.1, 0.8, 0.8],
    "white_noise": [0.0, 0.8, 0.8, 0.0, 0.1, 0.1],
    "pink_noise": [0.0, 0.1, 0.1, 0.0, 0.7, np.nan],
}


def segment(onset: float, offset: float, peak: float) -> Segment:
    return Segment(onset=onset, offset=offset, peak=peak, peak_time=onset, probability=peak, severity=2.0)


def video_head(label: str, *segments: Segment) -> VideoHead:
    values = CURVES[label]
    mean = float(np.nanmean(values))
    return VideoHead(
        label=label,
        family="noise",
        probability=mean,
        threshold=0.5,
        present=mean >= 0.5,
        severity=2.0,
        scope="family" if label == "noise" else "kind",
        share=0.5,
        peak=float(np.nanmax(values)),
        peak_time=1.0,
        segments=segments,
    )


def curves_of(*heads: VideoHead) -> Curves:
    return Curves(start=0.0, width=1.0, values=np.array([CURVES[head.label] for head in heads], np.float32))


def test_segments_are_those_of_the_familys_head_with_the_kinds_of_their_time() -> None:
    heads = (
        video_head("noise", segment(1, 3, 0.9), segment(4, 6, 0.8)),
        video_head("white_noise", segment(1, 3, 0.8)),
        video_head("pink_noise"),
    )
    (family,) = families_over_time(heads, curves_of(*heads))
    assert (family.label, family.probability) == ("noise", heads[0].probability)
    assert [(part.onset, part.offset) for part in family.segments] == [(1, 3), (4, 6)]
    first, second = (part.kinds for part in family.segments)
    assert [first[0].label, second[0].label] == ["white_noise", "pink_noise"]
    assert first[0].share == pytest.approx(0.8 / (0.8 + 0.1 + 0.2))
    overall = {kind.label: kind.share for kind in family.kinds}  # during the four seconds of the segments
    assert overall["white_noise"] == pytest.approx(0.45 / (0.45 + 0.3 + 0.55))
    assert sum(kind.share for kind in second) == pytest.approx(1)


def test_without_a_head_of_its_own_a_family_has_the_segments_of_all_its_kinds() -> None:
    heads = (
        video_head("white_noise", segment(1, 3, 0.8), segment(5, 6, 0.6)),
        video_head("pink_noise", segment(2, 4, 0.9)),
    )
    (family,) = families_over_time(heads, curves_of(*heads))
    assert family.label == "white_noise"
    assert [(part.onset, part.offset, part.peak) for part in family.segments] == [(1, 4, 0.9), (5, 6, 0.6)]


def test_a_kind_has_segments_only_beside_those_of_its_familys_own_head() -> None:
    both = (segment(1, 3, 0.8), segment(5, 6, 0.6))
    noise, white = decided_over_time([video_head("noise", segment(2, 4, 0.9)), video_head("white_noise", *both)])
    assert noise.segments == (segment(2, 4, 0.9),)
    assert white.segments == both[:1]
    (alone,) = decided_over_time([video_head("white_noise", *both)])
    assert alone.segments == both
