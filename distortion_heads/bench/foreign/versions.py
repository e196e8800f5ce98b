"""Make the versions of a clean picture."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from distortion_heads.bench.accuracy.samples import seeded
from distortion_heads.bench.shared.families import family_of_head
from distortion_heads.foreign.base import LEVELS, ForeignOperator, Pixels, as_pixels
from distortion_heads.foreign.pillow import stored_as_jpeg
from distortion_heads.io.float_images import to_float, to_uint8
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.distort import Step, distort

AFTERWARDS = 92
OWN_SEVERITY = 4.0
OWN_STORED = {"PNG": None, "JPEG 95": 95, "JPEG 85": 85}
ORDER = ("light", "atmosphere", "blur", "exposure", "color", "noise", "sharpness", "spatial", "compression")
"""The order in which two faults come to a picture."""

PART = 4
"""At each further size a picture is distorted by one in so many of the operators; others have the others."""


@dataclass(frozen=True, kw_only=True)
class ForeignPlan:
    """The versions of each picture: `pairs` of two operators, and singles at the `sizes` (longer side)."""

    seed: int = 0
    pairs: int = 24
    sizes: tuple[int, ...] = (384, 768)


@dataclass(frozen=True, kw_only=True)
class Version:
    """One version. `kind`: clean, single, pair, size or own; `stored`: as a JPEG of that quality after it, or None.

    `names` are those of the operators, or the label of our own head; `size` is the longer side, None as it was.
    """

    kind: str
    names: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    level: int = 0
    stored: int | None = None
    size: int | None = None

    @property
    def level_name(self) -> str:
        return LEVELS[self.level]


def draw_versions(
    operators: Sequence[ForeignOperator], specs: Sequence[HeadSpec], plan: ForeignPlan, picture: str
) -> tuple[Version, ...]:
    """Return all versions of a picture, in the order in which they are made; it and the seed decide the pairs."""
    return (
        Version(kind="clean"),
        Version(kind="clean", stored=AFTERWARDS),
        *_singles(operators),
        *_pairs(operators, plan, picture),
        *_at_sizes(operators, plan, picture),
        *_own(specs),
    )


def make_versions(
    pixels: Pixels,
    versions: Sequence[Version],
    operators: Sequence[ForeignOperator],
    specs: Sequence[HeadSpec],
    seed: int,
) -> Iterator[Pixels]:
    """Yield the pixels of each version. What is random depends on the picture, the version and the seed alone."""
    by_name = {operator.label: operator for operator in operators}
    by_label = {spec.label: spec for spec in specs}
    picture = hashlib.sha256(pixels.tobytes()).hexdigest()
    last: tuple[Any, Pixels] | None = None
    for version in versions:
        what = (version.kind, version.names, version.level, version.size)
        if last is None or last[0] != what:  # the same is stored in several ways
            rng = seeded(seed, picture, *what)
            made = _resized(pixels, version.size)
            if version.kind == "own":
                step = Step(spec=by_label[version.names[0]], severity=OWN_SEVERITY)
                made = to_uint8(distort(to_float(made), (step,), rng))
            elif version.names:
                made = _apply([by_name[name] for name in version.names], made, version.level, rng)
            last = (what, made)
        yield last[1] if version.stored is None else stored_as_jpeg(last[1], version.stored)


def _apply(operators: Sequence[ForeignOperator], pixels: Pixels, level: int, rng: np.random.Generator) -> Pixels:
    """Apply them in turn; NumPy's global generator, which old libraries use, is left as it was."""
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(int(rng.integers(2**32)))  # noqa: NPY002
    try:
        for operator in operators:
            pixels = operator.apply(pixels, level)
    finally:
        np.random.set_state(state)  # noqa: NPY002
    return pixels


def _singles(operators: Sequence[ForeignOperator]) -> Iterator[Version]:
    for operator in operators:
        for level in range(len(LEVELS)):
            for stored in (None,) if operator.codec else (None, AFTERWARDS):
                yield Version(
                    kind="single", names=(operator.label,), families=(operator.family,), level=level, stored=stored
                )


def _pairs(operators: Sequence[ForeignOperator], plan: ForeignPlan, picture: str) -> Iterator[Version]:
    """Two operators of different families, both mild or both strong."""
    if len({operator.family for operator in operators}) < 2:
        return
    rng = seeded(plan.seed, picture, "pairs")
    families = sorted({operator.family for operator in operators}, key=_place)
    for number in range(plan.pairs):
        chosen = sorted(rng.choice(len(families), size=2, replace=False))
        pair = [rng.choice([o.label for o in operators if o.family == families[i]]) for i in chosen]
        yield Version(
            kind="pair",
            names=tuple(map(str, pair)),
            families=tuple(families[i] for i in chosen),
            level=number % len(LEVELS),
        )


def _place(family: str) -> int:
    return ORDER.index(family) if family in ORDER else len(ORDER)


def _at_sizes(operators: Sequence[ForeignOperator], plan: ForeignPlan, picture: str) -> Iterator[Version]:
    for size in plan.sizes:
        yield Version(kind="size", size=size)
        first = int(seeded(plan.seed, picture, "sizes", size).integers(PART))
        for operator in operators[first::PART]:
            for level in range(len(LEVELS)):
                yield Version(kind="size", names=(operator.label,), families=(operator.family,), level=level, size=size)


def _own(specs: Sequence[HeadSpec]) -> Iterator[Version]:
    for spec in specs:
        if spec.synthesize is not None and getattr(spec, "scope", "kind") == "kind":
            family = family_of_head(spec.label, spec.family)
            for quality in OWN_STORED.values():
                yield Version(kind="own", names=(spec.label,), families=(family,), level=1, stored=quality)


def _resized(pixels: Pixels, size: int | None) -> Pixels:
    if size is None:
        return pixels
    from PIL import Image

    height, width = pixels.shape[:2]
    share = size / max(height, width)
    target = (max(round(width * share), 1), max(round(height * share), 1))
    return as_pixels(Image.fromarray(pixels).resize(target, Image.Resampling.LANCZOS))
