"""The files of a report: JSON as text, and all of them into one folder."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distortion_heads._system.atomic import write_atomic
from distortion_heads._system.errors_text import reason
from distortion_heads.errors import DataError


def write_files(folder: Path, files: Mapping[str, bytes], option: str = "--out") -> None:
    """Make `folder` and its sub-folders if need be and write `files`, by path in it, each of them atomically.

    Raises `DataError` if that fails; `option` is what to give another value.
    """
    path = folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(path, data)
    except OSError as error:
        raise DataError(f"{path} cannot be written: {reason(error)}; choose another {option}") from None


def write_report(folder: Path, name: str, content: Mapping[str, Any], text: str, plots: Mapping[str, bytes]) -> None:
    """Write a report into `folder`: `content` as the JSON file `name`, `text` as report.md, and `plots` by file name.

    Raises `DataError` if that fails.
    """
    write_files(folder, {name: to_json(content), "report.md": text.encode(), **plots})


def to_json(content: Mapping[str, Any]) -> bytes:
    """Return indented JSON with a newline at the end. Raises `ValueError` for NaN and infinities."""
    return (json.dumps(content, indent=1, allow_nan=False) + "\n").encode()


def plain(value: Any) -> Any:
    """Return what JSON can hold: tuples as lists, floats to 5 digits, None for NaN and infinities."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return round(value, 5) if math.isfinite(value) else None
    return value
