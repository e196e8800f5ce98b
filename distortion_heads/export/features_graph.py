"""`backbones.cells` as nodes: the moments of cells become standardised features of windows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from distortion_heads.backbones.architecture import MEAN_FLOOR, VARIANCE_FLOOR
from distortion_heads.backbones.files import BackboneFile
from distortion_heads.backbones.local import MOST_CELLS
from distortion_heads.backbones.with_torch.cell_graph import add_moments
from distortion_heads.export.tensors import Tensor, constant, joined
from distortion_heads.views.units import CELL, FEATURE_LIMIT
from distortion_heads.views.windows import STRIDE, WINDOW


def add_weights(canvas: Tensor, backbone: BackboneFile) -> None:
    """Put the weights of the convolutions into the graph, under the names that its nodes give them."""
    from onnx import numpy_helper

    for name, value in sorted(backbone.tensors.items()):
        if not name.startswith("feature_"):
            canvas.parts.constant(numpy_helper.from_array(np.ascontiguousarray(value), name))


@dataclass(frozen=True, eq=False)
class Cells:
    """The moments of the cells of a canvas, float64 (2 * channels, rows, columns), and whose they are."""

    moments: Tensor
    backbone: BackboneFile

    @property
    def sides(self) -> tuple[Tensor, Tensor]:
        """How many rows and columns there are, int64 ()."""
        return self.moments.length(1), self.moments.length(2)


def cells_of(canvas: Tensor, backbone: BackboneFile) -> Cells:
    """Run the backbone over a canvas, uint8 (1, 3, h, w)."""
    name = add_moments(canvas.parts, canvas.name, backbone.architecture)
    moments = Tensor(canvas.parts, name, np.dtype(np.float32)).take(0, 0).cast(np.float64)
    return Cells(moments=moments, backbone=backbone)


def native_features(cells: Cells) -> Tensor:
    """Return float32 (K, dim) of all native windows, row by row."""
    return _features(cells, *map(_over_windows, cells.sides))


def overview_features(cells: Cells) -> Tensor:
    """Return float32 (1, dim) of all cells."""
    return _features(cells, *map(_over_all, cells.sides))


@dataclass(frozen=True, eq=False)
class Units:
    """Cells joined to units, `joined` x `joined` cells each, whose number is bounded: see `CellCollector`."""

    cells: Cells
    joined: Tensor

    @property
    def sides(self) -> tuple[Tensor, Tensor]:
        """How many rows and columns of units there are, int64 ()."""
        rows, columns = ((side + (self.joined - 1)) / self.joined for side in self.cells.sides)
        return rows, columns

    def window_features(self, size: Tensor) -> Tensor:
        """Return float32 (K, dim) of all windows of `size` units, one unit apart, row by row."""
        return _features(self.cells, *(self._over(side, size) for side in self.cells.sides))

    def around(self, values: Tensor, size: Tensor) -> Tensor:
        """Return (n, rows, columns) of units: the mean over the windows of `size` that cover each; (n, K) float64."""
        counts = [(length - size) + 1 for length in self.sides]
        over_rows, over_columns = (_covering(length, n) for length, n in zip(self.sides, counts, strict=True))
        return over_rows @ values.shaped(-1, *counts) @ over_columns.op("Transpose", perm=[1, 0])

    def _over(self, cells: Tensor, size: Tensor) -> Tensor:
        """One row for each window along a side: it averages over its units, and each of these over its cells."""
        units = (cells + (self.joined - 1)) / self.joined
        unit, windows = units.range().reshape(-1, 1), ((units - size) + 1).range().reshape(-1, 1)
        place = cells.range().reshape(1, -1) / self.joined
        own = (place >= unit) & (place <= unit)
        shares = own.cast(np.float64)
        inside = (unit.reshape(1, -1) >= windows) & (unit.reshape(1, -1) < windows + size)
        return (inside.cast(np.float64) / size.cast(np.float64)) @ (shares / shares.sum(1).with_axis(1))


def units_of(cells: Cells) -> Units:
    """Join cells so that there are about `MOST_CELLS` at most."""
    rows, columns = cells.sides
    joined = ((rows * columns).cast(np.float64) / float(MOST_CELLS)).op("Sqrt").op("Ceil").maximum(1.0)
    return Units(cells=cells, joined=joined.cast(np.int64))


def _covering(places: Tensor, windows: Tensor) -> Tensor:
    """(places, windows): each row averages over the windows that cover a place, which are one unit apart."""
    side = (places - windows) + 1
    offset = places.range().reshape(-1, 1) - windows.range().reshape(1, -1)
    cover = ((offset >= 0) & (offset < side)).cast(np.float64)
    return cover / cover.sum(1).with_axis(1)


def _over_all(cells: Tensor) -> Tensor:
    """The row that averages over all cells, float64 (1, cells)."""
    some = cells.range().cast(np.float64).reshape(1, -1)
    return (some * 0.0 + 1.0) / cells.cast(np.float64)


def _over_windows(cells: Tensor) -> Tensor:
    """One row for each window along a side, which averages over its cells, float64 (windows, cells)."""
    size, stride = WINDOW // CELL, STRIDE // CELL
    last = cells - size
    count = (last + (stride - 1)) / stride
    starts = joined([count.range() * stride, last.reshape(1)], 0).reshape(-1, 1)
    some = cells.range().reshape(1, -1)
    inside = (some >= starts) & (some < starts + size)
    return inside.cast(np.float64) / float(size)


def _features(cells: Cells, over_rows: Tensor, over_columns: Tensor) -> Tensor:
    """float32 (K, dim): see `CellBackbone.pool`."""
    moments, backbone = cells.moments, cells.backbone
    channels = backbone.architecture.channels
    plain = channels - backbone.architecture.magnitudes
    mean, variance = moments.part(0, 0, channels), moments.part(0, channels, 2 * channels)
    first, second = (_pooled(values, over_rows, over_columns, channels) for values in (mean, mean * mean + variance))
    deviation = ((second - first * first).maximum(0.0) + VARIANCE_FLOOR).op("Log") * 0.5
    means = [first.part(1, 0, plain), (first.part(1, plain, channels) + MEAN_FLOOR).op("Log")]
    raw = joined([*(means if plain < channels else means[:1]), deviation], 1)
    centre, scale = (
        constant(moments.parts, backbone.tensors[name].astype(np.float64)) for name in ("feature_mean", "feature_scale")
    )
    return ((raw - centre) / scale).op("Clip", -FEATURE_LIMIT, FEATURE_LIMIT).cast(np.float32)


def _pooled(values: Tensor, over_rows: Tensor, over_columns: Tensor, channels: int) -> Tensor:
    """(channels, rows, columns) -> (K, channels)."""
    means = over_rows @ (values @ over_columns.op("Transpose", perm=[1, 0]))
    return means.reshape(channels, -1).op("Transpose", perm=[1, 0])
