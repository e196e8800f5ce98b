"""Properties of files that tell two classes of pictures apart, though they are not what a head is to find."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from distortion_heads.datasets.properties import Properties

Name: TypeAlias = Literal["codec", "suffix", "quality", "mode", "size", "depth", "camera", "light"]

SEPARATES = 0.9
"""Mean of the two classes' shares that one property alone tells right, from which on it is a shortcut."""

FEWEST = 8
"""Pictures of each class that are needed to say so."""


@dataclass(frozen=True, kw_only=True)
class Shortcut:
    """One property that separates the classes, and the figures in words."""

    name: Name
    text: str


_VALUES: dict[Name, tuple[Callable[[Properties], str], str]] = {
    "codec": (lambda p: p.codec, "are {}"),
    "suffix": (lambda p: p.suffix or "without a suffix", "are called {}"),
    "mode": (lambda p: p.mode, "are in {}"),
    "depth": (lambda p: f"{p.depth} bits", "have {}"),
    "camera": (lambda p: p.camera or "no camera", "name {}"),
}
_NUMBERS: dict[Name, tuple[Callable[[Properties], float | None], str]] = {
    "quality": (lambda p: p.quality, "JPEG quality {:.0f}"),
    "size": (lambda p: p.side, "the size of {0:.0f} x {0:.0f} pixels"),
    "light": (lambda p: p.light, "a mean light of {:.0f} of 255"),
}
_IMPLIED: dict[Name, Name] = {"suffix": "codec", "depth": "codec", "quality": "codec"}
"""Properties that need not be said where the other is: a codec brings its suffix with it."""


def find_shortcuts(
    properties: Sequence[Properties | None], positive: Sequence[bool], label: str
) -> tuple[Shortcut, ...]:
    """Return the properties that separate the pictures with `label` from those without; those unread are left out."""
    known = [(p, bool(side)) for p, side in zip(properties, positive, strict=True) if p is not None]
    found: list[Shortcut] = []
    for name, (value, verb) in _VALUES.items():
        text = _separate_values([(value(p), side) for p, side in known], verb, label)
        found += [Shortcut(name=name, text=text)] if text else []
    for name, (number, what) in _NUMBERS.items():
        numbers = [(x, side) for p, side in known if (x := number(p)) is not None]
        text = _separate_numbers(numbers, what, label)
        found += [Shortcut(name=name, text=text)] if text else []
    names = {shortcut.name for shortcut in found}
    return tuple(shortcut for shortcut in found if _IMPLIED.get(shortcut.name) not in names)


def _sizes(sides: Sequence[bool]) -> tuple[int, int]:
    return sum(sides), len(sides) - sum(sides)


def _separate_values(values: Sequence[tuple[str, bool]], verb: str, label: str) -> str | None:
    """Return the figures if the value tells the class, judged by the *other* pictures that have it; else None."""
    many, few = _sizes([side for _, side in values])
    if min(many, few) < FEWEST:
        return None
    counts = {side: Counter(value for value, its in values if its is side) for side in (True, False)}
    size = {True: many, False: few}
    right = {True: 0.0, False: 0.0}
    for value, side in values:
        own = (counts[side][value] - 1) / (size[side] - 1)
        other = counts[not side][value] / size[not side]
        right[side] += 0.5 if own == other else float(own > other)
    if (right[True] / many + right[False] / few) / 2 < SEPARATES:
        return None
    texts = [f"{_most(counts[side], size[side], verb, _who(side, label))}" for side in (True, False)]
    return " and ".join(texts)


def _who(side: bool, label: str) -> str:
    return f"pictures with {label}" if side else "without"


def _most(counts: Counter[str], size: int, verb: str, who: str) -> str:
    (value, count), *_ = counts.most_common(1)
    many = f"all {size}" if count == size else f"{count} of {size}"
    if count == size or count >= SEPARATES * size:
        return f"{many} {who} {verb.format(value)}"
    several = ", ".join(f"{value} ({count})" for value, count in counts.most_common(3))
    return f"the {size} {who} {verb.format(several)}"


def _separate_numbers(numbers: Sequence[tuple[float, bool]], what: str, label: str) -> str | None:
    """Return the figures if some limit has most of one class below it and most of the other above; else None."""
    x = np.array([value for value, _ in numbers], np.float64)
    side = np.array([its for _, its in numbers], bool)
    if min(_sizes(side.tolist())) < FEWEST:
        return None
    values = np.unique(x)
    if len(values) < 2:
        return None
    limits = (values[1:] + values[:-1]) / 2
    below: dict[bool, NDArray[np.float64]] = {s: (x[side == s][:, None] < limits).mean(0) for s in (True, False)}
    gap = below[True] - below[False]
    best = int(np.abs(gap).argmax())
    if (1 + abs(float(gap[best]))) / 2 < SEPARATES:
        return None
    less = bool(gap[best] > 0)  # the pictures with the distortion are the small ones
    counts = {s: int(((x[side == s] < limits[best]) == (less is s)).sum()) for s in (True, False)}
    sizes = {s: int((side == s).sum()) for s in (True, False)}
    parts = []
    for s in (True, False):
        many = f"all {sizes[s]}" if counts[s] == sizes[s] else f"{counts[s]} of {sizes[s]}"
        parts.append(f"{many} {_who(s, label)} {'are below' if less is s else 'are above'}")
    return f"{parts[0]} {what.format(limits[best])} and {parts[1]} it"
