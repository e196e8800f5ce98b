"""Pictures decoded in threads, ahead of whoever asks for them, in their order and in bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from distortion_heads._system.threads import usable_cores
from distortion_heads.io.images import count_pixels, load_image

if TYPE_CHECKING:
    from concurrent.futures import Future

    from distortion_heads.io.images import ImageSource, RGBImage

MAX_PICTURES, MAX_PIXELS = 16, 40_000_000
"""What is held at once, the picture in use included: both are limits, but one picture of any size is always let in."""

MAX_THREADS = 4

BATCH_PIXELS = 2_500_000
"""Larger pictures gain nothing from being run together."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Decoded:
    """A picture, or what `load_image` raised, in its place."""

    source: ImageSource
    pixels: RGBImage | Exception

    @property
    def size(self) -> int:
        """Its number of pixels; of what failed 0."""
        return 0 if isinstance(self.pixels, Exception) else self.pixels[..., 0].size


def decode_ahead(sources: Iterable[ImageSource], *, max_pixels: int) -> Generator[Decoded]:
    """Load `sources` with `load_image`, some of them ahead; what is raised for one leaves the others alone.

    Closing the iterator ends the threads, once they are through with the pictures they are at.
    """
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(min(usable_cores(), MAX_THREADS), thread_name_prefix="decode")
    upcoming = ((source, count_pixels(source)) for source in sources)
    blocked: tuple[ImageSource, int] | None = None
    ahead: deque[tuple[ImageSource, Future[RGBImage]]] = deque()
    sizes: deque[int] = deque()  # of those ahead and of the one in use
    try:
        while True:
            while len(ahead) < MAX_PICTURES and (candidate := blocked or next(upcoming, None)):
                source, size = blocked = candidate
                if sum(sizes) and sum(sizes) + size > MAX_PIXELS:
                    break
                ahead.append((source, pool.submit(load_image, source, max_pixels=max_pixels)))
                sizes.append(size)
                blocked = None
            if not ahead:
                return
            yield _result(*ahead.popleft())  # no name here, which would hold it while the next one is decoded
            sizes.popleft()
    finally:
        pool.shutdown(cancel_futures=True)


def _result(source: ImageSource, future: Future[RGBImage]) -> Decoded:
    error = future.exception()
    if error is None:
        return Decoded(source=source, pixels=future.result())
    if isinstance(error, Exception):
        return Decoded(source=source, pixels=error)
    raise error


def same_size(pictures: Iterable[Decoded], most: int) -> Iterator[list[Decoded]]:
    """Successive pictures of one size, at most `most` and `BATCH_PIXELS` together; what failed stands alone."""
    group: list[Decoded] = []
    for picture in pictures:
        if group and not _joins(picture, group, most):
            yield group
            group = []
        group.append(picture)
        del picture  # lest it be held while the group is worked on
        if len(group) == most:
            yield group
            group = []
    if group:
        yield group


def _joins(picture: Decoded, group: Sequence[Decoded], most: int) -> bool:
    first = group[0].pixels
    if isinstance(picture.pixels, Exception) or isinstance(first, Exception) or len(group) == most:
        return False
    return picture.pixels.shape == first.shape and (len(group) + 1) * first[..., 0].size <= BATCH_PIXELS
