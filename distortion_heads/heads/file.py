"""The head file: one safetensors file with one metadata key of canonical JSON (design, section 6).

Nothing in a file is executed: it declares an MLP, and everything it says is checked before it is used.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.resources.abc import Traversable
from pathlib import Path
from sys import intern
from typing import Any, Literal, NoReturn

import numpy as np
from numpy.typing import NDArray

from distortion_heads._system.errors_text import reason
from distortion_heads._system.regular import open_regular
from distortion_heads.errors import (
    BackboneMismatchError,
    HeadFileError,
    HeadSchemaError,
    HeadTensorError,
    InvalidLabelError,
)
from distortion_heads.heads.before_drift import earlier_width, with_drift
from distortion_heads.heads.codec import RefusedError, record_of
from distortion_heads.heads.head import SCHEMA, HeadFile, Layer
from distortion_heads.heads.quality_file import check_quality, outputs_of
from distortion_heads.spec import FAMILY, BackboneRef, check_label, width_of

METADATA_KEY = "dheads"
MAX_FILE_BYTES = 64 * 2**20
DEFAULT_HEAD_BYTES = 256 * 2**10
"""Most bytes of a head of the default size."""

_DTYPES = {"F16": "<f2", "F32": "<f4"}
_PARAMETERS: dict[str, set[str]] = {
    "none": set(),
    "temperature": {"scale"},
    "platt": {"scale", "offset"},
    "monotone": set(),
}
_NOT_WHOLE = "no whole safetensors file: truncated, or another format"


def dump_metadata(head: HeadFile) -> str:
    """Return the JSON of `head`: sorted keys, compact, ASCII. Raises `HeadSchemaError` for a figure that is NaN."""
    try:
        return json.dumps(record_of(HeadFile).write(head), sort_keys=True, separators=(",", ":"), allow_nan=False)
    except ValueError as error:
        raise HeadSchemaError(f"head {head.label!r}: a figure in its metadata is not finite") from error


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


def dump_exactly(head: HeadFile) -> bytes:
    """Return the head file of `head` with weights to the last bit: float16 where that holds them, else float32."""
    try:
        data = dump_head(head)
        kept = parse_head(data, head.label).layers
    except HeadFileError:
        return dump_head(head, "float32")
    pairs = zip(kept, head.layers, strict=True)
    same = all((a.weight == b.weight).all() and (a.bias == b.bias).all() for a, b in pairs)
    return data if same else dump_head(head, "float32")


def parse_head(data: bytes, source: str) -> HeadFile:
    """Return the head in `data`, with float32 tensors, read-only; `source` names it in messages.

    Raises `HeadFileError` (too large, truncated, another format), `HeadSchemaError` (metadata) or `HeadTensorError`.
    """
    with _naming(source):
        _check_size(len(data))
        tensors, metadata = _read_safetensors(data)
        head = _load_metadata(metadata)
        return with_drift(replace(head, layers=_layers(head, tensors)))


def read_head(file: Path | Traversable) -> HeadFile:
    """Return the head in `file`. Raises what `parse_head` raises, and `HeadFileError` if it cannot be read."""
    with _naming(str(file)), open_regular(file) as stream:
        data = stream.read(DEFAULT_HEAD_BYTES)
        if len(data) == DEFAULT_HEAD_BYTES:  # rarely, and to ask for the limit at once would reserve as much
            data += stream.read(MAX_FILE_BYTES + 1 - len(data))
    return parse_head(data, str(file))


def read_metadata(file: Path) -> HeadFile:
    """Return the head in `file` with layers as they are declared, without weights. Raises what `read_head` raises."""
    from safetensors import SafetensorError, safe_open

    with _naming(str(file)):
        with open_regular(file) as stream:
            _check_size(os.fstat(stream.fileno()).st_size)
        try:
            with safe_open(file, "numpy") as opened:
                metadata = opened.metadata() or {}
        except SafetensorError as error:
            raise HeadFileError(_NOT_WHOLE) from error
        return _load_metadata(metadata)


def check_backbone(head: HeadFile, ref: BackboneRef, source: str) -> None:
    """Raise `BackboneMismatchError` with both fingerprints unless `head` reads the backbone `ref`."""
    its = head.backbone
    if (its.fingerprint, its.dim) != (ref.fingerprint, ref.dim):
        raise BackboneMismatchError(
            f"{source}: trained on the backbone {its.name} {its.fingerprint} ({its.dim} features), but the one loaded"
            f" is {ref.name} {ref.fingerprint} ({ref.dim} features); train the head again on this backbone"
        )


@contextmanager
def _naming(source: str) -> Iterator[None]:
    """Begin every message with the name of the file."""
    try:
        yield
    except OSError as error:
        raise HeadFileError(f"{source}: cannot be read: {reason(error)}") from None
    except HeadFileError as error:
        raise type(error)(f"{source}: {error}") from error.__cause__


def _check_size(size: int) -> None:
    if size > MAX_FILE_BYTES:
        raise HeadFileError(f"larger than {MAX_FILE_BYTES // 2**20} MiB, which no head file is")


def _read_safetensors(data: bytes) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    import safetensors

    deserialize: Callable[[bytes], list[tuple[str, dict[str, Any]]]] = safetensors.deserialize
    try:
        tensors = dict(deserialize(data))
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    except (safetensors.SafetensorError, ValueError) as error:
        raise HeadFileError(_NOT_WHOLE) from error
    return tensors, header.get("__metadata__") or {}


def _load_metadata(metadata: dict[str, str]) -> HeadFile:
    """Return the head in the metadata of a file; its layers are `DeclaredLayer`s. Raises `HeadSchemaError`."""
    if METADATA_KEY not in metadata:
        raise HeadSchemaError(f"no head file: its metadata has no {METADATA_KEY!r}")
    value = _load_json(metadata[METADATA_KEY])
    schema = value.get("schema") if isinstance(value, dict) else None
    if schema != SCHEMA:
        raise HeadSchemaError(f"schema is {schema!r:.40}, but this version of distortion-heads reads {SCHEMA!r}")
    try:
        head: HeadFile = record_of(HeadFile).read(value)
        check_label(head.label)
    except RefusedError as refused:
        raise HeadSchemaError(f"metadata{refused}") from None
    except InvalidLabelError as error:
        raise HeadSchemaError(str(error)) from None
    _check_relations(head)
    return head


def _load_json(text: str) -> Any:
    try:
        value = _DECODER.decode(text)
        if "\\u" in text or not text.isascii():  # a lone surrogate could not be printed
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise HeadSchemaError("metadata is no valid JSON") from error
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Refuse a key that comes twice; texts are interned, for most are the same in many heads."""
    value = {intern(key): intern(part) if type(part) is str else part for key, part in pairs}
    if len(value) < len(pairs):
        raise ValueError("duplicate key")
    return value


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, object_pairs_hook=_unique)


