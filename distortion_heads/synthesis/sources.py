"""The clean pictures and clips of a run: streamed, named relative to their common folder, none taken from OUT."""

# ruff: noqa: PTH100, PTH112, PTH120

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from distortion_heads.errors import DataError
from distortion_heads.io.inputs import expand_inputs

Kind: TypeAlias = Literal["picture", "clip"]


@dataclass(frozen=True)
class Source:
    """A picture or clip: `path` as the user would write it, `name` relative to the run's base folder, with `/`."""

    path: str
    name: str
    is_video: bool = False


@dataclass(frozen=True)
class Unreadable:
    """An argument or file that leads to no picture or clip."""

    path: str
    reason: str


@dataclass(frozen=True)
class Sources:
    """The pictures and clips that `arguments` lead to, apart from those below the folder `out`.

    Iterate over it as often as you like. Raises `DataError` if `out` holds an argument, or if there is no folder that
    holds all arguments.
    """

    arguments: tuple[str, ...]
    out: Path

    def __post_init__(self) -> None:
        if "-" in self.arguments:
            raise DataError("the pictures are read more than once: give files, folders or patterns instead of -")
        for argument in self.arguments:
            if _is_within(_folder_of(argument), os.path.realpath(self.out)):
                raise DataError(f"{argument} lies in the output folder {self.out}: choose another output folder")
        self.base()

    def base(self) -> str:
        """Return the deepest folder that holds all arguments."""
        try:
            return os.path.commonpath([_folder_of(argument) for argument in self.arguments])
        except ValueError:
            raise DataError("the pictures lie on different drives: make one run for each") from None

    def __iter__(self) -> Iterator[Source | Unreadable]:
        base, out = self.base(), os.path.realpath(self.out)
        seen: set[str] = set()
        for item in expand_inputs(self.arguments, videos=True):
            if item.error is not None:
                yield Unreadable(item.path, item.error)
                continue
            folder, file = os.path.split(os.path.abspath(item.path))
            if _is_within(os.path.realpath(folder), out):
                continue
            name = Path(os.path.relpath(folder, base), file).as_posix()
            if name in seen:
                continue
            if len(self.arguments) > 1:  # one argument never leads to a picture twice, and may lead to a million
                seen.add(name)
            yield Source(item.path, name, item.is_video)

    def kinds(self) -> frozenset[Kind]:
        """Return the kinds that there are, looking no further than needed."""
        found: set[Kind] = set()
        for source in self:
            if isinstance(source, Source):
                found.add("clip" if source.is_video else "picture")
            if len(found) > 1:
                break
        return frozenset(found)

    def count(self) -> int:
        """Return how many there are."""
        return sum(isinstance(source, Source) for source in self)


def _folder_of(argument: str) -> str:
    """Return the folder that holds all that an argument leads to, absolute; links stay as they are."""
    path = os.path.abspath(argument)
    if os.path.isdir(path):
        return path
    if not os.path.lexists(path):
        while glob.has_magic(path) and path != os.path.dirname(path):
            path = os.path.dirname(path)
        return path
    return os.path.dirname(path)


def _is_within(path: str, folder: str) -> bool:
    return Path(path).is_relative_to(folder)
