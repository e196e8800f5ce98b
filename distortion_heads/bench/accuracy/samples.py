"""Distort clean pictures in all ways and predict on each version."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from distortion_heads.bench.shared.workers import Job, read_bytes
from distortion_heads.io.float_images import to_float, to_uint8
from distortion_heads.io.images import load_image
from distortion_heads.pipeline import Predictor
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.distort import Step, distort, draw_mixture

LEVELS = (1.0, 2.0, 3.0, 4.0, 5.0)
MIXTURE_SIZES = (2, 3)
MIXTURE_SEVERITIES = (2.0, 5.0)

Case: TypeAlias = tuple[Step, ...]


@dataclass(frozen=True, kw_only=True)
class AccuracyPlan:
    """The versions of each picture: `mixtures` of two distortions and as many of three."""

    seed: int = 0
    mixtures: int = 20


@dataclass(frozen=True, kw_only=True, eq=False)
class PictureOutcomes:
    """The part of `Outcomes` that belongs to one picture: (n, H) each."""

    truth: NDArray[np.float32]
    probability: NDArray[np.float64]
    severity: NDArray[np.float64]


def draw_cases(specs: Sequence[HeadSpec], plan: AccuracyPlan, picture: str) -> tuple[Case, ...]:
    """Return the clean picture, each distortion at severities 1 to 5, then mixtures of distinct families.

    `picture` (any text that identifies it) and the seed decide the mixtures.
    """
    singles = [(Step(spec=spec, severity=level),) for spec in specs for level in LEVELS]
    families = len({spec.family for spec in specs})
    mixtures = [
        draw_mixture(specs, size, seeded(plan.seed, picture, size, i), severities=MIXTURE_SEVERITIES)
        for size in MIXTURE_SIZES
        if size <= families
        for i in range(plan.mixtures)
    ]
    return ((), *singles, *mixtures)


def measure_picture(
    data: bytes, predictor: Predictor, specs: Sequence[HeadSpec], plan: AccuracyPlan
) -> PictureOutcomes:
    """Make and judge all versions of the picture in the file `data`; `specs` are the predictor's heads, in its order.

    Raises `InputError` if it is no picture, `DataError` if a generator breaks its contract.
    """
    pixels = load_image(data)
    clean = to_float(pixels)
    picture = hashlib.sha256(pixels.tobytes()).hexdigest()
    cases = draw_cases(specs, plan, picture)
    outcome = PictureOutcomes(
        truth=np.zeros((len(cases), len(specs)), np.float32),
        probability=np.zeros((len(cases), len(specs))),
        severity=np.full((len(cases), len(specs)), np.nan),
    )
    columns = {spec.label: i for i, spec in enumerate(specs)}
    for row, case in enumerate(cases):
        names = [f"{step.spec.label}@{step.severity!r}" for step in case]
        version = to_uint8(distort(clean, case, seeded(plan.seed, picture, *names))) if case else pixels
        for step in case:
            outcome.truth[row, columns[step.spec.label]] = step.severity
        heads = predictor.predict(version).heads
        if not heads:  # too little to judge: nothing is claimed of it
            continue
        outcome.probability[row] = [head.probability for head in heads]
        outcome.severity[row] = [np.nan if head.severity is None else head.severity for head in heads]
    return outcome


def seeded(*words: object) -> np.random.Generator:
    """Return a generator that depends on `words` alone, the same on every machine and in every process."""
    digest = hashlib.sha256(repr(words).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "little"))


def measure_one(picture: Path, job: Job, plan: AccuracyPlan) -> PictureOutcomes:
    """Return what the job's cache has for the file `picture`, else measure it. Raises as `measure_picture`."""
    data = read_bytes(picture)
    arrays = job.arrays(data, lambda predictor, specs: vars(measure_picture(data, predictor, specs, plan)))
    return PictureOutcomes(**arrays)  # type: ignore[arg-type]
