"""Command-line arguments to files: folders, glob patterns and lists of paths on standard input are expanded.

Paths stay strings: a `Path` would drop the `./` that a user wrote.
"""

# ruff: noqa: PTH112, PTH118, PTH122

from __future__ import annotations

import glob
import io
import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import TextIO

from distortion_heads._system.errors_text import reason

_SUFFIXES = (
    ".apng .avif .bmp .dds .dib .gif .icns .ico .j2c .j2k .jfif .jp2 .jpc .jpe .jpeg .jpf .jpg .jpx "
    ".pbm .pcx .pgm .png .pnm .ppm .psd .qoi .ras .sgi .tga .tif .tiff .webp .xbm .xpm"
)
IMAGE_SUFFIXES = frozenset(_SUFFIXES.split())

_VIDEO_SUFFIXES = (
    ".264 .265 .3g2 .3gp .asf .avi .divx .dv .f4v .flv .h264 .h265 .hevc .ivf .m1v .m2ts .m2v .m4v .mjpeg .mjpg .mkv "
    ".mov .mp4 .mpe .mpeg .mpg .mts .mxf .nut .obu .ogv .rm .ts .vob .webm .wmv .y4m"
)
VIDEO_SUFFIXES = frozenset(_VIDEO_SUFFIXES.split())

_NUMBERED = re.compile(r"%(?:0\d)?d")


@dataclass(frozen=True)
class Input:
    """One file or, where `error` is set, something that leads to no file."""

    path: str
    error: str | None = None

    @property
    def is_video(self) -> bool:
        """Return whether it is named as a video, or is the pattern of a numbered sequence such as `frame_%04d.png`."""
        return _suffix(self.path) in VIDEO_SUFFIXES or is_sequence(self.path)


def is_sequence(path: str) -> bool:
    """Return whether `path` is the pattern of a numbered sequence, and no file."""
    return _NUMBERED.search(os.path.basename(path)) is not None and not os.path.lexists(path)  # noqa: PTH119


def expand_inputs(arguments: Sequence[str], stdin: TextIO | None = None, *, videos: bool = False) -> Iterator[Input]:
    """Yield the files that `arguments` lead to, in their order; folders keep the name that the user gave them.

    - A file is itself, whatever its suffix; with `videos` so is the pattern of a numbered sequence.
    - A folder is the files below it that have one of `IMAGE_SUFFIXES`, or with `videos` of `VIDEO_SUFFIXES`: sorted by
      name, those of a folder before those of its sub-folders. Hidden files and folders are skipped, and links to
      folders are not followed.
    - What does not exist is tried as a glob pattern, in which `**` is any number of folders (links not followed).
    - `-` is the paths listed by `stdin` (default: `sys.stdin`), one a line, or separated by NUL if there is one.

    Raises nothing: what cannot be read or leads to no file gives an `Input` with an error.
    """
    for argument in arguments:
        if argument != "-":
            yield from _expand(argument, videos)
            continue
        try:
            paths = _listed(sys.stdin if stdin is None else stdin)
        except (OSError, ValueError) as error:
            yield Input("-", _reason(error))
            continue
        if not paths:
            yield Input("-", "standard input lists no path")
        for path in paths:
            yield from _expand(path, videos)


def _listed(stream: TextIO | None) -> list[str]:
    if stream is None:  # a program without a console
        return []
    if isinstance(stream, io.TextIOWrapper) and stream.errors != "surrogateescape":
        stream.reconfigure(errors="surrogateescape")  # a file name may hold any bytes
    text = stream.read()
    paths = text.split("\0") if "\0" in text else [line.rstrip("\r") for line in text.split("\n")]
    return [path for path in paths if path.strip()]


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file or folder"
    return f"cannot be read: {reason(error).lower()}"


