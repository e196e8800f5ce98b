"""The answers of heads for one picture."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class HeadResult:
    """One head's answer: `probability` in [0, 1]; `severity` in [1, 5], or None where the head has no such output."""

    label: str
    family: str
    probability: float
    threshold: float
    present: bool
    severity: float | None


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """All heads' answers for one image. `path` is None for an image that came from memory; sizes in pixels.

    `fast`: windows were left out, since no more were asked for.
    """

    path: str | None
    width: int
    height: int
    windows: int
    backbone: str
    heads: tuple[HeadResult, ...]
    fast: bool = False

    @property
    def present(self) -> tuple[HeadResult, ...]:
        """The heads above their thresholds, most probable first."""
        return tuple(sorted((h for h in self.heads if h.present), key=lambda h: -h.probability))
