"""Where the scene is: the picture without bars, flat surroundings, and the black around an endoscope's round field."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

UNIFORM, FLAT = 2, 10
"""Share of a row that may still look like the bar just behind its end: bars end along a line, skies do not."""

EDGE = 0.45
"""Share of a row that may still look like the bar just behind its end: a bar ends all along a line, a sky does not."""

BLACK = 32
"""Code value below which all three colours count as the black around a round field."""

LEAST_BAR, LEAST_SCENE = 0.012, 0.25
"""Shares of a side: narrower bars are part of the scene, and of a scene that is narrower nothing is left out."""

LOOKED_AT = 384
"""Rows and columns that are looked at, at most."""


@dataclass(frozen=True, kw_only=True)
class Area:
    """The rectangle of the scene in pixels; `circle`: row, column and radius of a round field in the whole picture."""

    top: int
    left: int
    bottom: int
    right: int
    circle: tuple[float, float, float] | None = None

    def crop(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the scene of uint8 (H, W, 3), as a view."""
        return pixels[self.top : self.bottom, self.left : self.right]

    def inside(self) -> NDArray[np.bool_]:
        """Return which pixels of the rectangle belong to the scene, bool (height, width)."""
        if self.circle is None:
            return np.ones((self.bottom - self.top, self.right - self.left), bool)
        row, column, radius = self.circle
        y, x = np.ogrid[self.top : self.bottom, self.left : self.right]
        return np.asarray((y - row) ** 2 + (x - column) ** 2 <= (0.97 * radius) ** 2)


def find_area(pixels: NDArray[np.uint8]) -> Area:
    """Find the scene in uint8 RGB (H, W, 3); it is the whole picture where nothing surrounds it."""
    height, width = pixels.shape[:2]
    step = max(1, min(height, width) // LOOKED_AT)
    small = pixels[::step, ::step].astype(np.int16)
    if circle := _round_field(small):
        row, column, radius = (value * step for value in circle)
        return Area(
            top=max(0, round(row - radius)),
            left=max(0, round(column - radius)),
            bottom=min(height, round(row + radius)),
            right=min(width, round(column + radius)),
            circle=(row, column, radius),
        )
    top, bottom, left, right = (count * step for count in _surroundings(small))
    return Area(top=top, left=left, bottom=height - bottom, right=width - right)


def _surroundings(small: NDArray[np.int16]) -> tuple[int, int, int, int]:
    """Rows and columns to leave out at the top, bottom, left and right."""
    sides = _cut_out(small) or (0, 0, 0, 0)
    if not any(sides):
        top, bottom = _bars(small)
        left, right = _bars(small[top : len(small) - bottom].transpose(1, 0, 2))
        sides = (top, bottom, left, right)
    top, bottom, left, right = sides
    height, width = small.shape[:2]
    enough = height - top - bottom >= LEAST_SCENE * height and width - left - right >= LEAST_SCENE * width
    return sides if enough else (0, 0, 0, 0)


def _cut_out(small: NDArray[np.int16]) -> tuple[int, int, int, int] | None:
    """The margins around what stands before one uniform colour that fills all four borders."""
    border = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
    colour = np.median(border, axis=0)
    if (np.abs(border - colour) > UNIFORM).any(axis=1).mean() > 0.002:
        return None
    other = (np.abs(small - colour) > UNIFORM).any(axis=2)
    rows, columns = np.flatnonzero(other.mean(axis=1) > 0.005), np.flatnonzero(other.mean(axis=0) > 0.005)
    if not len(rows) or not len(columns):
        return None
    return int(rows[0]), len(small) - 1 - int(rows[-1]), int(columns[0]), small.shape[1] - 1 - int(columns[-1])


def _bars(rows: NDArray[np.int16]) -> tuple[int, int]:
    """How many rows at the beginning and at the end of (H, W, 3) are a flat bar that ends along a line."""
    return _bar(rows), _bar(rows[::-1])


def _bar(rows: NDArray[np.int16]) -> int:
    colour = np.median(rows[0], axis=0)
    alike = (np.abs(rows - colour) <= FLAT).all(axis=2).mean(axis=1)
    flat = int(np.argmax(alike < 0.97)) if (alike < 0.97).any() else 0
    ends = bool(flat) and float(alike[flat : flat + 3].min()) <= EDGE
    return flat if ends and flat >= LEAST_BAR * len(rows) else 0


def _round_field(small: NDArray[np.int16]) -> tuple[float, float, float] | None:
    """Row, column and radius of a bright disc on black, or None. It may be cut by the borders of the picture."""
    height, width = small.shape[:2]
    light = (small >= BLACK).any(axis=2)
    high, wide = max(1, height // 16), max(1, width // 16)
    corners = [
        light[rows, columns]
        for rows in (slice(high), slice(-high, None))
        for columns in (slice(wide), slice(-wide, None))
    ]
    if sorted(float(corner.mean()) for corner in corners)[2] > 0.05 or light.mean() < 0.2:
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
