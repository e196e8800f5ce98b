"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path


def write_atomic(path: Path, data: bytes) -> None:
    """Write `data` to `path`: a reader, a crash or a kill sees the old file or the new one, never a part.

    Raises `OSError`.
    """
    with replacing(path) as temporary, temporary.open("xb") as stream:
        stream.write(data)


@contextlib.contextmanager
def replacing(path: Path, *, sync: bool = True, temporary: Path | None = None) -> Iterator[Path]:
    """Give the name of a file to write, and put it in the place of `path` afterwards.

    It is `temporary`, by default `.NAME.*.tmp` beside `path`, and is removed if anything is raised. Without `sync` a
    crash of the machine may tear it: for many files that can be made again. Raises `OSError`.
    """
    temporary = temporary or path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        yield temporary
        if sync:
            with temporary.open("rb+") as stream:
                os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):  # or it would hide what was raised
            temporary.unlink()
        raise
    if sync:
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    # Windows opens no folders and some network file systems sync none: the file itself is in place already.
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
