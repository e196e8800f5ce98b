"""Backbones that see one patch at a time, such as ImageNet classifiers: their file, and patches -> features.

The safetensors file holds every weight by its name in the network, and `input_mean`, `input_std` (3,) and
`patch` (2,) = (side, stride): all that decides the features is a tensor, so that the fingerprint covers it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from distortion_heads.backbones.cells import fingerprint
from distortion_heads.errors import BackboneError, MissingExtraError
from distortion_heads.spec import BackboneRef, BackboneSpec, View
from distortion_heads.views.patches import PatchGrid

SCHEMA = "dheads-patches/1"
SETTINGS = ("input_mean", "input_std", "patch")
MAX_FILE_BYTES = 2 * 2**30
BATCH = 8
"""Patches that an engine runs at once: bounds its memory."""

MAX_SIDE = 4096


class PatchEngine(Protocol):
    """Runs the network; must be safe to call from several threads."""

    def features(self, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
        """uint8 (K, side, side, 3) -> float32 (K, dim)."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class PatchFile:
    """What one file holds. `network` says how to build it in torch: {"source", "name", "tail"}."""

    ref: BackboneRef
    grid: PatchGrid
    network: Mapping[str, str]
    tensors: Mapping[str, NDArray[np.float32]]
    info: Mapping[str, Any]


class PatchBackbone:
    """Pixels to features through any engine. Safe to share between threads."""

    def __init__(self, file: PatchFile, engine: PatchEngine) -> None:
        self.ref, self.grid = file.ref, file.grid
        self._engine = engine

    def side_by_side(self) -> PatchBackbone:
        """Itself: a second session would hold its weights twice."""
        return self

    def count(self, pixels: NDArray[np.uint8]) -> int:
        """How many patches uint8 (H, W, 3) has in the native view."""
        return len(self.grid.corners(*(max(side, self.grid.side) for side in pixels.shape[:2])))

    def features(
        self, pixels: NDArray[np.uint8], view: View, *, most: int | None = None, turn: int = 0
    ) -> NDArray[np.float32]:
        """Float32 (K, dim) of the K patches of one view of uint8 (H, W, 3), or of `most`, whatever the `turn`."""
        grid = self.grid if most is None else replace(self.grid, limit=min(self.grid.limit, most))
        patches = grid.of_view(pixels, view)
        parts = [self._engine.features(patches[i : i + BATCH]) for i in range(0, len(patches), BATCH)]
        return np.concatenate(parts)


class OnnxPatchEngine:
    """ONNX Runtime on the CPU. The graph holds no weights; they come from the one copy."""

    def __init__(self, graph: bytes, file: PatchFile, threads: int | None) -> None:
        from distortion_heads.backbones.onnx import open_session

        weights = {name: value for name, value in file.tensors.items() if name != "patch"}
        self._session, self._values = open_session(graph, weights, threads=threads)

    def features(self, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
        batch = np.ascontiguousarray(patches.transpose(0, 3, 1, 2))
        result: NDArray[np.float32] = self._session.run(None, {"pixels": batch})[0]
        return result


def dump_patch_backbone(
    name: str, dim: int, network: Mapping[str, str], tensors: Mapping[str, NDArray[np.float32]], info: Mapping[str, Any]
) -> bytes:
    """The bytes of a file; `tensors` with the `SETTINGS`. `info` (recipe, data, versions) is for people."""
    from safetensors.numpy import save

    header = {"schema": SCHEMA, "name": name, "dim": dim, "network": dict(network), "info": dict(info)}
    text = json.dumps(header, sort_keys=True, separators=(",", ":"))
    return save({key: np.ascontiguousarray(value) for key, value in tensors.items()}, metadata={"dheads": text})


def read_header(file: Path | Traversable) -> dict[str, Any]:
    """The `dheads` metadata of a safetensors file without its tensors; empty if there is none or it is damaged.

    Raises `BackboneError` if the file cannot be read.
    """
    try:
        with file.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            header = json.loads(json.loads(stream.read(min(length, 2**24)))["__metadata__"]["dheads"])
    except OSError as error:
        raise BackboneError(f"cannot read the backbone {file}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return header if isinstance(header, dict) else {}


def is_patch_backbone(file: Path | Traversable) -> bool:
    """Whether the file says that it is of this kind. Raises `BackboneError` if it cannot be read."""
    return read_header(file).get("schema") == SCHEMA


def read_patch_backbone(file: Path | Traversable) -> PatchFile:
    """Read and check a file. Raises `BackboneError` if it is missing, damaged or of an unknown schema."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    header = read_header(file)
    if not _is_sound(header):
        raise BackboneError(f"{file} is no backbone file of schema {SCHEMA}")
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_FILE_BYTES + 1)
        tensors = load(data)
    except (OSError, SafetensorError, ValueError) as error:
        raise BackboneError(f"{file}: damaged: {error}") from None
    if len(data) > MAX_FILE_BYTES:
        raise BackboneError(f"{file}: larger than {MAX_FILE_BYTES // 2**20} MiB")
    ref = BackboneRef(name=header["name"], fingerprint=fingerprint(tensors), dim=header["dim"])
    grid = _check_tensors(tensors, str(file))
    return PatchFile(ref=ref, grid=grid, network=header["network"], tensors=tensors, info=header.get("info") or {})


def load_patch_backbone(spec: BackboneSpec, *, device: str = "cpu", threads: int | None = None) -> PatchBackbone:
    """Open a backbone of this kind: ONNX Runtime on the CPU, torch (extra `train`) on any other device.

    Raises `BackboneError` if a file is missing or damaged, `MissingExtraError` if torch is needed and not installed.
    """
    file = read_patch_backbone(spec.weights)
    if device != "cpu":
        try:
            from distortion_heads.training.patch_engine import open_patch_engine
        except ModuleNotFoundError:
            raise MissingExtraError(f"--device {device}") from None
        return PatchBackbone(file, open_patch_engine(spec, file, device))
    try:
        graph = spec.graph.read_bytes()
    except OSError as error:
        raise BackboneError(f"cannot read the graph {spec.graph}: {error.strerror}") from None
    return PatchBackbone(file, OnnxPatchEngine(graph, file, threads))


def _is_sound(header: Mapping[str, Any]) -> bool:
    network, dim = header.get("network"), header.get("dim")
    texts = isinstance(network, dict) and all(isinstance(v, str) for v in network.values())
    return header.get("schema") == SCHEMA and isinstance(header.get("name"), str) and type(dim) is int and texts


def _check_tensors(tensors: Mapping[str, NDArray[np.float32]], source: str) -> PatchGrid:
    shapes = {"input_mean": (3,), "input_std": (3,), "patch": (2,)}
    for name, shape in shapes.items():
        if name not in tensors or tensors[name].shape != shape:
            raise BackboneError(f"{source}: tensor {name!r} missing or misshapen")
    if not all(t.dtype == np.float32 and np.isfinite(t).all() for t in tensors.values()):
        raise BackboneError(f"{source}: every tensor must be finite float32")
    side, stride = (int(value) for value in tensors["patch"])
    if not (1 <= side <= MAX_SIDE and 1 <= stride <= MAX_SIDE) or (tensors["input_std"] <= 0).any():
        raise BackboneError(f"{source}: impossible patch size, stride or standard deviation")
    return PatchGrid(side=side, stride=stride)
