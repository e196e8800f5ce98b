"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from zlib import crc32

_LEFT = re.compile(r"\..+\.([0-9a-f]{8})-(\d{1,10})\.[0-9a-f]{8}\.tmp", re.DOTALL)

_NAME = 50
"""So much of a file's name is in that of its temporary one, as a name may have 255 bytes."""


def write_atomic(path: Path, data: bytes) -> None:
    """Write `data` to `path`: a reader, a crash or a kill sees the old file or the new one, never a part.

    Raises `OSError`.
    """
    with replacing(path) as temporary, temporary.open("xb") as stream:
        stream.write(data)


@contextlib.contextmanager
def replacing(path: Path, *, sync: bool = True, temporary: Path | None = None, over: bool = True) -> Iterator[Path]:
    """Give the name of a file to write, and put it in the place of `path` afterwards; never `over` a file if not.

    It is `temporary`, by default `.NAME.*.tmp` beside `path`, and is removed if anything is raised; those that killed
    processes have left are removed by the next writer. Without `sync` a crash of the machine may tear it: for many
    files that can be made again. Raises `OSError`.
    """
    if temporary is None:
        temporary = path.with_name(f".{path.name[:_NAME]}.{_host()}-{os.getpid()}.{secrets.token_hex(4)}.tmp")
        remove_leftovers(path.parent)
    try:
        yield temporary
        if sync:
            with temporary.open("rb+") as stream:
                os.fsync(stream.fileno())
        if over:
            temporary.replace(path)
        else:
            _put_beside(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):  # or it would hide what was raised
            temporary.unlink()
        raise
    if sync:
        _sync_folder(path.parent)


def check_writable(folder: Path) -> None:
    """Raise `OSError`, which names where, unless a file can be made in `folder`, or in what it would be made in."""
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if os.path.lexists(path))
    try:
        with TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(existing)) from None


def _put_beside(file: Path, path: Path) -> None:
    """Move a file to `path` on the same disk without ever replacing one, as a rename would. Raises `OSError`."""
    try:
        os.link(file, path, follow_symlinks=False)
    except FileExistsError:
        raise
    except (OSError, NotImplementedError):  # a file system without hard links
        if os.path.lexists(path):
            raise FileExistsError(f"{path} exists already") from None
        file.replace(path)
        return
    file.unlink()


@cache
def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files of processes of this machine that no longer live; once for each folder."""
    if sys.platform == "win32":  # where nobody can be asked whether he lives
        return
    with contextlib.suppress(OSError):
        for entry in list(folder.iterdir()):
            found = _LEFT.fullmatch(entry.name)
            if found is not None and found[1] == _host() and not _lives(int(found[2])):
                entry.unlink(missing_ok=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # another user's
        return True
    return True


@cache
def _host() -> str:
    name = os.uname().nodename if hasattr(os, "uname") else ""
    return f"{crc32(name.encode('utf-8', 'replace')):08x}"


def _sync_folder(folder: Path) -> None:
    # Windows opens no folders and some network file systems sync none: the file itself is in place already.
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
