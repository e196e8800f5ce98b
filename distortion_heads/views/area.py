"""Where the scene is: without bars, frames, what is transparent, and the black around an endoscope's round field."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from distortion_heads.answers import AreaShape
from distortion_heads.views.inside import filled

_Sides: TypeAlias = tuple[int, int, int, int]
_Mask: TypeAlias = NDArray[np.bool_]

LOOKED_AT = 128
"""About so many rows or columns are looked at, whichever are fewer."""

UNIFORM = 2
"""Code values by which a surface that one colour was painted on may vary."""

PAINTED, CODED = 3, 10
"""Code values by which a bar may vary: as it was painted, and after a codec."""

BARS = ((PAINTED, (8, 0.3)), (CODED, (12, 0.5)))
"""How much a pair of bars may vary; by how much the row behind differs, in which share of it: skies end otherwise."""

LONE, LEAST_LONE = (12, 0.75), 0.15
"""The same of a bar that has none like it on the other side, and the least share of the picture's side for one."""

BLACK = 32
"""Code value below which all three colours count as the black around a round field."""

LEAST_BAR, LEAST_SCENE = 0.012, 0.25
"""Shares of a side: narrower bars are part of the scene, and of a scene that is narrower nothing is left out."""

OPAQUE = 128
"""Alpha from which a pixel belongs to the scene."""

OTHER, STEP_UP, SHARP = 20, 24, 0.6
"""Code values from which a pixel is not the one colour around; what lies between that and a cut-out within one step, on
this share of its outline."""

RINGING = 10
"""Pixels on either side of an edge that a codec disturbs."""

