"""Everything that gives a picture one number of quality, in one form: metrics, the classical floor, heads."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from distortion_heads.errors import InputError
from distortion_heads.metrics.blind.gradient import gradient_sharpness
from distortion_heads.metrics.blind.naturalness import unnaturalness
from distortion_heads.metrics.reference.metric import ReferenceMetric
from distortion_heads.metrics.reference.table import METRICS

Pixels: TypeAlias = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Scorer:
    """One scorer; `score(pixels, reference)` takes uint8 (H, W, 3) both, the reference only if it `needs_reference`.

    Raises `InputError` where a picture has no score.
    """

    name: str
    title: str
    higher_better: bool
    needs_reference: bool
    score: Callable[[Pixels, Pixels | None], float]

    def __call__(self, pixels: Pixels, reference: Pixels | None = None) -> float:
        if self.needs_reference and reference is None:
            raise InputError(f"{self.title} needs a reference")
        return self.score(pixels, reference)


def of_metric(metric: ReferenceMetric) -> Scorer:
    """Return a full-reference metric as a scorer."""

    def score(pixels: Pixels, reference: Pixels | None) -> float:
        assert reference is not None
        return metric(reference, pixels)

    return Scorer(
        name=metric.name, title=metric.title, higher_better=metric.higher_better, needs_reference=True, score=score
    )


def blind(name: str, title: str, judge: Callable[[Pixels], float], *, higher_better: bool = True) -> Scorer:
    """Return a function of the picture alone, such as a head's answer, as a scorer."""
    return Scorer(
        name=name,
        title=title,
        higher_better=higher_better,
        needs_reference=False,
        score=lambda pixels, reference: judge(pixels),
    )


def known_scorers() -> dict[str, Scorer]:
    """Return by name the scorers that need no training: the metrics, and the floor of what needs no original."""
    floor = (
        blind("naturalness", "naturalness (after NIQE)", unnaturalness, higher_better=False),
        blind("gradient", "gradient sharpness", gradient_sharpness),
    )
    return {scorer.name: scorer for scorer in (*map(of_metric, METRICS.values()), *floor)}


def find_scorers(names: Iterable[str] | None) -> tuple[Scorer, ...]:
    """Return the scorers of these names, all for None. Raises `InputError` for a name that there is none of."""
    known = known_scorers()
    if names is None:
        return tuple(known.values())
    wanted = list(dict.fromkeys(names))
    if unknown := [name for name in wanted if name not in known]:
        raise InputError(f"no metric {unknown[0]!r}: choose of {', '.join(known)}")
    return tuple(known[name] for name in wanted)


def of_heads(predictor: Any) -> tuple[Scorer, ...]:
    """Return each head of quality of a `Predictor` as a scorer, by its label; none if none is attached."""

    def judge(label: str, pixels: Pixels) -> float:
        for quality in predictor.predict(pixels).qualities:
            if quality.label == label:
                return float(quality.value)
        raise InputError(f"head {label!r} has no answer for this picture")

    heads = getattr(predictor, "quality_heads", ())
    return tuple(blind(head.label, f"head {head.label}", partial(judge, head.label)) for head in heads)
