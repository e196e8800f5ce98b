"""Series for quality heads: a good picture, then the same fault on it four times stronger, all handed on alike.

Within a series quality can only fall. Where people were asked about the fault the mean of their opinions is known by
its strength; of makes and mixtures there is only what can be seen of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from distortion_heads.io.float_images import to_uint8
from distortion_heads.synthesis.afterwards import Pixels, handed_on
from distortion_heads.synthesis.distort import Step, distort, in_physical_order
from distortion_heads.synthesis.good import finished, shallow_focus, softened
from distortion_heads.synthesis.mixtures import FamilyOperators, Seed, draw_faults
from distortion_heads.synthesis.opinions import ANCHORS, opinion
from distortion_heads.synthesis.plain import plain_specs
from distortion_heads.synthesis.tone import pick
from distortion_heads.synthesis.visibility import UNCHANGED, Difference, difference

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

Odds: TypeAlias = tuple[tuple[float, str], ...]

STRENGTHS = 4
"""Distorted pictures of a series; the good one is before them."""

PLAIN, RATED, UNRATED, MIXED = "plain", "rated", "unrated", "mixed"
BROAD: Odds = ((0.38, PLAIN), (0.32, RATED), (0.12, UNRATED), (0.18, MIXED))
KINDS: Odds = ((0.12, PLAIN), (0.66, RATED), (0.10, UNRATED), (0.12, MIXED))
"""How often a series shows one of the four of `plain`, a kind of known opinions, another kind or a make, a mixture."""

AS_IT_IS = 0.5
"""How often pictures stay as they were made, as in the databases; else they are handed on."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Graded:
    """A picture of a series: uint8 RGB pixels (H, W, 3), its fault ("" if none is named), severity (0: none).

    `mean` is people's mean opinion of such a fault as it is made, None where they were not asked; `seen` how far the
    picture is from the good one, both handed on.
    """

    pixels: Pixels
    label: str
    severity: float
    mean: float | None
    seen: Difference


def draw_series(
    operators: Mapping[str, FamilyOperators], rng: np.random.Generator, odds: Odds = BROAD
) -> tuple[tuple[Step, ...], ...]:
    """Draw the faults of `STRENGTHS` pictures, the mildest first."""
    chosen = _choose(operators, rng, odds)
    strengths = 1 + np.arange(STRENGTHS) + rng.random(STRENGTHS)
    shares = [1.0] if len(chosen) == 1 else list(rng.uniform(0.3, 1.0, len(chosen)))
    return tuple(
        in_physical_order(
            [
                Step(spec=step.spec, severity=float(min(1 + (strength - 1) * share, 5.0)))
                for step, share in zip(chosen, shares, strict=True)
            ]
        )
        for strength in strengths
    )


def _choose(operators: Mapping[str, FamilyOperators], rng: np.random.Generator, odds: Odds) -> Sequence[Step]:
    kind = pick(rng, odds)
    if kind == MIXED:
        while len(drawn := draw_faults(operators, rng)) < 2:
            pass
        return drawn
    if kind == PLAIN:
        choice = plain_specs()
    else:
        every = [spec for family in operators.values() for spec in (*family.kinds, *family.makes)]
        kinds = {spec.label for family in operators.values() for spec in family.kinds} & set(ANCHORS)
        choice = tuple(spec for spec in every if (spec.label in kinds) == (kind == RATED)) or plain_specs()
    return (Step(spec=choice[int(rng.integers(len(choice)))], severity=1.0),)


def graded_series(
    image: FloatImage, drawn: Sequence[Sequence[Step]], seed: Seed, *, untouched: bool
) -> tuple[Graded, ...]:
    """Make the good picture and one for each of `drawn` of a float32 HWC picture; the same `seed`, the same series.

    `untouched`: no camera has left its marks on the picture yet. Raises `DataError` if a synthesizer breaks its
    contract.
    """
    rng = np.random.default_rng((*seed, 0))
    if untouched:
        image = _as_taken(image, rng)
    handed = rng.random() >= AS_IT_IS

    def finish(made: FloatImage) -> Pixels:
        return handed_on(made, np.random.default_rng((*seed, 9))) if handed else to_uint8(made)

    good = finish(image)
    reference = good.astype(np.float32) / np.float32(255)
    graded = [Graded(pixels=good, label="", severity=0.0, mean=UNCHANGED, seen=difference(reference, reference))]
    for steps in drawn:
        pixels = finish(distort(image, steps, np.random.default_rng((*seed, 3))))
        first, single = steps[0], len(steps) == 1
        graded.append(
            Graded(
                pixels=pixels,
                label=first.spec.label if single else "",
                severity=first.severity,
                mean=_mean(first) if single else None,
                seen=difference(pixels.astype(np.float32) / np.float32(255), reference),
            )
        )
    return tuple(graded)


def _mean(step: Step) -> float | None:
    parameters = step.spec.parameters
    return None if parameters is None else opinion(step.spec.label, parameters(step.severity))


def _as_taken(image: FloatImage, rng: np.random.Generator) -> FloatImage:
    if rng.random() < 0.2:
        image = softened(image, rng)
    if rng.random() < 0.08:
        image, _ = shallow_focus(image, rng)
    return finished(image, rng) if rng.random() < 0.3 else image
