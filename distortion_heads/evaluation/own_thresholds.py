"""Make a profile: thresholds for one's own kind of pictures, from clean ones and, if there are any, labelled faults."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from distortion_heads._system.errors_text import reason
from distortion_heads.answers import HeadResult, Prediction
from distortion_heads.errors import DataError, ProfileError
from distortion_heads.heads.head import HeadFile
from distortion_heads.io.text_tables import csv_rows, open_text
from distortion_heads.metrics.conformal import best_above, joint_thresholds, pictures_needed, threshold_for
from distortion_heads.metrics.scores import f1_score
from distortion_heads.pipeline import Predictor
from distortion_heads.registry.build import Registry
from distortion_heads.registry.profiles import OwnThreshold, Profile, Promise, head_fingerprint
from distortion_heads.spec import FAMILY


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The profile `name`: at most `rate` of new clean pictures give a false alarm, true with the `confidence`.

    `promise`: an alarm of any family, or of each head. `data` says where the clean pictures are from.
    """

    name: str
    rate: float
    confidence: float
    promise: Promise
    data: str


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A picture with faults; `names` are heads or families."""

    path: Path
    names: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Change:
    """Hold what a profile changes for one head: alarms on clean pictures and recall of the faults, before and after.

    `decides`: its family is said to be there when it fires.
    """

    own: OwnThreshold
    decides: bool
    threshold_before: float
    alarms_before: int
    recall_before: float | None


@dataclass(frozen=True, kw_only=True)
class Calibrated:
    """A profile, and what it changes; `any_before`: clean pictures with an alarm at the heads' own thresholds."""

    profile: Profile
    changes: tuple[Change, ...]
    any_before: int


def check_enough(clean: int, wanted: Wanted) -> None:
    """Raise `ProfileError` if so few clean pictures can promise nothing, with the number that can."""
    needed = pictures_needed(wanted.rate, wanted.confidence, together=wanted.promise == "any")
    if clean < needed:
        each = pictures_needed(wanted.rate, wanted.confidence)
        other = f", {each} with --each" if wanted.promise == "any" and each < needed else ""
        rate, confidence = (f"{100 * value:.3g} %" for value in (wanted.rate, wanted.confidence))
        raise ProfileError(
            f"{clean} clean pictures are too few to promise {rate} false alarms with a confidence of {confidence}: "
            f"{needed} are needed{other}; give more pictures or a higher --false-alarms"
        )


def read_faults(file: Path, names: frozenset[str]) -> tuple[Fault, ...]:
    """Read the rows `path,label`, labels of one picture joined by "+"; relative paths from the folder of `file`.

    Raises `DataError`, which names the line, for labels that are not among `names`.
    """
    try:
        with open_text(file) as stream:
            rows = [(line, [cell.strip() for cell in cells]) for line, cells in csv_rows(stream)]
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {reason(error)}") from None
    except (UnicodeError, csv.Error) as error:
        raise DataError(f"{file}: no CSV file of UTF-8 or UTF-16 text ({error})") from None
    header = [name.lower() for name in rows[0][1]] if rows else []
    if not {"path", "label"} <= set(header):
        raise DataError(f"{file}: the first line must be path,label")
    faults = []
    for line, cells in rows[1:]:
        if any(cells):
            row = dict(zip(header, cells, strict=False))
            faults.append(_fault(row, file.parent, f"{file}, line {line}", names))
    return tuple(faults)


def _fault(row: dict[str, str], folder: Path, where: str, names: frozenset[str]) -> Fault:
    labels = frozenset(filter(None, (label.strip() for label in row.get("label", "").split("+"))))
    if not row.get("path"):
        raise DataError(f"{where}: no path")
    if not labels:
        raise DataError(f"{where}: no label")
    if unknown := sorted(labels - names):
        raise DataError(f"{where}: no head or family is called {unknown[0]!r}: see `dheads list`")
    return Fault(path=folder / row["path"], names=labels)


