"""Windows -> features: the backbone's file, its fingerprint, and pooling; the engines stand behind one protocol."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from distortion_heads.backbones.architecture import CELL, FEATURE_LIMIT, MEAN_FLOOR, VARIANCE_FLOOR, Architecture
from distortion_heads.cell_moments import CellMoments
from distortion_heads.errors import BackboneError
from distortion_heads.spec import BackboneRef, BackboneSpec, View
from distortion_heads.views.windows import (
    Canvas,
    Tile,
    Window,
    native_view,
    native_windows,
    overview_view,
    spread,
    tiles,
    tiling,
    whole,
    whole_canvas,
)

SCHEMA = "dheads-backbone/2"
TINY = 1e-30
"""Features nearer to 0 count as 0: products with numbers below the normal range of float32 take 20 times as long."""

TILE_CELLS = 2560
"""Cells that an engine runs at once, halo included: bounds its memory (about 110 bytes a pixel) for any picture."""

Tensors = Mapping[str, NDArray[np.float32]]


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


@dataclass(frozen=True, kw_only=True, eq=False)
class BackboneFile:
    """What one backbone file holds."""

    name: str
    architecture: Architecture
    tensors: Tensors
    info: Mapping[str, Any]

    @property
    def ref(self) -> BackboneRef:
        return BackboneRef(name=self.name, fingerprint=fingerprint(self.tensors), dim=self.architecture.dim)


class FeatureSource(Protocol):
    """What heads read: this project's own `Backbone`, or a `PatchBackbone`. Safe to share between threads."""

    ref: BackboneRef

    def side_by_side(self) -> FeatureSource:
        """The same for calls from several threads at once."""
        ...

    def count(self, pixels: NDArray[np.uint8]) -> int:
        """How many windows or patches uint8 (H, W, 3) has in the native view."""
        ...

    def features(
        self, pixels: NDArray[np.uint8], view: View, *, most: int | None = None, turn: int = 0
    ) -> NDArray[np.float32]:
        """Float32 (K, dim) of the K windows or patches of one view of uint8 (H, W, 3).

        Of at most `most` of them, spread over the picture, if that is given; of other ones for another `turn`.
        """
        ...


class Backbone:
    """Pixels to standardised features, through any engine. Safe to share between threads."""

    def __init__(self, file: BackboneFile, engine: Engine) -> None:
        self.ref = file.ref
        self._engine = engine
        self._halo = -(-(file.architecture.receptive_field // 2) // CELL)
        self._plain = file.architecture.channels - file.architecture.magnitudes
        self._mean = file.tensors["feature_mean"].astype(np.float64)
        self._scale = file.tensors["feature_scale"].astype(np.float64)

    @property
    def batch(self) -> int:
        """How many pictures of one size are best run at once."""
        return self._engine.batch

    def side_by_side(self) -> Backbone:
        """The same for calls from several threads at once (`Engine.side_by_side`)."""
        beside = copy(self)
        beside._engine = self._engine.side_by_side()
        return beside

    def count(self, pixels: NDArray[np.uint8]) -> int:
        """How many windows uint8 (H, W, 3) has in the native view."""
        return len(_plan(pixels, "native")[1])

    def features(
        self, pixels: NDArray[np.uint8], view: View, *, most: int | None = None, turn: int = 0
    ) -> NDArray[np.float32]:
        """Features of one view of uint8 (H, W, 3): float32 (K, dim), K windows; the overview is one window.

        At most `most` windows, spread over the picture, if that is given; other ones for another `turn`. Where that
        saves work, each is cut out and run as a picture of its own, and the rest of the picture is never run.
        """
        canvas, windows = _plan(pixels, view, most, turn)
        if most is None or sum(window.area for window in windows) >= canvas.rows * canvas.columns:
            return self._window_features(canvas, windows)
        moments = self._engine.batch_moments([canvas.crop(window) for window in windows])
        alone = whole(windows[0].bottom - windows[0].top, windows[0].right - windows[0].left)
        return np.concatenate([self.pool(CellMoments(values=values), alone) for values in moments])

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

    def _window_features(self, canvas: Canvas, windows: Sequence[Window]) -> NDArray[np.float32]:
        """Float32 (K, dim), pooled as the tiles go down the picture: held are those cells that windows still need."""
        features = np.empty((len(windows), self.ref.dim), np.float32)
        values = np.empty((self.ref.dim, 0, canvas.columns), np.float32)
        for start, group in groupby(self._tiles(canvas), key=lambda tile: tile.inner.top):
            row = list(group)
            bottom = row[0].inner.bottom
            first = min([start, *(w.top for w in windows if w.bottom > start)])
            values = _below(values, start - first, bottom - start)
            self._run(canvas, row, values, first)
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
    pixels: NDArray[np.uint8], view: View, most: int | None = None, turn: int = 0
) -> tuple[Canvas, tuple[Window, ...]]:
    """The canvas of a view and the windows that heads read on it."""
    if view == "overview":
        canvas = overview_view(pixels)
        return canvas, whole(canvas.rows, canvas.columns)
    canvas = native_view(pixels)
    if most is not None:
        return canvas, spread(canvas.rows, canvas.columns, most, turn)
    return canvas, native_windows(canvas.rows, canvas.columns)


def fingerprint(tensors: Tensors) -> str:
    """SHA-256 over sorted name, dtype, shape and bytes: the identity of a backbone, whatever file it comes from."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = np.ascontiguousarray(tensors[name])
        digest.update(f"{name}\0{tensor.dtype.str}\0{tensor.shape}\0".encode())
        digest.update(tensor.tobytes())
    return digest.hexdigest()


def dump_backbone(name: str, architecture: Architecture, tensors: Tensors, info: Mapping[str, Any]) -> bytes:
    """The bytes of a backbone file; `info` (recipe, data, versions) is for people."""
    from safetensors.numpy import save

    header = {"schema": SCHEMA, "name": name, "convs": architecture.to_json(), "info": dict(info)}
    text = json.dumps(header, sort_keys=True, separators=(",", ":"))
    return save({key: np.ascontiguousarray(value) for key, value in tensors.items()}, metadata={"dheads": text})


def read_backbone(file: Path | Traversable) -> BackboneFile:
    """Read and check a backbone file. Raises `BackboneError` if it is missing, damaged or of an unknown schema."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise BackboneError(f"cannot read the backbone {file}: {error.strerror}") from None
    tensors, header = _parse(data, str(file))
    if header.get("schema") != SCHEMA or not isinstance(header.get("name"), str):
        raise BackboneError(f"{file} is no backbone file of schema {SCHEMA}")
    architecture = Architecture.from_json(header.get("convs"))
    expected = expected_shapes(architecture)
    found = {name: tensor.shape for name, tensor in tensors.items()}
    if found != expected:
        wrong = sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name))
        raise BackboneError(f"{file}: tensors missing, extra or misshapen: {', '.join(wrong[:5])}")
    if not all(t.dtype == np.float32 and np.isfinite(t).all() for t in tensors.values()):
        raise BackboneError(f"{file}: every tensor must be finite float32")
    return BackboneFile(name=header["name"], architecture=architecture, tensors=tensors, info=header.get("info") or {})


