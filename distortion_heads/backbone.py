"""Windows -> features: the backbone's file, its fingerprint, and pooling; the engines stand behind one protocol."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from distortion_heads.architecture import CELL, Architecture
from distortion_heads.errors import BackboneError
from distortion_heads.spec import BackboneRef, BackboneSpec
from distortion_heads.windows import Window, tiles

SCHEMA = "dheads-backbone/1"
STD_FLOOR = 1e-4
"""Added to the variance under the square root, as in training."""

LIMIT = 10.0
"""Standardised features are clipped to plus and minus this many standard deviations."""

TILE_CELLS = 48
"""Side of a tile in cells: bounds the memory of an engine, whatever the size of the picture."""

Tensors = Mapping[str, NDArray[np.float32]]


class Engine(Protocol):
    """Runs the convolutions; must be safe to call from several threads."""

    def moments(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """uint8 (H, W, 3), sides multiples of 32 -> float32 (2 * channels, H / 32, W / 32).

        First the means over each cell of all levels' activations, then their variances within the cell.
        """
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


@dataclass(frozen=True, kw_only=True, eq=False)
class CellMoments:
    """First and second moments of all channels: running sums, so that any window costs four look-ups.

    `sums` is float64 (rows + 1, columns + 1, 2 * channels).
    """

    sums: NDArray[np.float64]

    @property
    def rows(self) -> int:
        return int(self.sums.shape[0]) - 1

    @property
    def columns(self) -> int:
        return int(self.sums.shape[1]) - 1

    def window(self, window: Window) -> NDArray[np.float64]:
        """Means over one window."""
        s = self.sums
        total = s[window.bottom, window.right] - s[window.top, window.right]
        total = total - s[window.bottom, window.left] + s[window.top, window.left]
        mean: NDArray[np.float64] = total / ((window.bottom - window.top) * (window.right - window.left))
        return mean


class Backbone:
    """Pixels to standardised features, through any engine. Safe to share between threads."""

    def __init__(self, file: BackboneFile, engine: Engine) -> None:
        self.ref = file.ref
        self._engine = engine
        self._halo = -(-(file.architecture.receptive_field // 2) // CELL)
        self._mean = file.tensors["feature_mean"].astype(np.float64)
        self._scale = file.tensors["feature_scale"].astype(np.float64)

    def cells(self, pixels: NDArray[np.uint8]) -> CellMoments:
        """Run the engine over uint8 (H, W, 3), sides multiples of 32; large pictures tile by tile with a halo."""
        rows, columns = pixels.shape[0] // CELL, pixels.shape[1] // CELL
        sums = np.zeros((rows + 1, columns + 1, self.ref.dim), np.float64)
        for tile in tiles(rows, columns, TILE_CELLS, self._halo):
            outer, inner = tile.outer, tile.inner
            region = pixels[outer.top * CELL : outer.bottom * CELL, outer.left * CELL : outer.right * CELL]
            moments = self._engine.moments(region).transpose(1, 2, 0)
            top, left = inner.top - outer.top, inner.left - outer.left
            kept = moments[top : top + inner.bottom - inner.top, left : left + inner.right - inner.left]
            mean, variance = np.split(kept.astype(np.float64), 2, axis=2)
            target = sums[inner.top + 1 : inner.bottom + 1, inner.left + 1 : inner.right + 1]
            target[:] = np.concatenate([mean, variance + mean**2], axis=2)
        np.cumsum(sums, axis=0, out=sums)
        np.cumsum(sums, axis=1, out=sums)
        return CellMoments(sums=sums)

    def pool(self, cells: CellMoments, windows: Sequence[Window]) -> NDArray[np.float32]:
        """Float32 (K, dim): mean and standard deviation of every channel over each window, standardised.

        Clipped to +-`LIMIT`: what lies further out is unlike anything that a head was trained on.
        """
        means = np.stack([cells.window(window) for window in windows])
        first, second = np.split(means, 2, axis=1)
        deviation = np.sqrt(np.maximum(second - first**2, 0.0) + STD_FLOOR)
        features = (np.concatenate([first, deviation], axis=1) - self._mean) / self._scale
        return np.clip(features, -LIMIT, LIMIT).astype(np.float32)


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
        from distortion_heads.onnx_engine import OnnxEngine

        try:
            graph = spec.graph.read_bytes()
        except OSError as error:
            raise BackboneError(f"cannot read the graph {spec.graph}: {error.strerror}") from None
        return Backbone(file, OnnxEngine(graph, file.tensors, threads=threads))
    from distortion_heads.training.torch_engine import open_torch_engine

    return Backbone(file, open_torch_engine(file.architecture, file.tensors, device))
