"""Image -> patches: parts of native pixels on a regular grid (Ameur et al. 2022, section 3)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from distortion_heads.spec import View


@dataclass(frozen=True, kw_only=True)
class PatchGrid:
    """`side` and `stride` in pixels; of a larger grid `limit` patches are kept, evenly spread over it.

    Patches are squares, or `side` high and `width` wide, as the frames of a video are.
    """

    side: int = 224
    stride: int = 150
    limit: int = 64
    width: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """Return height and width of a patch."""
        return self.side, self.width or self.side

    def corners(self, height: int, width: int) -> list[tuple[int, int]]:
        """(top, left) of each patch that lies in the picture, row by row; it must be as large as a patch."""
        tall, wide = self.size
        rows = range(0, height - tall + 1, self.stride)
        columns = range(0, width - wide + 1, self.stride)
        found = [(top, left) for top in rows for left in columns]
        if len(found) <= self.limit:
            return found
        return [found[i] for i in np.linspace(0, len(found) - 1, self.limit).round().astype(int)]

    def cut(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """uint8 (H, W, 3) -> (K, *size, 3); a smaller picture is padded by reflection, at the bottom and right."""
        image = reflect(image, *self.size)
        return np.stack([self.at(image, *corner) for corner in self.corners(*image.shape[:2])])

    def cut_randomly(self, image: NDArray[np.uint8], count: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        """`count` patches anywhere in the picture, each mirrored half of the time."""
        tall, wide = self.size
        image = reflect(image, tall, wide)
        tops = rng.integers(0, image.shape[0] - tall + 1, count)
        lefts = rng.integers(0, image.shape[1] - wide + 1, count)
        patches = np.stack([self.at(image, top, left) for top, left in zip(tops, lefts, strict=True)])
        mirrored = rng.random(count) < 0.5
        patches[mirrored] = patches[mirrored, :, ::-1]
        return patches

    def at(self, image: NDArray[np.uint8], top: int, left: int) -> NDArray[np.uint8]:
        tall, wide = self.size
        return image[top : top + tall, left : left + wide]

    def of_view(self, image: NDArray[np.uint8], view: View) -> NDArray[np.uint8]:
        """The patches of one view: of the native pixels, or of the whole picture reduced to as little as holds one."""
        if view == "native":
            return self.cut(image)
        factor = max(side / length for side, length in zip(self.size, image.shape[:2], strict=True))
        if factor < 1:
            height, width = (
                max(side, round(length * factor)) for side, length in zip(self.size, image.shape[:2], strict=True)
            )
            image = np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BOX))
        return replace(self, stride=min(self.size)).cut(image)


def reflect(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Pad uint8 (H, W, 3) by reflection so that it is at least that large."""
    down, right = max(height - image.shape[0], 0), max(width - image.shape[1], 0)
    return np.pad(image, ((0, down), (0, right), (0, 0)), mode="reflect") if down or right else image
