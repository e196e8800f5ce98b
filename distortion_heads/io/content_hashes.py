"""Hashes of the bytes of files."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from distortion_heads._system.errors_text import reason
from distortion_heads._system.threads import helpers, usable_cores
from distortion_heads.io.unread import Unread, unreadable


def content_hashes(paths: Sequence[Path]) -> dict[Path, str]:
    """Return the SHA-256 (hex) of each file. Raises `DataError` if any cannot be read."""
    hashes, failed = readable_hashes(paths)
    if failed:
        raise unreadable(failed, len(hashes) + len(failed))
    return hashes


def readable_hashes(paths: Sequence[Path]) -> tuple[dict[Path, str], tuple[Unread, ...]]:
    """Return the SHA-256 (hex) of each file that can be read, and the others; an empty file is one of these."""
    different = list(dict.fromkeys(paths))
    with helpers(usable_cores(), "hash") as pool:
        results = list(zip(different, pool.map(_sha256, different), strict=True))
    hashes = {path: result for path, result in results if isinstance(result, str)}
    return hashes, tuple(Unread(path, str(error)) for path, error in results if isinstance(error, OSError))


def _sha256(path: Path) -> str | OSError:
    try:
        if not path.is_file():  # a pipe would block
            return OSError("is no regular file")
        if path.stat().st_size == 0:
            return OSError("it is empty")
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        return OSError(f"cannot be read: {reason(error).lower()}")
