"""The metadata of a head file: everything but the tensors, as canonical JSON (design, section 6)."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from sys import intern
from typing import Any, NoReturn, get_args

from distortion_heads.errors import HeadSchemaError, InvalidLabelError
from distortion_heads.heads.head import OUTPUTS, SCHEMA, Activation, CalibrationMethod, HeadFile
from distortion_heads.spec import HEAD_VIEWS, check_label, width_of

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

# What a value must be: (predicate, its description). The limit on numbers also keeps out 1e999, which JSON allows.
_TEXT = (lambda v: isinstance(v, str), "a string")
_LINE = (lambda v: isinstance(v, str) and not _CONTROLS.search(v), "a single line of text")
_INTEGER = (lambda v: type(v) is int, "an integer")
_COUNT = (lambda v: type(v) is int and v >= 0, "an integer, 0 or more")
_SIZE = (lambda v: type(v) is int and v >= 1, "an integer, 1 or more")
_FRACTION = (lambda v: type(v) in (int, float) and 0 <= v <= 1, "a number in [0, 1]")
_FIGURE = (lambda v: v is None or _FRACTION[0](v), "null or a number in [0, 1]")
_TEXTS = (lambda v: isinstance(v, dict) and all(isinstance(t, str) for t in v.values()), "an object of strings")
_NUMBERS = (
    lambda v: isinstance(v, dict) and all(type(x) in (int, float) and abs(x) <= sys.float_info.max for x in v.values()),
    "an object of finite numbers",
)


def _one_of(*allowed: object) -> tuple[Callable[[Any], bool], str]:
    return (lambda v: v in allowed, f"one of {', '.join(map(repr, allowed))}")


_FORMAT: dict[str, Any] = {
    "schema": _LINE,
    "label": _LINE,
    "title": _LINE,
    "family": _LINE,
    "license": _LINE,
    "created_with": _LINE,
    "view": _one_of(*HEAD_VIEWS),
    "backbone": {"name": _LINE, "fingerprint": _LINE, "dim": _SIZE},
    "layers": [{"in": _SIZE, "out": _SIZE, "activation": _one_of(*get_args(Activation))}],
    "outputs": _one_of(*(list(OUTPUTS[:n]) for n in range(1, len(OUTPUTS) + 1))),
    "calibration": {"method": _one_of(*get_args(CalibrationMethod)), "params": _NUMBERS},
    "threshold": {"value": _FRACTION, "objective": _LINE},
    "metrics": {
        "split": _LINE,
        "n": _COUNT,
        "auroc": _FIGURE,
        "ap": _FIGURE,
        "f1": _FIGURE,
        "ece": _FIGURE,
        "fpr_clean": _FIGURE,
    },
    "provenance": {
        "data": _TEXT,
        "data_sha256": _LINE,
        "n_pos": _COUNT,
        "n_neg": _COUNT,
        "seed": _INTEGER,
        "command": _TEXT,
        "versions": _TEXTS,
        "image_licenses": [_TEXT],
    },
}
_PARAMETERS: dict[str, set[str]] = {"none": set(), "temperature": {"scale"}, "platt": {"scale", "offset"}}


def dump_metadata(head: HeadFile) -> str:
    """Return the JSON of `head`: sorted keys, compact, ASCII. Raises `HeadSchemaError` for a figure that is NaN."""
    try:
        return json.dumps(_to_dict(head), sort_keys=True, separators=(",", ":"), allow_nan=False)
    except ValueError as error:
        raise HeadSchemaError(f"head {head.label!r}: a figure in its metadata is not finite") from error


def load_metadata(text: str) -> dict[str, Any]:
    """Return the object in `text`, in which every key and type is as `_FORMAT` says. Raises `HeadSchemaError`."""
    try:
        value = _DECODER.decode(text)
        if "\\u" in text or not text.isascii():  # a lone surrogate could not be printed
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise HeadSchemaError("metadata is no valid JSON") from error
    schema = value.get("schema") if isinstance(value, dict) else None
    if schema != SCHEMA:
        raise HeadSchemaError(f"schema is {schema!r:.40}, but this version of distortion-heads reads {SCHEMA!r}")
    if wrong := _wrong(value, _FORMAT):
        raise HeadSchemaError(f"metadata{wrong}")
    _check_relations(value)
    checked: dict[str, Any] = value
    return checked


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Texts are interned, for most are the same in many heads."""
    value = {intern(key): intern(part) if type(part) is str else part for key, part in pairs}
    if len(value) < len(pairs):
        raise ValueError("duplicate key")
    return value


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, object_pairs_hook=_unique)


