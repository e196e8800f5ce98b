"""Results that are measured once for each folder of work."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from distortion_heads.errors import DataError
from distortion_heads.reports.files import write_files

_T = TypeVar("_T")


def once(file: Path, options: Mapping[str, Any], measure: Callable[[], Any], restore: Callable[[Any], _T]) -> _T:
    """Return what `file` keeps from an earlier run, else measure and keep it: a dataclass, a tuple of them, or None.

    Raises `DataError` if it was measured with other `options`, or is damaged.
    """
    options = json.loads(json.dumps(options))
    if not file.exists():
        found = measure()
        value = [asdict(each) for each in found] if isinstance(found, tuple) else found and asdict(found)
        write_files(file.parent, {file.name: json.dumps({"of": options, "found": value}).encode()}, "--work")
    try:
        stored = json.loads(file.read_text())
        known, found = stored["of"], restore(stored["found"])
    except (OSError, ValueError, KeyError, TypeError):
        raise DataError(f"{file} is damaged: remove it and run the bench again") from None
    if known != options:
        raise DataError(f"{file} was measured with other options: remove it, or choose another --work")
    return found
