"""Command-line arguments to files: folders, glob patterns and lists of paths on standard input are expanded.

Paths stay strings: a `Path` would drop the `./` that a user wrote.
"""

# ruff: noqa: PTH112, PTH118, PTH122

from __future__ import annotations

import glob
import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from typing import TextIO

from distortion_heads._system.errors_text import reason
from distortion_heads.io.content import UNREAD_SUFFIXES, Content, content_of_file
from distortion_heads.io.text_tables import decoded

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

_SOUND = ".aac .m4a .m4b .mka .oga .ogg .opus .ra .weba .wma"
_ASIDE = frozenset(f"{_SOUND} .lrv .thm".split())
"""Sound, whose containers are those of videos, and the small copies that cameras lay beside their videos."""

_NUMBERED = re.compile(r"%(?:0\d)?d")


@dataclass(frozen=True)
class Input:
    """One file or, where `error` is set, something that leads to no file; `page`: one of its pages, from 1."""

    path: str
    error: str | None = None
    page: int | None = None
    content: Content | None = field(default=None, compare=False)

    @property
    def name(self) -> str:
        """Return the path, with the page that is meant, if one is: `scan.tif#2`."""
        return self.path if self.page is None else f"{self.path}#{self.page}"

    @property
    def is_video(self) -> bool:
        """Return whether it is a video by its content, or where that is not known by its name.

        So is the pattern of a numbered sequence such as `frame_%04d.png`.
        """
        if self.content is not None and self.content.kind in ("picture", "video", "unread"):
            return self.content.kind == "video"
        return _suffix(self.path) in VIDEO_SUFFIXES or is_sequence(self.path)


@dataclass(frozen=True)
class LeftOut:
    """A picture in a folder that cannot be read here; `content` is None where its suffix alone says what it is."""

    path: str
    content: Content | None


def is_sequence(path: str) -> bool:
    """Return whether `path` is the pattern of a numbered sequence, and no file."""
    return _NUMBERED.search(os.path.basename(path)) is not None and not os.path.lexists(path)  # noqa: PTH119


def expand_inputs(
    arguments: Sequence[str],
    stdin: TextIO | None = None,
    *,
    videos: bool = False,
    left_out: list[LeftOut] | None = None,
) -> Iterator[Input]:
    """Yield the files that `arguments` lead to, in their order; folders keep the name that the user gave them.

    - A file is itself, whatever its suffix; with `videos` so is the pattern of a numbered sequence.
    - A folder is the files below it that are pictures, or with `videos` videos, by their content or one of
      `IMAGE_SUFFIXES` and `VIDEO_SUFFIXES`: sorted by name, those of a folder before those of its sub-folders. Hidden
      files and folders are skipped, and links to folders are not followed. Pictures of types that cannot be read here
      are added to `left_out`.
    - What does not exist is tried as a glob pattern, in which `**` is any number of folders (links not followed).
    - `-` is the paths listed by `stdin` (default: `sys.stdin`), one a line, or separated by NUL if there is one.

    Raises nothing: what cannot be read or leads to no file gives an `Input` with an error.
    """
    search = _Search(videos, [] if left_out is None else left_out)
    for argument in arguments:
        if argument != "-":
            yield from _expand(argument, search)
            continue
        try:
            paths = _listed(sys.stdin if stdin is None else stdin)
        except (OSError, ValueError) as error:
            yield Input("-", _reason(error))
            continue
        if not paths:
            yield Input("-", "standard input lists no path")
        for path in paths:
            yield from _expand(path, search)


def _listed(stream: TextIO | None) -> list[str]:
    if stream is None:  # a program without a console
        return []
    text = decoded(stream.buffer.read(), errors="surrogateescape") if hasattr(stream, "buffer") else stream.read()
    paths = text.split("\0") if "\0" in text else [line.rstrip("\r") for line in text.split("\n")]
    return [path for path in paths if path.strip()]


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file or folder"
    return f"cannot be read: {reason(error).lower()}"


@dataclass(frozen=True)
class _Search:
    """A search of folders: whether for videos too, and the pictures that it left out."""

    videos: bool
    left_out: list[LeftOut]

    def see(self, path: str) -> Iterator[Input]:
        """Yield the file if it is looked for, by its content or, where that says nothing, by its suffix."""
        content, suffix = content_of_file(path), _suffix(path)
        if suffix in _ASIDE:
            return
        if content is not None and content.kind != "other":
            if content.kind == "unread":
                self.left_out.append(LeftOut(path, content))
            elif self.videos or content.kind == "picture" or suffix in IMAGE_SUFFIXES:
                yield Input(path, content=content)
        elif suffix in IMAGE_SUFFIXES or (self.videos and suffix in VIDEO_SUFFIXES):
            yield Input(path)
        elif suffix in UNREAD_SUFFIXES:
            self.left_out.append(LeftOut(path, None))


def _expand(argument: str, search: _Search) -> Iterator[Input]:
    try:
        os.lstat(argument)
    except (OSError, ValueError) as error:
        if search.videos and is_sequence(argument):
            yield Input(argument)
        elif glob.has_magic(argument):
            yield from _expand_pattern(argument, search)
        else:
            yield Input(argument, _reason(error))
        return
    yield from _expand_path(argument, search)


def _expand_path(path: str, search: _Search) -> Iterator[Input]:
    if not os.path.isdir(path):
        yield Input(path, content=content_of_file(path) if search.videos else None)
        return
    item, before = None, len(search.left_out)
    for item in _files_below(path, search):
        yield item
    if item is None:
        readable = " that can be read here" if len(search.left_out) > before else ""
        yield Input(path, f"no image{' or video' if search.videos else ''}{readable} in this folder")


def _expand_pattern(pattern: str, search: _Search) -> Iterator[Input]:
    folder, parts = _split(pattern)
    found = sorted(set(_matches(folder, parts)), key=lambda item: item.path)
    if not found:
        yield Input(pattern, "no file matches this pattern")
    # A pattern such as **/* matches a folder and also what is in it.
    seen: set[Input] = set()
    for match in found:
        for item in [match] if match.error else _expand_path(match.path, search):
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


def _files_below(top: str, search: _Search) -> Iterator[Input]:
    for folder, entries, failed in _walk(top):
        yield from failed
        for entry in entries:
            path = os.path.join(folder, entry.name)
            if entry.name[0] != "." and not os.path.isdir(path):
                yield from search.see(path)


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
