"""Which targets are closest to what people say: metrics, and means of them, against the means of KADID-10k.

Two questions, both on means over pictures of one kind and strength. How do the targets themselves order these? And how
does a head order them that learnt each target, also where it saw no picture of the kind?
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from distortion_heads.backbones.base import FeatureSource
from distortion_heads.bench.pretraining.pictures import PictureSets
from distortion_heads.datasets.record import Record
from distortion_heads.io.content_hashes import content_hashes
from distortion_heads.metrics.correlation import srocc
from distortion_heads.metrics.intervals import Interval, bootstrap
from distortion_heads.metrics.pseudo_opinion import LAI, equalized_mean, plain_mean
from distortion_heads.metrics.reference.table import DEEPFL, METRICS
from distortion_heads.training.features.cache import FeatureCache
from distortion_heads.training.features.records import RecordFeatures
from distortion_heads.training.heads.fit_quality import Rated, fit_quality
from distortion_heads.training.runs.learn_scores import fit_equalizers

FOLDS = 4
"""Parts of the kinds; a head that is asked of one did not see any of its pictures."""

MIDDLE = 3.0
HUMAN = "human means"
LEARNT = (HUMAN, "Lai's six, plain mean", "DeepFL's nine, equalised")
"""Targets that heads learn."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class TargetRow:
    """SROCC with people's means over kinds and levels, and over kinds at level 3; None where it was not measured.

    `learnt`: of a head that learnt the target; `unseen`: of heads that saw no picture of the kind. `spread`: intervals
    of 95 % of these figures by name, whole scenes drawn anew.
    """

    name: str
    levels: float | None
    kinds: float | None
    learnt: float | None = None
    unseen: float | None = None
    spread: Mapping[str, Interval | None] = field(default_factory=dict)


def compare_targets(
    sets: PictureSets, backbone: FeatureSource, cache: FeatureCache, seed: int, progress: Callable[[int, int], None]
) -> tuple[TargetRow, ...]:
    """Compare targets with the opinions of the rated pictures; heads learn from the scored ones, of other scenes."""
    judged = tuple(record for record in sets.rated if set(DEEPFL) <= set(record.scores))
    taught = tuple(record for record in sets.scored if set(DEEPFL) <= set(record.scores))
    of_judged, of_taught = _targets(judged, sets.scored), _targets(taught, sets.scored)
    features = RecordFeatures(
        backbone=backbone, hashes=content_hashes([record.path for record in (*judged, *taught)]), cache=cache
    )
    fit, ask = (_Windows(records, features.of(records, "native")) for records in (taught, judged))
    rows = []
    for done, (name, values) in enumerate(of_judged.items()):
        progress(done, len(of_judged))
        found = {"levels": values}
        if name in LEARNT:
            found["learnt"] = _answers(fit, of_taught[name], ask, seed)
            found["unseen"] = _answers_unseen(fit, of_taught[name], ask, seed)
        rows.append(
            TargetRow(
                name=name,
                kinds=_by_kind(judged, values),
                spread={figure: _interval(judged, answers) for figure, answers in found.items()},
                **{figure: _by_level(judged, answers) for figure, answers in found.items()},
            )
        )
    return tuple(rows)


def winner(rows: Sequence[TargetRow], figure: str) -> str | None:
    """Return the target of the best `figure` that was measured; human means do not compete with themselves."""
    found = {row.name: getattr(row, figure) for row in rows if getattr(row, figure) is not None}
    if figure in ("levels", "kinds"):
        found.pop(HUMAN, None)
    return max(found, key=lambda name: found[name]) if found else None


def _targets(records: Sequence[Record], scored: Sequence[Record]) -> dict[str, Floats]:
    """Return every target of records, float64 (n,), 1 best; equalizers are fitted on `scored`."""
    scores, maps = [record.scores for record in records], fit_equalizers(scored)
    found = {
        HUMAN: np.array([((record.mos or 0.0) - 1) / 4 for record in records]),
        "Lai's six, plain mean": np.array([plain_mean(LAI, one) for one in scores]),
        "Lai's six, equalised": equalized_mean(LAI, scores, maps),
        "DeepFL's nine, equalised": equalized_mean(DEEPFL, scores, maps),
    }
    return found | {METRICS[name].title: equalized_mean((name,), scores, maps) for name in DEEPFL}


def _by_level(records: Sequence[Record], values: Floats) -> float | None:
    return _of_means(records, values, lambda record: (record.kind, record.severities[record.kind]))


def _interval(records: Sequence[Record], values: Floats) -> Interval | None:
    """Return the interval of `_by_level`."""
    scenes = np.unique([record.scene for record in records], return_inverse=True)[1].astype(np.int64)
    return bootstrap(lambda drawn: _by_level([records[i] for i in drawn], values[drawn]), scenes)


def _by_kind(records: Sequence[Record], values: Floats) -> float | None:
    kept = [i for i, record in enumerate(records) if record.severities[record.kind] == MIDDLE]
    return _of_means([records[i] for i in kept], values[kept], lambda record: record.kind)


def _of_means(records: Sequence[Record], values: Floats, group: Callable[[Record], object]) -> float | None:
    """Return SROCC over groups of the means of `values` and of the opinions."""
    groups: dict[object, list[int]] = {}
    for i, record in enumerate(records):
        groups.setdefault(group(record), []).append(i)
    opinions = np.array([record.mos for record in records], np.float64)
    means = [(values[rows].mean(), opinions[rows].mean()) for rows in groups.values()]
    found, wanted = np.array(means, np.float64).reshape(-1, 2).T
    return srocc(found, wanted)


@dataclass(frozen=True, eq=False)
class _Windows:
    records: Sequence[Record]
    windows: Sequence[NDArray[np.float16]]


def _answers(fit: _Windows, target: Floats, ask: _Windows, seed: int) -> Floats:
    """Return what a head that learnt `target` says of `ask`, float64 (n,)."""
    starts = np.concatenate([[0], np.cumsum([len(w) for w in fit.windows])]).astype(np.int64)
    scale = (1 + 4 * target).astype(np.float32)
    first, last = fit_quality(Rated(windows=np.concatenate(fit.windows), starts=starts, target=scale), seed=seed)
    found = []
    for windows in ask.windows:
        hidden = np.maximum(windows.astype(np.float32) @ first.weight.T + first.bias, 0)
        found.append(float((hidden @ last.weight.T + last.bias).mean()))
    return np.array(found)


def _answers_unseen(fit: _Windows, target: Floats, ask: _Windows, seed: int) -> Floats:
    """Return the same of heads each of which saw no picture of the kinds that it is asked of."""
    fold = _folds(sorted({record.kind for record in (*fit.records, *ask.records)}), seed)
    found = np.empty(len(ask.records))
    for part in range(FOLDS):
        seen = [i for i, record in enumerate(fit.records) if fold[record.kind] != part]
        asked = [i for i, record in enumerate(ask.records) if fold[record.kind] == part]
        found[asked] = _answers(_taken(fit, seen), target[seen], _taken(ask, asked), seed)
    return found


def _folds(kinds: Sequence[str], seed: int) -> Mapping[str, int]:
    order = np.random.default_rng(seed).permutation(len(kinds))
    return {kinds[place]: number % FOLDS for number, place in enumerate(order)}


def _taken(every: _Windows, places: Sequence[int]) -> _Windows:
    return _Windows([every.records[i] for i in places], [every.windows[i] for i in places])
