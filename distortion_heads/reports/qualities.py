"""How good a picture or video is, as keys of JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from distortion_heads.answers import QualityResult

if TYPE_CHECKING:
    from distortion_heads.video.answers import VideoQuality


def quality_keys(qualities: Sequence[QualityResult]) -> dict[str, Any]:
    """Return `quality`, what the first head says, and `qualities`, what all say, where there are several."""
    return _keys([_to_dict(quality) for quality in qualities])


def video_quality_keys(qualities: Sequence[VideoQuality]) -> dict[str, Any]:
    """Return the same of a video, with its worst second: the mean there, and where it begins."""
    return _keys(
        [
            {**_to_dict(quality), "worst": round(quality.worst, 2), "worst_time": round(quality.worst_time, 3)}
            for quality in qualities
        ]
    )


def quality_cells(qualities: Iterable[QualityResult]) -> dict[str, float]:
    """Return the value of each head to 2 digits."""
    return {quality.label: round(quality.value, 2) for quality in qualities}


def _keys(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {**({"quality": found[0]} if found else {}), **({"qualities": list(found)} if len(found) > 1 else {})}


def _to_dict(quality: QualityResult) -> dict[str, Any]:
    return {
        "label": quality.label,
        "value": round(quality.value, 2),
        "scale": [quality.low, quality.high],
        "target": quality.target,
        "spread": round(quality.spread, 2),
    }
