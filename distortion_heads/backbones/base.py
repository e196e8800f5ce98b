"""The protocols that a backbone and its engine follow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from distortion_heads.spec import BackboneRef, View


class Engine(Protocol):
    """Runs the convolutions; must be safe to call from several threads."""

    batch: int
    """How many pictures it runs faster together than one by one."""

    def moments(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """uint8 (H, W, 3), sides multiples of 32 -> float32 (2 * channels, H / 32, W / 32).

        First the means over each cell of all levels' activations, then their variances within the cell.
        """
        ...

    def batch_moments(self, batch: Sequence[NDArray[np.uint8]]) -> Sequence[NDArray[np.float32]]:
        """The moments of several pictures of one size."""
        ...

    def side_by_side(self) -> Engine:
        """The same for calls from several threads at once, each of which keeps one core busy and no other."""
        ...


class FeatureSource(Protocol):
    """The source of the features that heads read. Safe to share between threads."""

    ref: BackboneRef

    concurrent: bool
    """True where pictures are better evaluated side by side, in threads, than one after the other."""

    parameters: int
    """How many numbers it was trained to; what is fixed, as a bank of filters, is not counted."""

    shares_overview: bool
    """True where it reads the overview that `overview_view` makes, so that a picture need be reduced once only."""

    @property
    def batch(self) -> int:
        """Return how many pictures of one size are best run at once."""
        ...

    def side_by_side(self) -> FeatureSource:
        """The same for calls from several threads at once."""
        ...

    def count(self, pixels: NDArray[np.uint8], inside: NDArray[np.bool_] | None = None) -> int:
        """Return the number of windows or patches of uint8 (H, W, 3) in the native view (`inside`: see `features`)."""
        ...

    def features(
        self,
        pixels: NDArray[np.uint8],
        view: View,
        *,
        max_windows: int | None = None,
        frame_index: int = 0,
        inside: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.float32]:
        """Float32 (K, dim) of the K windows or patches of one view of uint8 (H, W, 3).

        At most `max_windows` of them are read, spread over the picture; other ones for another `frame_index`. Of the
        native view those alone that lie `inside`, bool (H, W), as `mostly_inside` has it.
        """
        ...

    def batch_features(self, pictures: Sequence[NDArray[np.uint8]], view: View) -> list[NDArray[np.float32]]:
        """Return the `features` of several pictures of one size."""
        ...


class PatchEngine(Protocol):
    """Runs the network; must be safe to call from several threads."""

    def features(self, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
        """uint8 (K, side, side, 3) -> float32 (K, dim)."""
        ...
