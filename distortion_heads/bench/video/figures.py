"""Figures of answers: whether the distortion is found in the frames that have it, and from when to when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from distortion_heads.bench.video.cases import Case
from distortion_heads.bench.video.measure import Judged
from distortion_heads.heads.head import HeadFile
from distortion_heads.io.video.encode import Coding
from distortion_heads.metrics.scores import auroc, mean_of, share


@dataclass(frozen=True, kw_only=True)
class HeadFigures:
    """One head in one coding; shares and scores in [0, 1], None where there is nothing to measure.

    Positives are the `frames` inside of its intervals; `outside` are the other frames of the same files, `others` those
    with other distortions, weighted to count as many as the positives. F1 and alarms are at the shipped threshold;
    `alarms_clean`: share of all undistorted frames. `onset` and `offset`: error in frames, positive if late, for each
    of the `found` of all `events`; `extra`: segments in the same files that overlap with no interval.
    """

    label: str
    frames: int
    recall: float | None
    f1_outside: float | None
    f1_others: float | None
    auroc_outside: float | None
    auroc_others: float | None
    alarms_clean: float | None
    alarms_others: float | None
    events: int
    found: int
    onset: tuple[int, ...]
    offset: tuple[int, ...]
    extra: int


@dataclass(frozen=True, kw_only=True)
class CodingFigures:
    """All heads in one coding. `bit_rate`: mean of the files, bit/s. F1 and alarms are means over the heads.

    Edges: median and 90th percentile of the absolute errors, in frames. `recall`: share of the frames with a distortion
    on which its head fires, by severity. `fires[i][j]`: share of the frames with distortion i on which head j fires.
    """

    coding: str
    bit_rate: float
    heads: tuple[HeadFigures, ...]
    f1_outside: float | None
    f1_others: float | None
    alarms_clean: float | None
    events: int
    found: int
    onset_median: float | None
    onset_90: float | None
    offset_median: float | None
    offset_90: float | None
    recall: Mapping[str, float]
    fires: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Frames:
    """All frames of one coding: `case` int (n,), `inside` bool (n,), `probability` and `fires` (n, H)."""

    case: NDArray[np.int64]
    inside: NDArray[np.bool_]
    probability: NDArray[np.float64]
    fires: NDArray[np.bool_]


def compute_figures(
    measured: Mapping[Case, Sequence[Judged]], heads: Sequence[HeadFile], codings: Sequence[Coding]
) -> tuple[CodingFigures, ...]:
    """Return the figures of each coding; `measured` has the answers for each case, in the order of `codings`."""
    labels = [head.label for head in heads]
    own = np.array([labels.index(case.label) for case in measured])
    thresholds = np.array([head.threshold.value for head in heads])
    severity = np.array([case.severity for case in measured])
    return tuple(
        _coding(name_of(coding), [judged[i] for judged in measured.values()], own, severity, labels, thresholds)
        for i, coding in enumerate(codings)
    )


def name_of(coding: Coding) -> str:
    return "lossless" if coding == Coding() else str(coding)


def _coding(
    name: str,
    judged: Sequence[Judged],
    own: NDArray[np.int64],
    severity: NDArray[np.float64],
    labels: Sequence[str],
    thresholds: NDArray[np.float64],
) -> CodingFigures:
    probability = np.concatenate([each.probability for each in judged]).astype(np.float64)
    frames = _Frames(
        case=np.repeat(np.arange(len(judged)), [len(each.times) for each in judged]),
        inside=np.concatenate([each.inside for each in judged]),
        probability=probability,
        fires=probability >= thresholds.astype(np.float32),
    )
    heads = tuple(_head(label, i, frames, judged, own) for i, label in enumerate(labels))
    onset, offset = ([abs(error) for head in heads for error in getattr(head, edge)] for edge in ("onset", "offset"))
    which = own[frames.case]
    found = frames.fires[np.arange(len(which)), which]
    severities = severity[frames.case]
    return CodingFigures(
        coding=name,
        bit_rate=float(np.mean([each.bit_rate[0] for each in judged])),
        heads=heads,
        f1_outside=mean_of([head.f1_outside for head in heads]),
        f1_others=mean_of([head.f1_others for head in heads]),
        alarms_clean=mean_of([head.alarms_clean for head in heads]),
        events=sum(head.events for head in heads),
        found=sum(head.found for head in heads),
        onset_median=_quantile(onset, 0.5),
        onset_90=_quantile(onset, 0.9),
        offset_median=_quantile(offset, 0.5),
        offset_90=_quantile(offset, 0.9),
        recall={
            f"{level:g}": float(found[frames.inside & (severities == level)].mean())
            for level in np.unique(severities).tolist()
        },
        fires=tuple(_rates(frames.fires[frames.inside & (which == i)]) for i in range(len(labels))),
    )


def _head(label: str, column: int, frames: _Frames, judged: Sequence[Judged], own: NDArray[np.int64]) -> HeadFigures:
    mine = own[frames.case] == column
    inside, outside, others = mine & frames.inside, mine & ~frames.inside, ~mine & frames.inside
    fires, score = frames.fires[:, column], frames.probability[:, column]
    events = [_event(each) for each, which in zip(judged, own, strict=True) if which == column]
    edges = [errors for errors, _ in events if errors is not None]
    return HeadFigures(
        label=label,
        frames=int(inside.sum()),
        recall=share(fires[inside]),
        f1_outside=_f1(fires[inside], fires[outside], 1.0),
        f1_others=_f1(fires[inside], fires[others], inside.sum() / max(others.sum(), 1)) if others.any() else None,
        auroc_outside=auroc(score[inside], score[outside]),
        auroc_others=auroc(score[inside], score[others]),
        alarms_clean=share(fires[~frames.inside]),
        alarms_others=share(fires[others]),
        events=len(events),
        found=len(edges),
        onset=tuple(onset for onset, _ in edges),
        offset=tuple(offset for _, offset in edges),
        extra=sum(extra for _, extra in events),
    )


def _f1(positive: NDArray[np.bool_], negative: NDArray[np.bool_], weight: float) -> float | None:
    """Return the harmonic mean of precision and recall, each negative counting `weight`."""
    found, alarms = int(positive.sum()), weight * int(negative.sum())
    total = found + alarms + len(positive)
    return float(2 * found / total) if len(positive) else None


def _event(judged: Judged) -> tuple[tuple[int, int] | None, int]:
    """Return the errors of onset and offset in frames, None if it was not found, and the number of other segments."""
    times = judged.times
    inside = np.flatnonzero(judged.inside)
    first, after = int(inside[0]), int(inside[-1]) + 1
    # From times to numbers of frames: the first one shown at or after the edge, to within half a frame.
    half = float(np.diff(times).min()) / 2
    edges = np.searchsorted(times, judged.segments - half)
    overlaps = [min(int(end), after) - max(int(start), first) for start, end in edges]
    extra = sum(overlap <= 0 for overlap in overlaps)
    if not overlaps or max(overlaps) <= 0:
        return None, extra
    start, end = edges[int(np.argmax(overlaps))]
    return (int(start) - first, int(end) - after), extra


def _rates(fires: NDArray[np.bool_]) -> tuple[float, ...]:
    """Return the shares of the rows (n, H) in which each head fires; NaN without rows."""
    return tuple(fires.mean(axis=0).tolist()) if len(fires) else (float("nan"),) * fires.shape[1]


def _quantile(values: Sequence[float], share: float) -> float | None:
    return float(np.quantile(values, share)) if values else None
