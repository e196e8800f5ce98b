"""Files on this machine and at any URL that fsspec knows, such as s3://bucket/folder, by the same few calls."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from distortion_heads._system.atomic import write_atomic
from distortion_heads._system.errors_text import reason
from distortion_heads.errors import DataError, MissingExtraError


def is_url(text: str) -> bool:
    """Return whether this is a URL such as s3://bucket/a.tar, and no path on this machine."""
    return "://" in text


@contextmanager
def open_place(place: str) -> Iterator[IO[bytes]]:
    """Open a path or URL to read. Raises `OSError`, and whatever the file system behind a URL raises."""
    if not is_url(place):
        with open(place, "rb") as stream:  # noqa: PTH123 - as the user wrote it
            yield stream
        return
    import fsspec

    with fsspec.open(place, "rb") as stream:
        yield stream


def read_places(places: Sequence[str]) -> list[bytes | Exception]:
    """Return the content of each URL, several at a time where the file system can, or what was raised for it."""
    import fsspec

    system = fsspec.core.url_to_fs(places[0])[0]
    paths = [system._strip_protocol(place) for place in places]
    found = system.cat(paths, on_error="return")
    if isinstance(found, bytes):  # of a single one
        return [found]
    return [found.get(path, FileNotFoundError("no such file")) for path in paths]


@dataclass(frozen=True)
class Folder:
    """A folder that results are written to: a path or a URL."""

    place: str

    def names(self) -> frozenset[str]:
        """Return the names of the files in it; none where it does not exist. Raises `DataError`."""
        with self._failures("read"):
            if not is_url(self.place):
                return frozenset(os.listdir(self.place)) if os.path.isdir(self.place) else frozenset()  # noqa: PTH112, PTH208
            system, path = self._remote()
            system.invalidate_cache()
            found = system.ls(path, detail=False) if system.exists(path) else ()
            return frozenset(name.rpartition("/")[2] for name in found)

    def read(self, name: str) -> bytes:
        """Return the content of a file in it. Raises `DataError`."""
        with self._failures("read"):
            if not is_url(self.place):
                return Path(self.place, name).read_bytes()
            system, path = self._remote()
            data: bytes = system.cat_file(f"{path}/{name}")
            return data

    def write(self, name: str, data: bytes) -> None:
        """Write a file in it, whole or not at all, as object stores do by themselves. Raises `DataError`."""
        with self._failures("written"):
            if not is_url(self.place):
                Path(self.place).mkdir(parents=True, exist_ok=True)
                write_atomic(Path(self.place, name), data)
                return
            system, path = self._remote()
            system.makedirs(path, exist_ok=True)
            system.pipe_file(f"{path}/{name}", data)

    def remove(self, name: str) -> None:
        """Remove a file in it, if it is there. Raises `DataError`."""
        with self._failures("written"):
            if not is_url(self.place):
                Path(self.place, name).unlink(missing_ok=True)
                return
            system, path = self._remote()
            if system.exists(f"{path}/{name}"):
                system.rm_file(f"{path}/{name}")

    def _remote(self) -> tuple[Any, str]:
        import fsspec

        system, path = fsspec.core.url_to_fs(self.place)
        return system, path.rstrip("/")

    @contextmanager
    def _failures(self, verb: str) -> Iterator[None]:
        try:
            yield
        except ImportError as error:
            raise MissingExtraError(f"{self.place} ({error})", "ray") from None
        except Exception as error:  # each file system has its own
            raise DataError(f"{self.place} cannot be {verb}: {reason(error)}; choose another --out") from None
