"""The families that an answer speaks of."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from distortion_heads.answers import Prediction
from distortion_heads.heads.head import HeadFile

FAMILIES = (
    "blur", "noise", "compression", "exposure", "light", "atmosphere", "color", "spatial", "sharpness",
)  # fmt: skip

_LIGHT_HEADS = ("uneven_illumination", "vignetting")
"""Heads that are of the family light, also where their file is from before there was one."""


def family_names(heads: Iterable[HeadFile]) -> tuple[str, ...]:
    """Return the nine families, then others that `heads` are of."""
    return (*FAMILIES, *sorted({family_of_head(head.label, head.family) for head in heads} - set(FAMILIES)))


def judged(prediction: Prediction, families: tuple[str, ...]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the probability of each of `families`, and which are present, as `dheads predict` decides.

    Where the answer speaks of heads alone, a family is as probable as its most probable head, and present if one is.
    """
    probability, present = np.zeros(len(families)), np.zeros(len(families), np.bool_)
    answers = getattr(prediction, "families", None) or prediction.heads
    for answer in answers:
        family = family_of_head(getattr(answer, "label", ""), answer.family)
        if family in families:
            column = families.index(family)
            probability[column] = max(probability[column], answer.probability)
            present[column] |= answer.present
    return probability, present


def family_of_head(label: str, family: str) -> str:
    """Return the family of a head, whose file may be from before there was a family light."""
    return "light" if label in _LIGHT_HEADS else family
