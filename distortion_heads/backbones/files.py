"""The two formats of backbone files, each one safetensors file: of cells (ours) and of patches (others')."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from os import SEEK_END
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distortion_heads._system.errors_text import reason
from distortion_heads._system.regular import open_regular
from distortion_heads.backbones.architecture import Architecture
from distortion_heads.errors import BackboneError
from distortion_heads.spec import BackboneRef
from distortion_heads.views.patches import PatchGrid

CELL_SCHEMA = "dheads-backbone/2"
PATCH_SCHEMA = "dheads-patches/1"

Tensors = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True, kw_only=True, eq=False)
class BackboneFile:
    """The content of a backbone file."""

    name: str
    architecture: Architecture
    tensors: Tensors
    info: Mapping[str, Any]

    @property
    def ref(self) -> BackboneRef:
        return BackboneRef(name=self.name, fingerprint=fingerprint(self.tensors), dim=self.architecture.dim)


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

    header = {"schema": CELL_SCHEMA, "name": name, "convs": architecture.to_json(), "info": dict(info)}
    text = json.dumps(header, sort_keys=True, separators=(",", ":"))
    return save({key: np.ascontiguousarray(value) for key, value in tensors.items()}, metadata={"dheads": text})


def read_backbone(file: Path | Traversable) -> BackboneFile:
    """Read and check a backbone file. Raises `BackboneError` if it is missing, damaged or of an unknown schema."""
    header = read_header(file)
    if header.get("schema") != CELL_SCHEMA or not isinstance(header.get("name"), str):
        raise BackboneError(f"{file} is no backbone file of schema {CELL_SCHEMA}")
    tensors = _load(file)
    architecture = Architecture.from_json(header.get("convs"))
    expected = expected_shapes(architecture)
    found = {name: tensor.shape for name, tensor in tensors.items()}
    if found != expected:
        wrong = sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name))
        raise BackboneError(f"{file}: tensors missing, extra or misshapen: {', '.join(wrong[:5])}")
    if not all(t.dtype == np.float32 and np.isfinite(t).all() for t in tensors.values()):
        raise BackboneError(f"{file}: every tensor must be finite float32")
    return BackboneFile(name=header["name"], architecture=architecture, tensors=tensors, info=header.get("info") or {})


def _load(file: Path | Traversable) -> dict[str, NDArray[np.float32]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        with open_regular(file) as stream:
            if stream.seek(0, SEEK_END) > MAX_FILE_BYTES:
                raise BackboneError(f"{file}: larger than {MAX_FILE_BYTES // 2**20} MiB")
            stream.seek(0)
            return load(stream.read())
    except OSError as error:
        raise BackboneError(f"cannot read the backbone {file}: {reason(error)}") from None
    except (SafetensorError, ValueError) as error:
        raise BackboneError(f"{file}: damaged: {error}") from None


def expected_shapes(architecture: Architecture) -> dict[str, tuple[int, ...]]:
    """Name and shape of every tensor of a backbone file."""
    shapes: dict[str, tuple[int, ...]] = {}
    for i, conv in enumerate(architecture.convs):
        shapes[f"conv{i}.weight"] = (conv.outputs, conv.inputs, conv.kernel, conv.kernel)
        shapes[f"conv{i}.bias"] = (conv.outputs,)
    shapes["feature_mean"] = shapes["feature_scale"] = (architecture.dim,)
    return shapes


SETTINGS = ("input_mean", "input_std", "patch")


MAX_FILE_BYTES = 2 * 2**30


MAX_SIDE = 4096


@dataclass(frozen=True, kw_only=True, eq=False)
class PatchFile:
    """The content of a file of patches. `network` says how to build it in torch: {"source", "name", "tail"}."""

    ref: BackboneRef
    grid: PatchGrid
    network: Mapping[str, str]
    tensors: Mapping[str, NDArray[np.float32]]
    info: Mapping[str, Any]


def dump_patch_backbone(
    name: str, dim: int, network: Mapping[str, str], tensors: Mapping[str, NDArray[np.float32]], info: Mapping[str, Any]
) -> bytes:
    """The bytes of a file; `tensors` with the `SETTINGS`. `info` (recipe, data, versions) is for people."""
    from safetensors.numpy import save

    header = {"schema": PATCH_SCHEMA, "name": name, "dim": dim, "network": dict(network), "info": dict(info)}
    text = json.dumps(header, sort_keys=True, separators=(",", ":"))
    return save({key: np.ascontiguousarray(value) for key, value in tensors.items()}, metadata={"dheads": text})


def read_header(file: Path | Traversable) -> dict[str, Any]:
    """The `dheads` metadata of a safetensors file without its tensors; empty if there is none or it is damaged.

    Raises `BackboneError` if the file cannot be read.
    """
    try:
        with open_regular(file) as stream:
            length = int.from_bytes(stream.read(8), "little")
            header = json.loads(json.loads(stream.read(min(length, 2**24)))["__metadata__"]["dheads"])
    except OSError as error:
        raise BackboneError(f"cannot read the backbone {file}: {reason(error)}") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return header if isinstance(header, dict) else {}


def is_patch_backbone(file: Path | Traversable) -> bool:
    """Return whether the file says that it is of this kind. Raises `BackboneError` if it cannot be read."""
    return read_header(file).get("schema") == PATCH_SCHEMA


def read_patch_backbone(file: Path | Traversable) -> PatchFile:
    """Read and check a file. Raises `BackboneError` if it is missing, damaged or of an unknown schema."""
    header = read_header(file)
    if not _is_sound(header):
        raise BackboneError(f"{file} is no backbone file of schema {PATCH_SCHEMA}")
    tensors = _load(file)
    ref = BackboneRef(name=header["name"], fingerprint=fingerprint(tensors), dim=header["dim"])
    grid = _check_tensors(tensors, str(file))
    return PatchFile(ref=ref, grid=grid, network=header["network"], tensors=tensors, info=header.get("info") or {})


def _is_sound(header: Mapping[str, Any]) -> bool:
    network, dim = header.get("network"), header.get("dim")
    texts = isinstance(network, dict) and all(isinstance(v, str) for v in network.values())
    return header.get("schema") == PATCH_SCHEMA and isinstance(header.get("name"), str) and type(dim) is int and texts


def _check_tensors(tensors: Mapping[str, NDArray[np.float32]], source: str) -> PatchGrid:
    shapes = {"input_mean": [(3,)], "input_std": [(3,)], "patch": [(2,), (3,)]}
    for name, allowed in shapes.items():
        if name not in tensors or tensors[name].shape not in allowed:
            raise BackboneError(f"{source}: tensor {name!r} missing or misshapen")
    if not all(t.dtype == np.float32 and np.isfinite(t).all() for t in tensors.values()):
        raise BackboneError(f"{source}: every tensor must be finite float32")
    sizes = [int(value) for value in tensors["patch"]]
    if not all(1 <= size <= MAX_SIDE for size in sizes) or (tensors["input_std"] <= 0).any():
        raise BackboneError(f"{source}: impossible patch size, stride or standard deviation")
    return PatchGrid(side=sizes[0], stride=sizes[1], width=sizes[2] if len(sizes) > 2 else 0)