def _expand(argument: str, videos: bool) -> Iterator[Input]:
    try:
        os.lstat(argument)
    except (OSError, ValueError) as error:
        if videos and is_sequence(argument):
            yield Input(argument)
        elif glob.has_magic(argument):
            yield from _expand_pattern(argument, videos)
        else:
            yield Input(argument, _reason(error))
        return
    yield from _expand_path(argument, videos)


def _expand_path(path: str, videos: bool) -> Iterator[Input]:
    if not os.path.isdir(path):
        yield Input(path)
        return
    item = None
    for item in _files_below(path, IMAGE_SUFFIXES | VIDEO_SUFFIXES if videos else IMAGE_SUFFIXES):
        yield item
    if item is None:
        yield Input(path, f"no image{' or video' if videos else ''} in this folder")


def _expand_pattern(pattern: str, videos: bool) -> Iterator[Input]:
    folder, parts = _split(pattern)
    found = sorted(set(_matches(folder, parts)), key=lambda item: item.path)
    if not found:
        yield Input(pattern, "no file matches this pattern")
    # A pattern such as **/* matches a folder and also what is in it.
    seen: set[Input] = set()
    for match in found:
        for item in [match] if match.error else _expand_path(match.path, videos):
            if item not in seen:
                seen.add(item)
                yield item


def _split(pattern: str) -> tuple[str, list[str]]:
    """Split a pattern into the folder before its first wildcard and the components from there on."""
    parts: list[str] = []
    head = pattern
    while glob.has_magic(head):
        parent, part = os.path.split(head)
        if parent == head:  # a wildcard in what Windows takes for a drive
            break
        head = parent
        if part and (parts or part != "**"):  # a last ** is the folder itself, which is expanded anyway
            parts.insert(0, part)
    return head, parts


def _matches(folder: str, parts: Sequence[str]) -> Iterator[Input]:
    """Yield the paths below `folder` that match `parts`, one pattern a level, and an error for an unreadable folder."""
    if not parts:
        if os.path.lexists(folder or os.curdir):
            yield Input(folder or os.curdir)
        return
    part, rest = parts[0], parts[1:]
    if not glob.has_magic(part):
        yield from _matches(os.path.join(folder, part), rest)
        return
    if not os.path.isdir(folder or os.curdir):
        return
    for below, entries, failed in _walk(folder) if part == "**" else [(folder, *_list(folder))]:
        yield from failed
        # As in a shell, a hidden name matches only a pattern that starts with a dot too.
        names = [entry.name for entry in entries if part[0] == "." or entry.name[0] != "."]
        for path in [below] if part == "**" else [os.path.join(below, name) for name in names if fnmatch(name, part)]:
            yield from _matches(path, rest)


def _files_below(top: str, suffixes: frozenset[str]) -> Iterator[Input]:
    for folder, entries, failed in _walk(top):
        yield from failed
        for entry in entries:
            path = os.path.join(folder, entry.name)
            if entry.name[0] != "." and _suffix(path) in suffixes and not os.path.isdir(path):
                yield Input(path)


def _walk(top: str) -> Iterator[tuple[str, list[os.DirEntry[str]], list[Input]]]:
    """Yield `top` and the visible folders below it with what `_list` returns; links to folders are not followed.

    Not by `os.walk`, which in Python 3.11 calls itself for each level and fails on deep folders.
    """
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        entries, failed = _list(folder)
        yield folder, entries, failed
        below = [entry.name for entry in entries if entry.name[0] != "." and entry.is_dir(follow_symlinks=False)]
        waiting.extend(os.path.join(folder, name) for name in reversed(below))


def _list(folder: str) -> tuple[list[os.DirEntry[str]], list[Input]]:
    """Return what is directly in a folder, sorted by name; where it cannot be read, an error instead."""
    try:
        with os.scandir(folder or os.curdir) as entries:
            return sorted(entries, key=lambda entry: entry.name), []
    except OSError as error:
        return [], [Input(folder or os.curdir, _reason(error))]


def _suffix(path: str) -> str:
    return os.path.splitext(path)[1].lower()
