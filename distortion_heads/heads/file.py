"""The head file: one safetensors file with one metadata key of canonical JSON (design, section 6).

Nothing in a file is executed: it declares an MLP, and everything it says is checked before it is used.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.resources.abc import Traversable
from pathlib import Path
from sys import intern
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from distortion_heads._system.errors_text import reason
from distortion_heads.errors import BackboneMismatchError, HeadFileError, HeadSchemaError, HeadTensorError
from distortion_heads.heads.head import OUTPUTS, Calibration, HeadFile, HeadMetrics, Layer, Provenance, Threshold
from distortion_heads.heads.metadata import dump_metadata, load_metadata
from distortion_heads.spec import BackboneRef

METADATA_KEY = "dheads"
MAX_FILE_BYTES = 64 * 2**20
DEFAULT_HEAD_BYTES = 256 * 2**10
"""What a head of the default size must fit into."""

_DTYPES = {"F16": "<f2", "F32": "<f4"}


def dump_head(head: HeadFile, dtype: Literal["float16", "float32"] = "float16") -> bytes:
    """Return the head file of `head`; the same head gives the same bytes.

    `float16` rounds the weights: calibrate and choose thresholds on `parse_head(dump_head(head))`. Raises a
    `HeadFileError` if the result could not be loaded again (values beyond float16, wrong shapes, not finite ...).
    """
    from safetensors.numpy import save

    source = f"head {head.label!r}"
    tensors: dict[str, NDArray[Any]] = {}
    with np.errstate(over="ignore"):
        for i, layer in enumerate(head.layers):
            tensors[f"layers.{i}.weight"] = np.ascontiguousarray(layer.weight, dtype)
            tensors[f"layers.{i}.bias"] = np.ascontiguousarray(layer.bias, dtype)
    data: bytes = save(tensors, metadata={METADATA_KEY: dump_metadata(head)})
    parse_head(data, source)
    return data


def parse_head(data: bytes, source: str) -> HeadFile:
    """Return the head in `data`, with float32 tensors, read-only; `source` names it in messages.

    Raises `HeadFileError` (too large, truncated, another format), `HeadSchemaError` (metadata) or `HeadTensorError`.
    """
    if len(data) > MAX_FILE_BYTES:
        raise _too_large(source)
    tensors, metadata = _read_safetensors(data, source)
    try:
        return _head(load_metadata(_own_metadata(metadata)), tensors)
    except HeadFileError as error:
        raise type(error)(f"{source}: {error}") from None


def read_head(file: Path | Traversable) -> HeadFile:
    """Return the head in `file`. Raises what `parse_head` raises, and `HeadFileError` if it cannot be read."""
    try:
        with file.open("rb") as stream:
            data = stream.read(DEFAULT_HEAD_BYTES)
            if len(data) == DEFAULT_HEAD_BYTES:  # rarely, and to ask for the limit at once would reserve as much
                data += stream.read(MAX_FILE_BYTES + 1 - len(data))
    except OSError as error:
        raise HeadFileError(f"{file}: cannot be read: {reason(error)}") from None
    return parse_head(data, str(file))


def read_metadata(file: Path) -> dict[str, Any]:
    """Return the checked metadata of a head file without reading its tensors, of which the size alone is checked.

    Raises `HeadFileError` (unreadable, too large, truncated, another format) or `HeadSchemaError`.
    """
    from safetensors import SafetensorError, safe_open

    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise _too_large(str(file))
        with safe_open(file, "numpy") as opened:
            metadata = opened.metadata() or {}
    except OSError as error:
        raise HeadFileError(f"{file}: cannot be read: {reason(error)}") from None
    except SafetensorError as error:
        raise _not_whole(str(file)) from error
    try:
        return load_metadata(_own_metadata(metadata))
    except HeadFileError as error:
        raise type(error)(f"{file}: {error}") from None


def check_backbone(head: HeadFile, ref: BackboneRef, source: str) -> None:
    """Raise `BackboneMismatchError`, which names both fingerprints, unless `head` reads the backbone `ref`."""
    its = head.backbone
    if (its.fingerprint, its.dim) != (ref.fingerprint, ref.dim):
        raise BackboneMismatchError(
            f"{source}: trained on the backbone {its.name} {its.fingerprint} ({its.dim} features), but the one loaded"
            f" is {ref.name} {ref.fingerprint} ({ref.dim} features); train the head again on this backbone"
        )


def _read_safetensors(data: bytes, source: str) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    import safetensors

    deserialize: Callable[[bytes], list[tuple[str, dict[str, Any]]]] = safetensors.deserialize
    try:
        tensors = dict(deserialize(data))
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    except (safetensors.SafetensorError, ValueError) as error:
        raise _not_whole(source) from error
    return tensors, header.get("__metadata__") or {}


def _own_metadata(metadata: dict[str, str]) -> str:
    if METADATA_KEY not in metadata:
        raise HeadSchemaError(f"no head file: its metadata has no {METADATA_KEY!r}")
    return metadata[METADATA_KEY]


def _too_large(source: str) -> HeadFileError:
    return HeadFileError(f"{source}: larger than {MAX_FILE_BYTES // 2**20} MiB, which no head file is")


def _not_whole(source: str) -> HeadFileError:
    return HeadFileError(f"{source}: no whole safetensors file: truncated, or another format")


def _head(metadata: dict[str, Any], tensors: dict[str, dict[str, Any]]) -> HeadFile:
    provenance = {
        **metadata["provenance"],
        "image_licenses": tuple(map(intern, metadata["provenance"]["image_licenses"])),
    }
    return HeadFile(
        schema=metadata["schema"],
        label=metadata["label"],
        title=metadata["title"],
        family=metadata["family"],
        license=metadata["license"],
        created_with=metadata["created_with"],
        view=metadata["view"],
        backbone=BackboneRef(**metadata["backbone"]),
        layers=_layers(metadata["layers"], tensors),
        outputs=OUTPUTS[: len(metadata["outputs"])],
        calibration=Calibration(**metadata["calibration"]),
        threshold=Threshold(**metadata["threshold"]),
        metrics=HeadMetrics(**metadata["metrics"]),
        provenance=Provenance(**provenance),
    )


def _layers(declared: list[dict[str, Any]], tensors: dict[str, dict[str, Any]]) -> tuple[Layer, ...]:
    names = {f"layers.{i}.{part}" for i in range(len(declared)) for part in ("weight", "bias")}
    for name in sorted(names ^ tensors.keys()):
        raise HeadTensorError(f"{'lacks the' if name in names else 'has an extra'} tensor {name!r}")
    return tuple(
        Layer(
            weight=_tensor(tensors, f"layers.{i}.weight", (layer["out"], layer["in"])),
            bias=_tensor(tensors, f"layers.{i}.bias", (layer["out"],)),
            activation=layer["activation"],
        )
        for i, layer in enumerate(declared)
    )


def _tensor(tensors: dict[str, dict[str, Any]], name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    stored = tensors[name]
    if stored["dtype"] not in _DTYPES:
        raise HeadTensorError(f"tensor {name!r} is {stored['dtype']}, not float16 or float32")
    if tuple(stored["shape"]) != shape:
        raise HeadTensorError(f"tensor {name!r} has the shape {tuple(stored['shape'])}, but {shape} is declared")
    values = np.frombuffer(stored["data"], _DTYPES[stored["dtype"]]).reshape(shape).astype(np.float32)
    if not np.isfinite(values).all():
        raise HeadTensorError(f"tensor {name!r} holds values that are not finite")
    values.setflags(write=False)
    return values
