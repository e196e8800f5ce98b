"""Samples for family heads: a good picture, up to three faults of different families, and what became of it since.

Each fault is a kind that a head is named after or a make that none is. It is compared with the same picture without
it: only what can still be seen in the end is there to be found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from distortion_heads.spec import FAMILY, HeadSpec
from distortion_heads.synthesis.afterwards import Pixels, handed_on
from distortion_heads.synthesis.distort import Step, distort, in_physical_order, stage_of
from distortion_heads.synthesis.good import finished, shallow_focus, softened
from distortion_heads.synthesis.tone import pick
from distortion_heads.synthesis.visibility import Difference, difference

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

Seed: TypeAlias = tuple[int, ...]

SENSOR = 2
"""Place of the sensor in the imaging chain: what comes before it happens to the light."""


@dataclass(frozen=True, kw_only=True)
class FamilyOperators:
    """The distortions of a family: `kinds` that heads are named after, and `makes` that none is."""

    kinds: tuple[HeadSpec, ...]
    makes: tuple[HeadSpec, ...]


def operators_of(specs: Mapping[str, HeadSpec], families: tuple[str, ...]) -> dict[str, FamilyOperators]:
    """Return what the heads with these `specs`, by label, know to make of each family: kinds, and its own makes."""
    operators = {}
    for family in families:
        kinds = tuple(spec for spec in specs.values() if spec.family == family and spec.synthesize is not None)
        makes = tuple(
            HeadSpec(
                label=make.name,
                title=make.name,
                family=family,
                description=make.description,
                synthesize=make.synthesize,
                stage=make.stage,
            )
            for make in (specs[family].makes if family in specs and specs[family].scope == FAMILY else ())
        )
        operators[family] = FamilyOperators(kinds=kinds, makes=makes)
    return {family: known for family, known in operators.items() if known.kinds or known.makes}


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault of a sample, and what of it can be seen in the end."""

    step: Step
    seen: Difference

    @property
    def family(self) -> str:
        return self.step.spec.family


@dataclass(frozen=True, kw_only=True, eq=False)
class MixedPicture:
    """uint8 RGB pixels (H, W, 3), the faults in them; how sharp each pixel is, where focus is shallow, else None."""

    pixels: Pixels
    faults: tuple[Fault, ...]
    focus: NDArray[np.float32] | None


CORE = ("blur", "noise", "compression")
"""Families that every camera and every codec brings: mixtures of them are the commonest, and the hardest."""

CORE_ODDS = 0.35
"""How often a mixture is begun with families of `CORE`."""


def draw_faults(operators: Mapping[str, FamilyOperators], rng: np.random.Generator) -> tuple[Step, ...]:
    """Draw none (18 %), one (34 %), two (38 %) or three faults of different families, makes as often as kinds."""
    return draw_mixture(operators, pick(rng, ((0.18, 0), (0.34, 1), (0.38, 2), (0.10, 3))), rng)


def draw_mixture(operators: Mapping[str, FamilyOperators], count: int, rng: np.random.Generator) -> tuple[Step, ...]:
    """Draw `count` faults of different families; a mixture is often one of blur, noise and compression."""
    order = [str(family) for family in rng.permutation(list(operators))]
    if count > 1 and rng.random() < CORE_ODDS:
        first = [family for family in order if family in CORE][:2]
        order = [*first, *(family for family in order if family not in first)]
    return tuple(_draw(operators[family], count, rng) for family in order[:count])


def _draw(family: FamilyOperators, count: int, rng: np.random.Generator) -> Step:
    makes = family.makes and (rng.random() < 0.55 or not family.kinds)
    choice = family.makes if makes else family.kinds
    lowest = 1.0 if count == 1 else 1.8
    return Step(spec=choice[rng.integers(len(choice))], severity=float(rng.uniform(lowest, 5.0)))


def mixed_picture(image: FloatImage, drawn: Sequence[Step], seed: Seed, *, untouched: bool = True) -> MixedPicture:
    """Make a sample of a good picture, float32 HWC in [0, 1]; the same `seed`, the same sample.

    `untouched`: no camera has left its marks yet on the picture, which was reduced since. Raises `DataError` if a
    synthesizer breaks its contract.
    """
    rng = np.random.default_rng((*seed, 0))
    focus = None
    if untouched and rng.random() < 0.25:
        image = softened(image, rng)
    if untouched and rng.random() < 0.08:
        image, focus = shallow_focus(image, rng)
    chain = _Chain(image, in_physical_order(drawn), seed, rng.random() < (0.45 if untouched else 0.15))
    made = chain.whole()
    faults = tuple(
        Fault(step=step, seen=difference(made, chain.without(place))) for place, step in enumerate(chain.steps)
    )
    return MixedPicture(pixels=handed_on(made, np.random.default_rng((*seed, 9))), faults=faults, focus=focus)


class _Chain:
    """The way of the light: air and optics, the camera's finish, then everything later. Every step has its own seed."""

    def __init__(self, image: FloatImage, steps: Sequence[Step], seed: Seed, camera: bool) -> None:
        self.steps, self._seed, self._camera = steps, seed, camera
        self._before = [image]  # what each step was given, then what came of the last one
        for place in range(len(steps)):
            image = self._ready(image, place)
            self._before[place] = image
            image = self._step(image, place)
            self._before.append(image)

    def whole(self) -> FloatImage:
        """Return what came of all steps."""
        return self._end(self._before[-1])

    def without(self, missing: int) -> FloatImage:
        """Return what came of all steps but one, which is its place: up to there nothing was different."""
        image = self._before[missing]
        for place in range(missing + 1, len(self.steps)):
            image = self._step(self._ready(image, place), place)
        return self._end(image)

    def _step(self, image: FloatImage, place: int) -> FloatImage:
        return distort(image, [self.steps[place]], np.random.default_rng((*self._seed, 3, place)))

    def _ready(self, image: FloatImage, place: int) -> FloatImage:
        """Return the picture as the step gets it: the camera takes it before the first that is not of the light."""
        takes = self._is_later(place) and not any(map(self._is_later, range(place)))
        return self._finish(image) if self._camera and takes else image

    def _end(self, image: FloatImage) -> FloatImage:
        taken = not self._camera or any(map(self._is_later, range(len(self.steps))))
        return image if taken else self._finish(image)

    def _is_later(self, place: int) -> bool:
        return stage_of(self.steps[place].spec) >= SENSOR

    def _finish(self, image: FloatImage) -> FloatImage:
        return finished(image, np.random.default_rng((*self._seed, 2)))
