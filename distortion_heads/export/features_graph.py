"""`backbones.cells` as nodes: the moments of cells become standardised features of windows."""

from __future__ import annotations

import numpy as np

from distortion_heads.backbones.architecture import MEAN_FLOOR, VARIANCE_FLOOR
from distortion_heads.backbones.files import BackboneFile
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


def native_features(canvas: Tensor, backbone: BackboneFile) -> Tensor:
    """uint8 (1, 3, h, w) -> float32 (K, dim) of all native windows, row by row."""
    moments = _moments(canvas, backbone)
    return _features(moments, _over_windows(moments.length(1)), _over_windows(moments.length(2)), backbone)


def overview_features(canvas: Tensor, backbone: BackboneFile) -> Tensor:
    """uint8 (1, 3, h, w) -> float32 (1, dim) of all of it."""
    moments = _moments(canvas, backbone)
    return _features(moments, _over_all(moments.length(1)), _over_all(moments.length(2)), backbone)


def _moments(canvas: Tensor, backbone: BackboneFile) -> Tensor:
    """float64 (2 * channels, rows, columns)."""
    name = add_moments(canvas.parts, canvas.name, backbone.architecture)
    return Tensor(canvas.parts, name, np.dtype(np.float32)).take(0, 0).cast(np.float64)


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


def _features(moments: Tensor, over_rows: Tensor, over_columns: Tensor, backbone: BackboneFile) -> Tensor:
    """float32 (K, dim): see `CellBackbone.pool`."""
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
