"""Distort a clean picture in every way at five severities, and let every scorer judge it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from distortion_heads.bench.shared.workers import Job, read_bytes
from distortion_heads.errors import DataError, InputError
from distortion_heads.io.float_images import to_float, to_uint8
from distortion_heads.io.images import load_image
from distortion_heads.metrics.scorers import Scorer, find_scorers, of_heads
from distortion_heads.pipeline import Predictor
from distortion_heads.spec import KIND, HeadSpec
from distortion_heads.synthesis.distort import Step, distort
from distortion_heads.synthesis.opinions import opinion
from distortion_heads.synthesis.visibility import UNCHANGED

SEVERITIES = (1.0, 2.0, 3.0, 4.0, 5.0)


@dataclass(frozen=True, kw_only=True)
class QualityPlan:
    """Labels of `kinds` that are made, names of `scorers` that judge (None: all), and the `side` that is cut out."""

    kinds: tuple[str, ...] | None = None
    scorers: tuple[str, ...] | None = None
    side: int = 384
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Version:
    """One version of a picture: `label` at `severity`, or neither for the clean one; `mean`: people's mean opinion."""

    label: str
    severity: float
    mean: float


def kinds_of(specs: Sequence[HeadSpec], plan: QualityPlan) -> tuple[HeadSpec, ...]:
    """Return the distortions that are made, by label. Raises `DataError` for one that cannot be, or if none can."""
    able = {spec.label: spec for spec in specs if spec.synthesize is not None and spec.scope == KIND}
    wanted = sorted(able) if plan.kinds is None else plan.kinds
    if unknown := [label for label in wanted if label not in able]:
        raise DataError(f"no distortion {unknown[0]!r} can be made: choose of {', '.join(sorted(able))}")
    if not wanted:
        raise DataError("no attached head has a generator to make its distortion with")
    return tuple(able[label] for label in wanted)


def scorers_of(predictor: Predictor, plan: QualityPlan) -> tuple[Scorer, ...]:
    """Return the scorers: metrics, floor and heads of quality. Raises `InputError` for a name that there is none of."""
    heads = of_heads(predictor)
    if plan.scorers is None:
        return (*heads, *find_scorers(None))
    labels = {scorer.name for scorer in heads}
    chosen = tuple(scorer for scorer in heads if scorer.name in plan.scorers)
    return (*chosen, *find_scorers(name for name in plan.scorers if name not in labels))


def versions(kinds: Sequence[HeadSpec]) -> tuple[Version, ...]:
    """Return what becomes of each picture: the clean one, then each kind at rising severities."""
    found = [Version(label="", severity=0.0, mean=UNCHANGED)]
    for spec in kinds:
        for severity in SEVERITIES:
            parameters = spec.parameters(severity) if spec.parameters else {}
            mean = opinion(spec.label, parameters)
            found.append(Version(label=spec.label, severity=severity, mean=float("nan") if mean is None else mean))
    return tuple(found)


def make_versions(
    pixels: NDArray[np.uint8], kinds: Sequence[HeadSpec], plan: QualityPlan
) -> Iterator[NDArray[np.uint8]]:
    """Yield the versions of a clean picture, uint8 (H, W, 3), in the order of `versions`.

    All severities of a kind have the same draws. Raises `DataError` if a generator breaks its contract.
    """
    yield pixels
    image = to_float(pixels)
    for spec in kinds:
        seed = int.from_bytes(hashlib.sha256(spec.label.encode() + pixels.tobytes()).digest()[:8])
        for severity in SEVERITIES:
            made = distort(image, [Step(spec=spec, severity=severity)], np.random.default_rng([plan.seed, seed]))
            yield to_uint8(made)


def read_middle(data: bytes, side: int) -> NDArray[np.uint8]:
    """Return the middle of a picture, at most `side` pixels a side. Raises `InputError`."""
    pixels = load_image(data)
    top, left = (max(size - side, 0) // 2 for size in pixels.shape[:2])
    return np.ascontiguousarray(pixels[top : top + side, left : left + side])


def measure_one(picture: Path, job: Job, plan: QualityPlan) -> NDArray[np.float64]:
    """Return the scores of a picture's versions, float64 (versions, scorers); NaN where there is none.

    More is better in all of them. Raises `InputError` if the file cannot be read.
    """
    data = read_bytes(picture)

    def measure(predictor: Predictor, specs: tuple[HeadSpec, ...]) -> dict[str, NDArray[np.generic]]:
        clean = read_middle(data, plan.side)
        scorers = scorers_of(predictor, plan)
        made = make_versions(clean, kinds_of(specs, plan), plan)
        return {"scores": np.array([[_score(scorer, pixels, clean) for scorer in scorers] for pixels in made])}

    return np.asarray(job.arrays(data, measure)["scores"], np.float64)


def _score(scorer: Scorer, pixels: NDArray[np.uint8], clean: NDArray[np.uint8]) -> float:
    try:
        value = scorer(pixels, clean)
    except InputError:
        return float("nan")
    return value if scorer.higher_better else -value
