"""Image -> patches: squares of native pixels on a regular grid (Ameur et al. 2022, section 3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from distortion_heads.spec import View


@dataclass(frozen=True, kw_only=True)
class PatchGrid:
    """`side` and `stride` in pixels; of a larger grid `limit` patches are kept, evenly spread over it."""

    side: int = 224
    stride: int = 150
    limit: int = 64

    def corners(self, height: int, width: int) -> list[tuple[int, int]]:
        """(top, left) of each patch that lies in the picture, row by row; sides of at least `side`."""
        rows = range(0, height - self.side + 1, self.stride)
        columns = range(0, width - self.side + 1, self.stride)
        found = [(top, left) for top in rows for left in columns]
        if len(found) <= self.limit:
            return found
        return [found[i] for i in np.linspace(0, len(found) - 1, self.limit).round().astype(int)]

    def cut(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """uint8 (H, W, 3) -> (K, side, side, 3); a smaller picture is padded by reflection, at the bottom and right."""
        image = reflect(image, self.side)
        return np.stack([self.at(image, *corner) for corner in self.corners(*image.shape[:2])])

    def cut_randomly(self, image: NDArray[np.uint8], count: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        """`count` patches anywhere in the picture, each mirrored half of the time."""
        image = reflect(image, self.side)
        tops = rng.integers(0, image.shape[0] - self.side + 1, count)
        lefts = rng.integers(0, image.shape[1] - self.side + 1, count)
        patches = np.stack([self.at(image, top, left) for top, left in zip(tops, lefts, strict=True)])
        mirrored = rng.random(count) < 0.5
        patches[mirrored] = patches[mirrored, :, ::-1]
        return patches

    def at(self, image: NDArray[np.uint8], top: int, left: int) -> NDArray[np.uint8]:
        return image[top : top + self.side, left : left + self.side]

    def of_view(self, image: NDArray[np.uint8], view: View) -> NDArray[np.uint8]:
        """The patches of one view: of the native pixels, or of the whole picture reduced to a short side of `side`."""
        if view == "native":
            return self.cut(image)
        factor = self.side / min(image.shape[:2])
        if factor < 1:
            height, width = (max(self.side, round(length * factor)) for length in image.shape[:2])
            image = np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BOX))
        return PatchGrid(side=self.side, stride=self.side, limit=self.limit).cut(image)


def reflect(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Pad uint8 (H, W, 3) by reflection so that both sides are at least `side`."""
    down, right = max(side - image.shape[0], 0), max(side - image.shape[1], 0)
    return np.pad(image, ((0, down), (0, right), (0, 0)), mode="reflect") if down or right else image