FILLED = 0.97
"""Share of its box from which a cut-out is one."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Area:
    """The rectangle of the scene, half-open, in pixels; `mask` bool (bottom - top, right - left) if it is no rectangle.

    The scene of each row and column of the mask is one piece, but for what is transparent.
    """

    shape: AreaShape
    left: int
    top: int
    right: int
    bottom: int
    mask: _Mask | None = None

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom."""
        return self.left, self.top, self.right, self.bottom

    @property
    def pixels(self) -> int:
        """How many belong to the scene."""
        whole = (self.right - self.left) * (self.bottom - self.top)
        return whole if self.mask is None else int(np.count_nonzero(self.mask))

    def scene(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the rectangle of uint8 (H, W, 3); what of it is not the scene is filled by reflecting the scene.

        So that neither windows nor statistics see an edge or a colour that the scene does not have.
        """
        inner: NDArray[np.uint8] = pixels[self.top : self.bottom, self.left : self.right]
        if self.mask is not None and not self.mask.any():  # thin lines, which have no inside
            return inner[:0]
        return inner if self.mask is None or self.mask.all() else filled(inner, self.mask)


def find_area(pixels: NDArray[np.uint8], alpha: NDArray[np.uint8] | None = None) -> Area | None:
    """Find the scene in uint8 RGB (H, W, 3) with alpha (H, W); None where nothing surrounds it."""
    if alpha is not None and (found := _opaque(alpha)):
        return found
    height, width = pixels.shape[:2]
    step = max(1, round(min(height, width) / LOOKED_AT))
    small = pixels[::step, ::step].astype(np.int16)
    if min(small.shape[:2]) < 16:
        return None
    if circle := _round_field(small):
        return _round(circle, step, height, width)
    border = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
    colour = _middle(border)
    if (np.abs(border - colour) > UNIFORM).any(axis=1).mean() <= 0.002:
        return _cut_out(pixels, small, colour, step)
    return _without_bars(pixels, small, step)


def _opaque(alpha: NDArray[np.uint8]) -> Area | None:
    """Find what is opaque: a box, or a cut-out with a mask; None where all is."""
    mask = alpha >= OPAQUE
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return Area(shape="cutout", left=0, top=0, right=0, bottom=0)
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    inner = mask[top:bottom, left:right]
    if inner.mean() < FILLED:
        return Area(shape="cutout", left=left, top=top, right=right, bottom=bottom, mask=inner)
    if inner.size >= FILLED * mask.size:
        return None
    return Area(shape="box", left=left, top=top, right=right, bottom=bottom)


def _round(circle: tuple[float, float, float], step: int, height: int, width: int) -> Area:
    row, column, radius = (value * step for value in circle)
    radius *= 0.97  # the rim is dark and soft
    left, right = max(0, round(column - radius)), min(width, round(column + radius))
    top, bottom = max(0, round(row - radius)), min(height, round(row + radius))
    y, x = np.ogrid[top:bottom, left:right]
    mask: _Mask = (y - row) ** 2 + (x - column) ** 2 <= radius**2
    return Area(shape="round", left=left, top=top, right=right, bottom=bottom, mask=mask)


def _cut_out(pixels: NDArray[np.uint8], small: NDArray[np.int16], colour: NDArray[np.int16], step: int) -> Area | None:
    """Find what stands before one colour that fills all four borders, if its outline is sharp."""
    other: _Mask = np.any(np.abs(small - colour) > OTHER, axis=2)
    rows, columns = np.flatnonzero(other.mean(axis=1) > 0.005), np.flatnonzero(other.mean(axis=0) > 0.005)
    if not len(rows) or not len(columns) or not _is_sharp(small, other, colour):
        return None
    hull = _between(other) & _between(other.T).T
    top, bottom, left, right = (int(i) for i in (rows[0], rows[-1] + 1, columns[0], columns[-1] + 1))
    height, width = other.shape
    if bottom - top < LEAST_SCENE * height or right - left < LEAST_SCENE * width:
        return None
    sides = *_margins(hull), *_margins(hull.T)
    ringing = 1 + RINGING // step
    if all(
        0 <= side - end <= ringing for side, end in zip(sides, (top, height - bottom, left, width - right), strict=True)
    ):
        inner = hull[sides[0] : height - sides[1], sides[2] : width - sides[3]]
        if inner.mean() >= FILLED:
            top, bottom, left, right = (side + bool(side) for side in sides)
            return _box(pixels, small, (top, bottom, left, right), step)
    inner = hull[top:bottom, left:right]
    padded = np.pad(inner, 1)  # the outline itself is half of either, so it goes
    inner = inner & padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    mask = np.repeat(np.repeat(inner, step, axis=0), step, axis=1)
    top, left = top * step, left * step
    mask = mask[: pixels.shape[0] - top, : pixels.shape[1] - left]
    bottom, right = top + mask.shape[0], left + mask.shape[1]
    return Area(shape="cutout", left=left, top=top, right=right, bottom=bottom, mask=mask)


def _margins(hull: _Mask) -> tuple[int, int]:
    """How many rows at the beginning and at the end hold less than half of what the fullest holds."""
    counts = hull.sum(axis=1)
    full = np.flatnonzero(counts >= 0.5 * counts.max())
    return int(full[0]), len(hull) - 1 - int(full[-1])


def _is_sharp(small: NDArray[np.int16], other: _Mask, colour: NDArray[np.int16]) -> bool:
    """Tell whether most of the outline, seen from all four sides, is a step away from the colour."""
    steps = []
    far = np.abs(small - colour).max(axis=2)
    for distance, mask in (
        (far, other),
        (far[:, ::-1], other[:, ::-1]),
        (far.T, other.T),
        (far.T[:, ::-1], other.T[:, ::-1]),
    ):
        rows = np.flatnonzero(mask.any(axis=1))
        first = mask[rows].argmax(axis=1)
        second = np.minimum(first + 1, mask.shape[1] - 1)
        steps.append(np.maximum(distance[rows, first], distance[rows, second]) >= STEP_UP)
    return float(np.concatenate(steps).mean()) >= SHARP


def _between(mask: _Mask) -> _Mask:
    """All of each row from its first True to its last."""
    return np.maximum.accumulate(mask, axis=1) & np.maximum.accumulate(mask[:, ::-1], axis=1)[:, ::-1]


def _without_bars(pixels: NDArray[np.uint8], small: NDArray[np.int16], step: int) -> Area | None:
    top, bottom = _bars(small, 1 + RINGING // step)
    if top + bottom >= len(small):  # two halves of one colour each: neither is a bar beside the other
        return None
    left, right = _bars(small[top : len(small) - bottom].transpose(1, 0, 2), 1 + RINGING // step)
    return _box(pixels, small, (top, bottom, left, right), step)


def _box(pixels: NDArray[np.uint8], small: NDArray[np.int16], sides: _Sides, step: int) -> Area | None:
    """The picture without so many rows and columns of the small one, and without the step at which they end."""
    height, width = small.shape[:2]
    top, bottom, left, right = sides
    if height - top - bottom < LEAST_SCENE * height or width - left - right < LEAST_SCENE * width or not any(sides):
        return None
    rows, columns = pixels.shape[:2]
    return Area(
        shape="box",
        left=left * step,
        top=top * step,
        right=min(columns, ((width - right - 1) * step) + 1) if right else columns,
        bottom=min(rows, ((height - bottom - 1) * step) + 1) if bottom else rows,
    )


def _bars(rows: NDArray[np.int16], reach: int) -> tuple[int, int]:
    """How many rows at the beginning and at the end of (H, W, 3) are a flat bar that ends along a line."""
    for tolerance, end in BARS:
        first, last = (_bar(side, tolerance, end, reach) for side in (rows, rows[::-1]))
        same = np.abs(rows[0] - rows[-1]).max(axis=1).mean() <= 2 * tolerance
        if first and last and same and abs(first - last) <= max(2, 0.3 * max(first, last)):
            return first, last
    first, last = (_bar(side, PAINTED, LONE) for side in (rows, rows[::-1]))
    least = LEAST_LONE * len(rows)
    return first if first >= least else 0, last if last >= least else 0


def _bar(rows: NDArray[np.int16], tolerance: int, end: tuple[int, float], reach: int = 0) -> int:
    """Count the rows of the bar; after a codec it may end up to `reach` rows behind where it is no longer flat."""
    colour = _middle(rows[0])
    least = max(1, ceil(LEAST_BAR * len(rows)))
    if (np.abs(rows[least - 1] - colour) > tolerance).any(axis=1).mean() > 0.03:  # nearly every picture ends here
        return 0
    alike = (np.abs(rows - colour) <= tolerance).all(axis=2).mean(axis=1)
    flat = int(np.argmax(alike < 0.97))
    if flat < least:
        return 0
    near = rows[flat - 1 : flat + 2 + (reach if tolerance == CODED else 0)]
    share = (np.abs(near[2:] - near[:-2]).max(axis=2) >= end[0]).mean(axis=1)
    if not len(share) or float(share.max()) < end[1]:
        return 0
    return flat + int(share.argmax()) + (tolerance == CODED)


def _middle(colours: NDArray[np.int16]) -> NDArray[np.int16]:
    """The median of (n, 3): NumPy's own imports what masks arrays, 10 ms at the start."""
    middle: NDArray[np.int16] = np.sort(colours, axis=0)[len(colours) // 2]
    return middle


def _round_field(small: NDArray[np.int16]) -> tuple[float, float, float] | None:
    """Row, column and radius of a bright disc on black, or None. It may be cut by the borders of the picture."""
    height, width = small.shape[:2]
    light: _Mask = np.any(small >= BLACK, axis=2)
    high, wide = max(1, height // 16), max(1, width // 16)
    parts = [
        (rows, columns) for rows in (slice(high), slice(-high, None)) for columns in (slice(wide), slice(-wide, None))
    ]
    if sorted(float(light[part].mean()) for part in parts)[2] > 0.05 or light.mean() < 0.2:
        return None
    counts = light.sum(axis=1)
    rows = np.flatnonzero(counts > 0.1 * width)
    if len(rows) < 0.3 * height:
        return None
    first, last = light[rows].argmax(axis=1), width - 1 - light[rows][:, ::-1].argmax(axis=1)
    y = np.concatenate([rows[first > 1], rows[last < width - 2]]).astype(np.float64)
    x = np.concatenate([first[first > 1], last[last < width - 2]]).astype(np.float64)
    return _circle(y, x, len(rows)) if len(y) >= 0.6 * len(rows) else None


def _circle(y: NDArray[np.float64], x: NDArray[np.float64], rows: int) -> tuple[float, float, float] | None:
    """The circle through most of the points, fitted three times, without those that lie far from the last."""
    for _ in range(3):
        system = np.stack([2 * y, 2 * x, np.ones_like(y)], axis=1)
        (row, column, rest), *_ = np.linalg.lstsq(system, y * y + x * x, rcond=None)
        radius = float(np.sqrt(max(rest + row * row + column * column, 1e-9)))
        miss = np.abs(np.hypot(y - row, x - column) - radius)
        near = miss <= max(2.0, 2.5 * float(np.median(miss)))
        y, x = y[near], x[near]
    fits = float(np.median(miss)) <= 0.02 * radius and len(y) >= 0.5 * rows
    return (float(row), float(column), radius) if fits and 0.25 * rows <= radius <= 2.5 * rows else None
