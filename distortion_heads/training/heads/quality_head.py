"""Make a head of quality of fitted layers: its scale, its monotone calibration, and what was measured of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from distortion_heads.datasets.record import Record
from distortion_heads.heads.bank import HeadBank
from distortion_heads.heads.file import dump_head, parse_head
from distortion_heads.heads.head import Calibration, HeadFile, HeadMetrics, Knot, Layer, Provenance, Scale
from distortion_heads.heads.quality import on_scale
from distortion_heads.metrics.correlation import plcc, srocc
from distortion_heads.metrics.intervals import Interval, bootstrap
from distortion_heads.spec import QUALITY, BackboneRef
from distortion_heads.training.features.records import RecordFeatures
from distortion_heads.training.heads.fit_quality import Rated
from distortion_heads.training.heads.train_head import HeadCard, unmeasured

MEANING = "1 very annoying, 2 annoying, 3 slightly annoying, 4 perceptible but not annoying, 5 imperceptible"
LOW, HIGH = 1.0, 5.0

MOST_KNOTS = 12
"""Points of the monotone map; each stands for as many pictures."""

FEWEST_PER_KNOT = 10

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class QualitySpread:
    """Intervals of 95 % of a head's figures, whole scenes drawn anew."""

    srocc: Interval | None
    plcc: Interval | None
    mae: Interval | None


def new_quality_head(
    card: HeadCard, layers: Sequence[Layer], backbone: BackboneRef, provenance: Provenance, scale: Scale
) -> HeadFile:
    """Return a head that is neither calibrated nor measured, with the weights that its file will hold (float16)."""
    blank = unmeasured(card, layers, backbone, provenance, ("quality",))
    head = replace(blank, scope=QUALITY, scale=scale)
    return parse_head(dump_head(head), card.label)


def rated_records(features: RecordFeatures, records: Sequence[Record], target: NDArray[np.float32]) -> Rated:
    """Return the windows of records, with their target (n,)."""
    windows = features.of(records, "native")
    starts = np.concatenate([[0], np.cumsum([len(found) for found in windows])]).astype(np.int64)
    return Rated(windows=np.concatenate(windows), starts=starts, target=target)


def raw_qualities(head: HeadFile, rated: Rated) -> Floats:
    """Return the mean output of each picture's windows, float64 (n,), before calibration."""
    bank = HeadBank([head], expected=1)
    raw = np.empty(len(rated), np.float64)
    for i in range(len(rated)):
        raw[i] = bank.evaluate(rated.features(i)).logits[0].mean(dtype=np.float64)
    return raw


def monotone(raw: Floats, target: Floats) -> Calibration:
    """Return the rising map from `raw` to the mean of `target`; none where too few pictures say where it lies.

    Pool-adjacent-violators (Ayer et al. 1955) on means of equally many pictures.
    """
    from scipy.optimize import isotonic_regression

    count = min(MOST_KNOTS, len(raw) // FEWEST_PER_KNOT)
    if count < 2:
        return Calibration()
    order = np.argsort(raw, kind="stable")
    parts = np.array_split(order, count)
    x = np.array([raw[part].mean() for part in parts])
    y = np.array([target[part].mean() for part in parts])
    rising = isotonic_regression(y).x
    kept = [0, *(i for i in range(1, count) if x[i] > x[i - 1])]
    knots = _with_ends(x[kept], rising[kept], raw)
    return Calibration(method="monotone", knots=knots) if len(knots) > 1 else Calibration()


def _with_ends(x: Floats, y: Floats, raw: Floats) -> tuple[Knot, ...]:
    """Go on beyond the outermost means, at a slope of 1, as far as pictures were seen."""
    low, high = float(raw.min()), float(raw.max())
    points = list(zip(x.tolist(), y.tolist(), strict=True))
    if low < points[0][0]:
        points.insert(0, (low, points[0][1] - (points[0][0] - low)))
    if high > points[-1][0]:
        points.append((high, points[-1][1] + (high - points[-1][0])))
    return tuple(Knot(raw=a, value=b) for a, b in points)


def with_figures(
    head: HeadFile, raw: Floats, target: Floats, scenes: NDArray[np.int64], split: str
) -> tuple[HeadFile, QualitySpread]:
    """Return the head with its figures on held-out pictures, and how far they may be off; arrays (n,)."""
    assert head.scale is not None
    values = np.clip(on_scale(head.calibration, raw), head.scale.low, head.scale.high)
    error = np.abs(values - target)
    metrics = HeadMetrics(
        split=split, n=len(raw), srocc=srocc(values, target), plcc=plcc(values, target), mae=float(error.mean())
    )
    spread = QualitySpread(
        srocc=bootstrap(lambda drawn: srocc(values[drawn], target[drawn]), scenes),
        plcc=bootstrap(lambda drawn: plcc(values[drawn], target[drawn]), scenes),
        mae=bootstrap(lambda drawn: float(error[drawn].mean()), scenes),
    )
    return replace(head, metrics=metrics), spread