def _parse(data: bytes, source: str) -> tuple[dict[str, NDArray[np.float32]], dict[str, Any]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        tensors = load(data)
        length = int.from_bytes(data[:8], "little")
        header = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["dheads"])
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise BackboneError(f"{source} is no backbone file: {error}") from None
    if not isinstance(header, dict):
        raise BackboneError(f"{source} is no backbone file: its metadata is no object")
    return tensors, header


def expected_shapes(architecture: Architecture) -> dict[str, tuple[int, ...]]:
    """Name and shape of every tensor of a backbone file."""
    shapes: dict[str, tuple[int, ...]] = {}
    for i, conv in enumerate(architecture.convs):
        shapes[f"conv{i}.weight"] = (conv.outputs, conv.inputs, conv.kernel, conv.kernel)
        shapes[f"conv{i}.bias"] = (conv.outputs,)
    shapes["feature_mean"] = shapes["feature_scale"] = (architecture.dim,)
    return shapes


def bundled_backbone() -> BackboneSpec:
    """The backbone that ships with this package."""
    folder = files("distortion_heads") / "bundled"
    return BackboneSpec(
        name="dheads_small",
        weights=folder / "dheads_small.safetensors",
        graph=folder / "dheads_small.onnx",
        description="Trained by this project from random initialisation on synthetic distortions.",
    )


def load_backbone(spec: BackboneSpec, *, device: str = "cpu", threads: int | None = None) -> Backbone:
    """Open a backbone: ONNX Runtime on the CPU, torch (extra `train`) on any other device.

    Raises `BackboneError` if a file is missing or damaged, `MissingExtraError` if torch is needed and not installed.
    """
    file = read_backbone(spec.weights)
    if device == "cpu":
        from distortion_heads.backbones.onnx import OnnxEngine

        try:
            graph = spec.graph.read_bytes()
        except OSError as error:
            raise BackboneError(f"cannot read the graph {spec.graph}: {error.strerror}") from None
        return Backbone(file, OnnxEngine(graph, file.tensors, threads=threads))
    from distortion_heads.backbones.with_torch.engines import open_torch_engine

    return Backbone(file, open_torch_engine(file.architecture, file.tensors, device))


def open_backbone(spec: BackboneSpec, *, device: str = "cpu", threads: int | None = None) -> FeatureSource:
    """Open a backbone of either kind; raises what `load_backbone` raises."""
    from distortion_heads.backbones.patches import is_patch_backbone, load_patch_backbone

    if is_patch_backbone(spec.weights):
        return load_patch_backbone(spec, device=device, threads=threads)
    return load_backbone(spec, device=device, threads=threads)
