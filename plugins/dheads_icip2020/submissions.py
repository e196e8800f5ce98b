"""Submissions of the ICIP 2020 challenge against the true answers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dheads_icip2020.answers import LABELS, natural_key, read_answers
from dheads_icip2020.score import Entry
from distortion_heads.datasets.load import load_corpus
from distortion_heads.datasets.published import lvq
from distortion_heads.errors import DataError
from distortion_heads.evaluation.figures import set_figures, single_right


def read_truth(path: Path) -> list[frozenset[str]]:
    """Return the true labels of each video, from an LVQ folder in natural order or from a file with a line for each.

    Raises `DataError`.
    """
    if not path.is_dir():
        return read_answers(path)
    records = load_corpus(path, lvq.KIND).records
    ordered = sorted(records, key=lambda record: natural_key(record.path.relative_to(path)))
    return [frozenset(record.severities) for record in ordered]


def read_submissions(
    files: Sequence[Path], truth: Sequence[frozenset[str]], seconds: Sequence[float] = ()
) -> tuple[Entry, ...]:
    """Return the figures of each submission; `seconds` per frame, one for each file or none at all.

    Raises `DataError` if a file is no submission, or not for so many videos.
    """
    if seconds and len(seconds) != len(files):
        raise DataError(
            f"{len(seconds)} times for {len(files)} submissions: give --seconds once for each, in their order"
        )
    answers_of = [read_answers(file) for file in files]
    shortest = min(map(len, answers_of), default=0)
    if not truth[-1] and shortest == len(truth) - 1:
        truth = truth[:-1]  # an empty line at the end of a file of the truth, as editors leave it
    there = _matrix(truth)
    if not there.any():
        raise DataError("no video has a distortion: nothing can be measured")
    entries = []
    for file, answers, time in zip(files, answers_of, seconds or [math.nan] * len(files), strict=True):
        if len(answers) == len(truth) + 1 and not answers[-1]:
            answers.pop()
        if len(answers) != len(truth):
            raise DataError(f"{file} has {len(answers)} lines, and there are {len(truth)} videos: one line for each")
        found = _matrix(answers)
        figures = set_figures(there, found)
        single = single_right(there, found)
        values = {"all_f1": figures["micro_f1"], "accuracy": figures["exact"], "single_f1": single}
        known = {name: math.nan if value is None else value for name, value in values.items()}
        entries.append(Entry(name=str(file), values={**known, "seconds": time}))
    return tuple(entries)


def _matrix(answers: Sequence[frozenset[str]]) -> NDArray[np.bool_]:
    return np.array([[label in answer for label in LABELS] for answer in answers], bool).reshape(-1, len(LABELS))
