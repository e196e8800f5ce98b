"""Pictures decoded in threads, ahead of whoever asks for them, in their order and in bounded memory."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from distortion_heads.images import count_pixels, load_image

if TYPE_CHECKING:
    from concurrent.futures import Future

    from distortion_heads.images import ImageSource, RGBImage

MAX_PICTURES, MAX_PIXELS = 16, 40_000_000
"""What is held at once, the picture in use included: both are limits, but one picture of any size is always let in."""

MAX_THREADS = 4


@dataclass(frozen=True, kw_only=True, eq=False)
class Decoded:
    """A picture, or what `load_image` raised, in its place."""

    source: ImageSource
    pixels: RGBImage | Exception


def decode_ahead(sources: Iterable[ImageSource], *, max_pixels: int) -> Generator[Decoded]:
    """Load `sources` with `load_image`, some of them ahead; what is raised for one leaves the others alone.

    Closing the iterator ends the threads, once they are through with the pictures they are at.
    """
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(min(os.cpu_count() or 1, MAX_THREADS), thread_name_prefix="decode")
    upcoming = ((source, count_pixels(source)) for source in sources)
    blocked: tuple[ImageSource, int] | None = None
    ahead: deque[tuple[ImageSource, int, Future[RGBImage]]] = deque()
    held = 0
    try:
        while True:
            while len(ahead) < MAX_PICTURES and (candidate := blocked or next(upcoming, None)):
                source, size = blocked = candidate
                if held and held + size > MAX_PIXELS:
                    break
                ahead.append((source, size, pool.submit(load_image, source, max_pixels=max_pixels)))
                held, blocked = held + size, None
            if not ahead:
                return
            source, size, future = ahead.popleft()
            yield _result(source, future)
            held -= size
    finally:
        pool.shutdown(cancel_futures=True)


def _result(source: ImageSource, future: Future[RGBImage]) -> Decoded:
    error = future.exception()
    if error is None:
        return Decoded(source=source, pixels=future.result())
    if isinstance(error, Exception):
        return Decoded(source=source, pixels=error)
    raise error


def alike(pictures: Iterable[Decoded], most: int) -> Iterator[list[Decoded]]:
    """Successive pictures of one size, at most `most` together; what failed stands alone."""
    group: list[Decoded] = []
    for picture in pictures:
        if group and (len(group) == most or _shape(picture) != _shape(group[0]) or _shape(picture) is None):
            yield group
            group = []
        group.append(picture)
        del picture  # lest it be held while the group is worked on
        if len(group) == most:
            yield group
            group = []
    if group:
        yield group


def _shape(picture: Decoded) -> tuple[int, ...] | None:
    return None if isinstance(picture.pixels, Exception) else picture.pixels.shape
