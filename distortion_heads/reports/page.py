"""One HTML page about many pictures and videos, which needs neither network nor server."""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from statistics import fmean
from typing import Any

from distortion_heads.reports.colours import heat_colours
from distortion_heads.reports.files import write_files
from distortion_heads.reports.markdown import render
from distortion_heads.reports.page_entries import PageEntry

MOST_INSIDE = 50 * 10**6
"""Bytes of small pictures, as text, that the page itself holds; more of them lie in a folder beside it."""

QUALITY_BINS = 16


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How the page was made: `facts` for its foot, by name, and the heads of quality, `qualities`."""

    title: str
    families: tuple[str, ...]
    qualities: tuple[str, ...] = field(default=(), kw_only=True)
    facts: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class FamilySummary:
    """How many inputs have a family, and in how many a part alone has it; the mean `severity` of the former."""

    family: str
    present: int
    in_part: int
    share: float
    severity: float | None


def write_page(out: Path, entries: Sequence[PageEntry], setting: Setting) -> Path | None:
    """Write the page `out`; return the folder beside it that holds the small pictures, if they are too many.

    Raises `DataError` if that fails.
    """
    size = sum(4 * math.ceil(len(data) / 3) for entry in entries for data in entry.thumbnails)
    folder = out.with_name(f"{out.stem}_files") if size > MOST_INSIDE else None
    if folder is not None:
        pictures = {_name(i, j): data for i, e in enumerate(entries) for j, data in enumerate(e.thumbnails)}
        write_files(folder, pictures, "--out")
    text = page_text(entries, setting, None if folder is None else folder.name)
    write_files(out.parent, {out.name: text.encode("utf-8", "backslashreplace")}, "--out")
    return folder


def page_text(entries: Sequence[PageEntry], setting: Setting, folder: str | None = None) -> str:
    """Return the page; its small pictures lie in `folder`, or are in it if that is None."""
    rows = []
    for i, entry in enumerate(entries):
        inside = [base64.b64encode(data).decode() for data in entry.thumbnails]
        names = [_name(i, j) for j in range(len(entry.thumbnails))]
        rows.append({**entry.data, "thumbs": inside if folder is None else names})
    script, style = _own("report.js"), _own("report.css")
    return render(
        "report.html.j2",
        setting=setting,
        counts=_counts(entries),
        total=len(entries),
        summary=summarise(entries, setting.families),
        histograms=[found for label in setting.qualities if (found := _histogram(entries, label)) is not None],
        errors=[(e.data["path"], e.data["notes"][0]) for e in entries if e.state == "error"][:1000],
        data={"rows": rows, "folder": folder, "colours": heat_colours(64).tolist()},
        script=script,
        style=style,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def summarise(entries: Sequence[PageEntry], families: Sequence[str]) -> list[FamilySummary]:
    """Return how often each family is there, of those inputs that were judged; the most frequent first."""
    judged = [entry for entry in entries if entry.state in ("clean", "distorted")]
    found = []
    for family in families:
        present = [entry.families[family] for entry in judged if family in entry.families]
        severities = [severity for severity in present if severity is not None]
        found.append(
            FamilySummary(
                family=family,
                present=len(present),
                in_part=sum(family in entry.in_part for entry in judged),
                share=len(present) / max(1, len(judged)),
                severity=fmean(severities) if severities else None,
            )
        )
    return sorted(found, key=lambda row: (-row.present, row.family))


def _counts(entries: Sequence[PageEntry]) -> dict[str, int]:
    states = [entry.state for entry in entries]
    words = {"clean": "clean", "distorted": "distorted", "unjudged": "not judged", "error": "failed"}
    return {words[state]: states.count(state) for state in words if state in states}


def _histogram(entries: Sequence[PageEntry], label: str) -> dict[str, Any] | None:
    """Return the histogram of one head's quality, its bars with `height` in percent; None where it says none."""
    found = [quality for entry in entries for quality in entry.qualities if quality.label == label]
    if not found:
        return None
    low, high = found[0].low, found[0].high
    places = [min(QUALITY_BINS - 1, max(0, int((q.value - low) / (high - low) * QUALITY_BINS))) for q in found]
    counts = [places.count(i) for i in range(QUALITY_BINS)]
    step = (high - low) / QUALITY_BINS
    bars = [
        {"count": count, "height": 100 * count / max(counts), "left": low + i * step, "right": low + (i + 1) * step}
        for i, count in enumerate(counts)
    ]
    return {"label": label, "low": low, "high": high, "mean": fmean(q.value for q in found), "bars": bars}


def _name(entry: int, place: int) -> str:
    return f"{entry:06d}-{place}.webp"


def _own(name: str) -> str:
    return (files("distortion_heads.reports") / "templates" / name).read_text(encoding="utf-8")
