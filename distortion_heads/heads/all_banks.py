"""The heads of every view at once; one that overflows on a picture is left out of its answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from distortion_heads.answers import HeadResult, Prediction
from distortion_heads.errors import HeadTensorError
from distortion_heads.heads.bank import HeadBank, overflow_note
from distortion_heads.heads.families import families_of
from distortion_heads.heads.head import HeadFile
from distortion_heads.spec import MIN_SEVERITY, View

_ADVICE = "remove it or train it again"


def judge_all(
    banks: Mapping[View, HeadBank], features: Mapping[View, NDArray[np.float32]]
) -> tuple[dict[str, HeadResult], list[str]]:
    """Return the answers by label, and a line for each head that overflows. Raises `HeadTensorError` if all do."""
    results: dict[str, HeadResult] = {}
    overflowing: list[str] = []
    for view, values in features.items():
        found, without = banks[view].judge(values)
        results |= {result.label: result for result in found}
        overflowing += without
    if overflowing and not results:
        raise HeadTensorError(f"{overflow_note(overflowing[0])}: {_ADVICE}")
    return results, [f"{overflow_note(label)} and is left out: {_ADVICE}" for label in overflowing]


def completed(prediction: Prediction, labels: Sequence[str], heads: Callable[[], Sequence[HeadFile]]) -> Prediction:
    """Return it with an answer of each of `labels`, as frames of a video need: no evidence where a head overflowed."""
    if len(prediction.heads) == len(labels):
        return prediction
    known = {result.label: result for result in prediction.heads}
    results = tuple(known.get(head.label) or no_evidence(head) for head in heads())
    return replace(prediction, heads=results, families=families_of(results))


def no_evidence(head: HeadFile) -> HeadResult:
    """Return the answer of a head that has seen nothing."""
    return HeadResult(
        label=head.label,
        family=head.family,
        probability=0.0,
        threshold=head.threshold.value,
        present=False,
        severity=MIN_SEVERITY if "severity" in head.outputs else None,
        scope=head.scope,
    )
