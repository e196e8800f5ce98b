"""The pictures of a work list, one by one: read where they are judged, a few at a time."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from distortion_heads._system.errors_text import reason
from distortion_heads.batch.places import is_url, open_place, read_places
from distortion_heads.batch.shards import WorkList
from distortion_heads.errors import InputError
from distortion_heads.io.frames import Page
from distortion_heads.io.inputs import IMAGE_SUFFIXES

if TYPE_CHECKING:
    from distortion_heads.io.images import ImageSource

AHEAD = 16
"""Files at URLs, and rows of a Parquet file, that are read at once."""


def pictures_of(work: WorkList) -> Iterator[tuple[str, ImageSource]]:
    """Yield name and picture of each input; one that cannot be read raises `InputError` when it is loaded.

    A picture in a Parquet file is called FILE#ROW, rows counted from 0, unless the row has a path; one in a tar is
    called FILE#MEMBER. A tar that breaks off gives one more input, which is the tar and fails.
    """
    if work.kind == "files":
        yield from _of_files(iter(work.files))
    elif work.kind == "parquet":
        yield from _of_table(work)
    else:
        yield from _of_tar(work.source)


def _failed(name: str, why: str) -> tuple[str, Page]:
    return name, Page(name, InputError(why))


def _of_files(files: Iterator[tuple[str, str | None]]) -> Iterator[tuple[str, ImageSource]]:
    while chunk := list(islice(files, AHEAD)):
        remote = [path for path, error in chunk if error is None and is_url(path)]
        contents = dict(zip(remote, _read(remote), strict=True))
        for path, error in chunk:
            if error is not None:
                yield _failed(path, error)
            elif path in contents:
                yield _picture(path, contents[path])
            else:
                yield path, path


def _read(places: list[str]) -> list[bytes | Exception]:
    if not places:
        return []
    try:
        return read_places(places)
    except Exception as error:  # each file system has its own; one by one the others may be read
        return [error] if len(places) == 1 else [_read([place])[0] for place in places]


def _picture(name: str, content: bytes | Exception) -> tuple[str, ImageSource]:
    if isinstance(content, Exception):
        return _failed(name, f"cannot be read: {reason(content)}")
    return name, content


def _of_table(work: WorkList) -> Iterator[tuple[str, ImageSource]]:
    """Read the row groups that have rows of the list, `AHEAD` rows at a time."""
    from pyarrow.parquet import ParquetFile

    row, last = work.start, work.start + work.count
    try:
        with open_place(work.source) as stream:
            table = ParquetFile(stream)
            groups, first = _groups(table.metadata, work.start, last)
            for batch in table.iter_batches(AHEAD, row_groups=groups, columns=[work.column]):
                values = batch.column(0)
                wanted = values[max(work.start - first, 0) : max(last - first, 0)]
                first += len(values)
                for value in wanted:
                    yield _of_row(work.source, row, value.as_py())
                    row += 1
    except Exception as error:  # damage, or the file system's own
        for failed in range(row, last):
            yield _failed(f"{work.source}#{failed}", f"cannot be read: {reason(error)}")


def _groups(metadata: Any, start: int, last: int) -> tuple[list[int], int]:
    """Return the row groups that hold rows from `start` to `last`, and the number of their first row."""
    groups: list[int] = []
    first, at = 0, 0
    for group in range(metadata.num_row_groups):
        size = metadata.row_group(group).num_rows
        if at + size > start and at < last:
            first = first if groups else at
            groups.append(group)
        at += size
    return groups, first


def _of_row(source: str, row: int, value: Any) -> tuple[str, ImageSource]:
    name = f"{source}#{row}"
    if isinstance(value, dict):  # as the library datasets stores pictures
        name = f"{source}#{value['path']}" if value.get("path") and value.get("bytes") else name
        value = value.get("bytes") or value.get("path")
    if isinstance(value, bytes):
        return name, value
    if isinstance(value, str) and value:
        path = value if is_url(value) or os.path.isabs(value) else f"{source.rpartition('/')[0] or '.'}/{value}"  # noqa: PTH117
        return _picture(path, _read([path])[0]) if is_url(path) else (path, path)
    return _failed(name, "the row holds no picture and no path")


def _of_tar(source: str) -> Iterator[tuple[str, ImageSource]]:
    try:
        with open_place(source) as stream, tarfile.open(fileobj=stream, mode="r|*") as tar:
            for member in tar:
                suffix = os.path.splitext(member.name)[1].lower()  # noqa: PTH122
                if member.isfile() and suffix in IMAGE_SUFFIXES:
                    file = tar.extractfile(member)
                    assert file is not None
                    yield f"{source}#{member.name}", file.read()
    except Exception as error:  # damage, or the file system's own
        yield _failed(source, f"cannot be read to its end: {reason(error)}")
