"""A dataset at a URL -> a copy on this machine: files as they are, tar shards unpacked."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import IO, Any

from distortion_heads._system.atomic import replacing
from distortion_heads._system.errors_text import reason
from distortion_heads.errors import DataError

TARS = (".tar", ".tar.gz", ".tgz")


def fetched(url: str, cache: Path) -> Path:
    """Return a copy below `cache` of what is at `url`, a folder or one file on a file system that fsspec knows.

    Tars become what is in them, all in one folder. What is there already is not fetched again, unless it changed at
    `url`; of several processes on a machine one fetches, and the others wait for it. Raises `DataError`.
    """
    from filelock import FileLock

    try:
        import fsspec

        system, root = fsspec.core.url_to_fs(url)
        files = sorted(system.find(root)) if system.isdir(root) else [root]
        key = hashlib.sha256("\n".join(f"{file} {system.ukey(file)}" for file in files).encode()).hexdigest()[:16]
        home = cache / key
        folder = home / (PurePosixPath(root).name or "data")
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(home / ".lock"):
            for file in files:
                _fetch(system, file, PurePosixPath(file).relative_to(root if file != root else file), folder, home)
    except Exception as error:  # each file system has its own
        raise DataError(f"{url} cannot be fetched: {reason(error)}") from None
    alone = folder / folder.name
    return alone if files == [root] and alone.is_file() else folder


def _fetch(system: Any, file: str, place: PurePosixPath, folder: Path, home: Path) -> None:
    """Fetch one file, unless its mark says that this was done."""
    mark = home / f".done-{hashlib.sha256(file.encode()).hexdigest()[:16]}"
    if mark.exists():
        return
    with system.open(file, "rb") as stream:
        if file.lower().endswith(TARS):
            with tarfile.open(fileobj=stream, mode="r|*") as tar:
                for member in filter(tarfile.TarInfo.isfile, tar):
                    _write(tar.extractfile(member), folder, member.name)
        else:
            _write(stream, folder, str(place) if place.name else PurePosixPath(file).name)
    mark.touch()


def _write(stream: IO[bytes] | None, folder: Path, name: str) -> None:
    target = (folder / name).resolve()
    if not target.is_relative_to(folder.resolve()) or stream is None:
        raise DataError(f"{name!r} leads out of the dataset's folder")
    target.parent.mkdir(parents=True, exist_ok=True)
    with replacing(target, sync=False) as temporary, temporary.open("xb") as copy:
        for block in _blocks(stream):
            copy.write(block)


def _blocks(stream: IO[bytes]) -> Iterable[bytes]:
    while block := stream.read(1 << 20):
        yield block
