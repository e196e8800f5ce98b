"""The answers of single heads for a video, put in order by family: segments of a family, and of which kinds each is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from distortion_heads.answers import KindShare
from distortion_heads.heads.families import by_family, decided, shares, speaker
from distortion_heads.spec import FAMILY
from distortion_heads.video.answers import Curves, FamilySegment, Segment, VideoFamily, VideoHead

LIKE_COMBING = frozenset({"sharpness", "spatial"})
"""Families of which two fields in one frame have the signs: hard edges from line to line, and blocks."""


def decided_over_time(heads: Sequence[VideoHead]) -> tuple[VideoHead, ...]:
    """Return the answers as the families' own heads decide: see `heads.families.decided`.

    A segment of a kind counts only where its family's own head has one at the same time.
    """
    own = {head.family: head for head in heads if head.scope == FAMILY}
    return tuple(
        replace(head, segments=tuple(segment for segment in head.segments if _touches(segment, own[head.family])))
        if head.segments and head.scope != FAMILY and head.family in own
        else head
        for head in decided(heads)
    )


def without_combing(heads: Sequence[VideoHead]) -> tuple[VideoHead, ...]:
    """Return the answers of a video judged as woven: none that the teeth of combing look like counts."""
    return tuple(replace(head, present=False, segments=()) if head.family in LIKE_COMBING else head for head in heads)


def _touches(segment: Segment, family: VideoHead) -> bool:
    return any(segment.onset < other.offset and other.onset < segment.offset for other in family.segments)


def families_over_time(heads: Sequence[VideoHead], curves: Curves) -> tuple[VideoFamily, ...]:
    """Return the answer for each family; `curves` has a row for each of `heads`."""
    rows = {head.label: row for row, head in enumerate(heads)}
    return tuple(_family(members, curves, rows) for members in by_family(heads))


def _family(members: Sequence[VideoHead], curves: Curves, rows: Mapping[str, int]) -> VideoFamily:
    head = speaker(members)
    segments = head.segments if head.scope == FAMILY else _joined([s for kind in members for s in kind.segments])
    return VideoFamily(
        family=head.family,
        label=head.label,
        probability=head.probability,
        threshold=head.threshold,
        present=head.present,
        severity=head.severity,
        share=head.share,
        peak=head.peak,
        peak_time=head.peak_time,
        kinds=_kinds(segments, members, curves, rows),
        segments=tuple(
            FamilySegment(**vars(segment), kinds=_kinds([segment], members, curves, rows)) for segment in segments
        ),
    )


def _joined(segments: Sequence[Segment]) -> list[Segment]:
    """Return the segments in order, those that overlap as one: with the figures of its most probable part."""
    joined: list[Segment] = []
    for segment in sorted(segments, key=lambda segment: segment.onset):
        if not joined or segment.onset >= joined[-1].offset:
            joined.append(segment)
            continue
        before = joined.pop()
        best = max(before, segment, key=lambda part: part.peak)
        joined.append(
            Segment(
                onset=before.onset,
                offset=max(before.offset, segment.offset),
                peak=best.peak,
                peak_time=best.peak_time,
                probability=best.probability,
                severity=best.severity,
            )
        )
    return joined


def _kinds(
    segments: Sequence[Segment], members: Sequence[VideoHead], curves: Curves, rows: Mapping[str, int]
) -> tuple[KindShare, ...]:
    """Return the shares that the kinds have on average during `segments`; during the whole video if there are none."""
    during = np.zeros(curves.values.shape[1], bool)
    for segment in segments:
        first = int((segment.onset - curves.start) / curves.width)
        during[first : max(int(np.ceil((segment.offset - curves.start) / curves.width)), first + 1)] = True

    def mean(kind: VideoHead) -> float:
        values = curves.values[rows[kind.label], during]
        known = values[~np.isnan(values)]
        return float(known.mean(dtype=np.float64)) if known.size else kind.probability

    return shares(members, mean)