def make_profile(
    predictor: Predictor,
    registry: Registry,
    clean: Sequence[Prediction],
    faulty: Sequence[tuple[Fault, Prediction]],
    wanted: Wanted,
) -> Calibrated:
    """Return thresholds for the heads of `predictor`, from its answers for clean pictures and for labelled faults.

    Where faults of a head are known, its threshold is the one with the best F1 that keeps the promise. Raises
    `ProfileError` for too few clean pictures.
    """
    check_enough(len(clean), wanted)
    heads = predictor.heads
    scores, faulty_scores = _scores(clean, heads), _scores([answer for _, answer in faulty], heads)
    decides = _deciders(heads)
    were = np.array([head.threshold.value for head in heads])
    floors = np.array([threshold_for(row, wanted.rate, wanted.confidence) for row in scores])
    if wanted.promise == "any":
        floors[decides] = joint_thresholds(scores[decides], were[decides], wanted.rate, wanted.confidence)
    changes = []
    for row, head in enumerate(heads):
        has_fault = np.array([bool(fault.names & _names_of(head, heads)) for fault, _ in faulty], bool)
        positive = faulty_scores[row][has_fault]
        value = best_above(float(floors[row]), positive, scores[row]) if len(positive) else float(floors[row])
        own = _own(head, head_fingerprint(registry.heads[head.label]), value, scores[row], positive)
        before = head.threshold.value
        change = Change(
            own=own,
            decides=bool(decides[row]),
            threshold_before=before,
            alarms_before=int((scores[row] >= before).sum()),
            recall_before=float((positive >= before).mean()) if len(positive) else None,
        )
        changes.append(change)
    values = np.array([change.own.value for change in changes])
    profile = Profile(
        name=wanted.name,
        backbone=predictor.backbone.ref,
        promise=wanted.promise,
        rate=wanted.rate,
        confidence=wanted.confidence,
        clean=len(clean),
        any_alarms=_any(scores, values, decides),
        data=wanted.data,
        created_with=f"distortion-heads {version('distortion-heads')}",
        heads=tuple(change.own for change in changes),
    )
    return Calibrated(profile=profile, changes=tuple(changes), any_before=_any(scores, were, decides))


def _own(
    head: HeadFile, fingerprint: str, value: float, clean: NDArray[np.float64], positive: NDArray[np.float64]
) -> OwnThreshold:
    alarms, found = int((clean >= value).sum()), int((positive >= value).sum())
    n = len(positive)
    return OwnThreshold(
        label=head.label,
        fingerprint=fingerprint,
        value=value,
        alarms=alarms,
        faults=n,
        recall=found / n if n else None,
        f1=f1_score(found, n - found, alarms) if n else None,
    )


def _scores(answers: Sequence[Prediction], heads: Sequence[HeadFile]) -> NDArray[np.float64]:
    """Return the probabilities, float64 (heads, n); 0 where a head gave none, as it raises no alarm there."""
    found = [{head.label: head.probability for head in answer.heads} for answer in answers]
    return np.array([[known.get(head.label, 0.0) for known in found] for head in heads], float)


def _deciders(heads: Sequence[HeadFile]) -> NDArray[np.bool_]:
    """Return which heads decide whether their family is there: its own, or all its kinds where it has none."""
    own = {head.family for head in heads if head.scope == FAMILY}
    return np.array([head.scope == FAMILY or head.family not in own for head in heads], bool)


def _names_of(head: HeadFile | HeadResult, heads: Sequence[HeadFile]) -> frozenset[str]:
    """Return the labels of faults that `head` should find: its own and, of a family, those of its kinds."""
    kinds = {kind.label for kind in heads if kind.family == head.family} if head.scope == FAMILY else set()
    return frozenset({head.label, *kinds})


def _any(scores: NDArray[np.float64], thresholds: NDArray[np.float64], decides: NDArray[np.bool_]) -> int:
    return int((scores >= thresholds[:, None])[decides].any(axis=0).sum())
