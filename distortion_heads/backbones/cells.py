"""Windows -> features: the backbone's file, its fingerprint, and pooling; the engines stand behind one protocol."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from distortion_heads.backbones.architecture import MEAN_FLOOR, VARIANCE_FLOOR
from distortion_heads.backbones.base import Engine
from distortion_heads.backbones.files import (
    BackboneFile,
)
from distortion_heads.backbones.local import CellCollector, LocalFeatures, Standard
from distortion_heads.spec import View
from distortion_heads.views.inside import mostly_inside
from distortion_heads.views.units import CELL, FEATURE_LIMIT
from distortion_heads.views.windows import (
    Canvas,
    Tile,
    Window,
    native_view,
    native_windows,
    overview_view,
    some_of,
    spread,
    tiles,
    tiling,
    whole,
    whole_canvas,
)

TINY = 1e-30
"""Features nearer to 0 count as 0: products with numbers below the normal range of float32 take 20 times as long."""

TILE_CELLS = 2560
"""Cells that an engine runs at once, halo included: bounds its memory (about 110 bytes a pixel) for any picture."""

LOCAL_SIDES, OVERVIEW_SIDES = (1, 2, 4), (1, 2)
"""Sides in cells of the windows that maps are made from: of 1, 2, 4 and 6 and their mixtures, those with the best
overlap on 24 training scenes of which a part was distorted."""


class CellBackbone:
    """Pixels to standardised features, through any engine. Safe to share between threads."""

    concurrent = shares_overview = True

    def __init__(self, file: BackboneFile, engine: Engine) -> None:
        self.ref = file.ref
        self._engine = engine
        self.parameters = sum(
            file.tensors[f"conv{i}.{part}"].size
            for i, conv in enumerate(file.architecture.convs)
            for part in ("weight", "bias")
            if not conv.analysis
        )
        self._halo = -(-(file.architecture.receptive_field // 2) // CELL)
        self._plain = file.architecture.channels - file.architecture.magnitudes
        self._mean = file.tensors["feature_mean"].astype(np.float64)
        self._scale = file.tensors["feature_scale"].astype(np.float64)

    @property
    def batch(self) -> int:
        """Return how many pictures of one size are best run at once."""
        return self._engine.batch

    def side_by_side(self) -> CellBackbone:
        """The same for calls from several threads at once (`Engine.side_by_side`)."""
        concurrent = copy(self)
        concurrent._engine = self._engine.side_by_side()
        return concurrent

    def count(self, pixels: NDArray[np.uint8], inside: NDArray[np.bool_] | None = None) -> int:
        """Return the number of windows of uint8 (H, W, 3) in the native view."""
        return len(_plan(pixels, "native", inside=inside)[1])

    def features(
        self,
        pixels: NDArray[np.uint8],
        view: View,
        *,
        max_windows: int | None = None,
        frame_index: int = 0,
        inside: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.float32]:
        """Features of one view of uint8 (H, W, 3): float32 (K, dim), K windows; the overview is one window.

        At most `max_windows` of them are read, spread over the picture; other ones for another `frame_index`. Where
        that saves work, each is cut out and run as a picture of its own, and the rest of the picture is never run.
        """
        canvas, windows = _plan(pixels, view, max_windows, frame_index, inside)
        if max_windows is None or sum(window.area for window in windows) >= canvas.rows * canvas.columns:
            return self._window_features(canvas, windows)
        moments = self._engine.batch_moments([canvas.crop(window) for window in windows])
        alone = whole(windows[0].bottom - windows[0].top, windows[0].right - windows[0].left)
        return np.concatenate([self.pool(CellMoments(values=values), alone) for values in moments])

    def located_features(
        self, pixels: NDArray[np.uint8], view: View, *, inside: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.float32], LocalFeatures]:
        """`features`, and those of small windows all over the view, from the same pass."""
        canvas, windows = _plan(pixels, view, inside=inside)
        collector = CellCollector(canvas.rows, canvas.columns)
        features = self._window_features(canvas, windows, collector)
        standard = Standard(plain=self._plain, mean=self._mean, scale=self._scale)
        return features, collector.local(OVERVIEW_SIDES if view == "overview" else LOCAL_SIDES, standard)

    def batch_features(self, pictures: Sequence[NDArray[np.uint8]], view: View) -> list[NDArray[np.float32]]:
        """`features` of several pictures of one size, run at once if they are small."""
        plans = [_plan(pixels, view) for pixels in pictures]
        canvas, windows = plans[0]
        if len(plans) == 1 or canvas.rows * canvas.columns > TILE_CELLS // len(plans):
            return [self._window_features(*plan) for plan in plans]
        everything = whole(canvas.rows, canvas.columns)[0]
        moments = self._engine.batch_moments([canvas.crop(everything) for canvas, _ in plans])
        return [self.pool(CellMoments(values=values), windows) for values in moments]

    def cells(self, pixels: NDArray[np.uint8] | Canvas) -> CellMoments:
        """Run the engine over a canvas, or over uint8 (H, W, 3) with sides that are multiples of 32.

        Large pictures are run tile by tile, with a halo. From what is returned, any window of any size can be pooled.
        """
        canvas = pixels if isinstance(pixels, Canvas) else whole_canvas(pixels)
        values = np.empty((self.ref.dim, canvas.rows, canvas.columns), np.float32)
        self._run(canvas, self._tiles(canvas), values, 0)
        return CellMoments(values=values)

    def pool(self, cells: CellMoments, windows: Sequence[Window]) -> NDArray[np.float32]:
        """Float32 (K, dim): mean and log standard deviation of every channel over each window, standardised.

        Of magnitudes, the logarithm of the mean. Clipped to +-`FEATURE_LIMIT`: what lies further out is unlike all
        that a head was trained on.
        """
        first, second = np.split(cells.means(windows), 2, axis=1)
        deviation = 0.5 * np.log(np.maximum(second - first**2, 0.0) + VARIANCE_FLOOR)
        mean = np.concatenate([first[:, : self._plain], np.log(first[:, self._plain :] + MEAN_FLOOR)], axis=1)
        features = (np.concatenate([mean, deviation], axis=1) - self._mean) / self._scale
        features[np.abs(features) < TINY] = 0.0
        return np.clip(features, -FEATURE_LIMIT, FEATURE_LIMIT).astype(np.float32)

    def _window_features(
        self, canvas: Canvas, windows: Sequence[Window], collector: CellCollector | None = None
    ) -> NDArray[np.float32]:
        """Float32 (K, dim), pooled as the tiles go down the picture: held are those cells that windows still need."""
        features = np.empty((len(windows), self.ref.dim), np.float32)
        values = np.empty((self.ref.dim, 0, canvas.columns), np.float32)
        for start, group in groupby(self._tiles(canvas), key=lambda tile: tile.inner.top):
            row = list(group)
            bottom = row[0].inner.bottom
            first = min([start, *(w.top for w in windows if w.bottom > start)])
            values = _below(values, start - first, bottom - start)
            self._run(canvas, row, values, first)
            if collector is not None:
                collector.add(values[:, start - first :])
            ready = [i for i, w in enumerate(windows) if start < w.bottom <= bottom]
            if ready:
                features[ready] = self.pool(CellMoments(values=values, top=first), [windows[i] for i in ready])
        return features

    def _tiles(self, canvas: Canvas) -> Iterable[Tile]:
        most = max(TILE_CELLS, (4 * self._halo) ** 2)
        size = tiling(canvas.rows, canvas.columns, most, self._halo)
        return tiles(canvas.rows, canvas.columns, size, self._halo)

    def _run(self, canvas: Canvas, chosen: Iterable[Tile], values: NDArray[np.float32], first_row: int) -> None:
        """Write the moments of tiles into `values`, which begins with that row of cells."""
        # the largest first, after which an engine needs no more memory
        for tile in sorted(chosen, key=lambda tile: -tile.outer.area):
            kept = tile.inner.within(tile.outer)
            moments = self._engine.moments(canvas.crop(tile.outer))[:, kept.top : kept.bottom, kept.left : kept.right]
            rows = slice(tile.inner.top - first_row, tile.inner.bottom - first_row)
            values[:, rows, tile.inner.left : tile.inner.right] = moments


def _below(values: NDArray[np.float32], kept: int, rows: int) -> NDArray[np.float32]:
    """The last `kept` rows of cells, and room for `rows` more below them."""
    channels, height, columns = values.shape
    grown = np.empty((channels, kept + rows, columns), np.float32)
    grown[:, :kept] = values[:, height - kept :]
    return grown


def _plan(
    pixels: NDArray[np.uint8],
    view: View,
    max_windows: int | None = None,
    frame_index: int = 0,
    inside: NDArray[np.bool_] | None = None,
) -> tuple[Canvas, tuple[Window, ...]]:
    """The canvas of a view and the windows that heads read on it."""
    if view == "overview":
        canvas = overview_view(pixels)
        return canvas, whole(canvas.rows, canvas.columns)
    canvas = native_view(pixels)
    if inside is not None:
        windows = native_windows(canvas.rows, canvas.columns)
        windows = tuple(windows[i] for i in mostly_inside(inside, [window.box for window in windows]))
        return canvas, windows if max_windows is None else some_of(windows, max_windows, frame_index)
    if max_windows is not None:
        return canvas, spread(canvas.rows, canvas.columns, max_windows, frame_index)
    return canvas, native_windows(canvas.rows, canvas.columns)


@dataclass(frozen=True, kw_only=True, eq=False)
class CellMoments:
    """Moments from an engine, float32 (2 * channels, rows, columns): any window is pooled from them.

    It may hold the cells from row `top` on only, of a grid that is larger.
    """

    values: NDArray[np.float32]
    top: int = 0

    @property
    def rows(self) -> int:
        return int(self.values.shape[1])

    @property
    def columns(self) -> int:
        return int(self.values.shape[2])

    def means(self, windows: Sequence[Window]) -> NDArray[np.float64]:
        """(K, 2 * channels): mean and mean square of all activations in each window.

        A window's mean is that of its columns' means. So two products with small matrices, one row for each range of
        rows and one column for each range of columns, average over all windows that these ranges make.
        """
        vertical = sorted({(w.top - self.top, w.bottom - self.top) for w in windows})
        horizontal = sorted({(w.left, w.right) for w in windows})
        over_rows, over_columns = _averaging(vertical, self.rows), _averaging(horizontal, self.columns).T
        rows = [vertical.index((w.top - self.top, w.bottom - self.top)) for w in windows]
        columns = [horizontal.index((w.left, w.right)) for w in windows]

        def pooled(cells: NDArray[np.float64]) -> NDArray[np.float64]:
            across = (cells.reshape(-1, self.columns) @ over_columns).reshape(len(cells), self.rows, -1)
            return (over_rows @ across)[:, rows, columns].T

        channels = len(self.values) // 2
        result = np.empty((len(windows), 2 * channels))
        step = max(1, POOLED_VALUES // (self.rows * self.columns))
        for start in range(0, channels, step):
            some = slice(start, min(start + step, channels))
            mean = self.values[some].astype(np.float64)
            square = mean * mean + self.values[channels:][some]
            result[:, some], result[:, channels:][:, some] = pooled(mean), pooled(square)
        return result


POOLED_VALUES = 2**19
"""Values that are pooled at once: bounds the memory."""


def _averaging(ranges: Sequence[tuple[int, int]], length: int) -> NDArray[np.float64]:
    """(ranges, length): each row averages over one half-open range."""
    matrix = np.zeros((len(ranges), length))
    for row, (start, stop) in zip(matrix, ranges, strict=True):
        row[start:stop] = 1 / (stop - start)
    return matrix
