"""Pictures decoded in threads, ahead of whoever asks for them, in their order and in bounded memory."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from distortion_heads._system.threads import helpers, ordered, usable_cores
from distortion_heads.io.images import count_pixels, load_image_with_notes
from distortion_heads.io.rgb import Loaded

if TYPE_CHECKING:
    from concurrent.futures import Future

    from distortion_heads.io.images import ImageSource, RGBImage

MAX_PICTURES, MAX_PIXELS = 16, 40_000_000
"""Held at once, the picture in use included: both are limits, but one picture of any size is always let in."""

MAX_THREADS = 4

BATCH_PIXELS = 2_500_000
"""Larger pictures gain nothing from being run together."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Decoded:
    """A picture, or what `load_image` raised, in its place."""

    source: ImageSource
    loaded: Loaded | Exception

    @property
    def pixels(self) -> RGBImage | Exception:
        return self.loaded if isinstance(self.loaded, Exception) else self.loaded.pixels

    @property
    def size(self) -> int:
        """Its number of pixels, 0 if it failed."""
        return 0 if isinstance(self.pixels, Exception) else self.pixels[..., 0].size


def decode_ahead(sources: Iterable[ImageSource], *, max_pixels: int) -> Generator[Decoded]:
    """Load `sources` with `load_image_with_notes`, some of them ahead; an error of one leaves the others alone.

    Closing the iterator ends the threads, once they are through with the pictures they are at.
    """
    least = MAX_PIXELS // MAX_PICTURES  # counted for a small one, so that they are not too many
    sized = ((source, max(count_pixels(source), least)) for source in sources)
    with helpers(min(usable_cores(), MAX_THREADS), "decode") as pool:

        def submit(item: tuple[ImageSource, int]) -> Future[Decoded]:
            return pool.submit(_decode, item[0], max_pixels)

        yield from ordered(sized, submit, MAX_PIXELS, lambda item: item[1])


def _decode(source: ImageSource, max_pixels: int) -> Decoded:
    try:
        return Decoded(source=source, loaded=load_image_with_notes(source, max_pixels=max_pixels))
    except Exception as error:
        return Decoded(source=source, loaded=error)


def same_size(pictures: Iterable[Decoded], most: int) -> Iterator[list[Decoded]]:
    """Yield successive pictures of one size, at most `most` and `BATCH_PIXELS` together; what failed stands alone."""
    group: list[Decoded] = []
    for picture in pictures:
        if group and not _joins(picture, group):
            yield group
            group = []
        group.append(picture)
        del picture  # or it would be held while the group is worked on
        if len(group) == most:
            yield group
            group = []
    if group:
        yield group


def _joins(picture: Decoded, group: Sequence[Decoded]) -> bool:
    first = group[0].pixels
    if isinstance(picture.pixels, Exception) or isinstance(first, Exception):
        return False
    return picture.pixels.shape == first.shape and (len(group) + 1) * first[..., 0].size <= BATCH_PIXELS
