"""Arguments to work lists: pictures, folders, lists of paths, Parquet files and tar files, here or at URLs."""

# ruff: noqa: PTH112

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count, groupby, islice
from typing import Any

from distortion_heads._system.errors_text import reason
from distortion_heads.batch.places import is_url, open_place
from distortion_heads.batch.shards import Kind, WorkList
from distortion_heads.errors import DataError
from distortion_heads.io.inputs import IMAGE_SUFFIXES, Input, expand_inputs
from distortion_heads.io.text_tables import decoded

TABLES, TARS, LISTS = (".parquet", ".pq"), (".tar", ".tar.gz", ".tgz"), (".txt", ".lst")
COLUMNS = ("image", "bytes", "content", "jpg", "jpeg", "png", "webp", "path", "file_name", "url")
"""Columns of a Parquet file that are tried for pictures or their paths, in this order."""

PART_SIZE = 1000
"""Pictures of one part."""


@dataclass(frozen=True)
class _Source:
    """A file that holds many pictures."""

    place: str
    kind: Kind


def work_lists(arguments: Sequence[str], part_size: int = PART_SIZE, column: str | None = None) -> Iterator[WorkList]:
    """Yield the work lists of `arguments`, in their order: `part_size` inputs, whole row groups of a table, a tar.

    An argument is a picture, a folder with pictures, Parquet and tar files, a pattern, one of these files, `-` or a
    file .txt or .lst with a path or URL a line, or a URL of any of them. What leads to no file is an input with an
    error. Raises `DataError` for a `column` that a Parquet file does not have.
    """
    numbers = count()
    found = (item for argument in arguments for item in _expand(argument))
    for loose, group in groupby(found, lambda item: isinstance(item, Input)):
        for work in _of_files(group, part_size) if loose else _of_sources(group, part_size, column):
            yield replace(work, number=next(numbers))


def _of_files(items: Iterator[Any], part_size: int) -> Iterator[WorkList]:
    while chunk := tuple((item.path, item.error) for item in islice(items, part_size)):
        yield WorkList(number=0, kind="files", files=chunk)


def _of_sources(sources: Iterator[Any], part_size: int, column: str | None) -> Iterator[WorkList]:
    for source in sources:
        if source.kind == "tar":
            yield WorkList(number=0, kind="tar", source=source.place)
        else:
            yield from _of_table(source.place, part_size, column)


def _of_table(place: str, part_size: int, column: str | None) -> Iterator[WorkList]:
    """Read the footer of a Parquet file; its pictures are read by those who judge them."""
    from pyarrow.parquet import ParquetFile

    try:
        with open_place(place) as stream:
            table = ParquetFile(stream)
            names, groups = table.schema_arrow.names, range(table.metadata.num_row_groups)
            sizes = [table.metadata.row_group(group).num_rows for group in groups]
    except Exception as error:  # each file system has its own
        yield WorkList(number=0, kind="files", files=((place, f"cannot be read: {reason(error)}"),))
        return
    chosen = [name for name in (COLUMNS if column is None else (column,)) if name in names]
    if not chosen:
        wanted = column or "pictures"
        raise DataError(f"{place} has no column {wanted!r}: name one of {', '.join(names)} with --column")
    start = size = 0
    for group, rows in enumerate(sizes):  # whole ones, since a part of one cannot be read without what is before it
        size += rows
        if size >= part_size or (size and group + 1 == len(sizes)):
            yield WorkList(number=0, kind="parquet", source=place, column=chosen[0], start=start, count=size)
            start, size = start + size, 0


def _expand(argument: str, *, may_list: bool = True) -> Iterator[Input | _Source]:
    if may_list and argument.lower().endswith(LISTS):
        yield from _listed(argument)
    elif is_url(argument):
        yield from _expand_url(argument)
    elif os.path.isdir(argument):
        yield from _expand_folder(argument)
    else:
        for item in expand_inputs([argument]):
            if is_url(item.path) and argument == "-":
                yield from _expand_url(item.path)
            else:
                yield _kind_of(item.path) or item if item.error is None else item


def _listed(place: str) -> Iterator[Input | _Source]:
    try:
        with open_place(place) as stream:
            lines = decoded(stream.read(), errors="surrogateescape").splitlines()
    except Exception as error:  # each file system has its own
        yield Input(place, f"cannot be read: {reason(error)}")
        return
    for line in filter(str.strip, lines):
        yield from _expand(line, may_list=False)


def _kind_of(path: str) -> _Source | None:
    name = path.lower()
    if name.endswith(TABLES):
        return _Source(path, "parquet")
    return _Source(path, "tar") if name.endswith(TARS) else None


def _expand_folder(folder: str) -> Iterator[Input | _Source]:
    """Yield the Parquet and tar files below it, then the pictures, both sorted by name."""
    below = sorted(
        os.path.join(place, name)  # noqa: PTH118
        for place, _, names in os.walk(folder)
        for name in names
        if name[0] not in "._"
    )
    sources = [source for path in below if (source := _kind_of(path))]
    yield from sources
    for item in expand_inputs([folder]):
        if not (sources and item.path == folder):  # no picture in it, but these
            yield item


def _expand_url(url: str) -> Iterator[Input | _Source]:
    import fsspec

    try:
        system, path = fsspec.core.url_to_fs(url)
        if "*" in path:
            found = [name for name in system.glob(path) if name.rpartition("/")[2][:1] != "."]
        elif system.isdir(path):
            found = [name for name in system.find(path) if _is_wanted(name)]
        else:
            yield _kind_of(url) or Input(url)
            return
        places = [system.unstrip_protocol(name) for name in sorted(found)]
    except Exception as error:  # each file system has its own
        yield Input(url, f"cannot be read: {reason(error)}")
        return
    if not places:
        yield Input(url, "no picture, Parquet or tar file there")
    for place in places:
        yield _kind_of(place) or Input(place)


def _is_wanted(name: str) -> bool:
    suffix, base = os.path.splitext(name)[1].lower(), os.path.basename(name)  # noqa: PTH119, PTH122
    return base[:1] not in "._" and (suffix in IMAGE_SUFFIXES or _kind_of(name) is not None)
