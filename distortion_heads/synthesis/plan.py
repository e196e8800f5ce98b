"""The items that `dheads synth` makes of each picture: a distortion or a mixture, with a random stream of its own.

An item's stream depends on the run's seed, the picture's name and the item's name, and on nothing else: neither on the
number of processes nor on what else is made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from distortion_heads.errors import DataError
from distortion_heads.spec import MAX_SEVERITY, MIN_SEVERITY, HeadSpec
from distortion_heads.synthesis.distort import Step, draw_mixture

MAX_MIXTURE = 3


class SpoiltError(Exception):
    """One item cannot be made; the others can."""


@dataclass(frozen=True, kw_only=True)
class Severities:
    """Fixed `levels`, or anything from `low` to `high` where there are none; all in [1, 5]."""

    low: float
    high: float
    levels: tuple[float, ...] = ()

    def draw(self, rng: np.random.Generator) -> float:
        """Draw one of the levels, or uniformly in the range and rounded to what a manifest shows."""
        if self.levels:
            return self.levels[int(rng.integers(len(self.levels)))]
        return round(float(rng.uniform(self.low, self.high)), 3)


@dataclass(frozen=True, kw_only=True)
class Item:
    """One picture to be made: `steps` in physical order, drawn from `numpy.random.default_rng(seed)`."""

    name: str
    steps: tuple[Step, ...]
    seed: int


@dataclass(frozen=True, kw_only=True)
class SynthPlan:
    """The items that are made of every picture.

    With `per_image` N: N draws, each of `mixture[0]` to `mixture[1]` distortions of distinct families. Without it,
    every distortion at every level, or once each at a drawn severity. With `one_kind` one distortion at every level,
    drawn for the picture, as in KADIS-700k (Lin, Hosu, Saupe 2020). With `levels` by label each distortion has those
    in place of `severities`. Raises `DataError` if that cannot be done.
    """

    specs: tuple[HeadSpec, ...]
    severities: Severities
    seed: int = 0
    per_image: int | None = None
    mixture: tuple[int, int] = (1, 1)
    one_kind: bool = False
    levels: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for spec in self.specs:
            if spec.synthesize is None and spec.synthesize_clip is None:
                raise DataError(f"the head {spec.label!r} has no synthesizer; it cannot be used to distort pictures")
        if not self.specs:
            raise DataError("no distortion to make: none of the attached heads has a synthesizer")
        most = self.mixture[1]
        if self.one_kind and (self.per_image is not None or not self.severities.levels):
            raise DataError("one distortion for each picture is made at levels: give them as 1,2,3,4,5, and no -n")
        if self.one_kind and self.levels:
            raise DataError("pictures as of KADIS-700k have the same levels of all distortions: give no others")
        if most > 1 and self.per_image is None:
            raise DataError("mixtures are drawn at random: say how many for each picture (--per-image)")
        families = {spec.family for spec in self.specs}
        if most > len(families):
            raise DataError(
                f"a mixture of {most} needs distortions of {most} families; these are of {len(families)}: "
                + ", ".join(sorted(families))
            )

    @property
    def size(self) -> int:
        """Return the number of items of each picture."""
        if self.per_image is not None:
            return self.per_image
        if self.one_kind:
            return len(self.severities.levels)
        return sum(max(len(self._severities(spec).levels), 1) for spec in self.specs)

    def _severities(self, spec: HeadSpec) -> Severities:
        levels = self.levels.get(spec.label)
        return self.severities if levels is None else Severities(low=min(levels), high=max(levels), levels=levels)

    def items(self, source: str, start: int, stop: int) -> Iterator[Item]:
        """Yield the items number `start` up to `stop` of the picture named `source`."""
        for index in range(start, min(stop, self.size)):
            yield self._drawn(source, index) if self.per_image is not None else self._listed(source, index)

    def _listed(self, source: str, index: int) -> Item:
        spec, place = self._listed_spec(source, index)
        severities = self._severities(spec)
        level = severities.levels[place] if severities.levels else None
        name = spec.label if level is None else f"{spec.label}-{level:g}"
        seed = item_seed(self.seed, source, name)
        severity = severities.draw(np.random.default_rng(seed)) if level is None else level
        return Item(name=name, steps=(Step(spec=spec, severity=severity),), seed=seed)

    def _listed_spec(self, source: str, index: int) -> tuple[HeadSpec, int]:
        """Return the distortion of the item, and which of its levels it is."""
        if self.one_kind:
            return self.specs[item_seed(self.seed, source, "kind") % len(self.specs)], index
        for spec in self.specs:
            count = max(len(self._severities(spec).levels), 1)
            if index < count:
                return spec, index
            index -= count
        raise IndexError(index)

    def _drawn(self, source: str, index: int) -> Item:
        seed = item_seed(self.seed, source, str(index))
        # `distort` uses only children of its generator, so drawing from the generator itself leaves it the same.
        rng = np.random.default_rng(seed)
        size = int(rng.integers(self.mixture[0], self.mixture[1] + 1))
        drawn = draw_mixture(self.specs, size, rng)
        steps = tuple(replace(step, severity=self._severities(step.spec).draw(rng)) for step in drawn)
        return Item(name=f"{index:04d}-{'+'.join(step.spec.label for step in steps)}", steps=steps, seed=seed)


def item_seed(seed: int, source: str, name: str) -> int:
    """Return 63 bits of SHA-256: they fit into the signed integers of whatever reads the manifest."""
    key = f"{seed}\0{source}\0{name}".encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.sha256(key).digest()[:8], "big") >> 1


def parse_severities(text: str) -> Severities:
    """Read "1,2,3" as levels and "1-5" as a range. Raises `DataError`."""
    separator = "-" if "-" in text else ","
    try:
        values = [float(part) for part in text.split(separator)]
    except ValueError:
        values = []
    sound = bool(values) and all(MIN_SEVERITY <= value <= MAX_SEVERITY for value in values)
    if sound and separator == ",":
        return Severities(low=min(values), high=max(values), levels=tuple(dict.fromkeys(values)))
    if sound and len(values) == 2 and values[0] < values[1]:
        return Severities(low=values[0], high=values[1])
    limits = f"from {MIN_SEVERITY:g} to {MAX_SEVERITY:g}"
    raise DataError(f"severities {text!r}: give numbers {limits}, as 1,3,5 or as a range 1-5")


def parse_mixture(text: str) -> tuple[int, int]:
    """Read "2" as two distortions a picture and "1-3" as one to three. Raises `DataError`."""
    try:
        counts = [int(part) for part in text.split("-")]
    except ValueError:
        counts = []
    if len(counts) not in (1, 2) or not 1 <= counts[0] <= counts[-1] <= MAX_MIXTURE:
        raise DataError(f"mixture {text!r}: give how many distortions, 1 to {MAX_MIXTURE}, as 2 or as a range 1-3")
    return counts[0], counts[-1]
