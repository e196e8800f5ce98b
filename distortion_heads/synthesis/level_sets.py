"""Sets of distortions at levels that Lai, Chu, Leng pre-train on, alone or mixed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from distortion_heads.errors import DataError
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.dbcnn import LEVELS, dbcnn_specs

LevelSetName: TypeAlias = Literal["dbcnn", "authentic"]
LEVEL_SETS: tuple[LevelSetName, ...] = get_args(LevelSetName)

AUTHENTIC: Mapping[str, tuple[float, ...]] = {
    **dict.fromkeys(("over_exposure", "under_exposure"), (2.0, 4.0)),
    **dict.fromkeys(
        ("motion_blur", "gaussian_blur", "chromatic_aberration", "contrast_change", "jpeg"), (1.0, 3.0, 5.0)
    ),
}
"""Distortions that photographs have, seven at 19 levels together. The paper does not say how strong any of them is, so
they are this project's kinds; its shift of the three colours is chromatic aberration."""

MOST_MIXED = 3
"""Distortions in one picture at most; how many the paper mixes is not said either."""


@dataclass(frozen=True, kw_only=True)
class LevelSet:
    """Distortions, their levels by label, and how many a picture has."""

    specs: tuple[HeadSpec, ...]
    levels: Mapping[str, tuple[float, ...]]
    mixture: tuple[int, int] = (1, 1)


def level_set(name: LevelSetName, kinds: Mapping[str, HeadSpec], chosen: tuple[str, ...] | None = None) -> LevelSet:
    """Return the set `name`, or of it the labels `chosen`; `kinds` are this project's. Raises `DataError`."""
    synthetic = name == "dbcnn"
    levels = LEVELS if synthetic else AUTHENTIC
    if unknown := [label for label in chosen or () if label not in levels]:
        raise DataError(f"--levels {name} has no distortion {unknown[0]!r}: choose of {', '.join(levels)}")
    wanted = [label for label in levels if chosen is None or label in chosen]
    if missing := [label for label in wanted if not synthetic and label not in kinds]:
        raise DataError(f"--levels {name} needs the distortion {missing[0]!r}, which no plugin in use brings")
    specs = {spec.label: spec for spec in dbcnn_specs()} if synthetic else kinds
    families = len({specs[label].family for label in wanted})
    return LevelSet(
        specs=tuple(specs[label] for label in wanted),
        levels={label: levels[label] for label in wanted},
        mixture=(1, 1) if synthetic else (1, min(MOST_MIXED, families)),
    )
