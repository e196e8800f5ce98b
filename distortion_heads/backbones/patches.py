"""Backbones that see one patch at a time, such as ImageNet classifiers: their file, and patches -> features.

The safetensors file holds every weight by its name in the network, and `input_mean`, `input_std` (3,) and
`patch` (2,) = (side, stride), or (3,) with a width: all that decides the features is a tensor, so that the fingerprint
covers it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from distortion_heads.backbones.base import PatchEngine
from distortion_heads.backbones.files import (
    SETTINGS,
    PatchFile,
)
from distortion_heads.spec import View
from distortion_heads.views.inside import mostly_inside

BATCH = 8
"""Patches that an engine runs at once: bounds its memory."""


class PatchBackbone:
    """Pixels to features through any engine. Safe to share between threads."""

    batch = 1
    concurrent = shares_overview = False

    def __init__(self, file: PatchFile, engine: PatchEngine) -> None:
        self.ref, self.grid = file.ref, file.grid
        self.parameters = sum(value.size for name, value in file.tensors.items() if name not in SETTINGS)
        self._engine = engine

    def side_by_side(self) -> PatchBackbone:
        """Itself: a second session would hold its weights twice."""
        return self

    def count(self, pixels: NDArray[np.uint8], inside: NDArray[np.bool_] | None = None) -> int:
        """Return the number of patches of uint8 (H, W, 3) in the native view."""
        corners = self.grid.corners(*np.maximum(pixels.shape[:2], self.grid.size))
        return len(corners if inside is None else self._inside(corners, inside))

    def features(
        self,
        pixels: NDArray[np.uint8],
        view: View,
        *,
        max_windows: int | None = None,
        frame_index: int = 0,
        inside: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.float32]:
        """Float32 (K, dim) of the K patches of one view of uint8 (H, W, 3), at most `max_windows`."""
        grid = self.grid if max_windows is None else replace(self.grid, limit=min(self.grid.limit, max_windows))
        patches = grid.of_view(pixels, view)
        if inside is not None and view == "native":
            corners = grid.corners(*np.maximum(pixels.shape[:2], grid.size))
            patches = patches[self._inside(corners, inside)]
        parts = [self._engine.features(patches[i : i + BATCH]) for i in range(0, len(patches), BATCH)]
        return np.concatenate(parts)

    def _inside(self, corners: Sequence[tuple[int, int]], inside: NDArray[np.bool_]) -> list[int]:
        tall, wide = self.grid.size
        return mostly_inside(inside, [(top, left, top + tall, left + wide) for top, left in corners])

    def batch_features(self, pictures: Sequence[NDArray[np.uint8]], view: View) -> list[NDArray[np.float32]]:
        """Return the `features` of several pictures, one after the other."""
        return [self.features(pixels, view) for pixels in pictures]