def _wrong(value: Any, wanted: Any) -> str | None:
    """What of `value` is not as a part of `_FORMAT` (an object, a list or a single value) says; None if all is."""
    if isinstance(wanted, tuple):
        predicate, description = wanted
        return None if predicate(value) else f" is not {description}"
    if isinstance(wanted, dict):
        if not isinstance(value, dict):
            return " is not an object"
        if wanted.keys() != value.keys():
            key = min(wanted.keys() ^ value.keys())
            return f" {'lacks the' if key in wanted else 'has an unknown'} key {key!r:.40}"
        for key, part in wanted.items():
            if wrong := _wrong(value[key], part):
                return f".{key}{wrong}"
        return None
    if not isinstance(value, list):
        return " is not a list"
    for i, item in enumerate(value):
        if wrong := _wrong(item, wanted[0]):
            return f"[{i}]{wrong}"
    return None


def _check_relations(metadata: dict[str, Any]) -> None:
    """Refuse values that are fine alone but not together."""
    try:
        check_label(metadata["label"])
    except InvalidLabelError as error:
        raise HeadSchemaError(str(error)) from None
    calibration = metadata["calibration"]
    for name in calibration["params"].keys() - _PARAMETERS[calibration["method"]]:
        raise HeadSchemaError(f"calibration {calibration['method']!r} has no parameter {name!r}")
    width, n_outputs = width_of(metadata["view"], metadata["backbone"]["dim"]), len(metadata["outputs"])
    sizes = [(layer["in"], layer["out"]) for layer in metadata["layers"]]
    if not sizes or [width, *(n_out for _, n_out in sizes)] != [*(n_in for n_in, _ in sizes), n_outputs]:
        raise HeadSchemaError(f"layers (in, out) {sizes} do not lead from {width} features to {n_outputs} outputs")


def _to_dict(head: HeadFile) -> dict[str, object]:
    metrics, provenance = head.metrics, head.provenance
    return {
        "schema": head.schema,
        "label": head.label,
        "title": head.title,
        "family": head.family,
        "license": head.license,
        "created_with": head.created_with,
        "view": head.view,
        "backbone": {
            "name": head.backbone.name,
            "fingerprint": head.backbone.fingerprint,
            "dim": int(head.backbone.dim),
        },
        "layers": [
            {"in": layer.weight.shape[-1], "out": layer.weight.shape[0], "activation": layer.activation}
            for layer in head.layers
        ],
        "outputs": list(head.outputs),
        "calibration": {
            "method": head.calibration.method,
            "params": {name: float(value) for name, value in head.calibration.params.items()},
        },
        "threshold": {"value": float(head.threshold.value), "objective": head.threshold.objective},
        "metrics": {
            "split": metrics.split,
            "n": int(metrics.n),
            "auroc": _float(metrics.auroc),
            "ap": _float(metrics.ap),
            "f1": _float(metrics.f1),
            "ece": _float(metrics.ece),
            "fpr_clean": _float(metrics.fpr_clean),
        },
        "provenance": {
            "data": _without_surrogates(provenance.data),
            "data_sha256": provenance.data_sha256,
            "n_pos": int(provenance.n_pos),
            "n_neg": int(provenance.n_neg),
            "seed": int(provenance.seed),
            "command": _without_surrogates(provenance.command),
            "versions": dict(provenance.versions),
            "image_licenses": list(provenance.image_licenses),
        },
    }


def _float(figure: float | None) -> float | None:
    return None if figure is None else float(figure)


def _without_surrogates(text: str) -> str:
    """Paths that are no valid UTF-8 carry surrogates, which cannot be printed."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
