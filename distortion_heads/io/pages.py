"""Files of several pages or frames: one input, and one picture, for each page."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import IO, TYPE_CHECKING

from distortion_heads.errors import InputError
from distortion_heads.io.frames import Page, pages_of
from distortion_heads.io.images import DEFAULT_MAX_PIXELS, from_pillow
from distortion_heads.io.inputs import Input
from distortion_heads.io.picture_files import PILLOW_WARNINGS_HIDDEN, identify, open_file, undecodable
from distortion_heads.io.small_files import check_cost
from distortion_heads.io.time_limit import TimeLimit

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

    from distortion_heads.io.images import ImageSource
    from distortion_heads.io.rgb import Loaded


def with_pages(items: Iterable[Input], page: int | None, max_pixels: int = DEFAULT_MAX_PIXELS) -> Iterator[Input]:
    """Yield the inputs, each picture of several pages once for `page`, from 1, or for every one if that is None."""
    for item in items:
        count = 1 if item.error is not None or item.is_video else _count(item.path, max_pixels)
        if page is not None and page > count and not item.is_video and item.error is None:
            yield replace(item, error=f"there is no page {page}: the last one is {count}")
        elif count == 1:
            yield item
        else:
            yield from (replace(item, page=number) for number in (range(1, count + 1) if page is None else (page,)))


def page_sources(items: Iterable[Input], max_pixels: int = DEFAULT_MAX_PIXELS) -> Iterator[ImageSource]:
    """Yield what is to be loaded for each input: its path, or its page, which is read here.

    An animation is decoded once, since most of its frames say only what has changed.
    """
    for (path, paged), group in groupby(items, key=lambda item: (item.path, item.page is not None)):
        if paged:
            yield from _pages(path, list(group), max_pixels)
        else:
            yield from (item.path for item in group)


def _count(path: str, max_pixels: int) -> int:
    """Return the number of pages; 1 where the file cannot be read, which is said when it is loaded."""
    try:
        with PILLOW_WARNINGS_HIDDEN, open_file(path) as stream:
            return len(pages_of(_opened(stream, max_pixels)))
    except Exception:  # decoders raise anything on damaged bytes
        return 1


def _pages(path: str, items: Sequence[Input], max_pixels: int) -> Iterator[Page]:
    """Yield each page or why it cannot be read; after damage the later ones are tried too."""
    try:
        stream = open_file(path)
    except InputError as error:
        yield from (Page(item.name, error) for item in items)
        return
    with stream:
        reader = _Reader(stream, max_pixels)
        for item in items:
            try:
                with PILLOW_WARNINGS_HIDDEN:
                    loaded: Loaded | Exception = reader.load(item.page or 1)
            except Exception as error:
                loaded = error
            yield Page(item.name, loaded)


class _Reader:
    """Reads pages of a file in turn."""

    def __init__(self, stream: IO[bytes], max_pixels: int) -> None:
        self._stream, self._max_pixels = stream, max_pixels
        self._places: Sequence[int] = ()
        self._image: ImageFile | None = None
        self._time = TimeLimit(stream.seek(0, os.SEEK_END))

    def load(self, number: int) -> Loaded:
        """Return a page. Raises `InputError`."""
        self._time.check()
        if self._image is None:
            self._places = pages_of(_opened(self._stream, self._max_pixels))
            self._image = _opened(self._stream, self._max_pixels)
        image = self._image
        try:
            image.seek(self._places[number - 1])
        except Exception as error:  # decoders raise anything on damaged bytes
            raise undecodable(image.format, error) from error
        return from_pillow(image, self._max_pixels)


def _opened(stream: IO[bytes], max_pixels: int) -> ImageFile:
    stream.seek(0)
    image = identify(stream, stream.read(16), max_pixels)
    check_cost(stream, image, max_pixels)
    return image
