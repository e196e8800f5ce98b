"""Distort clean pictures in all ways, predict on each version, and keep what was predicted.

What was predicted on one picture is one file, named by the hash of all that it depends on: a run that was killed goes
on where it stopped, and a run after any change starts afresh.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from distortion_heads.bench.shared.cache import code_digest, sha256
from distortion_heads.io.float_images import to_float, to_uint8
from distortion_heads.io.images import load_image
from distortion_heads.pipeline import Predictor
from distortion_heads.reports.files import write_files
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.distort import Step, distort, draw_mixture

LEVELS = (1.0, 2.0, 3.0, 4.0, 5.0)
MIXTURE_SIZES = (2, 3)
MIXTURE_SEVERITIES = (2.0, 5.0)
_FORMAT = 1

Case: TypeAlias = tuple[Step, ...]


@dataclass(frozen=True, kw_only=True)
class AccuracyPlan:
    """What is made of each picture; `mixtures` of two and as many of three."""

    seed: int = 0
    mixtures: int = 20


@dataclass(frozen=True, kw_only=True, eq=False)
class PictureOutcomes:
    """The part of `Outcomes` that belongs to one picture: (n, H) each."""

    truth: NDArray[np.float32]
    probability: NDArray[np.float64]
    severity: NDArray[np.float64]


def draw_cases(specs: Sequence[HeadSpec], plan: AccuracyPlan, picture: str) -> tuple[Case, ...]:
    """The clean picture, each distortion at severities 1 to 5, then mixtures of distinct families.

    `picture` (any text that identifies it) and the seed decide the mixtures. There are none of more distortions than
    there are families.
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
        outcome.probability[row] = [head.probability for head in heads]
        outcome.severity[row] = [np.nan if head.severity is None else head.severity for head in heads]
    return outcome


def seeded(*words: object) -> np.random.Generator:
    """A generator that depends on `words` alone, the same on every machine and in every process."""
    digest = hashlib.sha256(repr(words).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "little"))


@dataclass(frozen=True, kw_only=True)
class Cache:
    """Outcomes on disk, one file per picture. `key` stands for all that they depend on besides the picture."""

    folder: Path
    key: str

    def load(self, data: bytes) -> PictureOutcomes | None:
        """What was kept for the picture in the file `data`, or None."""
        from safetensors import SafetensorError
        from safetensors.numpy import load

        try:
            return PictureOutcomes(**load((self.folder / self._name(data)).read_bytes()))
        except (OSError, SafetensorError, TypeError):
            return None

    def save(self, data: bytes, outcome: PictureOutcomes) -> None:
        """Raises `DataError` if the folder cannot be written."""
        from safetensors.numpy import save

        write_files(self.folder, {self._name(data): save(vars(outcome))})

    def _name(self, data: bytes) -> str:
        return f"{sha256(self.key.encode() + data)[:32]}.safetensors"


def cache_key(predictor: Predictor, specs: Sequence[HeadSpec], plan: AccuracyPlan) -> str:
    """SHA-256 over the backbone, the head files, the plan and the source code that distorts and predicts."""
    parts = {
        "format": _FORMAT,
        "backbone": predictor.backbone.ref.fingerprint,
        "heads": [(spec.label, spec.family, sha256(spec.weights.read_bytes())) for spec in specs if spec.weights],
        "plan": vars(plan),
        "code": code_digest(specs),
    }
    return sha256(json.dumps(parts, sort_keys=True).encode())
