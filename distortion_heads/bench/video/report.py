"""The report in one value, and as what report.json holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from distortion_heads.bench.video.figures import CodingFigures
from distortion_heads.reports.files import plain


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How it was measured. `clips`: how many parts of each; `left_out`: a sentence on whatever was not measured."""

    command: str
    backbone: str
    seed: int
    seconds: float
    clips: Mapping[str, int]
    rates: Mapping[str, float]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class VideoReport:
    """Everything that was measured, by coding; the first one is lossless if that was asked for."""

    setting: Setting
    labels: tuple[str, ...]
    codings: tuple[CodingFigures, ...]


def report_to_dict(report: VideoReport) -> dict[str, Any]:
    """Floats to 5 digits, None for what could not be measured."""
    content: dict[str, Any] = plain(asdict(report))
    return content
