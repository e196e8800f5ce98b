"""Copy, link or move files into a folder, never over another file, so that it can be undone."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, cast

from distortion_heads._system.atomic import replacing
from distortion_heads._system.errors_text import reason
from distortion_heads.errors import DheadsError

Action: TypeAlias = Literal["copy", "link", "move"]

ACTIONS: tuple[Action, ...] = ("copy", "link", "move")
SCHEMA = "dheads-sort/1"


@dataclass(frozen=True, kw_only=True)
class Placing:
    """A file and where it goes, both absolute."""

    source: Path
    target: Path


def plan(sources: Sequence[tuple[Path, Path]], into: Path, *, moved: bool = False) -> tuple[Placing, ...]:
    """Return where each `(file, wanted place below into)` goes; a place that is taken gets a number: `a-2.jpg`.

    Not so for files to be `moved` that a killed run has left in both places.
    """
    placed: list[Placing] = []
    taken: set[Path] = set()
    for source, wanted in sources:
        target = into.absolute() / wanted
        number = 2
        while target in taken or (os.path.lexists(target) and not (moved and _is_half_moved(source, target))):
            target = into.absolute() / wanted.with_name(f"{wanted.stem}-{number}{wanted.suffix}")
            number += 1
        taken.add(target)
        placed.append(Placing(source=source.absolute(), target=target))
    return tuple(placed)


def carry_out(
    placings: Sequence[Placing], action: Action, undo: Path, done: Callable[[int], None] = lambda count: None
) -> None:
    """Copy, link (symbolically) or move the files; the new file `undo` says what was done, line by line.

    `done(count)` counts files. Raises `DheadsError` at the first that fails: those before it stay and can be undone.
    """
    try:
        undo.parent.mkdir(parents=True, exist_ok=True)
        stream = undo.open("x", encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise DheadsError(f"{undo} cannot be written: {reason(error)}") from None
    with stream:
        stream.write(json.dumps({"schema": SCHEMA, "action": action}) + "\n")
        for count, placing in enumerate(placings, 1):
            # first of all, so that nothing is done that cannot be undone
            stream.write(json.dumps({"source": str(placing.source), "target": str(placing.target)}) + "\n")
            stream.flush()
            try:
                placing.target.parent.mkdir(parents=True, exist_ok=True)
                _WORK[action](placing.source, placing.target)
            except OSError as error:
                raise DheadsError(
                    f"{placing.source} cannot get to {placing.target}: {reason(error)}; undo the {count - 1} before it "
                    f"with `dheads sort --undo {undo}`"
                ) from None
            done(count)


def take_back(undo: Path) -> Iterator[tuple[Path, str | None]]:
    """Undo what a file of `carry_out` says, the last first; yield each target, and why it stays where it does.

    A copy or link goes if it is still what it was; a moved file goes back if its place is free. Folders that this
    leaves empty go too and, once all is undone, the file `undo`. Raises `DheadsError`.
    """
    action, placings = _read(undo)
    whole = True
    for placing in reversed(placings):
        try:
            why = _taken_back(placing, action)
        except OSError as error:
            why = reason(error)
        whole &= why is None
        yield placing.target, why
    if whole:
        undo.unlink(missing_ok=True)
    folders = {folder for placing in placings for folder in placing.target.relative_to(undo.parent.absolute()).parents}
    for folder in sorted(folders - {Path()}, key=lambda folder: -len(folder.parts)):
        with contextlib.suppress(OSError):  # it has other files
            (undo.parent / folder).rmdir()


def _read(undo: Path) -> tuple[Action, tuple[Placing, ...]]:
    try:
        first, *rest = undo.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
        header = json.loads(first)
        if header["schema"] != SCHEMA or header["action"] not in ACTIONS:
            raise ValueError
        entries = [json.loads(line) for line in rest]
        placings = tuple(Placing(source=Path(item["source"]), target=Path(item["target"])) for item in entries)
        if not all(placing.target.is_relative_to(undo.parent.absolute()) for placing in placings):
            raise ValueError
    except OSError as error:
        raise DheadsError(f"{undo} cannot be read: {reason(error)}") from None
    except (ValueError, KeyError, TypeError):
        raise DheadsError(f"{undo} is no file that `dheads sort` wrote there") from None
    return cast(Action, header["action"]), placings


def _taken_back(placing: Placing, action: Action) -> str | None:
    source, target = placing.source, placing.target
    if not os.path.lexists(target):
        return "it is not there any more"
    if action == "move":
        if os.path.lexists(source) and not _is_half_moved(target, source):
            return f"{source} exists again"
        source.parent.mkdir(parents=True, exist_ok=True)
        _move(target, source)
        return None
    if action == "link" and not (target.is_symlink() and target.readlink() == source):
        return "it is no link of ours any more"
    if action == "copy" and not _same(source, target):
        return "it is not as it was copied, or the original has changed"
    target.unlink()
    return None


def _same(source: Path, target: Path) -> bool:
    """Return whether a copy still is one; its original must exist, or the last one would be deleted."""
    import filecmp

    return source.is_file() and target.is_file() and filecmp.cmp(source, target, shallow=False)


def _copy(source: Path, target: Path, *, sync: bool = False) -> None:
    with replacing(target, sync=sync, over=False) as temporary:
        with source.open("rb") as reader, temporary.open("xb") as writer:
            shutil.copyfileobj(reader, writer, 2**20)
        shutil.copystat(source, temporary)


def _link(source: Path, target: Path) -> None:
    target.symlink_to(source)


def _move(source: Path, target: Path) -> None:
    """Move without ever replacing: `os.rename` would, so the name is added before the old one goes."""
    try:
        os.link(source, target, follow_symlinks=False)
    except FileExistsError:
        if not _is_half_moved(source, target):
            raise
    except (OSError, NotImplementedError):  # another disk, or one without hard links
        _copy(source, target, sync=True)
    source.unlink()


def _is_half_moved(source: Path, target: Path) -> bool:
    """Return whether two names are of one file, as where a run was killed after it had added the second one."""
    try:
        return not (source.is_symlink() or target.is_symlink()) and source.samefile(target)
    except OSError:
        return False


_WORK: Mapping[Action, Callable[[Path, Path], None]] = {"copy": _copy, "link": _link, "move": _move}
