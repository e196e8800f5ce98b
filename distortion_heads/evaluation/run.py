"""`dheads evaluate`: every repetition of every method, protocol and share; those that are finished are read."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np

from distortion_heads._system.errors_text import reason
from distortion_heads.datasets.clips import is_video
from distortion_heads.datasets.labelled_image import FRAMES
from distortion_heads.datasets.record import Record
from distortion_heads.datasets.selection import Selection
from distortion_heads.datasets.splits import FULL_SHARE, Partition, Protocol, split_records
from distortion_heads.errors import DataError
from distortion_heads.evaluation.method import Judge, Method
from distortion_heads.evaluation.outcome import SCHEMA, Outcome, load_outcome, save_outcome

TIMED = 8
"""Records of the test part, evenly spread, that are judged one by one against the clock."""

Progress: TypeAlias = Callable[[int, int, str], None]


@dataclass(frozen=True, kw_only=True)
class Repetition:
    """One split and one method."""

    method: Method
    protocol: Protocol
    share: float
    seed: int


@dataclass(frozen=True, kw_only=True)
class RepetitionPlan:
    """The repetitions to run: every method under every protocol with the seeds `seed`, `seed + 1` ... at every share.

    `frames`: of each video.
    """

    methods: tuple[Method, ...]
    protocols: tuple[Protocol, ...] = ("disjoint",)
    shares: tuple[float, ...] = (FULL_SHARE,)
    repeats: int = 10
    seed: int = 0
    frames: int = FRAMES

    def repetitions(self) -> Iterator[Repetition]:
        for seed in range(self.seed, self.seed + self.repeats):  # a run that is stopped has some of everything
            for protocol in self.protocols:
                for share in self.shares:
                    for method in self.methods:
                        yield Repetition(method=method, protocol=protocol, share=share, seed=seed)


def run_plan(
    plan: RepetitionPlan, selection: Selection, out: Path, progress: Progress = lambda done, total, name: None
) -> list[Outcome]:
    """Return the outcome of every repetition, in the order of `plan.repetitions()`.

    A finished repetition is one file in `out/repetitions`, named by the digest of all that decides it, and is never
    run again; `out/work` holds what methods keep while one is under way. Raises `DataError` if a part of a split would
    lack something or `out` cannot be written, and whatever a method raises.
    """
    repetitions = list(plan.repetitions())
    outcomes = []
    for done, repetition in enumerate(repetitions):
        progress(done, len(repetitions), f"{repetition.method.name}, {repetition.protocol}")
        outcomes.append(run_repetition(repetition, selection, out, plan.frames))
    progress(len(repetitions), len(repetitions), "")
    return outcomes


def run_repetition(repetition: Repetition, selection: Selection, out: Path, frames: int = FRAMES) -> Outcome:
    """Fit and judge, or read what was written when that was done."""
    digest = repetition_digest(repetition, selection, frames)
    file = out / "repetitions" / f"{digest}.json"
    found = load_outcome(file)
    if found is not None and found.labels == selection.labels:
        return replace(found, method=repetition.method.name)
    work = out / "work" / digest
    try:
        work.mkdir(parents=True, exist_ok=True)
        outcome = _run(repetition, selection, work, frames)
        save_outcome(file, outcome)
    except OSError as error:
        raise DataError(f"{out} cannot be written: {reason(error)}; choose another --out") from None
    finally:
        for folder in (work, work.parent):
            with suppress(OSError):  # it goes on with what it holds
                folder.rmdir()
    shutil.rmtree(work, ignore_errors=True)
    return outcome


def repetition_digest(repetition: Repetition, selection: Selection, frames: int) -> str:
    """Return the SHA-256 (hex) of all that decides the outcome."""
    parts: list[object] = [SCHEMA, selection.sha256, list(selection.labels), repetition.method.key]
    parts += [repetition.protocol, f"{repetition.share:.6f}", repetition.seed, frames]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _run(repetition: Repetition, selection: Selection, work: Path, frames: int) -> Outcome:
    split = split_records(
        selection.records,
        selection.scenes,
        selection.labels,
        repetition.protocol,
        seed=repetition.seed,
        share=repetition.share,
    )
    return run_split(repetition, selection, split, work, frames)


def run_split(
    repetition: Repetition, selection: Selection, split: Partition, work: Path, frames: int = FRAMES
) -> Outcome:
    """Fit the method of `repetition` on the parts of `split`, and judge its test part. `work` as in `Method.fit`.

    Raises `DataError` if the method leaves something unanswered, and whatever it raises.
    """
    records, labels = selection.records, selection.labels
    train, validation, test = ([records[i] for i in part] for part in (split.train, split.validation, split.test))
    started = time.perf_counter()
    judge = repetition.method.fit(train, validation, labels, seed=repetition.seed, work=work)
    fit_seconds = time.perf_counter() - started
    probability = np.asarray(judge.probabilities(test), np.float64)
    if probability.shape != (len(test), len(labels)) or not np.isfinite(probability).all():
        raise DataError(f"method {repetition.method.name!r} gave no probability for some record or label")
    return Outcome(
        method=repetition.method.name,
        protocol=repetition.protocol,
        share=repetition.share,
        seed=repetition.seed,
        labels=labels,
        paths=tuple(selection.names[i] for i in split.test),
        scenes=tuple(record.scene for record in test),
        truth=np.array([[label in record.severities for label in labels] for record in test], bool),
        clean=np.array([record.clean for record in test], bool),
        probability=probability,
        thresholds=np.asarray(judge.thresholds, np.float64),
        seconds=seconds_per_picture(judge, test, frames),
        fit_seconds=fit_seconds,
        n_train=len(train),
        n_validation=len(validation),
        parameters=getattr(judge, "parameters", None),
    )


def seconds_per_picture(judge: Judge, records: Sequence[Record], frames: int) -> float:
    """Return the median over a few records, from the file to the answer; a video's time by its number of frames.

    A judge with `uncached()` is timed without what it remembers.
    """
    uncached = getattr(judge, "uncached", None)
    timed: Judge = judge if uncached is None else uncached()
    index = np.unique(np.linspace(0, len(records) - 1, min(TIMED, len(records))).round().astype(np.int64))
    timed.probabilities([records[index[0]]])  # not the first one: it loads modules
    seconds = []
    for i in index:
        started = time.perf_counter()
        timed.probabilities([records[i]])
        spent = time.perf_counter() - started
        seconds.append(spent / frames if is_video(records[i]) else spent)
    return float(np.median(seconds))
