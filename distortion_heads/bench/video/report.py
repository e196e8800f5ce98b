"""The report in one value, and as what report.json holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from distortion_heads.bench.video.figures import CodingFigures, HeadFigures
from distortion_heads.io.video.options import SegmentRule
from distortion_heads.reports.markdown import number, render


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


def to_markdown(report: VideoReport) -> str:
    """Return the text of report.md."""
    summary = summary_rows(report.codings)
    return render("video.md.j2", report=report, rule=SegmentRule(), summary=summary, edges_text=_edges_text)


def summary_rows(codings: Sequence[CodingFigures]) -> list[list[str]]:
    """Return a header and one row for each coding: the most important figures."""
    header = ["codec", "kbit/s", "F1, other frames", "F1, other distortions", "alarms on clean", "found"]
    rows = [[*header, "onset: median", "90 %", "offset: median", "90 %"]]
    for coding in codings:
        edges = (coding.onset_median, coding.onset_90, coding.offset_median, coding.offset_90)
        rows.append(
            [
                coding.coding,
                f"{coding.bit_rate / 1000:.0f}",
                *map(number, (coding.f1_outside, coding.f1_others, coding.alarms_clean)),
                f"{coding.found} of {coding.events}",
                *("–" if frames is None else f"{frames:.3g}" for frames in edges),
            ]
        )
    return rows


def _edges_text(head: HeadFigures) -> str:
    """Return as "5/6, +1 (+3), -0.5 (-2)": intervals found, then median and largest error of onsets and of offsets."""
    parts = [f"{head.found}/{head.events}"]
    for errors in (head.onset, head.offset):
        if errors:
            parts.append(f"{median(errors):+g} ({max(sorted(errors), key=abs):+d})")
    return ", ".join(parts)
