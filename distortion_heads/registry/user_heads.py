"""Keep the user's own heads on disk, as `HOME/heads/LABEL.safetensors`; they are one more plugin.

Imports neither NumPy nor safetensors before a head is read or written.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from sys import intern
from typing import NamedTuple

from distortion_heads._system.errors_text import reason
from distortion_heads.errors import (
    HeadFileError,
    HeadSchemaError,
    InvalidLabelError,
    LabelTakenError,
    StoreError,
    UnknownHeadError,
)
from distortion_heads.heads.head import HeadFile
from distortion_heads.hookspecs import hookimpl
from distortion_heads.spec import HeadSpec, check_label

SUFFIX = ".safetensors"
LOCK_SECONDS = 10.0


@dataclass(frozen=True)
class Store:
    """The heads under the folder `home`, which need not exist before the first `save`."""

    home: Path

    @classmethod
    def default(cls, environ: Mapping[str, str]) -> Store:
        """Return the store in `$DHEADS_HOME` if that is set and not empty, else in the user's data folder."""
        chosen = environ.get("DHEADS_HOME")
        if not chosen:
            from platformdirs import user_data_path

            return cls(user_data_path("dheads"))
        try:
            return cls(Path(chosen).expanduser())
        except RuntimeError:
            raise StoreError(f"DHEADS_HOME={chosen}: there is no such user") from None

    @property
    def folder(self) -> Path:
        return self.home / "heads"

    def path(self, label: str) -> Path:
        """Return where the head `label` is or would be. Raises `InvalidLabelError`."""
        return self.folder / f"{check_label(label)}{SUFFIX}"

    def labels(self) -> tuple[str, ...]:
        """Return the labels in use, sorted, those of broken files too. Raises `StoreError`."""
        return tuple(file.stem for file in self.files() if _is_label(file.stem))

    def files(self) -> tuple[Path, ...]:
        """Return all that look like head files, sorted; not the temporary files. Raises `StoreError`."""
        with self._failures("read"):
            try:
                names = sorted(file.name for file in self.folder.iterdir())
            except FileNotFoundError:
                return ()
        return tuple(self.folder / name for name in names if name.endswith(SUFFIX) and not name.startswith("."))

    def save(self, head: HeadFile, *, overwrite: bool) -> Path:
        """Write `head`, whole or not at all, and return its path.

        Raises `LabelTakenError` unless `overwrite`, `StoreError` if the folder cannot be written, and what
        `dump_head` raises.
        """
        from distortion_heads._system.atomic import write_atomic
        from distortion_heads.heads.file import dump_head

        path = self.path(head.label)
        data = dump_head(head)
        with self._failures("written"):
            self.folder.mkdir(parents=True, exist_ok=True)
            with self._lock():
                if not overwrite and os.path.lexists(path):
                    raise LabelTakenError(f"label {head.label!r} is taken by {path}: replace it with --force")
                write_atomic(path, data)
        return path

    def remove(self, label: str) -> None:
        """Delete the head `label`. Raises `UnknownHeadError`, `InvalidLabelError` or `StoreError`."""
        path = self.path(label)
        with self._failures("written"):
            if os.path.lexists(path):
                with self._lock():
                    path.unlink(missing_ok=True)
                return
        owned = ", ".join(self.labels()) or "none"
        raise UnknownHeadError(f"no head of your own is called {label!r} (there are: {owned})")

    def user_plugin(self) -> UserHeads:
        """Return the plugin that brings these heads."""
        return UserHeads(self)

    @contextmanager
    def _failures(self, verb: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(
                f"{self.home} cannot be {verb} ({reason(error)}): set DHEADS_HOME to another folder"
            ) from error

    @contextmanager
    def _lock(self) -> Iterator[None]:
        from filelock import FileLock, Timeout

        try:
            with FileLock(self.folder / ".lock", timeout=LOCK_SECONDS):
                yield
        except PermissionError:
            place = f"{self.home} cannot be written (it is read-only, or {self.folder / '.lock'} is another user's)"
            raise StoreError(f"{place}: set DHEADS_HOME to a folder of your own") from None
        except Timeout:
            raise StoreError(f"{self.home} is in use by another dheads: try again") from None
        except NotImplementedError:
            raise StoreError(f"{self.home} is on a file system without locks: set DHEADS_HOME elsewhere") from None


class UserHeads:
    """A plugin with one `HeadSpec` per sound file of a store. The files are read when it is first asked."""

    def __init__(self, store: Store) -> None:
        self.folder = store.folder
        self._store = store
        self._found: _Found | None = None

    @hookimpl
    def dheads_heads(self) -> tuple[HeadSpec, ...]:
        """Return the sound heads; what is wrong with the others is in `broken()`."""
        return self._once().sound

    def broken(self) -> tuple[tuple[Path, str], ...]:
        """Return `(file, reason)` for each head file that cannot be used."""
        return self._once().broken

    def _once(self) -> _Found:
        # No cached_property: pluggy reads every attribute as it registers a plugin, and `dheads --help` reads no heads.
        if self._found is None:
            self._found = _find(self._store)
        return self._found


class _Found(NamedTuple):
    sound: tuple[HeadSpec, ...]
    broken: tuple[tuple[Path, str], ...]


def _find(store: Store) -> _Found:
    try:
        files = store.files()
    except StoreError as error:
        return _Found((), ((store.folder, str(error)),))
    sound: list[HeadSpec] = []
    broken: list[tuple[Path, str]] = []
    for file in files:
        try:
            sound.append(_spec(file))
        except (HeadFileError, OSError) as error:
            broken.append((file, str(error).removeprefix(f"{file}: ")))
    return _Found(tuple(sound), tuple(broken))


def _spec(file: Path) -> HeadSpec:
    """Read `file`, which must be a regular file named after the head in it. Raises `HeadFileError`."""
    from distortion_heads.heads.file import read_metadata

    if file.is_symlink() or not file.is_file():
        raise HeadFileError(f"{file}: not a regular file")
    head = read_metadata(file)
    if file.name != f"{head.label}{SUFFIX}":
        raise HeadSchemaError(f"{file}: holds the head {head.label!r}: rename it to {head.label}{SUFFIX}")
    return HeadSpec(
        label=head.label,
        title=head.title,
        family=head.family,
        description=intern(f"Your own head, trained on {head.provenance.data}"),
        weights=file,
        view=head.view,
        scope=head.scope,
    )


def _is_label(text: str) -> bool:
    try:
        check_label(text)
    except InvalidLabelError:
        return False
    return True
