"""The answers of heads for one picture."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from distortion_heads.errors import DheadsError
from distortion_heads.spec import KIND, Scope

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

AreaShape: TypeAlias = Literal["round", "box", "cutout"]

_SHAPES = {"round": "the round field", "box": "what the frame or the bars leave", "cutout": "what is cut out"}


@dataclass(frozen=True, kw_only=True)
class HeadResult:
    """One head's answer: `probability` in [0, 1]; `severity` in [1, 5], or None where the head has no such output.

    `scope` is "family" where the head answers for its whole family, "kind" where for one distortion of it. `present`:
    the probability reaches the threshold and, for a kind, its family's own head does not say no (`heads.families`).
    """

    label: str
    family: str
    probability: float
    threshold: float
    present: bool
    severity: float | None
    scope: Scope = KIND


@dataclass(frozen=True, kw_only=True)
class KindShare:
    """How much speaks for one kind of a family; `label` is "other" for a fault that no head is named after."""

    label: str
    share: float


@dataclass(frozen=True, kw_only=True)
class FamilyResult:
    """The answer for a family: `probability` in [0, 1] that it is there, and of which kind it would be.

    It is that of the family's own head or, where there is none, of its most probable kind (see `heads.families`).
    The shares of `kinds`, largest first, sum to one.
    """

    family: str
    probability: float
    threshold: float
    present: bool
    severity: float | None
    kinds: tuple[KindShare, ...]


@dataclass(frozen=True, kw_only=True)
class QualityResult:
    """How good a picture is: `value` in [`low`, `high`], high is good; `target` says whose opinion the head learnt.

    `spread` is the standard deviation over the windows, on the same scale.
    """

    label: str
    value: float
    low: float
    high: float
    target: str
    spread: float = 0.0


@dataclass(frozen=True, kw_only=True)
class AffectedArea:
    """A rectangle of whole pixels around a part of a picture that is affected, and the mean of the map in that part."""

    x: int
    y: int
    width: int
    height: int
    probability: float


@dataclass(frozen=True, kw_only=True, eq=False)
class HeatMap:
    """Where in a picture a family, or a head, `name` finds its fault: `values` float32 (rows, columns) in [0, 1].

    `box`: left, top, right and bottom of the grid in pixels of the picture, beyond which it may reach by part of a
    cell. A place is affected from `level` on; `areas`: those parts, the most affected one first. `worst`: x and y in
    pixels of the highest value. `coarse`: the head reads the whole picture; its places are a fourth of the shorter
    side, and only their order counts.
    """

    name: str
    values: NDArray[np.float32]
    box: tuple[float, float, float, float]
    level: float
    areas: tuple[AffectedArea, ...]
    worst: tuple[int, int]
    coarse: bool = False


class Places(Protocol):
    """A picture and the maps of it; `picture` is uint8 (h, w, 3), RGB, reduced where it is large."""

    picture: NDArray[np.uint8]

    def heat(self, name: str) -> HeatMap:
        """Return the map of a family or head. Raises `DheadsError` where it has none."""
        ...

    def found(self) -> tuple[str, ...]:
        """Return the families that are present, and those that are found in a part of the picture only."""
        ...


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """All heads' answers for one image. `path` is None for an image that came from memory; sizes in pixels.

    `families` order the answers of `heads`; `fast`: windows were left out, since no more were asked for. `notes`: what
    was done to the picture before it was judged, or not looked at; a line each. `area`: left, top, right, bottom of
    what was judged, half-open, where the rest is no part of the scene, `area_shape` its form and `area_share` its share
    of the picture. Not `judged`: no head was asked, for the `reason`. `qualities`: how good it is, by each head that
    says so. `unfamiliar`: unlike what the heads were made on. `places`: what `heat` looks up.
    """

    path: str | None
    width: int
    height: int
    windows: int
    backbone: str
    heads: tuple[HeadResult, ...]
    families: tuple[FamilyResult, ...] = ()
    fast: bool = False
    notes: tuple[str, ...] = ()
    area: tuple[int, int, int, int] | None = None
    area_shape: AreaShape | None = None
    area_share: float = 1.0
    judged: bool = True
    reason: str | None = None
    qualities: tuple[QualityResult, ...] = ()
    unfamiliar: bool = False
    places: Places | None = field(default=None, repr=False, compare=False)

    def heat(self, name: str) -> HeatMap:
        """Return where in the picture the family or head `name` finds its fault; a `HeatPredictor` knows it.

        Raises `UnknownHeadError`, or `DheadsError` where there is no map.
        """
        if self.places is None:
            raise DheadsError("this prediction has no heat maps: make it with HeatPredictor, and of all windows")
        return self.places.heat(name)

    @property
    def remarks(self) -> tuple[str, ...]:
        """The notes for people: first what was judged, where that is not the whole picture."""
        if self.area_shape is None or not self.judged:
            return self.notes
        share = max(1, round(100 * self.area_share))
        return f"judged: {_SHAPES[self.area_shape]}, {share} % of the picture", *self.notes

    @property
    def quality(self) -> QualityResult | None:
        """How good the picture is, by the first head that says so; None where none does."""
        return next(iter(self.qualities), None)

    @property
    def present(self) -> tuple[HeadResult, ...]:
        """The heads above their thresholds, most probable first."""
        return tuple(sorted((h for h in self.heads if h.present), key=lambda h: -h.probability))

    @property
    def present_families(self) -> tuple[FamilyResult, ...]:
        """The families that are there, most probable first."""
        return tuple(sorted((f for f in self.families if f.present), key=lambda f: -f.probability))