def _check_relations(head: HeadFile) -> None:
    """Refuse values that are fine alone but not together."""
    calibration = head.calibration
    for name in calibration.params.keys() - _PARAMETERS[calibration.method]:
        raise HeadSchemaError(f"calibration {calibration.method!r} has no parameter {name!r}")
    if head.scope == FAMILY and head.label != head.family:
        raise HeadSchemaError(f"a head of the scope 'family' is labelled {head.family!r}, as its family")
    check_quality(head)
    width, n_outputs = width_of(head.view, head.backbone.dim), outputs_of(head)
    sizes = [(layer.in_, layer.out) for layer in head.layers]
    if sizes and sizes[0][0] == earlier_width(head.view, head.backbone.dim):
        width = sizes[0][0]
    if not sizes or [width, *(n_out for _, n_out in sizes)] != [*(n_in for n_in, _ in sizes), n_outputs]:
        raise HeadSchemaError(f"layers (in, out) {sizes} do not lead from {width} features to {n_outputs} outputs")


def _layers(head: HeadFile, tensors: dict[str, dict[str, Any]]) -> tuple[Layer, ...]:
    names = {f"layers.{i}.{part}" for i in range(len(head.layers)) for part in ("weight", "bias")}
    for name in sorted(names ^ tensors.keys()):
        raise HeadTensorError(f"{'lacks the' if name in names else 'has an extra'} tensor {name!r}")
    return tuple(
        Layer(
            weight=_tensor(tensors, f"layers.{i}.weight", (layer.out, layer.in_)),
            bias=_tensor(tensors, f"layers.{i}.bias", (layer.out,)),
            activation=layer.activation,
        )
        for i, layer in enumerate(head.layers)
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
